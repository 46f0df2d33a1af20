"""Odd: sheets to walk through: the most anomalous, hubs, near-duplicates, and classes that lie among each other."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from kinfolk.explore.columns import lists
from kinfolk.explore.desk import Desk
from kinfolk.explore.part import Part
from kinfolk.explore.refusal import Refusal
from kinfolk.explore.shelf import Shown

Kind = Literal["anomalies", "hubs", "duplicates", "confusions"]
End = Literal["nearest", "farthest"]
ALIKE = 0.98
LARGEST = 60
Groups = tuple[str, int, list[dict[str, Any]]]


def odd(shown: Shown, part: Part, desk: Desk, kind: Kind, end: End, offset: int, count: int) -> dict[str, Any]:
    """One kind of sheet; empty groups while the lists are being computed."""
    progress = lists(shown, part, desk)
    says, total, groups = "", 0, list[dict[str, Any]]()
    if kind == "confusions" and (part.labels < 0).all():
        raise Refusal(409, f"the {part.role} images of {part.name} have no labels to confuse.")
    if progress.state == "ready":
        if kind in ("anomalies", "hubs"):
            says, total, groups = ranked(part, progress.arrays, kind, end, offset, count)
        else:
            make = duplicates if kind == "duplicates" else confusions
            says, total, groups = make(part, progress.arrays, offset, count)
    return {
        "kind": kind, "split": part.role, "state": progress.state, "done": progress.done,
        "problem": progress.problem or None, "says": says, "total": total, "groups": groups,
    }


def images(part: Part, rows: np.ndarray, score: np.ndarray) -> list[dict[str, Any]]:
    """Rows of a part as a sheet has them; ``score`` is that of each of these rows."""
    return [
        {"index": int(part.index[r]), "label": int(part.labels[r]), "score": float(s)}
        for r, s in zip(rows.tolist(), score.tolist(), strict=True)
    ]


def ranked(part: Part, arrays: dict[str, np.ndarray], kind: str, end: End, offset: int, count: int) -> Groups:
    """All images in one order: the most anomalous first, or those in most lists."""
    score = arrays["anomaly"] if kind == "anomalies" else arrays[f"occurrence_{end}"]
    order = np.argsort(-score, kind="stable")
    if kind == "anomalies":
        title = "Most anomalous"
        says = "Far from the training images: 1 less the mean cosine with the 20 nearest."
    else:
        title = f"In most lists of the {end}"
        says = f"One image is among the 10 {end} of {score.max() / len(score):.1%} of all images of its split."
    rows = order[offset : offset + count]
    return says, len(order), [{"title": title, "score": None, "images": images(part, rows, score[rows])}]


def duplicates(part: Part, arrays: dict[str, np.ndarray], offset: int, count: int) -> Groups:
    """Sets of images linked by a cosine of at least ``ALIKE``, the most alike first."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    near, similarity = arrays["nearest"], arrays["similarity"]
    one, place = np.nonzero(similarity >= ALIKE)
    links = coo_matrix((np.ones(len(one), np.int8), (one, near[one, place])), shape=(len(near),) * 2)
    _, sets = connected_components(links, directed=False)
    members = np.flatnonzero(np.bincount(sets)[sets] > 1)
    order = members[np.lexsort((members, sets[members]))]
    groups = np.split(order, np.flatnonzero(np.diff(sets[order])) + 1) if len(order) else []
    groups.sort(key=lambda rows: (-float(similarity[rows, 0].max()), int(rows[0])))
    says = (
        f"{len(members):,} of {len(near):,} have another with a cosine of at least {ALIKE}: {len(groups):,} sets. "
        "In a collapsed embedding that says nothing of the images; `kinfolk duplicates` looks at their pixels."
    )
    shown = [
        {"title": f"{len(rows):,} images", "score": float(similarity[rows, 0].max()),
         "images": images(part, best(rows, similarity[:, 0]), np.sort(similarity[rows, 0])[::-1][:LARGEST])}
        for rows in groups[offset : offset + count]
    ]
    return says, len(groups), shown


def best(rows: np.ndarray, score: np.ndarray) -> np.ndarray:
    """At most ``LARGEST`` of the rows, the highest scores first."""
    found: np.ndarray = rows[np.argsort(-score[rows], kind="stable")][:LARGEST]
    return found


def confusions(part: Part, arrays: dict[str, np.ndarray], offset: int, count: int) -> Groups:
    """Pairs of classes by the share of one's 10 nearest that are of the other, with the images deepest in it."""
    labels, near = part.labels, arrays["nearest"][:, :10]
    classes = int(labels.max()) + 1
    known = labels >= 0
    shares = np.zeros((len(labels), classes), np.float32)
    for place in range(near.shape[1]):
        other = labels[near[:, place]]
        rows = np.flatnonzero(other >= 0)
        shares[rows, other[rows]] += 1
    shares /= near.shape[1]
    sums = np.zeros((classes, classes))
    np.add.at(sums, labels[known], shares[known])
    sizes = np.bincount(labels[known], minlength=classes)
    matrix = sums / np.maximum(sizes, 1)[:, None]
    first, second = np.triu_indices(classes, 1)
    both = (matrix[first, second] + matrix[second, first]) / 2
    present = (sizes[first] > 0) & (sizes[second] > 0) & (both > 0)
    order = np.flatnonzero(present)[np.argsort(-both[present], kind="stable")]
    groups = []
    for pair in order[offset : offset + count].tolist():
        a, b = int(first[pair]), int(second[pair])
        depth = np.where(labels == a, shares[:, b], np.where(labels == b, shares[:, a], 0.0))
        rows = best(np.flatnonzero(depth > 0), depth)
        groups.append({
            "title": f"{part.category(a)} and {part.category(b)}", "score": float(both[pair]),
            "images": images(part, rows, depth[rows]),
        })
    return "The share of an image's 10 nearest that are of the other class.", len(order), groups
