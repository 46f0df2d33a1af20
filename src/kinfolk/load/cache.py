"""The image cache: a source decoded once into a uint8 memory map on disk, made by one process, opened by all.

An entry is a folder: ``pixels.npy`` (N, 3, S, S), ``kept.npy`` (the source positions of its rows),
``skipped.txt`` (what could not be decoded, and why) and ``entry.json``, written last: an entry without it
is unfinished. Rows are written in order and ``progress.json`` counts those that are safely on disk, so
that a build that was killed goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kinfolk.core import decode, files
from kinfolk.core.errors import RequestError, WorkError
from kinfolk.datasets import Source

Progress = Callable[[int, int], None]
BLOCK = 64
SECONDS_BETWEEN_SAVES = 2.0


@dataclass
class Entry:
    """A finished entry: its pixels, memory-mapped, where its rows come from, and what was skipped."""

    pixels: np.ndarray
    kept: np.ndarray
    skipped: list[str]


@dataclass
class State:
    """How far a build is: positions consumed, rows written, images skipped."""

    position: int = 0
    rows: int = 0
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

    Raises:
        RequestError: none of the images could be decoded.
        WorkError: the disk is full, or the folder cannot be written.
    """
    home = folder(key)
    if not (home / "entry.json").exists():
        try:
            with files.lock(home / "lock", wait=True):
                if not (home / "entry.json").exists():
                    _build(home, source, positions, size, progress)
        except OSError as error:
            raise WorkError(
                f"the image cache '{home.parent}' cannot be written: {error.strerror or error}. What is decoded so "
                "far is kept; set KINFOLK_CACHE to another disk, or lower the size or the limit."
            ) from None
    skipped = (home / "skipped.txt").read_text("utf-8").splitlines()
    return Entry(np.load(home / "pixels.npy", mmap_mode="r"), np.load(home / "kept.npy"), skipped)


def _build(home: Path, source: Source, positions: np.ndarray, size: int, progress: Progress | None) -> None:
    state = _resumed(home)
    total, shape = len(positions), (3, size, size)
    start = len(_header(total, shape))
    row = 3 * size * size
    target = home / "pixels.npy"
    with open(target, "r+b" if target.exists() else "w+b") as handle, decode.quiet():
        handle.truncate(start + state.rows * row)
        handle.seek(start + state.rows * row)
        saved = time.monotonic()
        for done, block, bad in _blocks(source, positions[state.position :], size):
            handle.write(block.tobytes())
            state.kept += [int(p) for p in done if int(p) not in bad]
            state.skipped += [bad[p] for p in sorted(bad)]
            state.position += len(done)
            state.rows += len(block)
            if progress is not None:
                progress(state.position, total)
            if time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                _save(home, handle.fileno(), handle.flush, state)
                saved = time.monotonic()
        if not state.rows:
            first = "; ".join(state.skipped[:3])
            raise RequestError(f"none of the {total} images could be decoded: {first}.")
        handle.seek(0)
        handle.write(_header(state.rows, shape))
        handle.flush()
        os.fsync(handle.fileno())
    _finish(home, state)


def _finish(home: Path, state: State) -> None:
    with files.replacing(home / "kept.npy") as partial, open(partial, "wb") as handle:
        np.save(handle, np.array(state.kept, dtype=np.int64))
    files.write_text(home / "skipped.txt", "".join(line.replace("\n", " ") + "\n" for line in state.skipped))
    files.write_text(home / "entry.json", json.dumps({"images": state.rows, "skipped": len(state.skipped)}))
    (home / "progress.json").unlink(missing_ok=True)


def _header(rows: int, shape: tuple[int, ...]) -> bytes:
    """The first bytes of the ``.npy`` file; as long for any number of rows (NumPy leaves room for growth)."""
    import io

    text = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        text, {"descr": "|u1", "fortran_order": False, "shape": (rows, *shape)}
    )
    return text.getvalue()


def _resumed(home: Path) -> State:
    try:
        return State(**json.loads((home / "progress.json").read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return State()


def _save(home: Path, descriptor: int, flush: Callable[[], None], state: State) -> None:
    flush()
    os.fsync(descriptor)
    files.write_text(home / "progress.json", json.dumps(vars(state)))


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
