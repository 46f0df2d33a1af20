"""Published archive formats, read without pickle: idx, fixed-length records, tar and zip."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, cast

import numpy as np

from kinfolk.core.errors import RequestError

ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip")
IDX_BYTES = 8
DAMAGED = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What NumPy and zipfile raise where they read an ``.npz`` with damaged bytes."""


def is_archive(name: str) -> bool:
    """Whether a file's name says that it holds other files."""
    return name.endswith(ARCHIVES)


def idx_shape(path: Path) -> tuple[int, ...]:
    """Shape of an idx file of unsigned bytes (gzipped or not), from its header.

    Format: two zero bytes, the type (8 is unsigned byte), the number of dimensions, each dimension as
    a big-endian 32-bit number, then the values (LeCun et al., the MNIST database).

    Raises:
        RequestError: it is not such a file.
    """
    with _opened(path) as handle:
        return _idx_header(handle, path)


def idx(path: Path) -> np.ndarray:
    """Read a whole idx file of unsigned bytes; errors as ``idx_shape``."""
    with _opened(path) as handle:
        shape = _idx_header(handle, path)
        try:
            data = handle.read()
        except (OSError, EOFError, zlib.error) as error:
            raise RequestError(f"'{path}' is damaged or cut off: {error}.") from None
    if len(data) != int(np.prod(shape)):
        raise RequestError(f"'{path}' holds {len(data)} values where its header says {int(np.prod(shape))}.")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb"))


def _idx_header(handle: IO[bytes], path: Path) -> tuple[int, ...]:
    try:
        start = handle.read(4)
        if len(start) == 4 and start[:2] == b"\0\0" and start[2] == IDX_BYTES and start[3]:
            sizes = handle.read(4 * start[3])
            if len(sizes) == 4 * start[3]:
                return tuple(int(n) for n in np.frombuffer(sizes, dtype=">u4"))
    except (OSError, EOFError, zlib.error) as error:
        raise RequestError(f"'{path}' cannot be read: {error}.") from None
    raise RequestError(f"'{path}' is not an idx file of unsigned bytes: it begins with {start.hex() or 'nothing'}.")


class GreyIdx:
    """Grey images of an idx file (N, H, W) as (H, W, 3), read when the first is asked for."""

    def __init__(self, path: Path) -> None:
        found = idx_shape(path)
        if len(found) != 3:
            raise RequestError(f"'{path}' has {len(found)} dimensions; images have 3 (number, height, width).")
        self.shape = (*found, 3)
        self._path = path
        self._lock = threading.Lock()
        self._values: np.ndarray | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, position: int) -> np.ndarray:
        with self._lock:
            if self._values is None:
                self._values = idx(self._path)
        return np.broadcast_to(self._values[position][:, :, None], self.shape[1:])


def records(path: Path, fields: list[tuple[str, tuple[int, ...]]]) -> np.ndarray:
    """Memory-map a file of fixed-length records of unsigned bytes; ``fields`` are their names and shapes.

    Raises:
        RequestError: the file is absent, or its size is no multiple of a record's.
    """
    kind = np.dtype([(name, np.uint8, shape) for name, shape in fields])
    try:
        size = path.stat().st_size
    except OSError as error:
        raise RequestError(f"'{path}' cannot be read: {error.strerror}.") from None
    if not size or size % kind.itemsize:
        raise RequestError(f"'{path}' is cut off: its {size} bytes are no multiple of a record's {kind.itemsize}.")
    return np.memmap(path, dtype=kind, mode="r")


class Joined:
    """Stacks of equally large images one after the other, none of them copied."""

    def __init__(self, stacks: Sequence[np.ndarray]) -> None:
        self._stacks = list(stacks)
        self._starts = np.cumsum([0, *map(len, self._stacks)])
        self.shape = (int(self._starts[-1]), *self._stacks[0].shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, position: int) -> np.ndarray:
        stack = int(np.searchsorted(self._starts, position, side="right")) - 1
        return np.asarray(self._stacks[stack][position - int(self._starts[stack])])


def unpack(archive: Path, into: Path) -> None:
    """Unpack the files of a tar or zip to the new folder ``into``, whole or not at all.

    Only plain files with a path inside are written, never a link. An archive directly within the archive
    is unpacked too, beside itself, unless its name begins with a dot (what macOS leaves in archives).

    Raises:
        RequestError: it is damaged, or not an archive.
    """
    partial = into.with_name(f".{into.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _write_members(archive, partial)
        for inner in [p for p in sorted(partial.rglob("*")) if _inner(p)]:
            _write_members(inner, inner.parent)
            inner.unlink()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise RequestError(f"'{archive}' is damaged, cut off, or not an archive: {error}.") from None
    into.parent.mkdir(parents=True, exist_ok=True)
    os.replace(partial, into)


def _inner(path: Path) -> bool:
    return path.is_file() and is_archive(path.name) and not path.name.startswith(".")


def _write_members(archive: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in _members(archive):
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or "\\" in name or ":" in name or not place.parts:
            continue
        target = folder.joinpath(*place.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        with source, open(target, "wb") as handle:
            shutil.copyfileobj(source, handle, 1 << 20)


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if archive.name.endswith(".zip"):
        with zipfile.ZipFile(archive) as zipped:
            for entry in zipped.infolist():
                if not entry.is_dir():
                    yield entry.filename, zipped.open(entry)
        return
    with tarfile.open(archive, "r:*") as taken:
        for member in taken:
            source = taken.extractfile(member) if member.isfile() else None
            if source is not None:
                yield member.name, source
