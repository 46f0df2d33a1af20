"""Lists the files below a folder that have certain suffixes, with the state that a fingerprint covers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kinfolk.core.errors import RequestError


class Found(NamedTuple):
    """One file: parts of its path below the folder, its whole path, its size and time of change (ns)."""

    parts: tuple[str, ...]
    path: str
    bytes: int
    changed: int

    def below(self, levels: int = 1) -> Found:
        """The same file as seen from ``levels`` folders further down."""
        return Found(self.parts[levels:], self.path, self.bytes, self.changed)


@dataclass
class Listing:
    """What a folder holds: the files asked for, sorted by path, and the names of the others."""

    files: list[Found] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def fingerprint(paths: Iterable[Path], *more: object) -> str:
    """A digest of the names, sizes and times of change of files, and of ``more``; hexadecimal."""
    digest = hashlib.blake2b(repr(more).encode(), digest_size=16)
    for path in paths:
        state = path.stat()
        digest.update(os.fsencode(f"{path.name}\0{state.st_size}\0{state.st_mtime_ns}\n"))
    return digest.hexdigest()


def printable(path: str) -> str:
    """A path as text that can be written anywhere: bytes that are not UTF-8 become question marks."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "replace")


def listing(root: Path, suffixes: Collection[str]) -> Listing:
    """All regular files below ``root`` whose suffix, in lower case, is among ``suffixes``.

    Hidden files and folders are skipped, links are followed, no folder is entered twice.

    Raises:
        RequestError: a folder cannot be read.
    """
    found = Listing()
    _collect(str(root), (), found, set(), suffixes)
    found.files.sort(key=lambda f: f.parts)
    found.others.sort()
    return found


def _collect(
    folder: str, parts: tuple[str, ...], found: Listing, seen: set[tuple[int, int]], suffixes: Collection[str]
) -> None:
    try:
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda e: e.name)
    except OSError as error:
        raise RequestError(f"the folder '{printable(folder)}' cannot be read: {error.strerror}.") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        below = (*parts, entry.name)
        if entry.is_dir():
            _collect(entry.path, below, found, seen, suffixes)
        elif entry.is_file() and entry.name[entry.name.rfind(".") :].lower() in suffixes:
            state = entry.stat()
            found.files.append(Found(below, entry.path, state.st_size, state.st_mtime_ns))
        else:
            found.others.append(printable("/".join(below)))
