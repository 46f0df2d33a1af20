"""Forest: scores as points with their intervals on one axis, drawn as plain SVG that needs no script."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kinfolk.report import figures
from kinfolk.report.columns import Question
from kinfolk.report.markup import Markup, join, tag

LETTER, RIGHT, REPORTED, WIDTH, LINE = 8.2, 62, 124, 520, 22
LONGEST = 26


@dataclass(frozen=True)
class Mark:
    """One row: a share with its interval, and a figure from the literature where one was reported."""

    label: str
    own: bool
    value: float
    low: float | None = None
    high: float | None = None
    reported: float | None = None

    @property
    def words(self) -> str:
        """The value, and what was reported."""
        beside = "" if self.reported is None else f", reported {self.reported:.1%}"
        return f"{figures.value(self.value, 'share')}{beside}"

    @property
    def most(self) -> float:
        """The largest number that has to find room."""
        return max(v for v in (self.value, self.high, self.reported) if v is not None)


def forest(questions: Sequence[Question]) -> Markup:
    """One row for each score and column; runs are filled marks, floors open ones."""
    groups = [
        (q.title, [Mark(c.label, c.own, f.value, f.low, f.high) for c, f in q.answers.items() if f.value is not None])
        for q in questions
    ]
    ceilings = any(column.ceiling for q in questions for column in q.answers)
    above = ", and a ceiling, which was given labels" if ceilings else ""
    return drawn(groups, f"Filled: trained. Open: floors, which learned nothing{above}. The line is the 95% interval.")


def drawn(groups: Sequence[tuple[str, Sequence[Mark]]], caption: str) -> Markup:
    """The marks of every group under its title, on one axis from zero."""
    marks = [mark for _, group in groups for mark in group]
    if not marks:
        return join([])
    top = max(mark.most for mark in marks)
    end = min(1.0, math.ceil(10 * top + 0.2) / 10) if top <= 1 else top
    left = LETTER * max(len(_short(mark.label)) for mark in marks) + 12
    right = WIDTH - RIGHT
    width = WIDTH + (REPORTED if any(mark.reported is not None for mark in marks) else 0)

    def place(value: float) -> float:
        return round(left + (right - left) * value / end, 1)

    rows: list[Markup] = []
    y = 8
    for title, group in groups:
        rows.append(tag("text", title, x=0, y=y + 14, class_="question"))
        y += LINE
        for mark in group:
            rows.append(_row(mark, y, left, place))
            y += LINE
        y += 8
    svg = tag(
        "svg",
        _axis(end, y, place),
        rows,
        viewBox=f"0 0 {width} {y + 26}",
        role="img",
        class_="forest",
        aria_label="Scores with 95% intervals; the same figures stand in the table below.",
    )
    return tag("figure", tag("div", svg, class_="scroll"), tag("figcaption", caption))


def _row(mark: Mark, y: int, left: float, place: Callable[[float], float]) -> Markup:
    middle = y + LINE / 2
    kind = "run" if mark.own else "floor"
    parts = [tag("text", _short(mark.label), x=left - 10, y=middle + 4, text_anchor="end", class_=kind)]
    if mark.low is not None and mark.high is not None:
        low, high = place(mark.low), place(mark.high)
        parts.append(tag("line", x1=low, x2=high, y1=middle, y2=middle, class_=kind))
    parts.append(tag("circle", cx=place(mark.value), cy=middle, r=5, class_=kind))
    if mark.reported is not None:
        x = place(mark.reported)
        diamond = f"M{x} {middle - 6}l6 6l-6 6l-6 -6z"
        parts.append(tag("path", d=diamond, class_="reported"))
    parts.append(tag("text", mark.words, x=place(mark.most) + 9, y=middle + 4, class_=kind))
    return join(parts)


def _axis(end: float, bottom: int, place: Callable[[float], float]) -> Markup:
    step = 0.1 if end > 0.4 else 0.05
    ticks = [k * step for k in range(round(end / step) + 1)]
    return join(
        [
            tag("line", x1=place(t), x2=place(t), y1=4, y2=bottom, class_="tick"),
            tag("text", f"{t:.0%}", x=place(t), y=bottom + 18, text_anchor="middle", class_="tick"),
        ]
        for t in ticks
    )


def _short(label: str) -> str:
    half = LONGEST // 2 - 1
    return label if len(label) <= LONGEST else f"{label[:half]}…{label[-half:]}"
