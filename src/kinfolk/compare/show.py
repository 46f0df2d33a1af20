"""Show: tables in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from kinfolk.compare.frame import Outcome
from kinfolk.compare.scores import cell, table
from kinfolk.records.findings import Finding


def findings(found: Sequence[Finding]) -> None:
    """The score table of some subjects, and the sentences of what is not a score."""
    subjects, rows = table(found)
    drawn = Table("score", *subjects, box=None, pad_edge=False)
    for row in rows:
        drawn.add_row(f"{row.name} {f'({row.detail})' if row.detail else ''}", *(cell(c) for c in row.cells))
    console = terminal()
    if rows:
        console.print(drawn)
    for finding in found:
        if finding.text and finding.subject == found[0].subject and finding.kind != "score":
            console.print(f"{finding.name}: {finding.text}")


def outcome(compared: Outcome) -> None:
    """The main table of a comparison, and what is said of it."""
    header, *rows = compared.grid()
    drawn = Table(*header, box=None, pad_edge=False)
    for row in rows:
        drawn.add_row(*row)
    console = terminal()
    console.print(drawn)
    for line in compared.remarks():
        console.print(line, soft_wrap=True)


def terminal() -> Console:
    """Stdout as wide as it is, or 160 columns where it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)
