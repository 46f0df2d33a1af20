"""STL-10: 96 x 96 photographs, 5,000 with one of ten labels and 100,000 without, made for learning without labels.

Coates, Ng and Lee, An Analysis of Single-Layer Networks in Unsupervised Feature Learning, AISTATS 2011. The
binary version: 3 x 96 x 96 bytes an image, column by column; labels from 1 on. As the authors ask, training takes the
100,000 of ``unlabeled`` (``data.split = auto``), evaluations the labelled ones of ``train`` and ``test``.
Checksums of the archive: md5 as in torchvision, sha256 as in TensorFlow Datasets.
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
SPLITS = ("train", "test", "unlabeled")


class STL10:
    """Photographs of ten classes, most of them unlabelled, as published."""

    downloads: ClassVar[tuple[Download, ...]] = (
        Download(
            "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
            md5="91f7769df0f17e558f3565bffb0c7dfb",
            sha256="f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866",
        ),
    )
    card: ClassVar[dict[str, Any]] = {
        "images": {"train": 5000, "test": 8000, "unlabeled": 100000}, "classes": 10, "size": "96 x 96",
        "source": "Coates, Ng and Lee, AISTATS 2011; images from ImageNet",
        "licence": "that of ImageNet: research, non-commercial",
    }

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = _folder(Path(path))

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` holds the files of the binary version, or the folder they come in."""
        return any((_folder(path) / f"{split}_X.bin").is_file() for split in SPLITS)

    def splits(self) -> tuple[str, ...]:
        """``train``, ``test`` and ``unlabeled``, as far as their files are there."""
        return tuple(s for s in SPLITS if self._images(s).is_file())

    def open(self, split: str) -> Source:
        """Map the images of one split and read their labels."""
        if split not in self.splits():
            raise unknown(f"split of '{self.path}'", split, self.splits())
        path = self._images(split)
        pixels = archives.records(path, [("pixels", (3, 96, 96))])["pixels"].transpose(0, 3, 2, 1)
        return ArraySource(
            pixels, self._labels(split, len(pixels)), CLASSES, [f"{path.name}[{i}]" for i in range(len(pixels))],
            fingerprint([path]), card=dict(self.card),
        )

    def _images(self, split: str) -> Path:
        return self.path / f"{split}_X.bin"

    def _labels(self, split: str, count: int) -> np.ndarray:
        path = self.path / f"{split}_y.bin"
        if not path.is_file():
            return np.full(count, -1, dtype=np.int64)
        labels = archives.records(path, [("label", ())])["label"].astype(np.int64) - 1
        if labels.shape != (count,) or labels.min() < 0 or labels.max() >= len(CLASSES):
            raise RequestError(f"'{path}' does not hold {count} labels from 1 to 10.")
        return labels


def _folder(path: Path) -> Path:
    return path / FOLDER if (path / FOLDER).is_dir() else path
