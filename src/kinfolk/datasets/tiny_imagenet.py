"""Tiny ImageNet: 200 ImageNet classes, 64 x 64, 100,000 images for training and 10,000 for validation.

Le and Yang, Tiny ImageNet Visual Recognition Challenge, Stanford CS231n 2015. ``train/WNID/images``, ``val/images``
with ``val_annotations.txt``; the test images were published without labels and are left out. Class names
are the first of those in ``words.txt``. The archive's md5 is as in several public loaders of it; none of its authors
was found.
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

FOLDER = "tiny-imagenet-200"
ANNOTATIONS = "val_annotations.txt"


class TinyImageNet:
    """Two hundred classes of small photographs as published."""

    downloads: ClassVar[tuple[Download, ...]] = (
        Download("http://cs231n.stanford.edu/tiny-imagenet-200.zip", md5="90528d7ca1a48142e341f4ef8d21d0de"),
    )
    card: ClassVar[dict[str, Any]] = {
        "images": {"train": 100000, "val": 10000}, "classes": 200, "size": "64 x 64",
        "source": "Le and Yang, Stanford CS231n 2015; images from ImageNet",
        "licence": "that of ImageNet: research, non-commercial",
    }

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = _folder(Path(path))

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` holds ``wnids.txt`` and ``train``, or the folder they come in."""
        return (_folder(path) / "wnids.txt").is_file() and (_folder(path) / "train").is_dir()

    def splits(self) -> tuple[str, ...]:
        """``train`` and ``val``, as far as they are there."""
        return tuple(s for s in ("train", "val") if (self.path / s).is_dir())

    def open(self, split: str) -> Source:
        """List one split without decoding it."""
        if split not in self.splits():
            raise unknown(f"split of '{self.path}'", split, self.splits())
        wnids = (self.path / "wnids.txt").read_text("utf-8").split()
        number = {wnid: i for i, wnid in enumerate(sorted(wnids))}
        files = listing(self.path / split, SUFFIXES).files
        if not files:
            raise RequestError(f"no images of Tiny ImageNet found in '{self.path / split}'.")
        told = self._annotations() if split == "val" else {}
        labels = [number.get(told.get(f.parts[-1], f.parts[0]), -1) for f in files]
        return FileSource(files, np.array(labels, dtype=np.int64), self._names(list(number)), dict(self.card))

    def _annotations(self) -> dict[str, str]:
        """File name -> WordNet number for the validation images (tab-separated, then a box)."""
        path = self.path / "val" / ANNOTATIONS
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        return {name: wnid for name, wnid, *_ in (line.split("\t") for line in lines if "\t" in line)}

    def _names(self, wnids: list[str]) -> tuple[str, ...]:
        """The first English name of each class; with its number where two classes share it."""
        path = self.path / "words.txt"
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        words = {w: names.split(",")[0].strip() for w, _, names in (line.partition("\t") for line in lines)}
        names = [words.get(w, w) for w in wnids]
        return tuple(n if names.count(n) == 1 else f"{n} ({w})" for n, w in zip(names, wnids, strict=True))


def _folder(path: Path) -> Path:
    return path / FOLDER if (path / FOLDER).is_dir() else path
