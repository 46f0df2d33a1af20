"""Worker: a second process that trains and measures, so that a run which dies does not take the study with it.

It is started once and keeps its imports. It ends when the study's process ends, however that was, so that no run
goes on unseen.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from kinfolk.core.errors import KinfolkError, WorkError


class Worker:
    """Calls functions of a module's top level in another process, one at a time."""

    def __init__(self) -> None:
        self.process: Any = None
        self.pipe: Connection | None = None

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call and wait.

        Raises:
            KinfolkError: the function raised it, or (WorkError) something else, with its traceback as ``details``.
            WorkError: the process died, for want of memory perhaps. The next call starts a new one.
        """
        if self.pipe is None:
            self.start()
        assert self.pipe is not None
        try:
            self.pipe.send((function, arguments))
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
        self.process = context.Process(target=serve, args=(other,), daemon=True)
        self.process.start()
        other.close()

    def close(self) -> None:
        """End the process at once; what it was training goes on from its last checkpoint another time."""
        if self.pipe is not None:
            self.process.terminate()
            self.process.join()
            self.pipe.close()
            self.pipe = None


def serve(pipe: Connection) -> None:
    """The process: take calls from the pipe until its other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=follow, daemon=True).start()
    while True:
        try:
            function, arguments = pipe.recv()
        except (EOFError, ConnectionError):
            return
        pipe.send(answer(function, arguments))


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
