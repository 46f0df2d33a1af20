"""Files that are never half-written: atomic replacement, locks, and lines of JSON."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kinfolk.core.errors import RequestError


def cache_folder() -> Path:
    """Where decoded images and floors are kept: ``$KINFOLK_CACHE``, else the user's cache folder."""
    base = os.environ.get("KINFOLK_CACHE")
    if base:
        return Path(base)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "kinfolk" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "kinfolk"


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder beside the cache for what is too large for memory, removed at the end."""
    home = cache_folder()
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=home, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to; on success it is synced and renamed to ``path``, else removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        with open(partial, "rb+") as handle:
            os.fsync(handle.fileno())
        os.chmod(partial, 0o666 & ~_umask())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def release(array: Any) -> None:
    """Let go of what was read of a memory-mapped array; it comes back from the file when it is asked for."""
    pages = getattr(array, "base", None)
    if isinstance(pages, mmap.mmap) and hasattr(pages, "madvise"):
        pages.madvise(mmap.MADV_DONTNEED)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` atomically."""
    with replacing(path) as partial:
        partial.write_text(text, "utf-8")


def remove_partial(folder: Path) -> None:
    """Remove what a killed process left half-written in a folder that only this process writes to."""
    for partial in folder.glob(".*.partial"):
        partial.unlink()


def append_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Append JSON lines in one write, so that a reader sees whole lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b") as handle:
        cut = handle.tell() and (handle.seek(-1, os.SEEK_END), handle.read(1))[1] != b"\n"
    with open(path, "a", encoding="utf-8") as handle:
        handle.write("\n" * bool(cut) + "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines; a line cut off by a crash is left out."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text("utf-8").splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            rows.append(json.loads(line))
    return rows


@contextlib.contextmanager
def lock(path: Path, wait: bool = False) -> Iterator[None]:
    """Hold an exclusive lock on ``path``; it is freed by the system however the process ends.

    Raises:
        RequestError: another process holds it and ``wait`` is false.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+b") as handle:
        try:
            _lock(handle.fileno(), wait)
        except OSError:
            raise RequestError(f"{path.parent} is in use by another kinfolk process; wait for it to end.") from None
        try:
            yield
        finally:
            _unlock(handle.fileno())


def _lock(descriptor: int, wait: bool) -> None:
    if os.name == "nt":
        import msvcrt

        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
                return
            except OSError:
                if not wait:
                    raise
                time.sleep(0.2)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def _unlock(descriptor: int) -> None:
    if os.name == "nt":
        import msvcrt

        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_UN)
