"""Datasets: each leaf opens one kind of source and decodes single images; caching is not its affair."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from kinfolk.core import decode
from kinfolk.core.listing import Found, printable


class Source(Protocol):
    """One split of a dataset, not yet decoded.

    ``decode(i)`` returns RGB uint8 (H, W, 3) of any size or raises ``core.decode.BadImage``; it may be called
    from several threads. ``shape(i)`` is (H, W), as cheaply as it can be known. ``labels`` is int64 (N,) with
    -1 for none. ``fingerprint`` changes whenever the content may have changed. ``factors`` are what generated
    images were generated from.
    """

    @property
    def labels(self) -> np.ndarray: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def origins(self) -> Sequence[str]: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def factors(self) -> dict[str, np.ndarray]: ...

    @property
    def card(self) -> dict[str, Any]: ...

    def __len__(self) -> int: ...

    def decode(self, position: int, at_least: int = 0) -> np.ndarray:
        """Return image ``position`` as RGB uint8 (H, W, 3); ``at_least`` as in ``core.decode.decode``."""
        ...

    def shape(self, position: int) -> tuple[int, int]:
        """Return (height, width) of image ``position``; raises BadImage if that cannot be read."""
        ...


class Dataset(Protocol):
    """The contract of a leaf. Leaves that read a path take it as their only positional argument.

    Such a leaf also has a static method ``recognises(path) -> bool``: whether it reads what lies there. A
    published dataset, which can be named without a path, also has ``downloads``, a tuple of
    ``core.download.Download`` (archives are unpacked before the leaf sees them), empty where it must be
    asked for elsewhere, and ``card``, facts for the report: images, classes, size, source, licence.
    """

    def splits(self) -> tuple[str, ...]:
        """The names of the splits there are, such as ``("train", "test")``."""
        ...

    def open(self, split: str) -> Source:
        """Open one split without decoding it; unknown splits are refused with RequestError."""
        ...


class Stack(Protocol):
    """Images of one size: ``shape`` is (N, H, W, 3), and a position gives uint8 (H, W, 3)."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> np.ndarray: ...


@dataclass(frozen=True)
class ArraySource:
    """A source whose images are already arrays, or read as arrays when asked for."""

    pixels: Stack
    labels: np.ndarray
    classes: tuple[str, ...]
    origins: Sequence[str]
    fingerprint: str
    factors: dict[str, np.ndarray] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pixels)

    def decode(self, position: int, at_least: int = 0) -> np.ndarray:
        """Return image ``position``."""
        return self.pixels[position]

    def shape(self, position: int) -> tuple[int, int]:
        """Return (height, width)."""
        return self.pixels.shape[1], self.pixels.shape[2]


class FileSource:
    """A source whose images are files; its fingerprint covers their places, sizes, times and labels."""

    def __init__(
        self, files: Sequence[Found], labels: np.ndarray, classes: tuple[str, ...], card: dict[str, Any]
    ) -> None:
        self._paths = [f.path for f in files]
        self.origins: Sequence[str] = [printable(f.path) for f in files]
        self.labels, self.classes, self.card = labels, classes, card
        self.factors: dict[str, np.ndarray] = {}
        state = "".join(f"{'/'.join(file.parts)}\0{file.bytes}\0{file.changed}\n" for file in files)
        digest = hashlib.blake2b(os.fsencode(state), digest_size=16)
        digest.update(labels.astype("<i8").tobytes())
        self.fingerprint = digest.hexdigest()

    def __len__(self) -> int:
        return len(self._paths)

    def decode(self, position: int, at_least: int = 0) -> np.ndarray:
        """Return image ``position`` as RGB uint8 (H, W, 3)."""
        return decode.decode(self._paths[position], self.origins[position], at_least)

    def shape(self, position: int) -> tuple[int, int]:
        """Return (height, width) from the header."""
        return decode.shape(self._paths[position], self.origins[position])
