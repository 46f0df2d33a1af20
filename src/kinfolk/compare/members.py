"""Members: the runs that are compared, each with its variant, its seed, its scores and what it cost."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

from kinfolk.core.errors import RequestError
from kinfolk.records.differences import differences
from kinfolk.records.findings import Finding
from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run

FLOORS = ("pixels", "histogram", "random")
PAIRED = 12  # classes, up to which each pair has a score
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
SEED = re.compile(r"[-_ ]?seed[-_ ]?\d+$")


@dataclass(frozen=True)
class Cost:
    """What a run took.

    Attributes:
        seconds: of training, without validation and checkpoints.
        images: images seen in training, an image counted each time it is in a step.
        views: views seen in training.
        parameters: trained and following weights of encoder and heads, batch-norm statistics left out.
        encoder: those of the encoder alone.
    """

    seconds: float
    images: int
    views: int
    parameters: int
    encoder: int


@dataclass(frozen=True)
class Member:
    """One run among those compared, or a floor measured beside one (``cost`` is then None).

    ``scores`` are findings of kind score, and the losses of the last epoch as such; ``epochs`` are the log's rows
    with ``validation`` and ``watch``; ``objective`` says what the loss is of, ``data`` which data set it was.
    """

    variant: str
    seed: int
    scores: tuple[Finding, ...]
    cost: Cost | None = None
    epochs: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)
    objective: str = ""
    data: str = ""


def folders_of(named: Iterable[Path]) -> list[Path]:
    """Run folders from run folders, folders of runs, and folders of a study, in the order given.

    Raises:
        RequestError: a folder is none of these, or holds no run.
    """
    found: list[Path] = []
    for folder in named:
        place = folder / "runs" if (folder / "runs").is_dir() and not Run(folder).exists else folder
        inside = sorted(p for p in place.iterdir() if Run(p).exists) if place.is_dir() else []
        if not inside or Run(folder).exists:
            inside = [Run.at(folder).folder]
        found += [p for p in inside if p not in found]
    return found


def members(runs: Sequence[tuple[str, Path]]) -> list[Member]:
    """Read runs, given as (variant, folder), and the floors measured beside them, each floor once a seed.

    Where runs have other data or encoders, there are several floors of one name; each names its first variant.
    """
    own: list[Member] = []
    beside: dict[tuple[str, str, int], Member] = {}
    first: dict[tuple[str, str], str] = {}
    for variant, folder in runs:
        run = Run.at(folder)
        recipe, findings = run.recipe, run.findings
        scores = [f for f in findings if f.kind == "score"]
        rows = tuple(row for row in run.log if "validation" in row)
        subject = next((f.subject for f in scores if f.subject not in FLOORS), run.name)
        mine = tuple(f for f in scores if f.subject == subject) + losses(subject, rows) + entangled(findings)
        data = Path(recipe.data.name).name
        own.append(Member(variant, recipe.seed, mine, cost(run, recipe), rows, objective(recipe), data))
        for floor in FLOORS:
            measured = tuple(f for f in scores if f.subject == floor)
            if measured:
                what = f"{recipe.encoder.name} {recipe.encoder.settings}, " if floor == "random" else ""
                place = f"{what}{data}, {measured[0].protocol.get('size', recipe.data.size)} px"
                beside.setdefault((floor, place, recipe.seed), Member(floor, recipe.seed, measured))
                first.setdefault((floor, place), variant)
    several = {floor for floor in FLOORS if sum(f == floor for f, _ in first) > 1}
    return own + [
        replace(member, variant=f"{floor} ({first[floor, place]})" if floor in several else floor)
        for (floor, place, _), member in sorted(beside.items(), key=lambda item: FLOORS.index(item[0][0]))
    ]


def objective(recipe: Recipe) -> str:
    """What the loss is of, in words: method and auxiliaries with their settings, data and encoder."""
    choices = [recipe.method, *recipe.auxiliaries, recipe.encoder]
    told = [f"{c.name} ({', '.join(f'{k} {v}' for k, v in sorted(c.settings.items()))})" for c in choices]
    return ", ".join([*told, f"{recipe.data.name}, {recipe.data.size} px"])


def losses(name: str, rows: Sequence[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """The validation terms of the last epoch as scores ``loss_test`` and ``loss_train``, their weighted sum first.

    Neither direction is better: variants may have other terms under one name.
    """
    last = rows[-1]["validation"] if rows else {}
    return tuple(
        Finding(f"loss_{split}", "score", split, name, {"term": term}, value=last[split][term], unit="loss")
        for split in ("test", "train") if split in last
        for term in ("total", *(t for t in last[split] if t != "total"))
    )


def entangled(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """How entangled each pair of classes is, as scores ``entanglement[pair=cat/dog]``, from the matrix of neighbours.

    It is the mean share of one's neighbours that are of the other class, both ways; of few classes alone.
    """
    return tuple(
        Finding(
            "entanglement", "score", f.split, f.subject, {**f.protocol, "pair": f"{one}/{two}"},
            (f.data["values"][i][j] + f.data["values"][j][i]) / 2, unit="share",
            title=f"Entanglement of {one} and {two}",
        )
        for f in findings if f.name == "neighbour_classes" and len(f.data["columns"]) <= PAIRED
        for i, one in enumerate(f.data["columns"]) for j, two in enumerate(f.data["columns"]) if i < j
    )


def variants_of(folders: Sequence[Path]) -> list[tuple[str, Path]]:
    """Group runs whose recipes differ by the seed alone; a group is named like its folders, the seed left out.

    Raises:
        RequestError: a run is given twice over: same recipe, same seed.
    """
    groups: list[tuple[Recipe, list[Path]]] = []
    for folder in folders:
        recipe = Run.at(folder).recipe
        for first, members in groups:
            if same_but_seed(recipe, first):
                members.append(folder)
                break
        else:
            groups.append((recipe, [folder]))
    found: list[tuple[str, Path]] = []
    names: list[str] = []
    for recipe, group in groups:
        name = SEED.sub("", group[0].resolve().name) or recipe.method.name
        if name in names:
            name = str(group[0])
        names.append(name)
        seeds = [Run.at(folder).recipe.seed for folder in group]
        for i, seed in enumerate(seeds):
            if seed in seeds[:i]:
                raise RequestError(f"'{group[seeds.index(seed)]}' and '{group[i]}' are the same request, seed {seed}.")
        found += [(name, folder) for folder in group]
    return found


def same_but_seed(one: Recipe, other: Recipe) -> bool:
    """Whether two recipes ask for the same but for the seed and for files that were made by seed."""
    return set(differences(one, other)) <= {"seed", "positives.index", "positives.fingerprint"}


def cost(run: Run, recipe: Recipe) -> Cost:
    """What a run took, read from its files."""
    rows = run.log
    steps = max((int(row["step"]) for row in rows), default=0)
    each = 2 if recipe.views.pairing == "turns" else recipe.views.count
    shapes = weights(run.weights) if run.weights.exists() else {}
    counted = {k: n for k, n in shapes.items() if not k.endswith(STATISTICS)}
    return Cost(
        seconds=sum(float(row["seconds"]) for row in run.speed),
        images=steps * int(recipe.train.batch),
        views=steps * int(recipe.train.batch) * each,
        parameters=sum(counted.values()),
        encoder=sum(n for k, n in counted.items() if k.startswith("encoder.")),
    )


def weights(path: Path) -> dict[str, int]:
    """The number of values of each tensor in a safetensors file, from its header alone."""
    with open(path, "rb") as handle:
        (length,) = struct.unpack("<Q", handle.read(8))
        header = json.loads(handle.read(length))
    return {name: prod(item["shape"]) for name, item in header.items() if name != "__metadata__"}
