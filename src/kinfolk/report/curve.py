"""Curve: series of values against a quantity, one figure a column with the same axis."""

from __future__ import annotations

from kinfolk.records.findings import Finding
from kinfolk.report import lines
from kinfolk.report.columns import Question
from kinfolk.report.document import Document
from kinfolk.report.markup import Markup, tag


def show(question: Question, page: Document) -> Markup:
    """The curves of every column side by side."""
    figures = []
    for column, finding in question.answers.items():
        series = _series(finding)
        labels = str(finding.data.get("x_label", "")), str(finding.data.get("y_label", ""))
        references = {str(k): float(v) for k, v in finding.data.get("lines", {}).items()}
        plot = lines.figure(series, *labels, references, str(finding.data.get("log", "")))
        alt = f"{question.title} of {column.label}. {lines.alt(series, *labels)}"
        caption = tag("figcaption", question.who(column), finding.text)
        figures.append(tag("figure", caption, page.plot(plot, alt)))
    class_ = "full" if len(figures) > 1 else None
    return tag("div", tag("h3", question.title), tag("div", figures, class_="side"), class_=class_)


def _series(finding: Finding) -> list[lines.Line]:
    x = finding.data.get("x", [])
    return [lines.Line(x[: len(y)], y[: len(x)], str(name)) for name, y in finding.data.get("series", {}).items()]
