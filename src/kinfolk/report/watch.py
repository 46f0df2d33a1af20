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
    """Numbers as curves over epochs, all runs in one figure; texts, which are alarms, as paragraphs."""
    names = dict.fromkeys(name for run in runs for row in run.epochs for name in row.get("watch", {}))
    figures, alarms = [], []
    for name in names:
        series = []
        for run in runs:
            seen = _seen(run, name)
            found = [(x, y) for x, y in seen if not isinstance(y, str)]
            series.append(lines.Line([x for x, _ in found], lines.finite([y for _, y in found]), run.name))
            alarms += [_alarm(run, epoch, y) for epoch, y in seen if isinstance(y, str)]
        shown = [line for line in series if line.x]
        if shown:
            alt = f"{words(name)}. {lines.alt(shown, 'epoch', name)}"
            plot = page.plot(lines.figure(shown, "epoch", ""), alt)
            caption = tag("figcaption", tag("strong", words(name)), " after each epoch")
            figures.append(tag("figure", caption, plot))
    return join([alarms, tag("div", figures, class_="side") if figures else None])


def _seen(run: Material, name: str) -> list[tuple[int, Any]]:
    return [(row.get("epoch", 0), row["watch"][name]) for row in run.epochs if name in row.get("watch", {})]


def _alarm(run: Material, epoch: int, text: str) -> Markup:
    return tag("p", tag("strong", f"{run.name}, epoch {epoch}: "), text)
