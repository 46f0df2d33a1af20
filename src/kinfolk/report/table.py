"""Table: rows as a finding gives them, at most a hundred of them."""

from __future__ import annotations

from kinfolk.records.findings import Finding
from kinfolk.report.columns import Question
from kinfolk.report.document import Document
from kinfolk.report.figures import plain
from kinfolk.report.markup import Markup, grid, tag

ROWS = 100


def show(question: Question, page: Document) -> Markup:
    """The tables of every column side by side."""
    shown = [
        tag(
            "div",
            _table(finding, f"{question.title}, {column.label}"),
            tag("p", finding.text) if finding.text else None,
        )
        for column, finding in question.answers.items()
    ]
    return tag("div", tag("h3", question.title), tag("div", shown, class_="side"))


def _table(finding: Finding, caption: str) -> Markup:
    rows = [[plain(cell) for cell in row] for row in finding.data.get("rows", []) if row]
    if len(rows) > ROWS:
        caption = f"{caption}: the first {ROWS} of {len(rows)} rows"
    return grid([str(c) for c in finding.data.get("columns", [])], rows[:ROWS], caption)
