"""Caltech-101: 8,677 photographs of 101 kinds of objects, about 300 x 200 pixels, 31 to 800 a class.

Li, Andreeto, Ranzato and Perona, Caltech 101, CaltechDATA 2022 (first published by Fei-Fei, Fergus and
Perona, 2004). One folder for each class; the folder BACKGROUND_Google is no class and is left out. There is no
split for evaluation: a tenth is held out (see ``load/images``). The archive's md5 is as in torchvision for R.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kinfolk.core.decode import SUFFIXES
from kinfolk.core.download import Download
from kinfolk.core.errors import RequestError, unknown
from kinfolk.core.listing import listing
from kinfolk.datasets import FileSource, Source

FOLDERS = ("101_ObjectCategories", "caltech-101/101_ObjectCategories", "caltech101/101_ObjectCategories")
BACKGROUND = "BACKGROUND_Google"


class Caltech101:
    """Photographs of 101 kinds of objects as published."""

    downloads: ClassVar[tuple[Download, ...]] = (
        Download(
            "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",
            md5="3138e1922a9193bfa496528edbbc45d0",
        ),
    )
    card: ClassVar[dict[str, Any]] = {
        "images": {"train": 8677}, "classes": 101, "size": "about 300 x 200",
        "source": "Li, Andreeto, Ranzato and Perona, Caltech 101, doi:10.22002/D1.20086",
        "licence": "CC BY 4.0",
    }

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = _folder(Path(path)) or Path(path)

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` is or holds the folder ``101_ObjectCategories``."""
        return _folder(path) is not None

    def splits(self) -> tuple[str, ...]:
        """Only ``train``."""
        return ("train",)

    def open(self, split: str) -> Source:
        """List all images without decoding them."""
        if split != "train":
            raise unknown(f"split of '{self.path}'", split, self.splits())
        found = listing(self.path, SUFFIXES).files
        files = [f for f in found if len(f.parts) > 1 and f.parts[0] != BACKGROUND]
        if not files:
            raise RequestError(f"no images of Caltech-101 found in '{self.path}'.")
        classes = sorted({f.parts[0] for f in files})
        number = {name: i for i, name in enumerate(classes)}
        labels = np.array([number[f.parts[0]] for f in files], dtype=np.int64)
        return FileSource(files, labels, tuple(classes), dict(self.card))


def _folder(path: Path) -> Path | None:
    if path.name == "101_ObjectCategories" and path.is_dir():
        return path
    return next((path / f for f in FOLDERS if (path / f).is_dir()), None)
