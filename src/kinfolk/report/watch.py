"""Watch: what was watched after every epoch of training, a figure for each quantity and each alarm in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kinfolk.report import lines
from kinfolk.report.columns import words
from kinfolk.report.document import Document
from kinfolk.report.markup import Markup, join, tag
from kinfolk.report.material import Material


def show(runs: Sequence[Material], page: Document) -> Markup:
    """Numbers and distributions as curves over epochs, all runs in one figure; texts, which are alarms, in words."""
    names = dict.fromkeys(name for run in runs for row in run.epochs for name in row.get("watch", {}))
    figures, alarms = [], []
    for name in names:
        series = []
        for k, run in enumerate(runs):
            seen = _seen(run, name)
            series += _lines(run.name, [(x, y) for x, y in seen if not isinstance(y, str)], k)
            alarms += [_alarm(run, epoch, y) for epoch, y in seen if isinstance(y, str)]
        shown = [line for line in series if line.x]
        if shown:
            alt = f"{words(name)}. {lines.alt(shown, 'epoch', name)}"
            plot = page.plot(lines.figure(shown, "epoch", ""), alt)
            caption = tag("figcaption", tag("strong", words(name)), " while training, by epoch")
            figures.append(tag("figure", caption, plot))
    return join([alarms, tag("div", figures, class_="side") if figures else None])


def _lines(run: str, seen: list[tuple[int, Any]], k: int) -> list[lines.Line]:
    """One line for a number; for a distribution one for each of its figures, in the run's colour."""
    values = [(x, y if isinstance(y, dict) else {"": y}) for x, y in seen]
    colour, first = lines.COLOURS[k % len(lines.COLOURS)], k // len(lines.COLOURS)
    found = []
    for i, part in enumerate(dict.fromkeys(part for _, y in values for part in y)):
        known = [(x, y[part]) for x, y in values if part in y]
        dash = lines.DASHES[(first + i) % len(lines.DASHES)]
        name = f"{run}, {part}" if part else run
        found.append(lines.Line([x for x, _ in known], lines.finite([y for _, y in known]), name, colour, dash))
    return found


def _seen(run: Material, name: str) -> list[tuple[int, Any]]:
    return [(row.get("epoch", 0), row["watch"][name]) for row in run.epochs if name in row.get("watch", {})]


def _alarm(run: Material, epoch: int, text: str) -> Markup:
    return tag("p", tag("strong", f"{run.name}, epoch {epoch}: "), text)
