"""Shelf: the runs that are shown, each opened once; what cannot be opened is shown with the reason."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kinfolk.compare.members import folders_of
from kinfolk.core import files
from kinfolk.core.errors import KinfolkError, RequestError
from kinfolk.core.lines import say
from kinfolk.explore.part import Part
from kinfolk.explore.refusal import Refusal
from kinfolk.records import findings
from kinfolk.records.findings import Finding
from kinfolk.records.run import Run
from kinfolk.records.subject import Subject

State = Literal["training", "unfinished", "finished", "findings"]
Look = Callable[[Path, bool], Subject]
FLOORS = ("pixels", "histogram", "random")
CEILING = "ceiling: "
ALIVE = 120.0
RETRY = 5.0


class Shown:
    """One run, features file or folder of findings.

    Attributes:
        key: its name in addresses.
        name: its name for people.
        place: where it lies.
    """

    def __init__(self, key: str, place: Path, look: Look) -> None:
        self.key, self.place, self._look = key, place, look
        self._lock = threading.Lock()
        self._subject: Subject | None = None
        self._problem = ""
        self._tried = -RETRY
        self._parts: dict[str, Part] = {}
        self._kept: dict[str, tuple[tuple[int, int], Any]] = {}

    @property
    def name(self) -> str:
        """The folder's name, or that of the features file."""
        return self.place.stem if self.place.is_file() else self.place.resolve().name

    @cached_property
    def run(self) -> Run | None:
        """The run, where it is one."""
        return Run(self.place) if Run(self.place).exists else None

    @property
    def state(self) -> State:
        """A run is training if its log grew in the last two minutes and something is left to resume."""
        if self.run is None or self.run.finished:
            return "findings" if self.run is None else "finished"
        log = self.place / "log.jsonl"
        return "training" if log.is_file() and time.time() - log.stat().st_mtime < ALIVE else "unfinished"

    @property
    def findings(self) -> list[Finding]:
        """All findings of the folder, read again when they change."""
        found: list[Finding] = self._reading("findings.jsonl", lambda: found_in(self.place))
        return found

    @property
    def log(self) -> list[dict[str, Any]]:
        """The rows of the log, read again when it grows."""
        found: list[dict[str, Any]] = self._reading("log.jsonl", lambda: files.read_lines(self.place / "log.jsonl"))
        return [row for row in found if isinstance(row, dict)]

    @property
    def own(self) -> str:
        """The name under which the run's own findings stand."""
        names = [f.subject for f in self.findings if f.subject not in FLOORS and not f.subject.startswith(CEILING)]
        return self.name if self.name in names or not names else names[0]

    def open(self, complete: bool = False) -> None:
        """Open images and features if they are not open; ``problem`` then says what is in the way."""
        with self._lock:
            if self._subject is not None or not complete and time.monotonic() - self._tried < RETRY:
                return
            self._tried = time.monotonic()
            if self.run is not None and not self.run.finished:
                self._problem = "The training of this run has not finished: there are no features of its images yet."
                return
            try:
                subject = self._look(self.place, complete)
                self._parts = {
                    role: Part(role, subject.features[role, "h"], subject.images.get(role))
                    for role in ("train", "test") if (role, "h") in subject.features
                }
                self._subject, self._problem = subject, ""
            except (KinfolkError, OSError) as error:
                self._problem = f"{error}"

    @property
    def problem(self) -> str:
        """Why images and neighbours are missing; empty where they are there."""
        self.open()
        return self._problem

    @property
    def parts(self) -> dict[str, Part]:
        """What is open, by role; empty where there is a problem."""
        self.open()
        return self._parts

    @property
    def encode(self) -> Callable[[np.ndarray], np.ndarray] | None:
        """Pixels uint8 (n, 3, H, W) -> features; None where there is no encoder."""
        self.open()
        return self._subject.encode if self._subject else None

    def part(self, role: str) -> Part:
        """One split.

        Raises:
            Refusal: it is not there.
        """
        found = self.parts.get(role)
        if found is None:
            raise Refusal(409, self._problem) if self._problem else Refusal(404, f"{self.name} has no {role} images.")
        return found

    def sections(self, split: str) -> list[Part]:
        """The parts of ``train``, ``test`` or ``all``."""
        return [self.part(role) for role in (list(self.parts) or ["train"] if split == "all" else [split])]

    def _reading(self, name: str, read: Callable[[], Any]) -> Any:
        place = self.place / name
        stamp = (place.stat().st_mtime_ns, place.stat().st_size) if place.is_file() else (0, 0)
        kept = self._kept.get(name)
        if kept is None or kept[0] != stamp:
            kept = self._kept[name] = stamp, read()
        return kept[1]


def found_in(place: Path) -> list[Finding]:
    """The findings of a folder; those of a damaged one are none, and the terminal says why."""
    from safetensors import SafetensorError

    try:
        return findings.load(place)
    except (TypeError, ValueError, OSError, SafetensorError) as error:
        say(f"the findings of '{place}' cannot be read: {error}")
        return []


class Shelf:
    """All that is shown, by key."""

    def __init__(self, places: Sequence[Path], look: Look) -> None:
        self.runs: dict[str, Shown] = {}
        for place in places:
            key = self._key(place)
            self.runs[key] = Shown(key, place, look)

    def get(self, key: str) -> Shown:
        """One of them; Refusal 404 if there is none of this key."""
        if key not in self.runs:
            raise Refusal(404, f"no run '{key[:60]}' here; there are: {', '.join(self.runs)}.")
        return self.runs[key]

    def _key(self, place: Path) -> str:
        own = place.stem if place.is_file() else place.resolve().name
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", own).strip("-") or "run"
        number = 2
        key = name
        while key in self.runs:
            key, number = f"{name}.{number}", number + 1
        return key


def checked(places: Sequence[Path]) -> list[Path]:
    """The places, each of them something that can be shown, and none twice; a folder of runs stands for its runs.

    Raises:
        RequestError: what is wrong with one of them.
    """
    found: list[Path] = []
    for place in places:
        vectors = place.suffix in (".npz", ".parquet") and place.is_file()
        if not vectors and not place.exists():
            raise RequestError(f"'{place}' does not exist; kinfolk explore takes run folders and features files.")
        alone = vectors or (place / "findings.jsonl").is_file()
        for inside in [place] if alone else folders_of([place]):
            if inside.resolve() in [known.resolve() for known in found]:
                raise RequestError(f"'{inside}' was given twice.")
            found.append(inside)
    return found
