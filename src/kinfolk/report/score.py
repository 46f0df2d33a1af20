"""Score: the table of values with intervals, beside the floors, and what the difference to them carries."""

from __future__ import annotations

from collections.abc import Sequence

from kinfolk.records.findings import Finding
from kinfolk.report import figures
from kinfolk.report.columns import Column, Question
from kinfolk.report.forest import forest
from kinfolk.report.markup import Markup, grid, join, tag

HEADLINES: tuple[tuple[str, dict[str, object]], ...] = (("linear_probe", {}), ("knn", {"k": 20}))


def show(questions: Sequence[Question], columns: Sequence[Column]) -> Markup:
    """First the scores that floors were measured on, with a picture; then the others."""
    beside = [q for q in questions if q.runs and any(c.floor for c in q.answers)]
    alone = [q for q in questions if q.runs and q not in beside]
    parts: list[object] = []
    if beside:
        shares = [q for q in beside if q.first.unit in figures.SHARES]
        parts.append(forest(shares) if shares else None)
        asked = [c for c in columns if any(c in q.answers for q in beside)]
        parts.append(_table(beside, asked, "Scores with 95 % intervals, beside the floors"))
    if alone:
        asked = [c for c in columns if any(c in q.answers for q in alone)]
        parts.append(_table(alone, asked, "Other figures, with 95 % intervals where they are known"))
        parts.append([tag("p", q.title, ": ", f.text) for q in alone for f in q.runs.values() if f.text])
    return join(parts)


def _table(questions: Sequence[Question], columns: Sequence[Column], caption: str) -> Markup:
    header = ["score", *[join([c.label, tag("small", " floor") if c.floor else None]) for c in columns]]
    rows = []
    for question in questions:
        unit = question.first.unit
        named = (
            unit if unit and unit not in figures.SHARES and unit.lower() not in question.title.lower() else ""
        )
        about = ", ".join(filter(None, [question.split, named, direction(question.first)]))
        first = join([question.title, tag("small", f" {about}")])
        rows.append([first, *[_cell(question, column) for column in columns]])
    return grid(header, rows, caption, "scores")


def _cell(question: Question, column: Column) -> Markup:
    finding = question.answers.get(column)
    if finding is None:
        return tag("td", "–", class_="none")
    interval = figures.interval(finding)
    parts: list[object] = [
        tag("strong" if not column.floor else "span", figures.value(finding.value, finding.unit))
    ]
    parts.append(tag("small", interval, class_="interval") if interval else None)
    floor = question.best_floor(column.run)
    if floor and not column.floor:
        parts.append(tag("small", beside(finding, *floor), class_="difference"))
    return tag("td", parts)


def direction(finding: Finding) -> str:
    """Which way is better, in words."""
    return {True: "higher is better", False: "lower is better", None: ""}[finding.higher_is_better]


def beside(finding: Finding, column: Column, other: Finding) -> str:
    """The difference to another column, in a few words: ``17.2 points better than pixels``."""
    if figures.overlap(finding, other):
        return f"equal to {column.label} within noise"
    word = "better" if figures.better(finding, other) else "worse"
    return f"{figures.apart(finding, other)} {word} than {column.label}"


def main_question(questions: Sequence[Question]) -> Question | None:
    """The score of the answer: the linear probe, else k-NN, else the first beside a floor, else the first."""
    answered = [q for q in questions if q.runs]
    for name, wanted in HEADLINES:
        for q in answered:
            if q.name == name and q.split != "train" and wanted.items() <= q.first.protocol.items():
                return q
    floored = [q for q in answered if any(c.floor for c in q.answers)]
    return next(iter(floored + answered), None)
