"""Explorer: what every address works on: the runs, their maps, and the desk for what takes long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kinfolk.explore.desk import Desk
from kinfolk.explore.maps import Atlas
from kinfolk.explore.shelf import Look, Shelf


class Explorer:
    """The state of one server."""

    def __init__(self, places: Sequence[Path], look: Look) -> None:
        self.shelf = Shelf(places, look)
        self.desk = Desk()
        self.atlas = Atlas(self.desk)

    def open(self, say: Callable[[str], None]) -> None:
        """Open all runs before anyone asks, and make what the first view needs; what is not embedded yet is."""
        for shown in self.shelf.runs.values():
            say(f"opening {shown.place}")
            shown.open(complete=True)
            if shown.problem:
                say(f"{shown.name}: {shown.problem}")
            for part in shown.parts.values():
                self.atlas.pca(shown, part)

    def close(self) -> None:
        """End what is being computed."""
        self.desk.close()
