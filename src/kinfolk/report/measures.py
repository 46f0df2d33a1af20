"""Measures: what auxiliaries read from the features, for every parameter, after the last epoch and over epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kinfolk.report import lines
from kinfolk.report.document import Document
from kinfolk.report.figures import plain, value
from kinfolk.report.markup import Markup, grid, join, tag
from kinfolk.report.material import Material

KINDS = {"R2": "", "accuracy": "accuracy"}
CHANCE = "chance"


def show(runs: Sequence[Material], page: Document) -> Markup:
    """For every run and branch a table of parameters by split, and their R2 on held-out images over epochs."""
    shown = []
    for run in runs:
        rows = [row for row in run.epochs if row.get("validation_measures")]
        for who in dict.fromkeys(_parts(key)[0] for row in rows[-1:] for key in _keys(row)):
            shown.append(tag("div", tag("h3", f"{run.name}: {who}"), _table(rows[-1], who), _curves(rows, who, page)))
    return join([_hint(), tag("div", shown, class_="side wide")]) if shown else join([])


def _hint() -> Markup:
    r2 = "R2 of parameters that are numbers or angles (0: no better than their mean), "
    flags = "accuracy of those that are flags beside that of always guessing the commoner value."
    return tag("p", f"{r2}{flags}", class_="hint")


def _keys(row: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(key for seen in row["validation_measures"].values() for key in seen))


def _parts(key: str) -> tuple[str, str, str]:
    """``NAME.BRANCH.KIND.PARAMETER`` -> who (name and branch), kind, parameter."""
    name, branch, kind, parameter = key.split(".", 3)
    return f"{name}, {branch}", kind, parameter


def _table(row: dict[str, Any], who: str) -> Markup:
    seen = row["validation_measures"]
    own = {_parts(key)[1:]: key for key in _keys(row) if _parts(key)[0] == who}
    body = []
    for (kind, parameter), key in own.items():
        if kind in KINDS:
            chance = [values.get(own.get((CHANCE, parameter), "")) for values in seen.values()][-1]
            cells = [value(values.get(key), KINDS[kind]) for values in seen.values()]
            body.append([parameter, *cells, "" if chance is None else value(chance, KINDS[kind])])
    splits = ["training images" if split == "train" else f"{split} images, held out" for split in seen]
    header = ["parameter", *splits, CHANCE]
    return grid(header, body, f"What is read by {who}", f"After epoch {plain(row['epoch'])}")


def _curves(rows: Sequence[dict[str, Any]], who: str, page: Document) -> Markup | None:
    """One line a parameter: R2 on the split that was held out."""
    split = list(rows[-1]["validation_measures"])[-1]
    series = []
    for key in _keys(rows[-1]):
        own, kind, parameter = _parts(key)
        if (own, kind) == (who, "R2"):
            found = [(row.get("epoch", 0), row["validation_measures"].get(split, {}).get(key)) for row in rows]
            series.append(lines.Line([x for x, _ in found], lines.finite([y for _, y in found]), parameter))
    if len(rows) < 2 or not series:
        return None
    alt = f"R2 of {who}. {lines.alt(series, 'epoch', 'R2')}"
    plot = page.plot(lines.figure(series, "epoch", "R2"), alt)
    return tag("figure", tag("figcaption", tag("strong", "R2"), f" on {split} images, after each epoch"), plot)
