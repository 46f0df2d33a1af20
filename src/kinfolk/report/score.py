"""Score: the table of values with intervals, beside the floors, and what the difference to them carries."""

from __future__ import annotations

from collections.abc import Sequence

from kinfolk.records.findings import Finding
from kinfolk.report import figures
from kinfolk.report.columns import Column, Question
from kinfolk.report.forest import forest
from kinfolk.report.markup import Markup, grid, join, tag

HEADLINES: tuple[tuple[str, dict[str, object]], ...] = (("linear_probe", {}), ("knn", {"k": 20}))

BEHIND = {
    True: "equal to it within noise:",
    False: "worse by more than the noise of the test set:",
    None: "worse by an amount whose noise is not known:",
}


def show(questions: Sequence[Question], columns: Sequence[Column]) -> Markup:
    """First the scores that floors were measured on, with a picture; then the others."""
    beside = [q for q in questions if q.runs and any(not c.own for c in q.answers)]
    alone = [q for q in questions if q.runs and q not in beside]
    parts: list[object] = []
    if beside:
        main = headlines(beside)
        parts.append([_said(question) for question in main])
        parts.append(forest([q for q in main if q.first.unit in figures.SHARES]))
        asked = [c for c in columns if any(c in q.answers for q in beside)]
        parts.append(_table(beside, asked, "Scores with 95% intervals, beside the floors"))
    if alone:
        asked = [c for c in columns if any(c in q.answers for q in alone)]
        parts.append(_table(alone, asked, "Other figures, with 95% intervals where they are known"))
        parts.append([tag("p", q.who(c), f.text) for q in alone for c, f in q.runs.items() if f.text])
    return join(parts)


def _said(question: Question) -> Markup:
    """What a headline says: of one run, its distance to the floors; of several, their order."""
    if len(question.runs) > 1:
        return tag("p", ranking(question))
    said = [" ".join([f.text, against_floor(column, question)]) for column, f in question.runs.items()]
    return join(tag("p", text) for text in said)


def _table(questions: Sequence[Question], columns: Sequence[Column], caption: str) -> Markup:
    header = ["score", *[join([c.label, tag("small", " floor") if c.floor else None]) for c in columns]]
    rows = []
    for question in questions:
        unit = question.first.unit
        named = unit if unit and unit not in figures.SHARES and unit.lower() not in question.title.lower() else ""
        about = ", ".join(filter(None, [question.place, named, direction(question.first)]))
        first = join([question.title, tag("small", f" {about}")])
        rows.append([first, *[_cell(question, column) for column in columns]])
    return grid(header, rows, caption, caption, "scores")


def _cell(question: Question, column: Column) -> Markup:
    finding = question.answers.get(column)
    if finding is None:
        return tag("td", "–", class_="none")
    interval = figures.interval(finding)
    parts: list[object] = [tag("strong" if column.own else "span", figures.value(finding.value, finding.unit))]
    parts.append(tag("small", interval, class_="interval") if interval else None)
    floor = question.best_floor(column.run)
    if floor and column.own:
        parts.append(tag("small", beside(finding, *floor), class_="difference"))
    return tag("td", parts)


def direction(finding: Finding) -> str:
    """Which way is better, in words."""
    return {True: "higher is better", False: "lower is better", None: ""}[finding.higher_is_better]


def beside(finding: Finding, column: Column, other: Finding) -> str:
    """The difference to another column, in a few words: ``17.2 points better than pixels``."""
    overlap = figures.overlap(finding, other)
    if overlap:
        return f"equal to {column.label} within noise"
    word = "better" if figures.better(finding, other) else "worse"
    unknown = ", noise unknown" if overlap is None else ""
    return f"{figures.apart(finding, other)} {word} than {column.label}{unknown}"


def against_floor(column: Column, question: Question) -> str:
    """A sentence: the distance of a run to the best floor, and whether it is more than noise."""
    finding, floor = question.answers[column], question.best_floor(column.run)
    if floor is None:
        return "No floor was measured beside it."
    other, value = floor
    shown = f"the best floor, {other.label} ({figures.value(value.value, value.unit)})"
    overlap = figures.overlap(finding, value)
    if overlap:
        return f"Equal to {shown} within noise: the intervals overlap."
    word = "better" if figures.better(finding, value) else "worse"
    carried = "the intervals do not overlap" if overlap is False else "how much of it is noise is not known"
    return f"{figures.apart(finding, value)} {word} than {shown}: {carried}."


def ranking(main: Question) -> str:
    """The foremost run, which others equal it within noise, and how far the rest lie behind it."""
    known = {c: f for c, f in main.runs.items() if f.value is not None}
    if len(known) < 2 or main.first.higher_is_better is None:
        return ""
    (first, most), *rest = sorted(
        known.items(), key=lambda pair: pair[1].value or 0.0, reverse=bool(main.first.higher_is_better)
    )
    word = "highest" if main.first.higher_is_better else "lowest"
    parts = [f"{main.title}: {word} for {first.label} ({figures.value(most.value, most.unit)})"]
    for overlap, said in BEHIND.items():
        names = [
            f"{c.label}" if overlap else f"{c.label} ({figures.apart(most, f)})"
            for c, f in rest
            if figures.overlap(most, f) is overlap
        ]
        parts += [f"{said} {', '.join(names)}"] if names else []
    return "; ".join(parts) + "."


def headlines(questions: Sequence[Question]) -> list[Question]:
    """The scores to show first: linear probe and k-NN, else one where more is better, beside a floor if any is."""
    answered = [q for q in questions if q.runs]
    found = [
        q
        for name, wanted in HEADLINES
        for q in answered
        if q.name == name and q.split != "train" and wanted.items() <= q.first.protocol.items()
    ]
    rising = [q for q in answered if q.first.higher_is_better]
    floored = [q for q in rising if any(c.floor for c in q.answers)]
    return found or floored[:1] or rising[:1] or answered[:1]
