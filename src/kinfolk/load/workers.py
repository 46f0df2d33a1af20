"""Workers: images of a source decoded by all cores, in blocks and in order, or each time they are asked for.

Blocks are decoded by processes where the system forks them (threads share one interpreter, and half of the work of a
small JPEG is Python's), else by threads. A process inherits the source as it is, answers through memory that it shares,
and ends when the process that forked it ends, however that was.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import numpy as np

from kinfolk.core import decode
from kinfolk.core.errors import WorkError
from kinfolk.datasets import Source

BLOCK, BLOCK_BYTES, PART = 64, 2**21, 16
AHEAD = 3
FORKS = sys.platform == "linux"
Block = tuple[np.ndarray, np.ndarray, dict[int, str]]


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
        pixels = np.empty((len(positions), *self.shape[1:]), np.uint8)
        parts = [slice(i, i + PART) for i in range(0, len(positions), PART)]
        with decode.quiet():
            done = self._pool.map(lambda part: decoded(self._source, positions[part], pixels[part]), parts)
            for reason in (reason for bad in done for reason in bad.values()):
                raise WorkError(f"an image has changed since it was first read: {reason}.")
        return pixels[0] if np.ndim(self._kept[rows]) == 0 else pixels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or np.uint8, copy=False)


def blocks(source: Source, positions: np.ndarray, size: int) -> Generator[Block, None, None]:
    """Decode in order, a block at a time: positions, pixels of the good ones, the reason for each bad one.

    The pixels (n, 3, S, S) are only there until the next block is asked for.
    """
    each = max(1, min(BLOCK, BLOCK_BYTES // (3 * size * size)))
    parts = [positions[start : start + each] for start in range(0, len(positions), each)]
    count = min(available_cores(), len(parts))
    with decode.quiet():
        yield from (_forked if FORKS and count > 1 else _threaded)(source, parts, size, count)


def decoded(source: Source, positions: np.ndarray, pixels: np.ndarray) -> dict[int, str]:
    """Decode into ``pixels`` (n, 3, S, S), the good ones first; by position why the others cannot be."""
    bad: dict[int, str] = {}
    size, row = pixels.shape[-1], 0
    for position in positions.tolist():
        try:
            pixels[row] = decode.fit(source.decode(position, size), size).transpose(2, 0, 1)
            row += 1
        except decode.BadImage as error:
            bad[position] = str(error)
    return bad


def _forked(source: Source, parts: Sequence[np.ndarray], size: int, count: int) -> Iterator[Block]:
    with contextlib.suppress(decode.BadImage):
        source.decode(int(parts[0][0]), size)  # what a source reads once, it reads before there are several of it
    shape = (AHEAD * count, len(parts[0]), 3, size, size)
    room = np.frombuffer(mmap.mmap(-1, int(np.prod(shape))), np.uint8).reshape(shape)

    def work(number: int) -> dict[int, str]:
        return decoded(source, parts[number], room[number % len(room), : len(parts[number])])

    pipes: list[Connection] = []
    children: list[int] = []
    try:
        for _ in range(count):
            pipe, other = Pipe()
            child = os.fork()
            if not child:
                _serve(other, [*pipes, pipe], work)
            other.close()
            pipes.append(pipe)
            children.append(child)
        for number in range(min(len(room), len(parts))):
            pipes[number % count].send(number)
        for number, part in enumerate(parts):
            try:
                bad = pipes[number % count].recv()
            except (EOFError, ConnectionError):
                raise WorkError("a process that decodes images ended early, for want of memory perhaps.") from None
            yield part, room[number % len(room), : len(part) - len(bad)], bad
            if number + len(room) < len(parts):
                pipes[number % count].send(number + len(room))
    finally:
        for pipe in pipes:
            pipe.close()
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)


def _serve(pipe: Connection, others: list[Connection], work: Callable[[int], object]) -> NoReturn:
    """The life of a forked process: answer until the other end of the pipe closes."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for other in others:
            other.close()
        while True:
            pipe.send(work(pipe.recv()))
    except (EOFError, ConnectionError):
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _threaded(source: Source, parts: Sequence[np.ndarray], size: int, count: int) -> Iterator[Block]:
    def work(part: np.ndarray) -> Block:
        pixels = np.empty((len(part), 3, size, size), np.uint8)
        bad = decoded(source, part, pixels)
        return part, pixels[: len(part) - len(bad)], bad

    with ThreadPoolExecutor(max(count, 1)) as pool:
        waiting: deque[Future[Block]] = deque()
        for part in parts:
            waiting.append(pool.submit(work, part))
            if len(waiting) > 2 * count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def available_cores() -> int:
    """The number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
