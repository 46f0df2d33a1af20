"""Neighbours: the nearest others of every image in any embedding, exact, for positives and for sheets."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import get_args

import numpy as np

from kinfolk.core import files
from kinfolk.core.errors import RequestError, WorkError, unknown
from kinfolk.numerics.nearest import Metric, nearest
from kinfolk.numerics.stats import student
from kinfolk.records.features import Features
from kinfolk.records.neighbours import Neighbours

PURITY_AT = (1, 5, 20)
SUFFIXES = (".npz", ".parquet", ".csv")
COLUMNS = ("path", "rank", "neighbour", "similarity")


def check(out: Path, metric: str, k: int) -> None:
    """Refuse, before anything is computed, what ``find`` and ``Neighbours.save`` would refuse at the end."""
    if out.suffix not in SUFFIXES:
        raise RequestError(f"neighbours are written as {', '.join(SUFFIXES)}, not '{out.name}'.")
    if metric not in get_args(Metric):
        raise unknown("metric", metric, get_args(Metric))
    if k < 1:
        raise RequestError(f"-k {k} is not accepted: it takes int in [1, inf).")


def find(features: Features, k: int = 20, metric: Metric = "cosine") -> Neighbours:
    """The ``k`` nearest others of every image; an image itself is left out by its number, not by its distance.

    Time is O(N^2 D); the memory beside the features and the lists does not grow with N.

    Raises:
        RequestError: there are not k others.
        WorkError: the features are not finite.
    """
    if k >= len(features):
        raise RequestError(f"-k {k} neighbours asked for, but each of these {len(features):,} images has "
                           f"{len(features) - 1:,} others.")
    if (np.diff(features.index) <= 0).any():
        features = features.take(np.argsort(features.index, kind="stable"))
    try:
        position, similarity = nearest(features.vectors, features.vectors, k, metric=metric,
                                       exclude=np.arange(len(features)))
    except ValueError as error:
        raise WorkError(f"no neighbours of {features.subject}: {error}. Nothing was written.") from None
    return Neighbours(
        index=np.asarray(features.index), nearest=np.asarray(features.index)[position], similarity=similarity,
        metric=metric, dataset=features.dataset, split=features.split, fingerprint=features.fingerprint,
        subject=features.subject, layer=features.layer,
    )


def save(found: Neighbours, features: Features, out: Path) -> None:
    """Write as ``Neighbours.save`` does, or to ``.csv``: a row for each neighbour of each image, by their paths."""
    if out.suffix != ".csv":
        found.save(out)
        return
    path = dict(zip(features.index.tolist(), features.origins, strict=True))
    written = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
    with files.replacing(out) as partial, open(partial, "w", **written) as handle:  # type: ignore[call-overload]
        rows = csv.writer(handle, lineterminator="\n")
        rows.writerow(COLUMNS)
        for own, others, likeness in zip(found.index, found.nearest, found.similarity, strict=True):
            for rank, (other, value) in enumerate(zip(others.tolist(), likeness.tolist(), strict=True), 1):
                rows.writerow([path[int(own)], rank, path[other], f"{value:.4f}"])


def summary(found: Neighbours, features: Features, out: Path) -> list[str]:
    """What was found and written, how pure it is, and what can be done with it, in words."""
    if out.suffix == ".csv":
        other = "train" if found.split != "train" else "test"
        ready = unplaced = (
            f"only images of {found.split} are compared (--split {other} for those of {other}); "
            "to train with these neighbours: the same with --out FILE.npz"
        )
    else:
        ready = f"next: kinfolk train ... --set positives.name=neighbours --set positives.index={out}"
        unplaced = "of which images is not known: to train with it, name them: "
        unplaced += f"kinfolk neighbours ... --data D --out {out}"
    return [
        f"{out}: {found.k} neighbours of {len(found):,} images of {found.dataset} ({found.split}), {found.metric}, "
        f"in {found.subject} {found.layer}",
        *purity(found, features),
        ready if found.fingerprint else unplaced,
    ]


def purity(found: Neighbours, features: Features) -> list[str]:
    """The share of neighbours of the same class, by number of neighbours, in words; nothing without labels."""
    labels = features.labels[np.argsort(features.index, kind="stable")]
    without = int((labels < 0).sum())
    if len(labels) - without < 2:
        return []
    parts = []
    for k in [k for k in PURITY_AT if k <= found.k]:
        share = found.purity(labels, k)
        share = share[np.isfinite(share)]
        if not len(share):
            continue
        low, high = student(share)
        parts.append(f"{100 * share.mean():.1f} % [{100 * low:.1f}, {100 * high:.1f}] at {k}")
    counts = np.bincount(labels[labels >= 0])
    chance = (counts * (counts - 1)).sum() / (counts.sum() * (counts.sum() - 1))
    left = f"; {without:,} images without a label left out" if without else ""
    return [f"purity (neighbours of the same class): {', '.join(parts)}; a random image: {100 * chance:.1f} %{left}"]
