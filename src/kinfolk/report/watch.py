"""Watch: what was watched after every epoch of training, a figure for each quantity and each alarm in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kinfolk.numerics.collapse import EARLY
from kinfolk.report import lines
from kinfolk.report.columns import words
from kinfolk.report.document import Document
from kinfolk.report.markup import Markup, join, tag
from kinfolk.report.material import Material

MANY = 3


def show(runs: Sequence[Material], page: Document) -> Markup:
    """Numbers and distributions as curves over epochs, all runs in one figure; texts, which are alarms, in words.

    Of more than ``MANY`` runs each figure of a distribution has a plot of its own.
    """
    names = dict.fromkeys(name for run in runs for row in run.epochs for name in row.get("watch", {}))
    figures, alarms = [], []
    for name in names:
        seen = {run.name: _seen(run, name) for run in runs}
        alarms += [_alarm(who, epoch, y) for who, found in seen.items() for epoch, y in found if isinstance(y, str)]
        numbers = {who: [(x, y) for x, y in found if not isinstance(y, str)] for who, found in seen.items()}
        parts = dict.fromkeys(part for found in numbers.values() for _, y in found for part in _parts(y))
        for chosen in [[part] for part in parts] if len(runs) > MANY else [list(parts)]:
            title = f"{words(name)}, {chosen[0]}" if len(runs) > MANY and chosen[0] else words(name)
            series = [line for k, (who, found) in enumerate(numbers.items()) for line in _lines(who, found, chosen, k)]
            if series:
                alt = f"{title}. {lines.alt(series, 'epoch', name)}"
                caption = tag("figcaption", tag("strong", title), " while training, by epoch")
                figures.append(tag("figure", caption, page.plot(lines.figure(series, "epoch", ""), alt)))
    return join([alarms or calm(runs), best(runs), tag("div", figures, class_="side") if figures else None])


def calm(runs: Sequence[Material]) -> Markup | None:
    """That the watch for collapse, which goes with the spectrum, was silent."""
    watched = [run for run in runs if any("rankme" in r.get("watch", {}) and r["step"] >= EARLY for r in run.epochs)]
    told = f"Collapse was watched for in {len(watched)} run{'s' * (len(watched) > 1)} and seen in none."
    return tag("p", told) if watched else None


def best(runs: Sequence[Material], name: str = "knn") -> Markup | None:
    """In how many runs the watched score is best after the last epoch: whether longer training might help."""
    seen = [[y for _, y in _seen(run, name)] for run in runs]
    seen = [values for values in seen if len(values) > 1]
    last = sum(values[-1] == max(values) for values in seen)
    told = f"The watched {words(name)} is highest after the last epoch in {last} of {len(seen)} runs."
    return tag("p", told) if seen else None


def _parts(value: Any) -> dict[str, Any]:
    """A distribution's figures by name, or a number under no name."""
    return value if isinstance(value, dict) else {"": value}


def _lines(run: str, seen: list[tuple[int, Any]], chosen: Sequence[str], k: int) -> list[lines.Line]:
    """One line for each chosen figure, in the run's colour."""
    colour, first = lines.COLOURS[k % len(lines.COLOURS)], k // len(lines.COLOURS)
    found = []
    for i, part in enumerate(chosen):
        known = [(x, _parts(y)[part]) for x, y in seen if part in _parts(y)]
        dash = lines.DASHES[(first + i) % len(lines.DASHES)]
        name = f"{run}, {part}" if part and len(chosen) > 1 else run
        found.append(lines.Line([x for x, _ in known], lines.finite([y for _, y in known]), name, colour, dash))
    return [line for line in found if line.x]


def _seen(run: Material, name: str) -> list[tuple[int, Any]]:
    return [(row.get("epoch", 0), row["watch"][name]) for row in run.epochs if name in row.get("watch", {})]


def _alarm(run: str, epoch: int, text: str) -> Markup:
    return tag("p", tag("strong", f"{run}, epoch {epoch}: "), text)
