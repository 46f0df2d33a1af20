"""Show: a comparison in a terminal."""

from __future__ import annotations

import sys

from kinfolk.compare.frame import Outcome


def show(outcome: Outcome) -> None:
    """Print the main table of a comparison, and what is said of it."""
    from rich.console import Console
    from rich.table import Table

    header, *rows = outcome.grid()
    shown = Table(*header, box=None, pad_edge=False)
    for row in rows:
        shown.add_row(*row)
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)
    console.print(shown)
    for line in outcome.remarks():
        console.print(line, soft_wrap=True)
