"""Show: a comparison in a terminal."""

from __future__ import annotations

import sys

from kinfolk.compare.frame import Outcome

TOGETHER = ("to base", "reported", "images", "M param.")


def show(outcome: Outcome) -> None:
    """Print the main table of a comparison, and what is said of it."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)
    for block in blocks(outcome.grid(), console.width):
        header, *rows = block
        shown = Table(*header, box=None, pad_edge=False)
        for row in rows:
            shown.add_row(*row)
        console.print(shown, "")
    for line in outcome.remarks():
        console.print(line, soft_wrap=True)


def blocks(grid: list[list[str]], width: int) -> list[list[list[str]]]:
    """The table in pieces that fit a width, each with the first two columns; a score keeps what belongs to it."""
    columns = list(zip(*grid, strict=True))
    wide = [max(map(len, column)) + 2 for column in columns]
    groups: list[list[int]] = []
    for k in range(2, len(columns)):
        if columns[k][0] in TOGETHER and groups:
            groups[-1].append(k)
        else:
            groups.append([k])
    pieces: list[list[int]] = [[0, 1]]
    for group in groups:
        if len(pieces[-1]) > 2 and sum(wide[k] for k in [*pieces[-1], *group]) > width:
            pieces.append([0, 1])
        pieces[-1] += group
    return [[[row[k] for k in piece] for row in grid] for piece in pieces]
