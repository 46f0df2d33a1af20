"""Columns: what is known of every image of a split: classes, neighbours, anomaly, clusters, what evaluations left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinfolk.explore.desk import Desk, Job, Progress
from kinfolk.explore.part import Part
from kinfolk.explore.refusal import Refusal
from kinfolk.explore.shelf import Shown

LISTED = 10
CATEGORIES = 64


@dataclass(frozen=True, eq=False)
class Column:
    """One value an image.

    Attributes:
        name: in addresses.
        title: for people.
        says: what it is, in one sentence.
        names: of the categories; None where it is a quantity.
        values: int32 with -1 for unknown, or float32 with NaN; None while it is computed.
    """

    name: str
    title: str
    says: str
    names: tuple[str, ...] | None
    values: np.ndarray | None

    def described(self) -> dict[str, Any]:
        """Without the values."""
        known = np.zeros(0) if self.values is None or self.names is not None else self.values[np.isfinite(self.values)]
        return {
            "name": self.name, "title": self.title, "says": self.says,
            "kind": "quantity" if self.names is None else "category",
            "names": None if self.names is None else list(self.names),
            "low": float(known.min()) if len(known) else None, "high": float(known.max()) if len(known) else None,
            "ready": self.values is not None,
        }


MADE: dict[str, tuple[str, str, str]] = {
    "anomaly": ("anomaly", "Anomaly", "1 less the mean cosine with the 20 nearest training images, its own left out."),
    "similarity": ("similarity", "Nearest similarity", "Cosine with the most similar other image of its split."),
    "hub_nearest": ("occurrence_nearest", "Hub of the nearest",
                    "How many images of its split have it among their 10 nearest."),
    "hub_farthest": ("occurrence_farthest", "Hub of the farthest",
                     "How many images of its split have it among their 10 farthest."),
}


def lists(shown: Shown, part: Part, desk: Desk) -> Progress:
    """The neighbour lists of all images of a part: from the cache, or being computed."""
    return desk.ask(Job("lists", part, shown.parts.get("train", part)))


def columns(shown: Shown, part: Part, desk: Desk) -> list[Column]:
    """All columns of one part; those that are being computed have no values yet."""
    found = lists(shown, part, desk).arrays
    classes = tuple(part.category(label) for label in range(max(len(part.classes), int(part.labels.max()) + 1)))
    made = [] if not classes else [
        Column("class", "Class", "The label in the data.", classes, part.labels.astype(np.int32)),
    ]
    bank = shown.parts.get("train", part)
    if classes and (bank.labels >= 0).all():
        guess = found.get("prediction")
        right = None if guess is None else np.where(part.labels < 0, -1, guess == part.labels).astype(np.int32)
        made += [
            Column("prediction", "Predicted class", "What its 20 nearest training images vote for.", classes, guess),
            Column("right", "Right or wrong", "Whether that vote is its label.", ("wrong", "right"), right),
        ]
    for name, (source, title, says) in MADE.items():
        values = found.get(source)
        made.append(Column(name, title, says, None, None if values is None else flat(values)))
    made.append(Column("cluster", "Cluster", "The nearest centre that k-means finds in training images.",
                       clusters(found), found.get("cluster")))
    return [*made, *left(shown, part, {column.name for column in made})]


def clusters(found: dict[str, np.ndarray]) -> tuple[str, ...]:
    """Names of the clusters."""
    return tuple(f"cluster {i}" for i in range(int(found["cluster"].max()) + 1)) if "cluster" in found else ()


def flat(values: np.ndarray) -> np.ndarray:
    """One float a row: the first of several."""
    return np.asarray(values[:, 0] if values.ndim > 1 else values, dtype=np.float32)


def left(shown: Shown, part: Part, taken: set[str]) -> list[Column]:
    """Columns that evaluations left with their maps, such as the cluster of each image that was measured."""
    made: dict[str, Column] = {}
    own = shown.own
    for finding in shown.findings:
        index = finding.arrays.get("index")
        if finding.kind != "scatter" or finding.subject != own or index is None or finding.split != part.role:
            continue
        rows = part.rows(index.astype(np.int64))
        for key, values in finding.arrays.items():
            if key in ("xy", "index", "labels") or values.shape != index.shape:
                continue
            name = key if key not in taken else f"measured_{key}"
            names, spread = spread_out(values, rows, len(part))
            said = f"As evaluate measured it: {finding.title or finding.name}."
            made[name] = Column(name, name.replace("_", " ").capitalize(), said, names, spread)
    return list(made.values())


def spread_out(values: np.ndarray, rows: np.ndarray, count: int) -> tuple[tuple[str, ...] | None, np.ndarray]:
    """Names if the values are categories, and the values of some rows brought to all ``count``."""
    known = rows >= 0
    top = int(values.max(initial=-1)) if values.dtype.kind in "iu" else CATEGORIES
    if values.dtype.kind in "iu" and top < CATEGORIES:
        found = np.full(count, -1, dtype=np.int32)
        found[rows[known]] = values[known]
        return tuple(str(i) for i in range(top + 1)), found
    found = np.full(count, np.nan, dtype=np.float32)
    found[rows[known]] = values[known]
    return None, found


def overlap(one: Shown, two: Shown, role: str, desk: Desk, k: int = LISTED) -> np.ndarray:
    """Share of each image's ``k`` nearest that are the same in both runs, float32 (N,) in the order of the first.

    Raises:
        Refusal: the runs hold other images, or the lists are not there yet.
    """
    first, second = one.part(role), two.part(role)
    if problem := incomparable(first, second):
        raise Refusal(409, problem)
    each = [lists(shown, part, desk) for shown, part in ((one, first), (two, second))]
    if any(progress.state != "ready" for progress in each):
        raise Refusal(409, "the neighbour lists are being computed.")
    mine = first.index[each[0].arrays["nearest"][:, :k]]
    theirs = second.index[each[1].arrays["nearest"][:, :k]][second.rows(first.index)]
    shared = (mine[:, :, None] == theirs[:, None, :]).any(2)
    found: np.ndarray = shared.mean(1, dtype=np.float32)
    return found


def incomparable(first: Part, second: Part) -> str:
    """Why neighbour lists of two runs cannot be compared; empty where they can."""
    if problem := first.same_images(second):
        return problem
    if len(first) != len(second) or (second.rows(first.index) < 0).any():
        return (
            f"{first.name} has {len(first):,} and {second.name} {len(second):,} {first.role} images, not the same: "
            "lists of neighbours from different images cannot be compared."
        )
    return ""


def joined(parts: Sequence[Part], found: Sequence[list[Column]]) -> list[Column]:
    """Columns of several parts, one after the other; a column that one part lacks is unknown there."""
    if len(found) == 1:
        return found[0]
    names = dict.fromkeys(column.name for columns in found for column in columns)
    return [_joined(parts, [next((c for c in columns if c.name == n), None) for columns in found]) for n in names]


def _joined(parts: Sequence[Part], found: Sequence[Column | None]) -> Column:
    first = next(column for column in found if column is not None)
    blank: Any = (np.nan, np.float32) if first.names is None else (-1, np.int32)
    pieces = [np.full(len(p), *blank) if c is None else c.values for p, c in zip(parts, found, strict=True)]
    whole = [piece for piece in pieces if piece is not None]
    values = np.concatenate(whole) if len(whole) == len(pieces) else None
    names = None if first.names is None else max((c.names or () for c in found if c), key=len)
    return Column(first.name, first.title, first.says, names, values)
