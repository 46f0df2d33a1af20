"""Explorer: what every address works on: the runs, their maps, and the desk for what takes long."""

from __future__ import annotations

from collections.abc import Sequence
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

    def close(self) -> None:
        """End what is being computed."""
        self.desk.close()
