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
import io
import json
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from kinfolk.core import decode, files
from kinfolk.core.errors import RequestError, WorkError
from kinfolk.datasets import Source

Progress = Callable[[int, int], None]
BLOCK = 64
PART = 16
RESERVE = 256 * 2**20
SECONDS_BETWEEN_SAVES = 2.0
DAYS_KEPT = 60.0


@dataclass
class Entry:
    """A finished entry: its pixels (N, 3, S, S), the source position of each row, and what was skipped."""

    pixels: Any
    kept: np.ndarray
    skipped: list[str]


@dataclass
class State:
    """How far a build is: positions consumed, rows written, images skipped."""

    stored: bool = True
    position: int = 0
    kept: list[int] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


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
        The entry; its pixels are a read-only memory map, or ``Decoded`` where the disk has no room for them.

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
    pixels = np.load(home / "pixels.npy", mmap_mode="r") if stored else Decoded(source, kept, size)
    return Entry(pixels, kept, skipped)


def forget(folder: Path, days: float = DAYS_KEPT) -> None:
    """Remove the entries that nothing has opened for ``days``, finished or not."""
    for home in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            if home.is_dir() and time.time() - max(p.stat().st_mtime for p in (home, *home.iterdir())) > days * 86_400:
                shutil.rmtree(home)


class Decoded:
    """Images decoded each time they are asked for, behind the face of an array uint8 (N, 3, S, S).

    Rows are asked for by a position, a slice or an array of positions; all cores decode, JPEGs at reduced scale.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, source: Source, kept: np.ndarray, size: int) -> None:
        self._source, self._kept, self._size = source, kept, size
        self._pool = ThreadPoolExecutor(available_cores())
        self.shape = (len(kept), 3, size, size)

    @property
    def nbytes(self) -> int:
        """What all images together would take."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: int | slice | np.ndarray) -> np.ndarray:
        positions = np.atleast_1d(self._kept[rows])
        parts = [positions[i : i + PART] for i in range(0, len(positions), PART)]
        with decode.quiet():
            done = list(self._pool.map(lambda part: _decode(self._source, part, self._size), parts))
        for _, bad in done:
            for reason in bad.values():
                raise WorkError(f"an image has changed since it was first read: {reason}.")
        pixels = np.concatenate([p for p, _ in done]) if done else np.empty((0, *self.shape[1:]), np.uint8)
        return pixels[0] if np.ndim(self._kept[rows]) == 0 else pixels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or np.uint8, copy=False)


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
    with open(target if state.stored else os.devnull, "r+b" if target.exists() else "w+b") as handle, decode.quiet():
        if state.stored:
            handle.truncate(len(_header(0, shape)) + len(state.kept) * int(np.prod(shape)))
            handle.seek(0, os.SEEK_END)
        saved = time.monotonic()
        for done, block, bad in _blocks(source, positions[state.position :], size):
            if state.stored:
                handle.write(block.tobytes())
            state.kept += [p for p in done.tolist() if p not in bad]
            state.skipped += [bad[p] for p in sorted(bad)]
            state.position += len(done)
            if progress is not None:
                progress(state.position, total)
            if time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                _synced(handle, state)
                files.write_text(home / "progress.json", json.dumps(vars(state)))
                saved = time.monotonic()
        if not state.kept:
            first = "; ".join(state.skipped[:3])
            raise RequestError(f"none of the {total} images could be decoded: {first}.")
        if state.stored:
            handle.seek(0)
            handle.write(_header(len(state.kept), shape))
        _synced(handle, state)
    _finish(home, state)


def _synced(handle: IO[bytes], state: State) -> None:
    if state.stored:
        handle.flush()
        os.fsync(handle.fileno())


def _finish(home: Path, state: State) -> None:
    with files.replacing(home / "kept.npy") as partial, open(partial, "wb") as handle:
        np.save(handle, np.array(state.kept, dtype=np.int64))
    files.write_text(home / "skipped.txt", "".join(" ".join(line.split()) + "\n" for line in state.skipped))
    files.write_text(home / "entry.json", json.dumps({"images": len(state.kept), "stored": state.stored}))
    (home / "progress.json").unlink(missing_ok=True)


def _header(rows: int, shape: tuple[int, ...]) -> bytes:
    """The first bytes of the ``.npy`` file, equally many for any number of rows: NumPy leaves room for growth."""
    text = io.BytesIO()
    np.lib.format.write_array_header_1_0(text, {"descr": "|u1", "fortran_order": False, "shape": (rows, *shape)})
    return text.getvalue()


def _resumed(home: Path, start: State) -> State:
    """The state that an interrupted build of the same kind has left, else ``start``."""
    try:
        state = State(**json.loads((home / "progress.json").read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return start
    return state if state.stored == start.stored and (home / "pixels.npy").exists() == state.stored else start


def _blocks(
    source: Source, positions: np.ndarray, size: int
) -> Iterator[tuple[np.ndarray, np.ndarray, dict[int, str]]]:
    """Decode in order, a block at a time: positions, pixels of the good ones, the reason for each bad one."""
    workers = available_cores()
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[tuple[np.ndarray, Future[tuple[np.ndarray, dict[int, str]]]]] = deque()
        for start in range(0, len(positions), BLOCK):
            block = positions[start : start + BLOCK]
            waiting.append((block, pool.submit(_decode, source, block, size)))
            if len(waiting) > 2 * workers:
                first, future = waiting.popleft()
                yield first, *future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, *future.result()


def _decode(source: Source, positions: np.ndarray, size: int) -> tuple[np.ndarray, dict[int, str]]:
    """Pixels (n, 3, S, S) of the images that can be decoded, and by position why the others cannot."""
    pixels = np.empty((len(positions), 3, size, size), dtype=np.uint8)
    bad: dict[int, str] = {}
    row = 0
    for position in positions.tolist():
        try:
            pixels[row] = decode.fit(source.decode(position, size), size).transpose(2, 0, 1)
            row += 1
        except decode.BadImage as error:
            bad[position] = str(error)
    return pixels[:row], bad


def available_cores() -> int:
    """The number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_bytes(path: Path) -> int:
    """Free space on the disk that holds ``path``, which need not exist yet."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
