"""Versus: two runs beside each other: scores under the same protocol, and the images whose neighbours changed most."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinfolk.explore import columns, summary
from kinfolk.explore.desk import Desk
from kinfolk.explore.refusal import Refusal
from kinfolk.explore.shelf import Shown


def versus(one: Shown, two: Shown, role: str, desk: Desk, k: int, count: int) -> dict[str, Any]:
    """The comparison; without the changed images while neighbour lists are computed or where images differ."""
    found: dict[str, Any] = {
        "one": one.key, "two": two.key, "split": role, "problem": None, "scores": scores(one, two), "state": "failed",
        "done": 0.0, "images": 0, "k": k, "overlap": None, "changed": [],
    }
    try:
        first, second = one.part(role), two.part(role)
        problem = columns.incomparable(first, second)
    except Refusal as refusal:
        problem = refusal.message
    if problem:
        return {**found, "problem": problem}
    each = [columns.lists(shown, part, desk) for shown, part in ((one, first), (two, second))]
    worst = next((p for state in ("failed", "computing", "waiting") for p in each if p.state == state), each[0])
    found |= {
        "state": worst.state, "done": sum(p.done for p in each) / 2, "problem": worst.problem or None,
        "images": len(first),
    }
    if worst.state != "ready":
        return found
    share = columns.overlap(one, two, role, desk, k)
    rows = np.lexsort((np.arange(len(share)), share))[:count]
    changed = [
        {"index": int(first.index[r]), "label": int(first.labels[r]), "overlap": float(share[r])} for r in rows.tolist()
    ]
    return found | {"overlap": float(share.mean()), "changed": changed}


def scores(one: Shown, two: Shown) -> list[dict[str, Any]]:
    """Scores that either run has, the same protocol in one row."""
    mine, theirs = ({identity(line): line for line in summary.scores(own(shown), shown.own)} for shown in (one, two))
    rows = []
    for key in dict.fromkeys([*mine, *theirs]):
        line = mine.get(key) or theirs[key]
        said = {name: line[name] for name in ("name", "title", "detail", "unit", "higher_is_better")}
        values = [None if key not in side else side[key]["cells"][0] for side in (mine, theirs)]
        rows.append({**said, "one": values[0], "two": values[1]})
    return rows


def own(shown: Shown) -> list[Any]:
    """The findings of the run itself."""
    name = shown.own
    return [finding for finding in shown.findings if finding.subject == name]


def identity(line: dict[str, Any]) -> tuple[str, str, str]:
    """What makes two rows of two runs the same question."""
    return line["name"], line["detail"], line["unit"]
