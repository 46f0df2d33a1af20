"""Measure: run what applies, beside the floors, and keep the findings and the thumbnails they show."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kinfolk.core import files, registry
from kinfolk.core.decode import fit
from kinfolk.core.errors import RequestError, unknown
from kinfolk.evaluate import ceiling as ceilings
from kinfolk.evaluate import epochs as over_epochs
from kinfolk.evaluate import subjects
from kinfolk.evaluate.named import Named, of_run, untrained_choice
from kinfolk.load.images import dataset_name
from kinfolk.load.sources import opened_once
from kinfolk.records import findings as store
from kinfolk.records.findings import Finding
from kinfolk.records.images import Images
from kinfolk.records.run import Run
from kinfolk.records.subject import Subject

THUMBNAIL = 32
WANTED = {
    "factors": "known factors (--data shapes)",
    "anomalies": "anomalous images (--anomalies)", "ood_train": "classes never seen (--ood)",
    "ood_test": "classes never seen (--ood)", "images": "the images (--data)", "encode": "an encoder",
    "views": "an encoder", "paint": "a method that paints", "generate": "a method that generates",
}


def applicable(only: Sequence[str] = ()) -> list[registry.Leaf]:
    """The evaluations and diagnostics asked for, or all of them."""
    known = {**registry.leaves("evaluations"), **registry.leaves("diagnostics")}
    for name in only:
        if name not in known:
            raise unknown("evaluation or diagnostic", name, known)
    return [leaf for name, leaf in known.items() if not only or name in only]


@opened_once()
def evaluate(
    subject: Named | Run,
    *,
    data: str = "",
    only: Sequence[str] = (),
    ood: str = "",
    anomalies: str = "",
    floors: bool = True,
    ceiling: str = "",
    epochs: str = "",
    out: str = "",
    say: Callable[[str], None] | None = None,
) -> list[Finding]:
    """Measure a subject and append the findings to its folder.

    Args:
        subject: a finished run, or whatever else can be named.
        data: another dataset to measure a run on; empty is its own.
        only: names of evaluations and diagnostics; empty is all that apply.
        ood: a dataset of classes never seen; anomalies: a dataset of anomalous images.
        floors: whether pixels, histogram and the untrained encoder are measured too, and a ceiling looked for.
        ceiling: a supervised run, or ``none``; empty takes the one beside a run, if there is one.
        epochs: ``all`` or the numbers of kept epochs, whose scores become curves; empty is the last alone.
        out: where the findings of what is not a run go.
        say: told what is being done.

    Returns:
        The findings of the subject, its curves over epochs, then those of the floors and the ceiling.
    """
    leaves, say = applicable(only), say or (lambda text: None)
    named = of_run(subject, data) if isinstance(subject, Run) else subject
    folder, run = named.folder(out), named.run
    if epochs and run is None:
        raise RequestError(f"--epochs is for runs, which keep epochs; '{named.name}' is none.")
    kept = over_epochs.kept(run, epochs) if run and epochs else {}
    above = ceilings.chosen(ceiling, run if floors else None)
    say("reading images" if named.imaged else "reading features")
    images = named.images(ood, anomalies)
    for remark in dict.fromkeys(r for part in images.values() for r in part.remarks):
        say(remark)
    found, scoring = own(named, images, folder, leaves, say)
    named.introduce(folder)
    store.save(folder, found)
    for number, path in kept.items() if run else ():
        say(f"epoch {number}")
        then = measure(subjects.of_run(run, images, path, epoch=number), scoring, say) if run else []
        store.save(folder, [f for f in then if f.kind == "score"])
        found += [f for f in then if f.kind == "score"]
    beside = floors_of(named, images, leaves, say) if floors else []
    if above is not None:
        beside += ceiling_of(above, images, leaves, say)
    store.save(folder, beside)
    if run and kept:
        curves = over_epochs.curves([*found, *beside], named.name, run.recipe.train.epochs)
        store.save(folder, curves)
        found += curves
    if images:
        keep_thumbnails(folder, images, found + beside, dataset_name((run or named).recipe.data.name))
    return found + beside


def own(
    named: Named, images: dict[str, Images], folder: Path, leaves: Sequence[registry.Leaf], say: Callable[[str], None]
) -> tuple[list[Finding], list[registry.Leaf]]:
    """The findings of the subject itself, and the leaves that gave it a score."""
    say("embedding" if named.kind != "features" else "measuring")
    lists, offers, each = [], frozenset[str](), {}
    for subject in named.subjects(images, folder):
        each = {leaf.name: measure(subject, [leaf], say) for leaf in leaves}
        lists.append([f for found in each.values() for f in found])
        offers = subject.offers
    found, absent = mean(lists), dict[str, list[str]]()
    for leaf in leaves:
        if missing := ", ".join(sorted({WANTED.get(need, need) for need in leaf.open().needs - offers})):
            absent.setdefault(missing, []).append(leaf.name)
    for missing, names in absent.items():
        say(f"left out, without {missing}: {', '.join(names)}")
    if not found:
        what = ", ".join(leaf.name for leaf in leaves)
        why = f"missing {'; '.join(absent)}" if absent else "there are too few images"
        raise RequestError(f"{what} cannot be measured on '{named.name}': {why}.")
    return found, [leaf for leaf in leaves if any(f.kind == "score" for f in each[leaf.name])]


def measure(subject: Subject, leaves: Sequence[registry.Leaf], say: Callable[[str], None]) -> list[Finding]:
    """The findings of every leaf whose needs the subject meets."""
    found: list[Finding] = []
    for leaf in leaves:
        kind = leaf.open()
        if kind.needs <= subject.offers and (kind.floors or not subject.floor):
            say(f"{subject.name}: {leaf.name}")
            found += kind(**leaf.resolve({})).measure(subject)
    return found


def floors_of(
    named: Named, images: dict[str, Images], leaves: Sequence[registry.Leaf], say: Callable[[str], None]
) -> list[Finding]:
    """The findings of the floors, kept in the cache by data, encoder and the leaves' own sources."""
    if not images:
        say("no floors: they need the images (--data)")
        return []
    found = []
    encoder, crop = untrained_choice(named), named.crop(images["train"])
    for name in subjects.FLOORS:
        if name == named.name or (name == "random" and encoder is None):
            continue
        key: list[Any] = [str(registry.leaf("encoders", name).source.read_bytes())] if name != "random" else []
        if encoder is not None and name == "random":
            source = registry.leaf("encoders", encoder.name).source
            key = [str(source.read_bytes()), encoder.name, encoder.settings, subjects.built(encoder, crop)]
        make = partial(subjects.of_floor, name, images, encoder or named.recipe.encoder, crop)
        found += cached(name, key, make, images, leaves, say)
    return found


def ceiling_of(
    run: Run, images: dict[str, Images], leaves: Sequence[registry.Leaf], say: Callable[[str], None]
) -> list[Finding]:
    """The findings of the supervised run, as a column beside which others are judged."""
    name = ceilings.name(run)
    say(f"{name} ({run.folder}, trained with labels)")
    key = [name, hashlib.blake2b(run.trained().read_bytes()).hexdigest(), run.recipe.text()]

    def make() -> list[Subject]:
        return [replace(subjects.of_run(run, images), name=name, floor=True)]

    return cached("ceiling", key, make, images, leaves, say)


def cached(
    name: str, key: list[Any], make: Callable[[], list[Subject]], images: dict[str, Images],
    leaves: Sequence[registry.Leaf], say: Callable[[str], None],
) -> list[Finding]:
    """The findings of what stands beside a subject, those of every leaf kept in the cache for whoever asks next."""
    numerics = b"".join(path.read_bytes() for path in sorted((registry.PACKAGE / "numerics").glob("*.py")))
    subjects: list[Subject] = []
    found: list[Finding] = []
    for leaf in leaves:
        if not leaf.open().floors:
            continue
        roles = {"train", "test", *leaf.open().needs}
        data = {role: part.fingerprint for role, part in images.items() if role in roles}
        sources = hashlib.blake2b(leaf.source.read_bytes() + numerics).hexdigest()
        whole = json.dumps({"data": data, "key": key, "sources": sources}, sort_keys=True, default=str)
        digest = hashlib.blake2b(whole.encode(), digest_size=10).hexdigest()
        folder = files.cache_folder() / "floors" / f"{name}-{leaf.name}-{digest}"
        with files.lock(folder / ".lock", wait=True):
            if not (folder / "done").exists():
                subjects = subjects or make()
                (folder / "findings.jsonl").unlink(missing_ok=True)
                store.save(folder, mean([measure(subject, [leaf], say) for subject in subjects]))
                (folder / "done").touch()
        found += store.load(folder)
    return found


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


def keep_thumbnails(folder: Path, images: dict[str, Images], found: list[Finding], own: str) -> None:
    """Write small copies of the images that findings point at: ``thumbnails/SPLIT.npy`` and ``SPLIT.json``.

    Those of other data than the folder's ``own`` are called ``DATASET SPLIT``.
    """
    shown: dict[str, set[int]] = {}
    for finding in found:
        for split, names in pointed(finding):
            for name in names:
                shown.setdefault(split, set()).update(finding.arrays[name].ravel().tolist())
    for role, data in images.items():
        name = data.split if role in ("train", "test") else role
        if name not in shown:
            continue
        place = folder / "thumbnails" / (f"{name}.json" if data.name == own else f"{data.name} {name}.json")
        before = json.loads(place.read_text("utf-8")) if place.exists() else {}
        known = before["index"] if before.get("fingerprint") == data.fingerprint else ()
        wanted = np.array(sorted(shown[name].union(known)), dtype=np.int64)
        rows = np.flatnonzero(np.isin(data.index, wanted))
        small = [fit(np.ascontiguousarray(data.pixels[r].transpose(1, 2, 0)), THUMBNAIL) for r in rows]
        with files.replacing(place.with_suffix(".npy")) as partial, open(partial, "wb") as handle:
            np.save(handle, np.stack(small))
        labels = data.labels[rows].tolist()
        card = {"index": data.index[rows].tolist(), "labels": labels, "classes": list(data.classes)}
        card["fingerprint"] = data.fingerprint
        files.write_text(place, json.dumps(card))


def pointed(finding: Finding) -> list[tuple[str, list[str]]]:
    """The splits and the arrays of image numbers that a finding shows."""
    if finding.kind == "scatter":
        return [(finding.protocol.get(finding.split, finding.split), ["index"])]
    if finding.kind != "gallery":
        return []
    if "images" in finding.arrays:
        return [(finding.data.get("split", finding.split), ["images"])]
    if "queries" not in finding.arrays:
        return []
    bank: list[str] = [name for name in ("nearest", "farthest") if name in finding.arrays]
    return [(finding.data["query_split"], ["queries"]), (finding.data["bank_split"], bank)]
