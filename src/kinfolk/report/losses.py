"""Losses: every term of the loss over training, on training images and on images held out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kinfolk.report import lines
from kinfolk.report.document import Document
from kinfolk.report.figures import plain
from kinfolk.report.markup import Markup, grid, join, tag
from kinfolk.report.material import Material

STEPS, TRAIN, HELD_OUT = "#8a8a8a", "#0072b2", "#d55e00"
TOTAL = "total"
MANY = 3  # runs; more share one figure for each term and split


def show(runs: Sequence[Material], page: Document) -> Markup:
    """A figure for every term and run: a row for each term where there are several runs, else all in one."""
    logged = [run for run in runs if run.steps or _validated(run)]
    if not logged:
        return join([])
    if len(logged) > MANY:
        return _together(logged, page)
    names = dict.fromkeys(name for run in logged for name in _names(run))
    rows = {name: _row(name, logged, page) for name in names}
    if len(logged) == 1:
        return join([_said(logged), _key(), tag("div", list(rows.values()), class_="side")])
    shown = [join([tag("h3", name), tag("div", row, class_="side")]) for name, row in rows.items()]
    return join([_said(logged), _key(), shown])


def _together(runs: Sequence[Material], page: Document) -> Markup:
    """Of many runs: those with the same terms together, for each term one figure a split with a line for each run."""
    kinds: dict[tuple[str, ...], list[Material]] = {}
    for run in runs:
        kinds.setdefault(tuple(sorted(_names(run))), []).append(run)
    shown = []
    for alike in kinds.values():
        for name in _names(alike[0]):
            figures = _by_split(name, alike, page)
            title = f"{name} of {', '.join(run.name for run in alike)}" if len(kinds) > 1 else name
            shown += [tag("h3", title), tag("div", figures, class_="side")] if figures else []
    hint = f"In evaluation mode, after each epoch. Terms stand without their weights; {TOTAL} is their weighted sum."
    return join([_gaps(runs), tag("p", hint, class_="hint"), shown])


def _by_split(name: str, runs: Sequence[Material], page: Document) -> list[Markup]:
    figures = []
    rows = {run.name: _validated(run) for run in runs}
    splits = list(dict.fromkeys(split for own in rows.values() for row in own for split in row["validation"]))
    every = {
        split: [
            lines.Line(*_pairs([(row.get("step"), row["validation"].get(split, {}).get(name)) for row in own]), who)
            for who, own in rows.items()
        ]
        for split in splits
    }
    references = _chance(runs[0]) if name == TOTAL and len({str(_chance(run)) for run in runs}) == 1 else {}
    extent = _extent([line for series in every.values() for line in series], list(references.values()))
    for split, series in every.items():
        what = "training images" if split == "train" else f"{split} images, held out"
        plot = page.plot(lines.figure(series, "step", "", references, y_range=extent), lines.alt(series, "step", name))
        figures.append(tag("figure", tag("figcaption", tag("strong", name), f", {what}"), plot))
    return figures


def _gaps(runs: Sequence[Material]) -> Markup:
    """The last totals of every run, and how far those of held-out images lie above those of training images."""
    rows, above = [], 0
    for run in runs:
        last = {split: terms.get(TOTAL) for row in _validated(run)[-1:] for split, terms in row["validation"].items()}
        held = next((value for split, value in last.items() if split != "train"), None)
        if held is not None and last.get("train") is not None:
            gap = held - last["train"]
            above += gap > 0
            rows.append([run.name, plain(last["train"]), plain(held), f"{'+' if gap > 0 else '−'}{plain(abs(gap))}"])
    if not rows:
        return join([])
    header = ["run", "training images", "held-out images", "held-out minus training"]
    said = f"The loss is higher on images not trained on than on training images in {above} of {len(rows)} runs."
    caption = "Total loss after the last epoch"
    return join([tag("p", said), grid(header, rows, caption, caption)])


def _key() -> Markup:
    """One legend for all figures."""
    return tag(
        "p",
        tag("span", "while training", class_="key steps"),
        tag("span", "training images, evaluation mode", class_="key seen"),
        tag("span", "held-out images, evaluation mode", class_="key held"),
        f" Terms are shown without their weights; {TOTAL} is their weighted sum.",
        class_="hint",
    )


def _validated(run: Material) -> list[dict[str, Any]]:
    return [row for row in run.epochs if row.get("validation")]


def _names(run: Material) -> list[str]:
    """The total first, then the terms in the method's order."""
    rows = [row["terms"] for row in run.steps]
    rows += [terms for row in _validated(run) for terms in row["validation"].values()]
    names = dict.fromkeys(name for row in rows for name in row if name != TOTAL)
    return [TOTAL, *names]


def _row(name: str, runs: Sequence[Material], page: Document) -> list[Markup]:
    series = {run.name: _series(name, run) for run in runs}
    references = {run.name: _chance(run) if name == TOTAL else {} for run in runs}
    extent = _extent(
        [line for found in series.values() for line in found],
        [y for r in references.values() for y in r.values()],
    )
    figures = []
    for run in runs:
        found = series[run.name]
        figure = lines.figure(found, "step", "", references[run.name], y_range=extent, legend=False)
        alt = f"{name} of {run.name}. {lines.alt(found, 'step', name)}"
        caption = tag("figcaption", tag("strong", run.name if len(runs) > 1 else name))
        figures.append(tag("figure", caption, page.plot(figure, alt)))
    return figures


def _series(name: str, run: Material) -> list[lines.Line]:
    steps = [(row.get("step"), _term(row, name)) for row in run.steps]
    found = [lines.Line(*_pairs(steps), "while training", STEPS, faint=True)]
    rows = _validated(run)
    for split in dict.fromkeys(split for row in rows for split in row["validation"]):
        values = _pairs([(row.get("step"), row["validation"].get(split, {}).get(name)) for row in rows])
        if split == "train":
            found.append(lines.Line(*values, "training images", TRAIN))
        else:
            found.append(lines.Line(*values, f"{split} images, held out", HELD_OUT, "dash"))
    return [line for line in found if any(y is not None for y in line.y)]


def _pairs(values: Sequence[tuple[Any, Any]]) -> tuple[list[Any], list[Any]]:
    return [x for x, _ in values], [y for _, y in values]


def _term(row: dict[str, Any], name: str) -> float | None:
    return row.get(TOTAL) if name == TOTAL else row["terms"].get(name)


def _chance(run: Material) -> dict[str, float]:
    """The loss of SimCLR at random: ln(V (B - 1) + 1) for V views in a step, which is ln(2B - 1) for two."""
    batch, views = run.get("train", "batch"), run.get("views", "count")
    if run.get("method", "name") != "simclr" or not isinstance(batch, int) or not isinstance(views, int):
        return {}
    together = 2 if run.get("views", "pairing") == "turns" else views
    return {"chance": math.log(together * (batch - 1) + 1)}


def _extent(series: Sequence[lines.Line], references: Sequence[float]) -> tuple[float, float] | None:
    """One range for all runs, so that they can be compared; very high first steps may leave it."""
    drawn = [y for line in series if not line.faint for y in lines.finite(line.y) if y is not None]
    known = sorted(y for line in series for y in lines.finite(line.y) if y is not None)
    if not known:
        return None
    low, high, most = known[0], known[-1], known[int(0.95 * (len(known) - 1))]
    if high - low > 3 * (most - low) > 0:
        high = most
    low, high = min([low, *drawn, *references]), max([high, *drawn, *references])
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _said(runs: Sequence[Material]) -> list[Markup]:
    """What the last epoch's totals say: the distance between images trained on and images held out."""
    said = []
    for run in runs:
        last = {split: terms.get(TOTAL) for row in _validated(run)[-1:] for split, terms in row["validation"].items()}
        held = next((split for split, value in last.items() if split != "train" and value is not None), None)
        if held is None or last.get("train") is None:
            continue
        gap = last[held] - last["train"]
        text = f"after the last epoch the total is {plain(last['train'])} on training images and "
        text += f"{plain(last[held])} on {held} images: {plain(abs(gap))} "
        text += f"{'higher' if gap > 0 else 'lower'} on images not trained on."
        said.append(tag("p", tag("strong", run.name), f" {text}"))
    return said
