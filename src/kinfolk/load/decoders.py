"""Decoding on all cores: blocks of a source's images to pixels, by threads, or by processes where there are many.

Pillow holds Python's lock for about half the time that a small JPEG takes, so threads alone leave cores idle.
A source that can hand over ``encoded(position)``, the bytes or the path of an image, is therefore decoded by
processes that do nothing else. Each is this module run by Python: a line of JSON and the bytes of a block go in, a
line of JSON and the pixels come out. They end when their input does, so none outlives its parent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from kinfolk.core import decode
from kinfolk.core.errors import WorkError

if TYPE_CHECKING:
    from kinfolk.datasets import Source

MANY = 2000
Block = tuple[np.ndarray, dict[int, str]]


class Decoders:
    """Turns blocks of positions into (pixels uint8 (n, 3, S, S) of the good ones, the reason for each bad one).

    Args:
        source: what is decoded.
        size: S, the side in pixels.
        count: about how many images there are to decode; processes are started from ``MANY`` on.
    """

    def __init__(self, source: Source, size: int, count: int) -> None:
        self._source, self._size = source, size
        self.workers = available_cores()
        self._separate = count >= MANY and self.workers > 1 and hasattr(source, "encoded") and bool(sys.executable)
        self._pool = ThreadPoolExecutor(self.workers)
        self._own = threading.local()
        self._processes: list[subprocess.Popen[bytes]] = []

    def submit(self, positions: np.ndarray) -> Future[Block]:
        """Decode one block; the future raises WorkError if a process died over it."""
        return self._pool.submit(self._elsewhere if self._separate else self._here, positions)

    def close(self) -> None:
        """Wait for what was submitted, then end the processes."""
        self._pool.shutdown(cancel_futures=True)
        for process in self._processes:
            for pipe in (process.stdin, process.stdout):
                cast(IO[bytes], pipe).close()
            process.wait()

    def _here(self, positions: np.ndarray) -> Block:
        return block(self._source, positions, self._size)

    def _elsewhere(self, positions: np.ndarray) -> Block:
        process = self._process()
        given, taken = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        data = [self._source.encoded(p) for p in positions.tolist()]  # type: ignore[attr-defined]
        items = [
            [p, self._source.origins[p], *([None, len(d)] if isinstance(d, bytes) else [os.fspath(d), 0])]
            for p, d in zip(positions.tolist(), data, strict=True)
        ]
        try:
            given.write(json.dumps(items).encode() + b"\n")
            given.writelines(d for d in data if isinstance(d, bytes))
            given.flush()
            bad = {int(p): reason for p, reason in json.loads(taken.readline()).items()}
            shape = (len(items) - len(bad), 3, self._size, self._size)
            pixels = np.frombuffer(taken.read(int(np.prod(shape))), dtype=np.uint8).reshape(shape)
        except (OSError, ValueError):
            raise WorkError(
                f"a decoding process ended (status {process.wait()}) over one of {len(items)} images from "
                f"{items[0][1]} to {items[-1][1]}; find the one that crashes it and take it out."
            ) from None
        return pixels, bad

    def _process(self) -> subprocess.Popen[bytes]:
        """The process of this thread."""
        if not hasattr(self._own, "process"):
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "OMP_NUM_THREADS": "1"}
            self._own.process = subprocess.Popen(
                [sys.executable, "-m", "kinfolk.load.decoders", str(self._size)], env=environment,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )
            self._processes.append(self._own.process)
        return self._own.process  # type: ignore[no-any-return]


def block(source: Source, positions: np.ndarray, size: int) -> Block:
    """Decode a block in this thread."""
    return _together(((p, source.decode, (p, size)) for p in positions.tolist()), len(positions), size)


def serve(size: int, given: IO[bytes], taken: IO[bytes]) -> None:
    """Decode blocks until the input ends; each item is [position, name, path or null, number of bytes]."""
    with decode.quiet():
        while line := given.readline():
            items = json.loads(line)
            calls = (
                (position, decode.decode, (given.read(length) if path is None else path, name, size))
                for position, name, path, length in items
            )
            pixels, bad = _together(calls, len(items), size)
            taken.write(json.dumps(bad).encode() + b"\n")
            taken.write(pixels.tobytes())
            taken.flush()


def _together(
    calls: Iterable[tuple[int, Callable[..., np.ndarray], tuple[Any, ...]]], count: int, size: int
) -> Block:
    """Make every call, (position, function, arguments), and stack the images that it gives."""
    pixels = np.empty((count, 3, size, size), dtype=np.uint8)
    bad: dict[int, str] = {}
    row = 0
    for position, function, arguments in calls:
        try:
            pixels[row] = decode.fit(function(*arguments), size).transpose(2, 0, 1)
            row += 1
        except decode.BadImage as error:
            bad[position] = str(error)
    return pixels[:row], bad


def available_cores() -> int:
    """The number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer)
