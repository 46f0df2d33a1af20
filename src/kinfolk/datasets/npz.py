"""An ``.npz`` file of arrays: ``images``, and optionally ``labels``, ``classes``, ``test_images``, ``test_labels``.

``unlabeled_images`` are images without labels that are a split of their own.
``images`` is uint8 (N, H, W) grey, (N, H, W, 1 or 3), or (N, 1 or 3, H, W); where both readings of the
channels are possible, the last axis is taken for them. ``labels`` is (N,): whole numbers, -1 for none, or
names. ``classes`` names the numbers. Nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from kinfolk.core.archives import DAMAGED
from kinfolk.core.errors import RequestError, unknown
from kinfolk.core.listing import fingerprint
from kinfolk.datasets import Source

PREFIXES = {"train": "", "test": "test_", "unlabeled": "unlabeled_"}


class Npz:
    """Images and labels kept as NumPy arrays in one file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            with zipfile.ZipFile(self.path) as archive:
                self._names = tuple(n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy"))
        except FileNotFoundError:
            raise RequestError(f"no file '{self.path}'.") from None
        except DAMAGED as error:
            raise RequestError(f"'{self.path}' is not an .npz archive of named arrays: {error}.") from None
        if "images" not in self._names:
            found = ", ".join(self._names) or "none"
            raise RequestError(f"'{self.path}' has no array 'images'; arrays found: {found}.")

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` is named like an archive of arrays."""
        return path.suffix == ".npz" and path.is_file()

    def splits(self) -> tuple[str, ...]:
        """``train``, and ``test`` and ``unlabeled`` where there are images of that name."""
        return tuple(s for s, prefix in PREFIXES.items() if f"{prefix}images" in self._names)

    def open(self, split: str) -> Source:
        """Check the arrays of one split from their headers; the pixels are read when first asked for."""
        if split not in self.splits():
            raise unknown(f"split of '{self.path}'", split, self.splits())
        prefix = PREFIXES[split]
        size = self._checked(f"{prefix}images")
        labels, classes = self._labels(f"{prefix}labels", size[0])
        return Arrays(self.path, f"{prefix}images", size, labels, classes)

    def _checked(self, name: str) -> tuple[int, int, int]:
        shape, dtype = _header(self.path, name)
        channels_last = len(shape) == 4 and shape[3] in (1, 3)
        channels_first = len(shape) == 4 and shape[1] in (1, 3)
        if dtype != np.uint8:
            hint = " Multiply by 255 and convert." if dtype.kind == "f" else ""
            raise RequestError(f"'{name}' in '{self.path}' is {dtype}; images are uint8, 0 to 255.{hint}")
        if not (len(shape) == 3 or channels_last or channels_first) or 0 in shape:
            raise RequestError(
                f"'{name}' in '{self.path}' has shape {shape}; "
                "images are (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W), none of them zero."
            )
        height, width = shape[2:4] if channels_first and not channels_last else shape[1:3]
        return shape[0], height, width

    def _labels(self, name: str, count: int) -> tuple[np.ndarray, tuple[str, ...]]:
        if name not in self._names:
            return np.full(count, -1, dtype=np.int64), ()
        labels = self._read(name)
        if labels.shape != (count,):
            raise RequestError(f"'{name}' in '{self.path}' has shape {labels.shape}; {count} images have ({count},).")
        if labels.dtype.kind == "U":
            named = self._read("classes").tolist() if "classes" in self._names else self._all_names()
            number = {str(c): i for i, c in enumerate(named)}
            return np.array([number.get(str(x), -1) for x in labels], dtype=np.int64), tuple(number)
        if labels.dtype.kind not in "iu":
            raise RequestError(f"'{name}' in '{self.path}' is {labels.dtype}; labels are whole numbers or names.")
        labels = np.maximum(labels.astype(np.int64), -1)
        return labels, self._classes(int(labels.max(initial=-1)), name)

    def _all_names(self) -> list[str]:
        stored = [self._read(f"{p}labels") for p in PREFIXES.values() if f"{p}labels" in self._names]
        return sorted({str(x) for labels in stored for x in labels if str(x)})

    def _classes(self, highest: int, name: str) -> tuple[str, ...]:
        if "classes" not in self._names:
            for prefix in PREFIXES.values():
                if f"{prefix}labels" in self._names:
                    highest = max(highest, *self._read(f"{prefix}labels").astype(np.int64).tolist())
            return tuple(str(i) for i in range(highest + 1))
        classes = tuple(str(c) for c in self._read("classes"))
        if highest >= len(classes):
            raise RequestError(f"'{name}' in '{self.path}' goes up to {highest}; 'classes' has {len(classes)} names.")
        return classes

    def _read(self, name: str) -> np.ndarray:
        if _header(self.path, name)[1].hasobject:
            raise RequestError(f"'{name}' in '{self.path}' holds Python objects, which are never unpickled.")
        return _array(self.path, name)


class Arrays:
    """One split of an ``.npz`` file."""

    def __init__(
        self, path: Path, name: str, size: tuple[int, int, int], labels: np.ndarray, classes: tuple[str, ...]
    ) -> None:
        self._path, self._name, self._size = path, name, size
        self.labels, self.classes = labels, classes
        self._lock = threading.Lock()
        self._pixels: np.ndarray | None = None
        self.origins = [f"{path.name}:{name}[{i}]" for i in range(size[0])]
        self.factors: dict[str, np.ndarray] = {}
        self.card: dict[str, Any] = {"source": str(path)}
        self.fingerprint = fingerprint([path], name, size)

    def __len__(self) -> int:
        return self._size[0]

    def _read(self) -> np.ndarray:
        with self._lock:
            if self._pixels is None:
                self._pixels = _array(self._path, self._name)
            return self._pixels

    def decode(self, position: int, at_least: int = 0) -> np.ndarray:
        """Return image ``position`` as RGB uint8 (H, W, 3)."""
        pixels = self._read()[position]
        if pixels.shape[:2] != self._size[1:]:
            pixels = pixels.transpose(1, 2, 0)
        return np.broadcast_to(pixels.reshape(*self._size[1:], -1), (*self._size[1:], 3))

    def shape(self, position: int) -> tuple[int, int]:
        """Return (height, width)."""
        return self._size[1], self._size[2]


@contextlib.contextmanager
def _opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    """One member of an archive; RequestError where its bytes are damaged or cut off."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
            yield member
    except DAMAGED as error:
        raise RequestError(f"'{name}' in '{path}' is damaged: {error or type(error).__name__}.") from None


def _array(path: Path, name: str) -> np.ndarray:
    """One array of an archive."""
    with _opened(path, name) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _header(path: Path, name: str) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of one array of an archive, without reading its data."""
    with _opened(path, name) as member:
        version = np.lib.format.read_magic(member)
        if version == (1, 0):
            found, _, dtype = np.lib.format.read_array_header_1_0(member)
        else:
            found, _, dtype = np.lib.format.read_array_header_2_0(member)
        return found, dtype
