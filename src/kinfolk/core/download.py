"""Downloads of published files: progress, going on where it broke off, checksum, and nothing half-written."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kinfolk.core import files
from kinfolk.core.errors import WorkError

Progress = Callable[[str, int, int], None]
ATTEMPTS = 5
PAUSE = 1.0
TIMEOUT = 30.0
PIECE = 1 << 16


@dataclass(frozen=True)
class Download:
    """One published file: where it is, and its checksums as published (empty where none is known)."""

    url: str
    md5: str = ""
    sha256: str = ""

    @property
    def name(self) -> str:
        """The file's name, the last part of its address."""
        return self.url.rsplit("/", 1)[-1].split("?")[0]


def fetch(download: Download, folder: Path, progress: Progress | None = None) -> Path:
    """Bring one file to ``folder`` and return its path; a file that is already there is not asked for again.

    A connection that breaks off is taken up again, until five times in a row brought no byte; where there is
    no connection to begin with it fails at once. What has arrived is kept for the next call. The file gets
    its name only after its checksum was found right.

    Args:
        progress: called with (name, bytes so far, bytes in all or 0).

    Raises:
        WorkError: no network, refused by the server, broken off for good, or a wrong checksum.
    """
    target = folder / download.name
    with files.lock(folder / f".{download.name}.lock", wait=True):
        if target.exists():
            return target
        partial = folder / f".{download.name}.partial"
        _receive(download, partial, progress)
        _check(download, partial)
        os.replace(partial, target)
    return target


def _receive(download: Download, partial: Path, progress: Progress | None) -> None:
    fruitless, received = 0, False
    while True:
        before = partial.stat().st_size if partial.exists() else 0
        try:
            if _piece(download, partial, progress):
                return
            reason = "the connection broke off"
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416 and before:
                return
            reason = f"the server answered {error.code} ({error.reason})"
            if error.code < 500:
                raise _failed(download, partial, reason) from None
        except (OSError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
            if isinstance(error, urllib.error.URLError) and not received:
                raise _failed(download, partial, reason) from None
        after = partial.stat().st_size if partial.exists() else 0
        received = received or after > before
        fruitless = 0 if after > before else fruitless + 1
        if fruitless >= ATTEMPTS:
            raise _failed(download, partial, reason)
        time.sleep(PAUSE * 2**fruitless)


def _piece(download: Download, partial: Path, progress: Progress | None) -> bool:
    """Ask for what is missing and append it; True once the file is whole."""
    start = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(download.url, headers={"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        follows = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        if answer.status != 206 or not follows or int(follows[1]) != start:
            start = 0
        length = int(answer.headers.get("Content-Length") or 0)
        total, done = (start + length if length else 0), start
        with open(partial, "r+b" if start else "wb") as handle:
            handle.seek(start)
            while data := answer.read1(PIECE):
                handle.write(data)
                done += len(data)
                if progress is not None:
                    progress(download.name, done, total)
            handle.truncate()
            handle.flush()
            os.fsync(handle.fileno())
    return not total or done == total


def _check(download: Download, partial: Path) -> None:
    kind = "sha256" if download.sha256 else "md5"
    wanted = download.sha256 or download.md5
    if not wanted:
        return
    with open(partial, "rb") as handle:
        found = hashlib.file_digest(handle, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    if found != wanted:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise _failed(download, partial, f"its {kind} is {found} where {wanted} was published (it was deleted)")


def _failed(download: Download, partial: Path, reason: str) -> WorkError:
    kept = partial.stat().st_size if partial.exists() else 0
    note = f" {kept:,} bytes are kept, the next try goes on from there." if kept else ""
    return WorkError(f"{download.name} could not be downloaded from {download.url}: {reason}.{note}")
