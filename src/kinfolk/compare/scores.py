"""Scores: the findings of subjects side by side, one row a score."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kinfolk.records.findings import Finding

HEADLINES = ("knn", "linear_probe")
SHARES = ("accuracy", "share", "precision")
"""Units that are told in per cent."""
MANY = 8
"""Rows of one name on a terminal; where others have no more, of more only the number is said."""


@dataclass(frozen=True)
class Row:
    """One score under one protocol: each subject's finding, in the order of the table's columns."""

    name: str
    detail: str
    unit: str
    cells: tuple[Finding | None, ...]


def table(findings: Iterable[Finding]) -> tuple[list[str], list[Row]]:
    """Lay out the scores: subjects as columns (the runs first, then floors), headline scores on top.

    Scores of kept epochs are left out: their curves stand for them.
    """
    scores = [f for f in findings if f.kind == "score" and "epoch" not in f.protocol]
    subjects = list(dict.fromkeys(f.subject for f in scores))
    differing = {f.name: telling(g for g in scores if g.name == f.name) for f in scores}
    rows: dict[tuple[str, str, str], dict[str, Finding]] = {}
    for f in scores:
        said = [f"{k} {f.protocol[k]}" for k in differing[f.name] if k in f.protocol]
        rows.setdefault((f.name, ", ".join(said), f.unit), {})[f.subject] = f
    order = sorted(rows, key=lambda key: HEADLINES.index(key[0]) if key[0] in HEADLINES else len(HEADLINES))
    return subjects, [Row(*key, tuple(rows[key].get(s) for s in subjects)) for key in order]


def telling(findings: Iterable[Finding]) -> list[str]:
    """The protocol's keys that tell findings of one name and subject apart, such as ``k`` or ``layer``."""
    seen: dict[tuple[str, str], set[str]] = {}
    for f in findings:
        for key, value in f.protocol.items():
            seen.setdefault((f.subject, key), set()).add(str(value))
    return list(dict.fromkeys(key for (_, key), values in seen.items() if len(values) > 1))


def cell(finding: Finding | None) -> str:
    """A score as text: per cent with its interval for shares, else three digits."""
    if finding is None or finding.value is None:
        return ""
    if finding.unit in SHARES:
        text = f"{100 * finding.value:.1f}"
        if finding.low is not None and finding.high is not None:
            text += f" [{100 * finding.low:.1f}, {100 * finding.high:.1f}]"
        return text
    text = f"{finding.value:.3g}"
    if finding.low is not None and finding.high is not None:
        text += f" [{finding.low:.3g}, {finding.high:.3g}]"
    return text


def show(found: Sequence[Finding]) -> None:
    """Print the score table and the sentences of what is not a score, the verdict with its advice."""
    from rich.console import Console
    from rich.table import Table

    subjects, rows = table(found)
    counts = Counter(row.name for row in rows)
    many = {n: count for n, count in counts.items() if count > MANY} if min(counts.values(), default=0) <= MANY else {}
    shown = Table("score", *subjects, box=None, pad_edge=False)
    for row in (row for row in rows if row.name not in many):
        shown.add_row(f"{row.name} {f'({row.detail})' if row.detail else ''}", *(cell(c) for c in row.cells))
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    if rows:
        console.print(shown)
    for name, count in many.items():
        console.print(f"{name}: {count} scores, in the report")
    for finding in found:
        if finding.text and finding.subject == found[0].subject and finding.kind != "score":
            console.print(f"{finding.name}: {finding.text}", markup=False)
            if "advice" in finding.data:
                console.print(finding.data["advice"], markup=False)
