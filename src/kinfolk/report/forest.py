"""Forest: scores as points with their intervals on one axis, drawn as plain SVG that needs no script."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kinfolk.records.findings import Finding
from kinfolk.report import figures
from kinfolk.report.columns import Column, Question
from kinfolk.report.markup import Markup, join, tag

LEFT, RIGHT, WIDTH, LINE = 118, 62, 520, 22


def forest(questions: Sequence[Question]) -> Markup:
    """One row for each score and column; runs are filled marks, floors open ones."""
    if not questions:
        return join([])
    known = [f for q in questions for f in q.answers.values() if f.value is not None]
    top = max([f.high if f.high is not None else f.value or 0.0 for f in known], default=1.0)
    end = min(1.0, math.ceil(10 * top + 0.2) / 10) if top <= 1 else top
    ceilings = any(column.ceiling for q in questions for column in q.answers)
    above = ", and a ceiling, which was given labels" if ceilings else ""
    rows: list[Markup] = []
    y = 8
    for question in questions:
        rows.append(tag("text", question.title, x=0, y=y + 14, class_="question"))
        y += LINE
        for column, finding in question.answers.items():
            rows.append(_row(column, finding, y, end))
            y += LINE
        y += 8
    return tag(
        "figure",
        tag(
            "svg",
            _axis(end, y),
            rows,
            viewBox=f"0 0 {WIDTH} {y + 26}",
            role="img",
            class_="forest",
            aria_label="Scores with 95% intervals; the same figures stand in the table below.",
        ),
        tag(
            "figcaption",
            f"Filled: trained. Open: floors, which learned nothing{above}. The line is the 95% interval.",
        ),
    )


def _place(value: float, end: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * value / end, 1)


def _row(column: Column, finding: Finding, y: int, end: float) -> Markup:
    if finding.value is None:
        return join([])
    middle = y + LINE / 2
    kind = "run" if column.own else "floor"
    parts = [tag("text", _short(column.label), x=LEFT - 10, y=middle + 4, text_anchor="end", class_=kind)]
    if finding.low is not None and finding.high is not None:
        parts.append(
            tag(
                "line",
                x1=_place(finding.low, end),
                x2=_place(finding.high, end),
                y1=middle,
                y2=middle,
                class_=kind,
            )
        )
        after = max(finding.high, finding.value)
    else:
        after = finding.value
    parts.append(tag("circle", cx=_place(finding.value, end), cy=middle, r=5, class_=kind))
    shown = figures.value(finding.value, finding.unit)
    parts.append(tag("text", shown, x=_place(after, end) + 9, y=middle + 4, class_=kind))
    return join(parts)


def _axis(end: float, bottom: int) -> Markup:
    step = 0.1 if end > 0.4 else 0.05
    ticks = [k * step for k in range(round(end / step) + 1)]
    return join(
        [
            [
                tag("line", x1=_place(t, end), x2=_place(t, end), y1=4, y2=bottom, class_="tick"),
                tag(
                    "text",
                    f"{t:.0%}",
                    x=_place(t, end),
                    y=bottom + 18,
                    text_anchor="middle",
                    class_="tick",
                ),
            ]
            for t in ticks
        ]
    )


def _short(label: str) -> str:
    return label if len(label) <= 15 else f"{label[:7]}…{label[-7:]}"
