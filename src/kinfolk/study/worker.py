"""Worker: a process that trains and measures, so that a run which dies does not take the study with it.

It is started once and keeps its imports. It ends when the study's process ends, however that was, so that no run
goes on unseen. Of several each has its share of the CPUs and puts the run's name before its lines.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TextIO

from kinfolk.core import device
from kinfolk.core.errors import KinfolkError, WorkError

Call = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function of a module's top level, and its arguments."""


class Worker:
    """Makes calls in another process, one at a time; ``beside`` workers in all share the machine."""

    def __init__(self, beside: int = 1) -> None:
        self.beside = beside
        self.process: Any = None
        self.pipe: Connection | None = None

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call and wait: ``begin`` and ``answer``."""
        self.begin(function, arguments)
        return self.answer()

    def begin(self, function: Callable[..., Any], arguments: tuple[Any, ...], label: str = "") -> None:
        """Have a call begin; where others work beside it, its lines on stderr begin with ``label``."""
        if self.pipe is None:
            self.start()
        assert self.pipe is not None
        with contextlib.suppress(ConnectionError):
            self.pipe.send((function, arguments, label if self.beside > 1 else ""))

    def answer(self) -> Any:
        """Wait for what the call returns.

        Raises:
            KinfolkError: the function raised it, or (WorkError) something else, with its traceback as a note.
            WorkError: the process died, for want of memory perhaps. The next call starts a new one.
        """
        assert self.pipe is not None
        try:
            result, error = self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            code = self.process.exitcode
            self.pipe = None
            how = signal.Signals(-code).name if code and code < 0 else f"exit status {code}"
            hint = ": often the system's way to say that memory ran out" if code == -9 else ""
            raise WorkError(f"the process died ({how}{hint}).") from None
        except BaseException:
            self.close()
            raise
        if error is not None:
            raise error
        return result

    def start(self) -> None:
        """Start the process; it begins with fresh imports."""
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, self.beside), daemon=True)
        self.process.start()
        other.close()

    def close(self) -> None:
        """End the process at once; what it was training goes on from its last checkpoint another time."""
        if self.pipe is not None:
            self.process.terminate()
            self.process.join()
            self.pipe.close()
            self.pipe = None


def serve(pipe: Connection, beside: int) -> None:
    """The process: take calls from the pipe until its other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=follow, daemon=True).start()
    os.environ["LOCAL_WORLD_SIZE"] = str(beside)
    os.environ.setdefault("OMP_NUM_THREADS", str(device.threads("auto")))
    stderr = sys.stderr
    while True:
        try:
            function, arguments, label = pipe.recv()
        except (EOFError, ConnectionError):
            return
        sys.stderr = Labelled(label, stderr) if label else stderr
        pipe.send(answer(function, arguments))


class Labelled(io.TextIOBase):
    """A stream whose lines all begin with a label; no terminal, so that nothing draws over the lines of others."""

    def __init__(self, label: str, stream: TextIO) -> None:
        self.label, self.stream, self.rest = label, stream, ""

    def write(self, text: str) -> int:
        *lines, self.rest = (self.rest + text).split("\n")
        if lines:
            named = [line if line.startswith(self.label) else f"{self.label}: {line}" for line in lines]
            self.stream.write("".join(f"{line}\n" for line in named))
            self.stream.flush()
        return len(text)


def answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, KinfolkError | None]:
    """The result, or the error in a form that crosses between processes."""
    try:
        return function(*arguments), None
    except KinfolkError as error:
        return None, error
    except Exception as error:
        failure = WorkError(f"{type(error).__name__}: {error}")
        failure.add_note(traceback.format_exc())
        return None, failure


def follow() -> None:
    """End this process when the one that started it ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
