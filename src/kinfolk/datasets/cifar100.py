"""CIFAR-100: 60,000 colour photographs of a hundred classes, 32 x 32, from the binary version that was published.

Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009. Each record is a byte of coarse label, a byte
of fine label, then 1,024 bytes of red, green and blue each, row by row. The fine labels are the classes unless
``labels`` asks for the twenty coarse ones. Checksums of the archive: md5 as on the author's page, sha256 as in
TensorFlow Datasets.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from kinfolk.core import archives
from kinfolk.core.download import Download
from kinfolk.core.errors import RequestError, unknown
from kinfolk.core.listing import fingerprint
from kinfolk.datasets import ArraySource, Source

FOLDER = "cifar-100-binary"
FILES = {"train": "train.bin", "test": "test.bin"}


class Cifar100:
    """Small photographs of a hundred classes as published."""

    downloads: ClassVar[tuple[Download, ...]] = (
        Download(
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            md5="03b5dce01913d631647c71ecec9e9cb8",
            sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        ),
    )
    card: ClassVar[dict[str, Any]] = {
        "images": {"train": 50000, "test": 10000}, "classes": 100, "size": "32 x 32",
        "source": "Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
        "licence": "none stated by the authors",
    }

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        labels: Annotated[Literal["fine", "coarse"], "100 classes or their 20 groups"] = "fine",
    ) -> None:
        self.path, self.labels = _folder(Path(path)), labels

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` holds the files of the binary version, or the folder they come in."""
        return (_folder(path) / "fine_label_names.txt").is_file()

    def splits(self) -> tuple[str, ...]:
        """``train`` and ``test``, as far as their files are there."""
        return tuple(s for s, name in FILES.items() if (self.path / name).is_file())

    def open(self, split: str) -> Source:
        """Map the records of one split."""
        if split not in self.splits():
            raise unknown(f"split of '{self.path}'", split, self.splits())
        path = self.path / FILES[split]
        data = archives.records(path, [("coarse", ()), ("fine", ()), ("pixels", (3, 32, 32))])
        names = (self.path / f"{self.labels}_label_names.txt").read_text("utf-8").split()
        labels = data[self.labels].astype(np.int64)
        if labels.max() >= len(names):
            raise RequestError(f"'{path}' has a label {labels.max()} where {len(names)} classes are named.")
        origins = [f"{path.name}[{i}]" for i in range(len(data))]
        pixels = archives.Joined([data["pixels"].transpose(0, 2, 3, 1)])
        return ArraySource(
            pixels, labels, tuple(names), origins, fingerprint([path], self.labels), card=dict(self.card)
        )


def _folder(path: Path) -> Path:
    return path / FOLDER if (path / FOLDER).is_dir() else path
