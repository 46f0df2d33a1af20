"""Table: rows as a finding gives them, at most a hundred of them."""

from __future__ import annotations

from kinfolk.records.findings import Finding
from kinfolk.report.columns import Column, Question
from kinfolk.report.document import Document
from kinfolk.report.figures import plain
from kinfolk.report.markup import Markup, grid, tag

ROWS = 100


def show(question: Question, page: Document) -> Markup:
    """The tables of every column side by side."""
    shown = [
        tag("div", tag("p", question.who(column), finding.text), _table(finding, question, column))
        for column, finding in question.answers.items()
    ]
    return tag("div", tag("h3", question.title), tag("div", shown, class_="side"))


def _table(finding: Finding, question: Question, column: Column) -> Markup:
    rows = [[plain(cell) for cell in row] for row in finding.data.get("rows", []) if row]
    caption = f"The first {ROWS} of {len(rows)} rows" if len(rows) > ROWS else ""
    header = [str(name) for name in finding.data.get("columns", [])]
    return grid(header, rows[:ROWS], f"{question.title} of {column.label}", caption)
