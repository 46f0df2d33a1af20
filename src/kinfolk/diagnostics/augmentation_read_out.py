"""What a ridge regression reads of the parameters of views made as in training, beside what the run's own heads read.

Protocol: views by the recipe's augmentations at the views' size, one of each image; fitted on training images, scored
on held-out ones, evenly spaced: without `evaluate.limit` the same that validation looks at. Once from h of the view
(`ridge-view`), once from h of view and original side by side (`ridge-original`): the inputs of
`augmentation_prediction`, whose figures after the last epoch stand beside them. R2 of numbers, and of angles as points
on the circle; accuracy of flags, beside that of guessing the commoner value. Read so from a run without such a head,
it says what a head has to be better than.
Cost: one pass of a view of each image through the encoder, O(images x D^2) for the regression.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws, ridge
from kinfolk.numerics.stats import wilson
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject

UNITS = ("R2", "accuracy")
INPUTS = ("view", "original")


class AugmentationReadOut:
    """For each parameter one score a reader, and one table of all."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test", "images", "encode", "recipe_views"})
    floors: ClassVar[bool] = False

    def __init__(
        self,
        *,
        images: Annotated[int, "[8, inf)", "training images at most, chosen by a hash of their index"] = 10_000,
        held_out: Annotated[int, "[2, inf)", "held-out images at most, evenly spaced"] = 2048,
    ) -> None:
        self.images, self.held_out = images, held_out

    def measure(self, subject: Subject) -> list[Finding]:
        """Scores by parameter and reader, and the table."""
        assert subject.recipe_views is not None
        assert subject.encode is not None
        train, test = subject.get("train"), subject.get("test")
        chosen = {
            "train": draws.subset(train.index, self.images),
            "test": np.linspace(0, len(test) - 1, min(self.held_out, len(test))).astype(np.int64),
        }
        h, wanted = {}, {}
        for seed, (role, rows) in enumerate(chosen.items()):
            views, wanted[role] = subject.recipe_views(np.asarray(subject.images[role].pixels[rows]), seed)
            own = subject.encode(views)
            h[role] = {"view": own, "original": np.concatenate([own, subject.get(role).vectors[rows]], 1)}
        common = subject.conditions(train=train.take(chosen["train"]), test=test.take(chosen["test"]))
        targets = {role: np.concatenate(list(values.values()), 1) for role, values in wanted.items()}
        found: dict[tuple[str, str], Finding] = {}
        for input in INPUTS:
            reader = f"ridge-{input}"
            read = ridge.predicted(h["train"][input], targets["train"], h["test"][input])
            first = 0
            for name, values in wanted["test"].items():
                guess = read[:, first : first + values.shape[1]]
                first += values.shape[1]
                protocol = {**common, "parameter": name, "reader": reader}
                found[name, reader] = scored(subject.name, protocol, guess, values)
        return [*found.values(), *self._heads(subject, common, found)]

    def _heads(
        self, subject: Subject, common: dict[str, object], found: dict[tuple[str, str], Finding]
    ) -> list[Finding]:
        """The figures of the run's own heads as scores, and the table of all readers."""
        heads: list[Finding] = []
        for key, value in subject.heads.items():
            name, branch, kind, parameter = key.split(".", 3)
            if kind in UNITS:
                reader = f"{name}.{branch}"
                heads.append(score(subject.name, {**common, "parameter": parameter, "reader": reader}, kind, value))
                found[parameter, reader] = heads[-1]
        readers = list(dict.fromkeys(reader for _, reader in found))
        names = list(dict.fromkeys(name for name, _ in found))
        rows = []
        for name in names:
            each = [found.get((name, reader)) for reader in readers]
            known = next(f for f in each if f is not None)
            chance = known.data.get("chance", 0.0)
            rows.append([name, known.unit, *("" if f is None else f.value for f in each), chance])
        best = max((f for f in found.values() if f.unit == "R2"), key=lambda f: f.value or 0, default=None)
        return [*heads, Finding(
            "augmentation_read_out", "table", "test", subject.name, {**common, "readers": readers},
            title="What the embedding tells of how a view was made",
            text="No parameter that varies has a scale." if best is None else
            f"Of what has a scale {best.protocol['parameter']} is read best, by {best.protocol['reader']}: "
            f"R2 {best.value:.2f}.",
            data={"columns": ["parameter", "unit", *readers, "chance"], "rows": rows},
        )]


def scored(subject: str, protocol: dict[str, object], guess: np.ndarray, wanted: np.ndarray) -> Finding:
    """R2 of (n, m) predictions of a number (m = 1) or angle (m = 2); accuracy of a flag, which is 0 or 1."""
    if wanted.shape[1] == 1 and np.isin(wanted, (0, 1)).all():
        right = int(((guess > 0.5) == (wanted > 0.5)).sum())
        share = float(wanted.mean())
        found = score(subject, protocol, "accuracy", right / len(wanted), *wilson(right, len(wanted)))
        found.data["chance"] = max(share, 1 - share)
        return found
    return score(subject, protocol, "R2", *ridge.r2(guess, wanted))


def score(
    subject: str, protocol: dict[str, object], unit: str, value: float, low: float | None = None,
    high: float | None = None,
) -> Finding:
    """One figure of one reader."""
    return Finding(
        "parameter", "score", "test", subject, protocol, value, low, high, unit, True,
        title=f"Parameters of views read from the embedding: {protocol['parameter']}",
        text=f"{protocol['parameter']} is read with {'an R2' if unit == 'R2' else 'an accuracy'} of {value:.2f} by "
        f"{protocol['reader']}.",
    )
