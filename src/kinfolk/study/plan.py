"""Plan: which runs a study needs, in which order, each with its resolved recipe; nothing is read but the definition."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kinfolk.core.errors import RequestError
from kinfolk.records.differences import differences
from kinfolk.records.recipe import Recipe, table
from kinfolk.records.request import checked, place
from kinfolk.records.run import Run
from kinfolk.study.definition import Study, Variant, changed

Costs = Mapping[str, Mapping[str, Any]]
"""What three steps of each variant took: the fields of ``train.cost.Cost`` by name of variant."""


@dataclass(frozen=True)
class Index:
    """A file of neighbours made from another variant's run."""

    subject: str
    file: Path
    k: int
    metric: str
    layer: str


@dataclass(frozen=True)
class Job:
    """One run of a study: a variant with a seed, in its folder, and the index its positives come from, if any."""

    variant: Variant
    seed: int
    recipe: Recipe
    folder: Path
    index: Index | None

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def needs(self) -> str:
        """The name of the job that must be finished first, or an empty text."""
        return f"{self.index.subject}-seed{self.seed}" if self.index else ""

    @property
    def run(self) -> Run:
        """The run in the folder."""
        return Run(self.folder)


def jobs(study: Study, out: Path, seeds: Sequence[int], only: Sequence[str], costs: Costs) -> list[Job]:
    """All runs in order: seed by seed, so that the first seed's table is whole soonest; what is needed comes first.

    Raises:
        RequestError: a variant's settings are refused; the message names it.
    """
    found = []
    for i, seed in enumerate(seeds):
        names = [v.name for v in chosen(study, only) if v.seeds is None or i < v.seeds]
        found += [job(study, study.variant(name), seed, out, costs) for name in ordered(study, names)]
    return found


def chosen(study: Study, only: Sequence[str]) -> list[Variant]:
    """The variants asked for, in the order of the file."""
    wanted = {study.variant(name).name for name in only}
    return [v for v in study.variants if not only or v.name in wanted]


def ordered(study: Study, names: Collection[str]) -> list[str]:
    """The names with those they need, each after what it needs.

    Raises:
        RequestError: variants need each other in a circle, or a variant that is not there.
    """
    found: list[str] = []

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise RequestError(f"variants need each other in a circle: {' -> '.join([*above, name])}.")
        if name not in found:
            needed = reference(study, study.variant(name))
            if needed:
                add(study.variant(needed["subject"]).name, (*above, name))
            found.append(name)

    for name in names:
        add(name, ())
    return found


def reference(study: Study, variant: Variant) -> dict[str, str]:
    """What ``positives.index = "@NAME"`` stands for: name, subject, metric and layer; empty where there is none."""
    text = table(changed(study.base, variant.changes), "positives").get("index")
    if not isinstance(text, str) or not text.startswith("@"):
        return {}
    name = text[1:]
    options = {"subject": name, "metric": "cosine", "layer": "", **study.indices.get(name, {})}
    return {**options, "subject": study.variant(options["subject"]).name, "name": name}


def index(study: Study, variant: Variant, seed: int, out: Path) -> Index | None:
    """The index a variant's positives come from; long enough for every variant that uses it."""
    found = reference(study, variant)
    if not found:
        return None
    users = [v for v in study.variants if reference(study, v).get("name") == found["name"]]
    most = max(int(table(changed(study.base, v.changes), "positives").get("k", 1)) for v in users)
    file = out.resolve() / "neighbours" / f"{found['name']}-seed{seed}.npz"
    return Index(found["subject"], file, most, found["metric"], found["layer"])


def job(study: Study, variant: Variant, seed: int, out: Path, costs: Costs) -> Job:
    """One run with its resolved recipe."""
    needed = index(study, variant, seed, out)
    values = valued(study, variant, seed)
    if needed:
        place(values, "positives.index", str(needed.file))
    if variant.equal:
        place(values, "train.epochs", begun_epochs(out, variant) or equal_epochs(study, variant, costs))
    return Job(variant, seed, recipe(variant, values), out / "runs" / f"{variant.name}-seed{seed}", needed)


def valued(study: Study, variant: Variant, seed: int) -> dict[str, Any]:
    """A variant's nested values with its seed; variables such as ``$KINFOLK_DATA`` are filled in."""
    values = changed(study.base, {**variant.changes, "seed": seed})
    name = table(values, "data").get("name")
    if isinstance(name, str):
        place(values, "data.name", expanded(name))
    return values


def expanded(name: str) -> str:
    """A name or path with its variables filled in.

    Raises:
        RequestError: a variable is not set.
    """
    full = os.path.expandvars(name)
    if "$" in full:
        raise RequestError(f"'{name}' needs the variable {full[full.index('$'):].split('/')[0]}, which is not set.")
    return full


def probe(study: Study, variant: Variant) -> Recipe:
    """The recipe whose steps tell a variant's cost: without neighbours that are not found yet, a step costs the same.

    Raises:
        RequestError: the variant's settings are refused.
    """
    values = valued(study, variant, 0)
    if reference(study, variant):
        whole = recipe(variant, values)
        values["positives"] = {}
        if whole.positives.settings["augment"] == "none":
            place(values, "views.augmentations", [])
    return recipe(variant, values)


def recipe(variant: Variant, values: dict[str, Any]) -> Recipe:
    """Check a variant's values; a refusal names the variant."""
    try:
        return checked(values, {}, [])
    except RequestError as error:
        raise RequestError(f"{variant.name}: {error}") from None


def begun_epochs(out: Path, variant: Variant) -> int:
    """The epochs of the variant's runs that have begun, 0 if none has: measured again they might differ by seed."""
    begun = (Run(folder) for folder in sorted(out.glob(f"runs/{glob.escape(variant.name)}-seed*")))
    return next((run.recipe.train.epochs for run in begun if run.exists), 0)


def equal_epochs(study: Study, variant: Variant, costs: Costs) -> int:
    """The epochs that give a variant as many views, steps or seconds as the variant it is made equal to, at least 1.

    Raises:
        RequestError: it is made equal to a variant whose own epochs are computed.
    """
    to = study.variant(variant.to or "base")
    if to.equal or to.name == variant.name:
        raise RequestError(f"{variant.name}: equal to '{to.name}', whose own number of epochs is not in the file.")
    mine, other = costs[variant.name], costs[to.name]
    size = {"views": lambda c: c["batch"] * c["views"], "steps": lambda c: 1, "seconds": lambda c: c["seconds"]}
    each = size[variant.equal]
    return max(1, round(other["steps"] * each(other) / (mine["epoch"] * each(mine))))


def refuse_others(planned: Sequence[Job]) -> None:
    """Raise RequestError where a folder holds a run of another request; nothing was written then."""
    for item in planned:
        if not item.run.exists:
            continue
        other = {k: v for k, v in differences(item.recipe, item.run.recipe).items() if v[0] != "auto"}
        if item.index:
            other.pop("positives.index", None)
        if other:
            keys = "; ".join(f"{k}: asked {a!r}, found {b!r}" for k, (a, b) in other.items())
            raise RequestError(f"'{item.folder}' holds another run. Different: {keys}. Choose another --out.")


def settled(item: Job) -> Job:
    """A job that has begun goes on with the recipe its folder holds."""
    return replace(item, recipe=item.run.recipe) if item.run.exists else item
