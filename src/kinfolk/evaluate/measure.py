"""Measure: run what applies, beside the floors, and keep the findings and the thumbnails they show."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kinfolk.core import files, registry
from kinfolk.core.decode import fit
from kinfolk.core.errors import RequestError, unknown
from kinfolk.evaluate import subjects
from kinfolk.records import findings as store
from kinfolk.records.findings import Finding
from kinfolk.records.images import Images
from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.records.subject import Subject

FLOORS = ("pixels", "histogram", "random")
THUMBNAIL = 32


def applicable(only: Sequence[str] = ()) -> list[registry.Leaf]:
    """The evaluations and diagnostics asked for, or all of them."""
    known = {**registry.leaves("evaluations"), **registry.leaves("diagnostics")}
    for name in only:
        if name not in known:
            raise unknown("evaluation or diagnostic", name, known)
    return [leaf for name, leaf in known.items() if not only or name in only]


def evaluate(
    run: Run,
    *,
    data: str = "",
    only: Sequence[str] = (),
    ood: str = "",
    anomalies: str = "",
    floors: bool = True,
    say: Callable[[str], None] | None = None,
) -> list[Finding]:
    """Measure a finished run and append the findings to its folder.

    Args:
        run: a finished run.
        data: another dataset to measure on; empty is the run's own.
        only: names of evaluations and diagnostics; empty is all that apply.
        ood: a dataset of classes never seen; anomalies: a dataset of anomalous images.
        floors: whether pixels, histogram and the untrained encoder are measured too.
        say: told what is being done.

    Returns:
        The findings of the run, then those of the floors.
    """
    leaves = applicable(only)
    recipe = run.recipe
    other: dict[str, Any] = {"name": data, "limit": "all", "fraction": 1.0, "classes": (), "settings": {}}
    other |= {"held_out": (), "held_out_count": 0}
    source = replace(recipe.data, **other) if data else recipe.data
    say = say or (lambda text: None)
    say("reading images")
    images = subjects.roles(source, int(recipe.evaluate.size), recipe.seed, ood, anomalies)
    for remark in (r for kept in images.values() for r in kept.remarks):
        say(remark)
    say("embedding")
    subject = subjects.of_run(run, images)
    found = measure(subject, leaves, say)
    if only and not found:
        missing = sorted(set().union(*(leaf.open().needs for leaf in leaves)) - subject.offers)
        raise RequestError(f"{', '.join(only)} cannot be measured on '{run.name}': missing {', '.join(missing)}.")
    run.add(found)
    if floors:
        for name in FLOORS:
            beside = floor(name, images, recipe, leaves, say)
            run.add(beside)
            found += beside
    if not data:
        keep_thumbnails(run.folder, images, found)
    return found


def measure(subject: Subject, leaves: Sequence[registry.Leaf], say: Callable[[str], None]) -> list[Finding]:
    """The findings of every leaf whose needs the subject meets."""
    found: list[Finding] = []
    for leaf in leaves:
        kind = leaf.open()
        if kind.needs <= subject.offers and (kind.floors or not subject.floor):
            say(f"{subject.name}: {leaf.name}")
            found += kind(**leaf.resolve({})).measure(subject)
    return found


def floor(
    name: str, images: dict[str, Images], recipe: Recipe, leaves: Sequence[registry.Leaf], say: Callable[[str], None]
) -> list[Finding]:
    """The findings of one floor, kept in the cache by data, encoder and the leaves' own sources."""
    leaves = [leaf for leaf in leaves if leaf.open().floors]
    key: dict[str, Any] = {role: data.fingerprint for role, data in images.items()}
    sources = [leaf.source for leaf in leaves] + sorted((registry.PACKAGE / "numerics").glob("*.py"))
    sources.append(registry.leaf("encoders", recipe.encoder.name if name == "random" else name).source)
    key["sources"] = hashlib.blake2b(b"".join(path.read_bytes() for path in sources)).hexdigest()
    if name == "random":
        key["encoder"] = [recipe.encoder.name, recipe.encoder.settings, recipe.views.size]
    digest = hashlib.blake2b(json.dumps(key, sort_keys=True, default=str).encode(), digest_size=10).hexdigest()
    folder = files.cache_folder() / "floors" / f"{name}-{digest}"
    with files.lock(folder / ".lock", wait=True):
        if not (folder / "done").exists():
            say(f"floor: {name}")
            makers = subjects.of_floor(name, images, recipe.encoder, int(recipe.views.size))
            (folder / "findings.jsonl").unlink(missing_ok=True)
            store.save(folder, mean([measure(subject, leaves, say) for subject in makers]))
            (folder / "done").touch()
    return store.load(folder)


def mean(over: list[list[Finding]]) -> list[Finding]:
    """One list of findings from those of several seeds: scores averaged, intervals joined, the rest the first's."""
    if len(over) == 1:
        return over[0]
    joined = []
    for group in zip(*over, strict=True):
        first = group[0]
        if first.kind == "score":
            lows, highs = [f.low for f in group if f.low is not None], [f.high for f in group if f.high is not None]
            first = replace(
                first,
                value=float(np.mean([f.value for f in group])),
                low=min(lows) if lows else None,
                high=max(highs) if highs else None,
                text="",
                protocol={**first.protocol, "encoder_seeds": len(group)},
            )
        joined.append(first)
    return joined


def keep_thumbnails(folder: Path, images: dict[str, Images], found: list[Finding]) -> None:
    """Write small copies of the images that findings point at: ``thumbnails/SPLIT.npy`` and ``SPLIT.json``."""
    shown: dict[str, set[int]] = {}
    for finding in found:
        for split, names in pointed(finding):
            for name in names:
                shown.setdefault(split, set()).update(finding.arrays[name].ravel().tolist())
    for role, data in images.items():
        name = data.split if role in ("train", "test") else role
        if name not in shown:
            continue
        place = folder / "thumbnails" / f"{name}.json"
        known = set(json.loads(place.read_text("utf-8"))["index"]) if place.exists() else set()
        wanted = np.array(sorted(shown[name] | known), dtype=np.int64)
        rows = np.flatnonzero(np.isin(data.index, wanted))
        small = [fit(np.ascontiguousarray(data.pixels[r].transpose(1, 2, 0)), THUMBNAIL) for r in rows]
        with files.replacing(place.with_suffix(".npy")) as partial, open(partial, "wb") as handle:
            np.save(handle, np.stack(small))
        labels = data.labels[rows].tolist()
        card = {"index": data.index[rows].tolist(), "labels": labels, "classes": list(data.classes)}
        files.write_text(place, json.dumps(card))


def pointed(finding: Finding) -> list[tuple[str, list[str]]]:
    """The splits and the arrays of image numbers that a finding shows."""
    if finding.kind == "scatter":
        return [(finding.protocol.get(finding.split, finding.split), ["index"])]
    if finding.kind != "gallery":
        return []
    if "images" in finding.arrays:
        return [(finding.data.get("split", finding.split), ["images"])]
    bank: list[str] = [name for name in ("nearest", "farthest") if name in finding.arrays]
    return [(finding.data["query_split"], ["queries"]), (finding.data["bank_split"], bank)]
