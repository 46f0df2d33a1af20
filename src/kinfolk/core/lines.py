"""Lines: what is said on stderr while something works, for commands without a bar."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


def say(text: str) -> None:
    """Print one line on stderr at once."""
    print(text, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds up to a minute and a half, minutes up to an hour and a half, then hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.{1 if seconds < 600 else 0}f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def opening(what: str) -> None:
    """Say on a terminal what is being opened, before anything heavy is imported for it."""
    if what and sys.stderr.isatty():
        say(f"opening {what}")


def interrupted(kept: bool = True) -> None:
    """Say what the same command will do next time: go on, or begin again where no checkpoint is kept."""
    begins = "begins again: the first checkpoint is written after a minute or an epoch"
    say(f"kinfolk: interrupted; the same command {'goes on from the last checkpoint' if kept else begins}.")


def counted(what: str, patience: float = 0.0) -> Callable[[int, int], None]:
    """Progress of ``what`` as (done, total), about ten lines in all; none in the first ``patience`` seconds."""
    tenth, began = -1, time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal tenth
        if total and done * 10 // total != tenth and time.monotonic() - began >= patience:
            tenth = done * 10 // total
            say(f"{what}: {done:,} of {total:,}")

    return tell


def downloading() -> Callable[[str, int, int], None]:
    """Progress of downloads as (file, bytes, bytes in all or 0), about ten lines a file."""
    before = ("", -1)

    def tell(name: str, done: int, total: int) -> None:
        nonlocal before
        now = name, done * 10 // total if total else done >> 26
        if now != before:
            before = now
            say(f"downloading {name}: {done / 1e6:,.1f}{f' of {total / 1e6:,.1f}' if total else ''} MB")

    return tell


def embedding(what: str, done: int, total: int) -> None:
    """Progress of an embedding, about five lines in all."""
    if done == total or done * 5 // total != (done - 5000) * 5 // total:
        say(f"embedding {what}: {done:,} of {total:,}")
