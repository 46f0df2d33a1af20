"""STL-10: 96 x 96 photographs, 5,000 with one of ten labels and 100,000 without, made for learning without labels.

Coates, Ng and Lee, An Analysis of Single-Layer Networks in Unsupervised Feature Learning, AISTATS 2011. The
binary version: 3 x 96 x 96 bytes an image, column by column; labels from 1 on. ``train`` is what is to be
trained on, all 105,000: first the labelled images, then the others, without labels; ``labelled`` is the former
alone. Evaluations use the labelled part of ``train`` and ``test``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kinfolk.core import archives
from kinfolk.core.download import Download
from kinfolk.core.errors import RequestError, unknown
from kinfolk.core.listing import fingerprint
from kinfolk.datasets import ArraySource, Source

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
FOLDER = "stl10_binary"
PARTS = {"train": ("train", "unlabeled"), "test": ("test",), "labelled": ("train",)}


class STL10:
    """Photographs of ten classes, most of them unlabelled, as published."""

    downloads: ClassVar[tuple[Download, ...]] = (
        Download("http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz", md5="91f7769df0f17e558f3565bffb0c7dfb"),
    )
    card: ClassVar[dict[str, Any]] = {
        "images": {"train": 105000, "test": 8000}, "classes": 10, "size": "96 x 96",
        "source": "Coates, Ng and Lee, AISTATS 2011; images from ImageNet",
        "licence": "that of ImageNet: research, non-commercial",
    }

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = _folder(Path(path))

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` holds the files of the binary version, or the folder they come in."""
        return any((_folder(path) / f"{part}_X.bin").is_file() for part in ("train", "test", "unlabeled"))

    def splits(self) -> tuple[str, ...]:
        """``train``, ``test`` and ``labelled``, as far as their files are there."""
        return tuple(s for s, parts in PARTS.items() if any(self._images(p).is_file() for p in parts))

    def open(self, split: str) -> Source:
        """Map the images of one split and read their labels."""
        if split not in self.splits():
            raise unknown(f"split of '{self.path}'", split, self.splits())
        parts = [p for p in PARTS[split] if self._images(p).is_file()]
        paths = [self._images(p) for p in parts]
        stacks = [archives.records(p, [("pixels", (3, 96, 96))])["pixels"] for p in paths]
        labels = [self._labels(part, len(stack)) for part, stack in zip(parts, stacks, strict=True)]
        return ArraySource(
            archives.Joined([s.transpose(0, 3, 2, 1) for s in stacks]), np.concatenate(labels), CLASSES,
            [f"{p.name}[{i}]" for p, s in zip(paths, stacks, strict=True) for i in range(len(s))],
            fingerprint(paths), card=dict(self.card),
        )

    def _images(self, part: str) -> Path:
        return self.path / f"{part}_X.bin"

    def _labels(self, part: str, count: int) -> np.ndarray:
        path = self.path / f"{part}_y.bin"
        if not path.is_file():
            return np.full(count, -1, dtype=np.int64)
        labels = archives.records(path, [("label", ())])["label"].astype(np.int64) - 1
        if labels.shape != (count,) or labels.min() < 0 or labels.max() >= len(CLASSES):
            raise RequestError(f"'{path}' does not hold {count} labels from 1 to 10.")
        return labels


def _folder(path: Path) -> Path:
    return path / FOLDER if (path / FOLDER).is_dir() else path
