"""Named: what a user names as SUBJECT (a run, weights, timm:NAME, a floor, a features file), opened for measuring."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kinfolk.core import device, files, registry
from kinfolk.core.errors import RequestError
from kinfolk.embed import Embedder, embedder, latents
from kinfolk.evaluate import subjects
from kinfolk.evaluate.alter import as_trained
from kinfolk.evaluate.rows import behind, placed
from kinfolk.load.images import EVALUATION, HELD_OUT, images_of, scrambled
from kinfolk.load.network import bare, put
from kinfolk.load.roles import roles
from kinfolk.records import features as vectors
from kinfolk.records.features import Features
from kinfolk.records.images import Images
from kinfolk.records.recipe import NO_ENCODER, Choice, Recipe
from kinfolk.records.request import checked
from kinfolk.records.run import Run
from kinfolk.records.subject import Subject

Kind = Literal["run", "weights", "timm", "floor", "features"]
CARD = "subject.json"


@dataclass(frozen=True)
class Named:
    """A subject by name.

    Attributes:
        name: its name in findings and tables.
        kind: which of the five it is.
        recipe: the images it is measured on, and its encoder.
        place: the run folder, the file of weights or of features; empty for the others.
        imaged: whether there are images: all but a features file without --data.
        chosen: whether the recipe's encoder is the subject's or was asked for, so that it makes the floor ``random``.
        asked: the subject and its flags as they are typed, for the report.
    """

    name: str
    kind: Kind
    recipe: Recipe
    place: Path = Path()
    imaged: bool = True
    chosen: bool = True
    asked: str = ""

    @property
    def run(self) -> Run | None:
        """The run, where it is one."""
        return Run(self.place) if self.kind == "run" else None

    @property
    def size(self) -> int | Literal["auto"]:
        """The side of the images that it is measured on."""
        measured = self.recipe.evaluate.size
        return self.recipe.data.size if measured == "auto" else measured

    def images(self, ood: str = "", anomalies: str = "") -> dict[str, Images]:
        """The images to measure on, by role; those of a features file are brought into its order."""
        if self.kind == "features" and (ood or anomalies):
            raise RequestError(f"'{self.place}' holds features alone: --ood and --anomalies need an encoder.")
        if not self.imaged:
            return {}
        recipe = self.recipe
        if self.kind != "features":
            return roles(recipe.data, self.size, recipe.seed, ood, anomalies, recipe.evaluate.limit)
        return {role: behind(found, recipe.data.name, self.size) for role, found in self.features().items()}

    @property
    def own(self) -> bool:
        """Whether its images are those of the run that it is, as the run selected them."""
        return self.run is not None and self.recipe == self.run.recipe

    def on(self, split: str = "", **given: str) -> Named:
        """The same subject on another split, or on as many images as the flags limit and seed say, where they do.

        Raises:
            RequestError: a setting is not accepted, or the subject is a features file without --data.
        """
        given = {flag: value for flag, value in given.items() if value}
        if self.kind == "features" and not self.imaged:
            flags = [*(["split"] if split else []), *given]
            if flags:
                said = ", ".join(f"--{flag}" for flag in flags)
                raise RequestError(f"'{self.place}' holds the features of its own images: leave out {said}.")
            return self
        values = self.recipe.plain()
        if split not in ("", values["data"]["split"]):
            values["data"] |= {"limit": "all", "fraction": 1.0}
        return replace(self, recipe=checked(values, given, [f"data.split={split}"] if split else []))

    def layer(self, layer: str, folder: Path, progress: subjects.Progress | None = None) -> Features:
        """One layer of the images of its recipe's split, in constant memory.

        Args:
            layer: ``h``, ``z``, ``latents`` (see ``embed.latents``); empty is ``h``, or the layer of the file.
            folder: where vectors are kept while they are used; those of a run stay with it.
            progress: called with (what, done, total).

        Raises:
            RequestError: the subject has no such layer.
        """
        if self.kind == "features":
            found = Features.load(self.place)
            if self.imaged:
                found = placed(found, replace(self.recipe.data, size=self.size), self.recipe.seed, self.place)
            return subjects.layer_of({("train", found.layer): found}, layer or found.layer, str(self.place))
        data, run = self.recipe.data, self.run
        if run is not None and layer == "latents":
            return latents(run, data)
        images = {"train": images_of(replace(data, size=self.size), data.split, self.recipe.seed)}
        maker = next(self.embedders(images["train"]))
        made = self.seen(maker, images, run.features if run is not None else folder, progress)
        return subjects.layer_of(made.features, layer or "h", self.name)

    def features(self) -> dict[str, Features]:
        """The features of a features file by role: train, and the split to evaluate on or a tenth held out."""
        found = vectors.load(self.place)
        first = "train" if "train" in found else next(iter(found))
        train = found.pop(first)
        test = next((found[name] for name in (*EVALUATION, HELD_OUT) if name in found), None)
        if test is None and found:
            raise RequestError(
                f"'{self.place}' holds the splits {', '.join([first, *found])}: one of them must be called train, and "
                f"one {', '.join(EVALUATION)}."
            )
        if test is None:
            order = np.argsort(scrambled(train.index, "held out", 0), kind="stable")
            held = np.sort(order[: max(1, round(len(order) / 10))])
            rest = np.setdiff1d(np.arange(len(order)), held)
            if not len(rest):
                raise RequestError(f"'{self.place}' holds one vector: none can be held out for evaluation.")
            train, test = train.take(rest), replace(train.take(held), split=f"{first}[held out]")
        return {"train": train, "test": test}

    def embedders(self, train: Images, seeds: tuple[int, ...] = (0,)) -> Iterator[Embedder]:
        """What embeds; for ``random`` one for each seed. ``train`` gives sizes and batch-norm statistics."""
        crop = self.crop(train)
        if self.kind == "run":
            yield embedder(Run(self.place))
        elif (self.kind, self.name) == ("floor", "random"):
            yield from (subjects.untrained(self.recipe.encoder, crop, train, seed) for seed in seeds)
        elif self.kind == "floor":
            yield Embedder(registry.build("encoders", self.name, train.size), self.name)
        elif self.kind == "features":
            raise RequestError(f"'{self.place}' holds features alone, and no encoder to embed with.")
        else:
            choice = self.recipe.encoder
            encoder = bare(choice, crop, fetch=True)
            if self.kind == "weights":
                put(encoder, self.place)
            kind = device.device("auto")
            yield Embedder(encoder.to(kind), self.name, device=kind)

    def crop(self, train: Images) -> int:
        """The side of images that the encoder is built for."""
        return train.size if self.recipe.views.size == "auto" else int(self.recipe.views.size)

    def seen(
        self, maker: Embedder, images: dict[str, Images], folder: Path | None, progress: subjects.Progress | None = None
    ) -> Subject:
        """Images as the encoder sees them (see ``subjects.seen``); those of the floor ``pixels`` centred."""
        made = subjects.seen(maker, images, folder, progress)
        centre = (self.kind, self.name) == ("floor", "pixels")
        return replace(made, features=subjects.centred(made.features)) if centre else made

    def subjects(self, images: dict[str, Images], folder: Path) -> Iterator[Subject]:
        """What is measured: one subject, or one for each seed of ``random``; features are kept in ``folder``."""
        if self.kind == "features":
            found = self.features()
            protocol = subjects.measured_at(images) if images else {}
            yield Subject(self.name, {(role, "h"): f for role, f in found.items()}, images, protocol=protocol)
            return
        place = folder / "features" / self.digest if self.kind != "floor" else None
        for maker in self.embedders(images["train"], subjects.RANDOM_SEEDS):
            made = self.seen(maker, images, place)
            yield made if self.run is None else self.knowing(made, self.run)

    def knowing(self, subject: Subject, run: Run) -> Subject:
        """A run's subject with what only runs have: steps, views as in training, figures of heads, latents.

        Where every h has to be found by optimisation, nothing is embedded a second time for a diagnostic.
        """
        own, features, log = self.own, dict(subject.features), run.log
        subject = replace(subject, steps=max((row["step"] for row in log if "step" in row), default=None))
        if "index" in registry.leaf("methods", run.recipe.method.name).open().uses:
            subject = replace(subject, encode=None, views=None)
            if own and subject.images["train"].split == run.recipe.data.split:
                features["train", "latents"] = latents(run, run.recipe.data)
        if not self.recipe.augmentations:
            return replace(subject, features=features)
        last: dict[str, Any] = next((row for row in reversed(log) if "validation_measures" in row), {})
        measured = last.get("validation_measures", {}).get("test", {}) if own else {}
        return replace(
            subject, features=features, recipe_views=partial(as_trained, self.recipe),
            heads=measured,
        )

    @property
    def digest(self) -> str:
        """Of the encoder: names the folder in which features are kept."""
        choice = self.recipe.encoder
        if self.kind == "run":
            return Run(self.place).digest
        key = json.dumps([self.name, choice.name, choice.settings, str(self.recipe.views.size)]).encode()
        key += self.place.read_bytes() if self.place.is_file() else b""
        return hashlib.blake2b(key, digest_size=6).hexdigest()

    def folder(self, out: str = "") -> Path:
        """Where findings go: the run's folder, else ``out`` or NAME.findings; RequestError if it holds another's."""
        if self.kind == "run":
            if out:
                raise RequestError(f"the findings of a run lie in its folder, '{self.place}': leave out --out.")
            return self.place
        folder = Path(out or f"{self.name.replace(':', '-').replace('/', '-')}.findings")
        card = folder / CARD
        if folder.exists() and any(folder.iterdir()) and not card.is_file():
            raise RequestError(f"'{folder}' holds files that are not findings; choose an empty or new --out.")
        if card.is_file() and (held := json.loads(card.read_text("utf-8"))["subject"]) != self.name:
            raise RequestError(f"'{folder}' holds the findings of '{held}'; choose another --out.")
        return folder

    def introduce(self, folder: Path) -> None:
        """Write who is measured, for the report; a run has its recipe for that."""
        if self.kind == "run":
            return
        plain = self.recipe.plain()
        sections = ["seed", "evaluate", *(["data"] if self.imaged else []), *(["encoder"] if self.chosen else [])]
        card = {"subject": self.name, "asked": self.asked, "recipe": {k: plain[k] for k in sections}}
        files.write_text(folder / CARD, json.dumps(card, indent=1) + "\n")


def of_run(run: Run, data: str = "") -> Named:
    """A run, on its own images or on others."""
    recipe = run.recipe
    other: dict[str, Any] = {"name": data, "limit": "all", "fraction": 1.0, "classes": (), "settings": {}}
    other |= {"held_out": (), "held_out_count": 0, "split": "auto"}
    source = replace(recipe.data, **other) if data else recipe.data
    return Named(run.name, "run", replace(recipe, data=source), run.folder)


def untrained_choice(named: Named) -> Choice | None:
    """The encoder of the floor ``random``, or None where it is not known."""
    choice = named.recipe.encoder
    return choice if named.chosen and choice.name != NO_ENCODER else None
