"""Datasets: each leaf opens one kind of source and decodes single images; caching is not its affair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np


class Source(Protocol):
    """One split of a dataset, not yet decoded.

    ``decode(i)`` returns RGB uint8 (H, W, 3) of any size or raises ``core.decode.BadImage``; it may be called
    from several threads. ``labels`` is int64 (N,) with -1 for none. ``fingerprint`` changes whenever
    the content may have changed. ``factors`` are what generated images were generated from.
    """

    labels: np.ndarray
    classes: tuple[str, ...]
    origins: Sequence[str]
    fingerprint: str
    factors: dict[str, np.ndarray]
    card: dict[str, Any]

    def __len__(self) -> int: ...

    def decode(self, position: int) -> np.ndarray:
        """Return image ``position`` as RGB uint8 (H, W, 3)."""
        ...


class Dataset(Protocol):
    """The contract of a leaf. Leaves that read a path take it as their only positional argument."""

    def splits(self) -> tuple[str, ...]:
        """The names of the splits there are, such as ``("train", "test")``."""
        ...

    def open(self, split: str) -> Source:
        """Open one split without decoding it; unknown splits are refused with RequestError."""
        ...


@dataclass(frozen=True)
class ArraySource:
    """A source whose images are already arrays: uint8 (N, H, W, 3)."""

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    origins: Sequence[str]
    fingerprint: str
    factors: dict[str, np.ndarray] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pixels)

    def decode(self, position: int) -> np.ndarray:
        """Return image ``position``."""
        return self.pixels[position]
