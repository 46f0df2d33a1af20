"""Curve: series of values against a quantity, side by side with the same axes."""

from __future__ import annotations

from dataclasses import replace

from kinfolk.records.findings import Finding
from kinfolk.report import lines
from kinfolk.report.columns import Question
from kinfolk.report.document import Document
from kinfolk.report.markup import Markup, tag

MANY = 3  # columns; more are drawn into one figure for each series


def show(question: Question, page: Document) -> Markup:
    """A figure for every column, its series in it; of many columns one for every series, the columns in it."""
    figures = _across(question, page) if len(question.answers) > MANY else _each(question, page)
    texts = [tag("li", question.who(c), f.text) for c, f in question.runs.items() if f.text]
    folded = tag("details", tag("summary", "in words"), tag("ul", texts)) if len(question.answers) > MANY else None
    class_ = "full" if len(figures) > 1 else None
    return tag("div", tag("h3", question.title), tag("div", figures, class_="side"), folded, class_=class_)


def _each(question: Question, page: Document) -> list[Markup]:
    figures = []
    for column, finding in question.answers.items():
        series = _series(finding)
        labels = str(finding.data.get("x_label", "")), str(finding.data.get("y_label", ""))
        plot = lines.figure(series, *labels, _references(finding), str(finding.data.get("log", "")))
        alt = f"{question.title} of {column.label}. {lines.alt(series, *labels)}"
        caption = tag("figcaption", question.who(column), finding.text)
        figures.append(tag("figure", caption, page.plot(plot, alt)))
    return figures


def _across(question: Question, page: Document) -> list[Markup]:
    """One figure for every series, with a line for each column that has it; floors are faint."""
    first = question.first
    labels = str(first.data.get("x_label", "")), str(first.data.get("y_label", ""))
    figures = []
    for name in dict.fromkeys(name for f in question.answers.values() for name in f.data.get("series", {})):
        series = [
            replace(line, name=column.label, faint=not column.own)
            for column, finding in question.answers.items() for line in _series(finding) if line.name == name
        ]
        plot = lines.figure(series, *labels, _references(first), str(first.data.get("log", "")))
        alt = f"{question.title}, {name}. {lines.alt(series, *labels)}"
        figures.append(tag("figure", tag("figcaption", tag("strong", name)), page.plot(plot, alt)))
    return figures


def _references(finding: Finding) -> dict[str, float]:
    return {str(k): float(v) for k, v in finding.data.get("lines", {}).items()}


def _series(finding: Finding) -> list[lines.Line]:
    x = finding.data.get("x", [])
    return [lines.Line(x[: len(y)], y[: len(x)], str(name)) for name, y in finding.data.get("series", {}).items()]
