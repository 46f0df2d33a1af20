"""ImageNet (ILSVRC 2012): 1.28 million photographs of 1,000 classes, from folders as they are published.

Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, IJCV 2015. Two layouts: ``train/WNID``
and ``val/WNID``; or Kaggle's, ``ILSVRC/Data/CLS-LOC`` with a flat ``val``, whose labels are in
``LOC_val_solution.csv``. Class names are the first of those in ``LOC_synset_mapping.txt`` where it is there,
else the WordNet numbers. It cannot be downloaded without an account: see image-net.org.
"""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kinfolk.core.decode import SUFFIXES
from kinfolk.core.download import Download
from kinfolk.core.errors import RequestError, unknown
from kinfolk.core.listing import listing
from kinfolk.datasets import FileSource, Source

NESTED = "ILSVRC/Data/CLS-LOC"
WNID = re.compile(r"n\d{8}")
MANY = 100


class ImageNet:
    """A thousand classes of photographs as published."""

    downloads: ClassVar[tuple[Download, ...]] = ()
    card: ClassVar[dict[str, Any]] = {
        "images": {"train": 1281167, "val": 50000}, "classes": 1000, "size": "about 500 x 400",
        "source": "Russakovsky et al., IJCV 2015; https://image-net.org (an account is needed)",
        "licence": "research, non-commercial",
    }

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.home = Path(path)
        self.path = _folder(self.home)

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` holds ``train`` with at least a hundred folders named by WordNet numbers."""
        train = _folder(path) / "train"
        return train.is_dir() and sum(1 for p in os.scandir(train) if WNID.fullmatch(p.name)) >= MANY

    def splits(self) -> tuple[str, ...]:
        """``train`` and ``val``, as far as they are there."""
        return tuple(s for s in ("train", "val") if (self.path / s).is_dir())

    def open(self, split: str) -> Source:
        """List one split without decoding it."""
        if split not in self.splits():
            raise unknown(f"split of '{self.path}'", split, self.splits())
        wnids = sorted(p.name for p in os.scandir(self.path / "train") if WNID.fullmatch(p.name))
        number = {wnid: i for i, wnid in enumerate(wnids)}
        files = listing(self.path / split, SUFFIXES).files
        if not files:
            raise RequestError(f"no images of ImageNet found in '{self.path / split}'.")
        told = self._solution() if split == "val" else {}
        labels = [number.get(told.get(f.parts[-1].split(".")[0], f.parts[0]), -1) for f in files]
        return FileSource(files, np.array(labels, dtype=np.int64), self._names(wnids), dict(self.card))

    def _solution(self) -> dict[str, str]:
        """Image name -> WordNet number of its first box, from Kaggle's solution of the validation set."""
        path = self.home / "LOC_val_solution.csv"
        if not path.is_file():
            return {}
        with open(path, encoding="utf-8", newline="") as handle:
            return {row["ImageId"]: row["PredictionString"].split()[0] for row in csv.DictReader(handle)}

    def _names(self, wnids: list[str]) -> tuple[str, ...]:
        """The first English name of each class; with its number where two classes share it."""
        path = self.home / "LOC_synset_mapping.txt"
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        words = {w: names.split(",")[0].strip() for w, _, names in (line.partition(" ") for line in lines)}
        names = [words.get(w, w) for w in wnids]
        return tuple(n if names.count(n) == 1 else f"{n} ({w})" for n, w in zip(names, wnids, strict=True))


def _folder(path: Path) -> Path:
    return path / NESTED if (path / NESTED).is_dir() else path
