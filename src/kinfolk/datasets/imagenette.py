"""Imagenette: 13,394 photographs of ten easily told ImageNet classes, shorter side 160 pixels.

Howard, Imagenette, fast.ai 2019 (version 2). Folders ``train`` and ``val``, in each a folder for every class,
named by its WordNet number; classes are given their English names. Checksums of the archive: md5 as in torchvision,
sha256 as in TensorFlow Datasets.
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

NAMES = {
    "n01440764": "tench", "n02102040": "English springer", "n02979186": "cassette player",
    "n03000684": "chain saw", "n03028079": "church", "n03394916": "French horn", "n03417042": "garbage truck",
    "n03425413": "gas pump", "n03445777": "golf ball", "n03888257": "parachute",
}
FOLDERS = ("", "imagenette2-160", "imagenette2-320", "imagenette2")


class Imagenette:
    """Ten classes of ImageNet as published by fast.ai."""

    downloads: ClassVar[tuple[Download, ...]] = (
        Download(
            "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz",
            md5="e793b78cc4c9e9a4ccc0c1155377a412",
            sha256="88daccb09b6fce93f45e6c09ddeb269cce705549e6bff322092a2a5a11489863",
        ),
    )
    card: ClassVar[dict[str, Any]] = {
        "images": {"train": 9469, "val": 3925}, "classes": 10, "size": "shorter side 160",
        "source": "Howard, Imagenette, fast.ai 2019; images from ImageNet",
        "licence": "Apache-2.0; the images under ImageNet's terms: research, non-commercial",
    }

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = _folder(Path(path)) or Path(path)

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` holds ``train`` with a folder named by the first class's number."""
        return _folder(path) is not None

    def splits(self) -> tuple[str, ...]:
        """``train`` and ``val``, as far as they are there."""
        return tuple(s for s in ("train", "val") if (self.path / s).is_dir())

    def open(self, split: str) -> Source:
        """List one split without decoding it."""
        if split not in self.splits():
            raise unknown(f"split of '{self.path}'", split, self.splits())
        files = [f for f in listing(self.path / split, SUFFIXES).files if f.parts[0] in NAMES]
        if not files:
            raise RequestError(f"no images of Imagenette found in '{self.path / split}'.")
        number = {wnid: i for i, wnid in enumerate(NAMES)}
        labels = np.array([number[f.parts[0]] for f in files], dtype=np.int64)
        return FileSource(files, labels, tuple(NAMES.values()), dict(self.card))


def _folder(path: Path) -> Path | None:
    """The folder with the splits: ``path`` itself or the one that the archive holds."""
    found = (path / f for f in FOLDERS if (path / f / "train" / "n01440764").is_dir())
    return next((f for f in found if {p.name for p in (f / "train").iterdir() if p.is_dir()} <= set(NAMES)), None)
