"""The image cache: a source decoded once into a uint8 memory map on disk, made by one process, opened by all.

An entry is a folder: ``pixels.npy`` (N, 3, S, S), ``kept.npy`` (the source positions of its rows),
``skipped.txt`` (what could not be decoded, and why) and ``entry.json``, written last: an entry without it
is unfinished. Rows are written in order and ``progress.json`` counts those that are safely on disk, so
that a build that was killed goes on where it stopped. Where the disk has no room for the pixels, the source is
read through once to know what is broken, and images are then decoded each time they are asked for. An entry that
nothing has opened for 60 days is removed when another one is built.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np

from kinfolk.core import files
from kinfolk.core.errors import RequestError, WorkError
from kinfolk.datasets import Source
from kinfolk.load import workers

Progress = Callable[[int, int], None]
RESERVE = 256 * 2**20
SECONDS_BETWEEN_SAVES = 0.1
DAYS_KEPT = 60.0


@dataclass
class Entry:
    """A finished entry: its pixels (N, 3, S, S), the source position of each row, and what was skipped."""

    pixels: Any
    kept: np.ndarray
    skipped: list[str]


@dataclass
class State:
    """How far a build is: positions consumed, and of those the ones that could not be decoded, with the reason."""

    stored: bool = True
    position: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Images written."""
        return self.position - len(self.bad)


def folder(key: str) -> Path:
    """Where the entry called ``key`` is kept."""
    return files.cache_folder() / "images" / key


def entry(
    key: str, source: Source, positions: np.ndarray, size: int, progress: Progress | None = None
) -> Entry:
    """Return the decoded images at ``positions`` of ``source``, building the entry if it is not there yet.

    Args:
        key: names the entry; the same key must always mean the same pixels.
        positions: int64 (n,), in the order of the rows.
        size: side of the images in pixels.
        progress: called with (done, total) while building.

    Returns:
        The entry; its pixels are a read-only memory map, or ``workers.Decoded`` where the disk has no room for them.

    Raises:
        RequestError: none of the images could be decoded.
        WorkError: the folder cannot be written.
    """
    home = folder(key)
    if not (home / "entry.json").exists():
        forget(home.parent)
    room = free_bytes(home) - RESERVE > len(positions) * 3 * size * size
    try:
        if _lacking(home, room):
            with files.lock(home / "lock", wait=True):
                if _lacking(home, room):
                    _build(home, source, positions, size, State(stored=room), progress)
        with contextlib.suppress(OSError):
            (home / "entry.json").touch()
        stored = json.loads((home / "entry.json").read_text("utf-8")).get("stored", True)
        skipped = (home / "skipped.txt").read_text("utf-8").splitlines()
        kept = np.load(home / "kept.npy")
    except OSError as error:
        raise WorkError(
            f"the image cache '{home.parent}' cannot be written: {error.strerror or error}. What is decoded so "
            "far is kept; set KINFOLK_CACHE to another disk, or lower the size or the limit."
        ) from None
    pixels = np.load(home / "pixels.npy", mmap_mode="r") if stored else workers.Decoded(source, kept, size)
    return Entry(pixels, kept, skipped)


def forget(folder: Path, days: float = DAYS_KEPT) -> None:
    """Remove the entries that nothing has opened for ``days``, finished or not."""
    for home in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            if home.is_dir() and time.time() - max(p.stat().st_mtime for p in (home, *home.iterdir())) > days * 86_400:
                shutil.rmtree(home)


def _lacking(home: Path, room: bool) -> bool:
    """Whether an entry is not there, or without pixels where there is room for them by now."""
    path = home / "entry.json"
    return not path.exists() or (room and not json.loads(path.read_text("utf-8")).get("stored", True))


def _build(
    home: Path, source: Source, positions: np.ndarray, size: int, start: State, progress: Progress | None
) -> None:
    state = _resumed(home, start)
    total, shape = len(positions), (3, size, size)
    target = home / "pixels.npy"
    if not state.stored:
        target.unlink(missing_ok=True)
    place, mode = (target if state.stored else os.devnull), ("r+b" if target.exists() else "w+b")
    with open(place, mode) as handle, ThreadPoolExecutor(1) as aside:
        if state.stored:
            handle.truncate(len(_header(0, shape)) + state.rows * int(np.prod(shape)))
            handle.seek(0, os.SEEK_END)
        saving, begun = None, time.monotonic()
        with contextlib.closing(workers.blocks(source, positions[state.position :], size)) as blocks:
            for part, pixels, bad in blocks:
                if state.stored:
                    handle.write(pixels)
                state.bad += sorted(bad.items())
                state.position += len(part)
                if progress is not None:
                    progress(state.position, total)
                if time.monotonic() - begun > SECONDS_BETWEEN_SAVES and (saving is None or saving.done()):
                    _outcome(saving)
                    begun = time.monotonic()
                    saving = aside.submit(_save, home, handle, replace(state, bad=[*state.bad]))
        _outcome(saving)
        if not state.rows:
            first = "; ".join(reason for _, reason in state.bad[:3])
            raise RequestError(f"none of the {total} images could be decoded: {first}.")
        if state.stored:
            handle.seek(0)
            handle.write(_header(state.rows, shape))
        _synced(handle, state)
    _finish(home, positions, state)


def _save(home: Path, handle: IO[bytes], state: State) -> None:
    """Bring what was written to the disk, then say so; this goes on beside the decoding."""
    _synced(handle, state)
    files.write_text(home / "progress.json", json.dumps(vars(state)))


def _outcome(saving: Future[None] | None) -> None:
    if saving is not None:
        saving.result()


def _synced(handle: IO[bytes], state: State) -> None:
    if state.stored:
        handle.flush()
        os.fsync(handle.fileno())


def _finish(home: Path, positions: np.ndarray, state: State) -> None:
    kept = np.setdiff1d(positions, [position for position, _ in state.bad], assume_unique=True)
    with files.replacing(home / "kept.npy") as partial, open(partial, "wb") as handle:
        np.save(handle, kept.astype(np.int64))
    files.write_text(home / "skipped.txt", "".join(" ".join(reason.split()) + "\n" for _, reason in state.bad))
    files.write_text(home / "entry.json", json.dumps({"images": state.rows, "stored": state.stored}))
    (home / "progress.json").unlink(missing_ok=True)


def _header(rows: int, shape: tuple[int, ...]) -> bytes:
    """The first bytes of the ``.npy`` file, equally many for any number of rows: NumPy leaves room for growth."""
    text = BytesIO()
    np.lib.format.write_array_header_1_0(text, {"descr": "|u1", "fortran_order": False, "shape": (rows, *shape)})
    return text.getvalue()


def _resumed(home: Path, start: State) -> State:
    """The state that an interrupted build of the same kind has left, else ``start``."""
    try:
        state = State(**json.loads((home / "progress.json").read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return start
    return state if state.stored == start.stored and (home / "pixels.npy").exists() == state.stored else start


def free_bytes(path: Path) -> int:
    """Free space on the disk that holds ``path``, which need not exist yet."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
