"""CIFAR-10: 60,000 colour photographs of ten classes, 32 x 32, from the binary version that was published.

Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009. Each record is a byte of label, then
1,024 bytes of red, green and blue each, row by row. Checksums of the archive: md5 as on the author's page, sha256 as in
TensorFlow Datasets.
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

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-bin"
FILES = {"train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test": ("test_batch.bin",)}


class Cifar10:
    """Small photographs of ten classes as published."""

    downloads: ClassVar[tuple[Download, ...]] = (
        Download(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            md5="c32a1d4ab5d03f1284b67883e8d87530",
            sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ),
    )
    card: ClassVar[dict[str, Any]] = {
        "images": {"train": 50000, "test": 10000}, "classes": 10, "size": "32 x 32",
        "source": "Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
        "licence": "none stated by the authors",
    }

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = _folder(Path(path))

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` holds the files of the binary version, or the folder they come in."""
        return any((_folder(path) / names[0]).is_file() for names in FILES.values())

    def splits(self) -> tuple[str, ...]:
        """``train`` and ``test``, as far as their files are there."""
        return tuple(s for s, names in FILES.items() if (self.path / names[0]).is_file())

    def open(self, split: str) -> Source:
        """Map the records of one split."""
        if split not in self.splits():
            raise unknown(f"split of '{self.path}'", split, self.splits())
        paths = [self.path / name for name in FILES[split]]
        batches = [archives.records(p, [("label", ()), ("pixels", (3, 32, 32))]) for p in paths]
        labels = np.concatenate([b["label"] for b in batches]).astype(np.int64)
        if labels.max() >= len(CLASSES):
            raise RequestError(f"'{self.path}' is not CIFAR-10: it has a label {labels.max()}.")
        origins = [f"{p.name}[{i}]" for p, b in zip(paths, batches, strict=True) for i in range(len(b))]
        pixels = archives.Joined([b["pixels"].transpose(0, 2, 3, 1) for b in batches])
        return ArraySource(pixels, labels, CLASSES, origins, fingerprint(paths), card=dict(self.card))


def _folder(path: Path) -> Path:
    return path / FOLDER if (path / FOLDER).is_dir() else path
