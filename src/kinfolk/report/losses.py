"""Losses: every term of the loss over training, on training images and on images held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kinfolk.report import lines
from kinfolk.report.document import Document
from kinfolk.report.figures import plain
from kinfolk.report.markup import Markup, join, tag
from kinfolk.report.material import Material

STEPS, TRAIN, HELD_OUT = "#8a8a8a", "#0072b2", "#e69f00"


def show(runs: Sequence[Material], page: Document) -> Markup:
    """A figure for every term and run: a row for each term where there are several runs, else all in one row."""
    logged = [run for run in runs if run.steps or _validated(run)]
    names = list(dict.fromkeys(name for run in logged for name in _names(run)))
    rows = {name: _row(name, logged, page) for name in names}
    if len(logged) == 1:
        return join([_said(logged), tag("div", list(rows.values()), class_="side")])
    return join(
        [
            _said(logged),
            [join([tag("h3", name), tag("div", row, class_="side")]) for name, row in rows.items()],
        ]
    )


def watched(runs: Sequence[Material], page: Document) -> Markup:
    """What was watched after every epoch, one figure for each quantity."""
    names = dict.fromkeys(name for run in runs for row in run.epochs for name in row.get("watch", {}))
    figures = []
    for name in names:
        series = []
        for run in runs:
            rows = [row for row in run.epochs if name in row.get("watch", {})]
            series.append(
                lines.Line([row["epoch"] for row in rows], [row["watch"][name] for row in rows], run.name)
            )
        plot = page.plot(lines.figure(series, "epoch", name), f"{name}. {lines.alt(series, 'epoch', name)}")
        figures.append(tag("figure", plot, tag("figcaption", tag("strong", name), " after each epoch")))
    return tag("div", figures, class_="side") if figures else join([])


def _validated(run: Material) -> list[dict[str, Any]]:
    return [row for row in run.epochs if row.get("validation")]


def _names(run: Material) -> list[str]:
    names = dict.fromkeys(name for row in run.steps for name in row["terms"])
    names |= dict.fromkeys(
        n for row in _validated(run) for terms in row["validation"].values() for n in terms
    )
    return ["total"] * (any("total" in row for row in run.steps) or "total" in names) + [
        n for n in names if n != "total"
    ]


def _row(name: str, runs: Sequence[Material], page: Document) -> list[Markup]:
    series = {run.name: _series(name, run) for run in runs}
    extent = _extent([line for found in series.values() for line in found])
    figures = []
    for run in runs:
        found = series[run.name]
        figure = lines.figure(found, "step", "", _references(name, run), y_range=extent)
        alt = f"{name} of {run.name}. {lines.alt(found, 'step', name)}"
        caption = [tag("strong", name), f" {run.name}" if len(runs) > 1 else None]
        figures.append(tag("figure", page.plot(figure, alt), tag("figcaption", caption)))
    return figures


def _series(name: str, run: Material) -> list[lines.Line]:
    steps = [(row.get("step", k), _term(row, name)) for k, row in enumerate(run.steps)]
    found = (
        [lines.Line(*_pairs(steps), "while training", STEPS, True)]
        if any(y is not None for _, y in steps)
        else []
    )
    for split, colour in {
        split: HELD_OUT if split != "train" else TRAIN
        for row in _validated(run)
        for split in row["validation"]
    }.items():
        pairs = [(row.get("step", 0), row["validation"].get(split, {}).get(name)) for row in _validated(run)]
        label = "training images" if split == "train" else f"{split} images, held out"
        found.append(lines.Line(*_pairs(pairs), label, colour))
    return found


def _pairs(pairs: list[tuple[float, float | None]]) -> tuple[list[float], list[float | None]]:
    return [x for x, _ in pairs], [y for _, y in pairs]


def _term(row: dict[str, Any], name: str) -> float | None:
    return row.get("total") if name == "total" else row["terms"].get(name)


def _references(name: str, run: Material) -> dict[str, float]:
    return {k: v for row in _validated(run)[-1:] for k, v in row.get("lines", {}).get(name, {}).items()}


def _extent(series: Sequence[lines.Line]) -> tuple[float, float] | None:
    """One range for all runs, so that they can be compared; the first steps may leave it."""
    known = sorted(y for line in series for y in lines.finite(line.y) if y is not None)
    if not known:
        return None
    low, high = known[0], known[min(len(known) - 1, int(0.985 * len(known)))]
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _said(runs: Sequence[Material]) -> list[Markup]:
    """What the last epoch's totals say: the distance between images trained on and images held out."""
    said = []
    for run in runs:
        rows = _validated(run)
        if not rows:
            continue
        last = {
            split: terms["total"]
            for split, terms in rows[-1]["validation"].items()
            if terms.get("total") is not None
        }
        held = next((split for split in last if split != "train"), None)
        if held is None or "train" not in last:
            continue
        gap = last[held] - last["train"]
        word = "higher" if gap > 0 else "lower"
        said.append(
            tag(
                "p",
                tag("strong", run.name),
                f": after the last epoch the total is {plain(last['train'])} on training images and "
                f"{plain(last[held])} on {held} images, {plain(abs(gap))} {word} on images not trained on.",
            )
        )
    return said
