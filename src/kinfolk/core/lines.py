"""Lines: what is said on stderr while something works, for commands without a bar."""

from __future__ import annotations

import sys
from collections.abc import Callable


def say(text: str) -> None:
    """Print one line on stderr at once."""
    print(text, file=sys.stderr, flush=True)


def counted(what: str) -> Callable[[int, int], None]:
    """Progress of ``what`` as (done, total), about ten lines in all."""
    tenth = -1

    def tell(done: int, total: int) -> None:
        nonlocal tenth
        if total and done * 10 // total != tenth:
            tenth = done * 10 // total
            say(f"{what}: {done:,} of {total:,}")

    return tell


def decoding(done: int, total: int) -> None:
    """Progress of the cache of decoded images, about ten lines in all."""
    if total and (done == total or done * 10 // total != (done - 1) * 10 // total):
        say(f"decoding images: {done:,} of {total:,}")


def embedding(what: str, done: int, total: int) -> None:
    """Progress of an embedding, about five lines in all."""
    if done == total or done * 5 // total != (done - 5000) * 5 // total:
        say(f"embedding {what}: {done:,} of {total:,}")
