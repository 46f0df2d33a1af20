"""Images: uint8 pixels with labels, classes and where each one came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

UNLABELLED = -1


@dataclass(frozen=True)
class Images:
    """A split of a dataset, decoded.

    Attributes:
        pixels: uint8 (N, 3, H, W), RGB; resident or memory-mapped.
        labels: int64 (N,), class indices; -1 where an image has no label.
        classes: class names; empty where nothing is labelled.
        index: int64 (N,), each image's number in the whole split, before any selection.
        origins: a path or name for each image.
        name: the dataset's name, for protocols and messages.
        split: which split this is.
        fingerprint: hexadecimal digest of the source and the size; names caches and guards indices.
        factors: for generated data, what it was generated from: float arrays of length N by name.
        card: facts for the report: source, licence, number skipped; of factors the ``periods`` of those that are
            angles, those that are ``unordered`` numbers, and by which classes one is ``shown_by`` where not by all.
    """

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    index: np.ndarray
    origins: Sequence[str]
    name: str
    split: str
    fingerprint: str
    factors: dict[str, np.ndarray] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.index)

    @property
    def size(self) -> int:
        """Height (and width) in pixels."""
        return int(self.pixels.shape[-1])

    @property
    def labelled(self) -> bool:
        """Whether at least one image has a label."""
        return bool((self.labels != UNLABELLED).any())

    @property
    def remarks(self) -> list[str]:
        """What the user should know of these images: how many were skipped, with the first names, and other notes."""
        found = [str(note) for note in self.card.get("notes", [])]
        skipped = self.card.get("skipped")
        if skipped:
            told = (str(line).partition(": ") for line in skipped["first"])
            first = "; ".join(f"{Path(place).name}: {reason}" for place, _, reason in told)
            count = skipped["count"]
            left = f"{count} images could not be read and were" if count > 1 else "1 image could not be read and was"
            found.append(f"{self.split}: {left} skipped (all: {self.card['skipped_list']}), first: {first}")
        return found

    def take(self, rows: np.ndarray) -> Images:
        """Return the images at ``rows`` (positions, int64), in that order."""
        return replace(
            self,
            pixels=self.pixels[rows],
            labels=self.labels[rows],
            index=self.index[rows],
            origins=[self.origins[int(r)] for r in rows],
            factors={k: v[rows] for k, v in self.factors.items()},
        )
