"""Verdict: what was diagnosed, in a card with its evidence and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from kinfolk.records.findings import Finding
from kinfolk.report.columns import Column, Question, words
from kinfolk.report.document import Document
from kinfolk.report.figures import plain
from kinfolk.report.markup import Markup, grid, join, tag

HEALTHY = "healthy"


def show(question: Question, page: Document) -> Markup:
    """A card for each column that was diagnosed, side by side."""
    cards = [_card(column, finding, len(question.answers) > 1) for column, finding in question.answers.items()]
    return tag("div", tag("h3", question.title), tag("div", cards, class_="side"))


def name_of(finding: Finding) -> str:
    """The verdict in a word or two."""
    return str(finding.data.get("verdict", "undecided"))


def qualified(finding: Finding) -> str:
    """The verdict with what makes it unsure: ``healthy (only 30 test images looked at)``."""
    unsure = finding.data.get("unsure")
    return f"{name_of(finding)} ({', '.join(map(str, unsure))})" if unsure else name_of(finding)


def brief(finding: Finding) -> str:
    """The verdict with the evidence that says so: ``dimensional collapse, effective rank of z 3.10``."""
    name = name_of(finding)
    grave = [e for e in finding.data.get("evidence", []) if isinstance(e, dict) and e.get("says") == name != HEALTHY]
    return ", ".join([name, *[f"{e.get('name', '')} {plain(e.get('value'))}" for e in grave[:1]]])


def counted(questions: Sequence[Question]) -> Markup:
    """Of several runs: who was diagnosed with what."""
    said = []
    for question in questions:
        names: dict[str, list[str]] = {}
        for column, finding in question.runs.items():
            names.setdefault(name_of(finding), []).append(column.label)
        parts = [f"{found}: {', '.join(who)}" for found, who in names.items()]
        text = "; ".join(parts)
        said += [tag("p", f"{text[0].upper()}{text[1:]}.")] if len(question.runs) > 1 else []
    return join(said)


def _card(column: Column, finding: Finding, named: bool) -> Markup:
    evidence = [e for e in finding.data.get("evidence", []) if isinstance(e, dict)]
    header = ["evidence", "value", "threshold", "says"]
    rows = [[words(str(e.get("name", ""))), *[plain(e.get(k, "–")) for k in header[1:]]] for e in evidence]
    advice, also = finding.data.get("advice"), [str(name) for name in finding.data.get("also", [])]
    return tag(
        "article",
        tag("p", column.label, class_="who") if named else None,
        tag("p", name_of(finding), class_="verdict"),
        tag("p", finding.text) if finding.text else None,
        tag("p", f"Also found: {', '.join(also)}.") if also else None,
        grid(header, rows, f"evidence of {column.label}") if rows else None,
        tag("p", tag("strong", "What to do: "), str(advice)) if advice else None,
        class_="card",
    )
