"""Nearest: the images nearest to and farthest from one query, in one run and in a second beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kinfolk.explore.part import Part
from kinfolk.explore.refusal import Refusal
from kinfolk.explore.shelf import Shown

Query = Callable[[Shown], tuple[np.ndarray, np.ndarray]]


def top(similarity: np.ndarray, k: int, left_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the ``k`` most alike, best first, and of the least alike; equal ones by lowest row.

    Rows of ``left_out`` are in neither.
    """
    lists = []
    for values in (similarity.copy(), -similarity):
        values[left_out] = -np.inf
        count = min(k, len(values) - len(left_out))
        if count < 1:
            lists.append(np.zeros(0, dtype=np.int64))
            continue
        least = np.partition(values, len(values) - count)[len(values) - count]
        found = np.flatnonzero(values >= least)
        lists.append(found[np.lexsort((found, -values[found]))][:count])
    return lists[0], lists[1]


def listed(bank: Part, rows: np.ndarray, similarity: np.ndarray) -> list[dict[str, Any]]:
    """Rows of a bank as an answer has them."""
    return [
        {"index": int(bank.index[r]), "similarity": float(similarity[r]), "label": int(bank.labels[r]), "shared": False}
        for r in rows.tolist()
    ]


def one(shown: Shown, query: Query, bank: str, k: int) -> dict[str, Any]:
    """The two lists of one run; ``query`` gives its vector and the rows of the bank to leave out."""
    vector, left_out = query(shown)
    part = shown.part(bank)
    similarity = part.alike(vector)
    nearest, farthest = top(similarity, k, left_out)
    return {
        "run": shown.key, "problem": None, "nearest": listed(part, nearest, similarity),
        "farthest": listed(part, farthest, similarity),
    }


def beside(first: Shown, second: Shown | None, query: Query, bank: str, k: int) -> dict[str, Any]:
    """The lists of one or two runs, what both have marked, and the share of it."""
    answers = [one(first, query, bank, k)]
    agreement = None
    if second is not None:
        problem = ""
        try:
            problem = different(first, second, bank)
            answers.append(one(second, query, bank, k) if not problem else {})
        except Refusal as refusal:
            problem = refusal.message
        if problem:
            answers[1:] = [{"run": second.key, "problem": problem, "nearest": [], "farthest": []}]
        else:
            agreement = {end: marked(answers[0][end], answers[1][end]) for end in ("nearest", "farthest")}
    return {"bank": bank, "k": k, "metric": "cosine", "runs": answers, "agreement": agreement}


def marked(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> float:
    """Mark what both lists hold; return the share of the longer list that it makes up."""
    both = {image["index"] for image in first} & {image["index"] for image in second}
    for image in (*first, *second):
        image["shared"] = image["index"] in both
    return len(both) / max(len(first), len(second), 1)


def different(first: Shown, second: Shown, role: str) -> str:
    """Why two runs cannot be looked at image by image; empty where they can."""
    return first.part(role).same_images(second.part(role))


def of_image(role: str, index: int, bank: str) -> Query:
    """An image of the data: its own vector in each run; it is left out of its own lists by its number."""

    def query(shown: Shown) -> tuple[np.ndarray, np.ndarray]:
        part = shown.part(role)
        row = part.row(index)
        return part.vectors[row], np.array([row] if bank == role else [], dtype=np.int64)

    return query


def of_mean(role: str, index: list[int], bank: str) -> Query:
    """The mean direction of several images; they are left out of its lists."""

    def query(shown: Shown) -> tuple[np.ndarray, np.ndarray]:
        part = shown.part(role)
        rows = np.unique(part.rows_of(index))
        total = np.zeros(part.vectors.shape[1])
        for start in range(0, len(rows), 8192):
            piece = rows[start : start + 8192]
            total += (part.vectors[piece] / part.lengths[piece, None]).sum(0, dtype=np.float64)
        return (total / len(rows)).astype(np.float32), rows if bank == role else rows[:0]

    return query
