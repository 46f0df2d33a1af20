"""MNIST: 70,000 handwritten digits, 28 x 28, grey, as the idx files that were published.

LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998. Any folder of idx files of this
layout is read; grey becomes RGB with three equal channels. Checksums: md5 as in torchvision, whose mirror this is;
sha256 as in TensorFlow Datasets.
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

PREFIXES = {"train": "train", "test": "t10k"}
CLASSES = tuple("0123456789")
HOME = "https://ossci-datasets.s3.amazonaws.com/mnist/"


class MNIST:
    """Handwritten digits as published."""

    downloads: ClassVar[tuple[Download, ...]] = (
        Download(
            HOME + "train-images-idx3-ubyte.gz",
            md5="f68b3c2dcbeaaa9fbdd348bbdeb94873",
            sha256="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        Download(
            HOME + "train-labels-idx1-ubyte.gz",
            md5="d53e105ee54ea40749a09fcbcd1e9432",
            sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        Download(
            HOME + "t10k-images-idx3-ubyte.gz",
            md5="9fb629c4189551a2d022fa330f9573f3",
            sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        Download(
            HOME + "t10k-labels-idx1-ubyte.gz",
            md5="ec29112dd5afa0611ce80d1b7f02629c",
            sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    )
    card: ClassVar[dict[str, Any]] = {
        "images": {"train": 60000, "test": 10000}, "classes": 10, "size": "28 x 28, grey",
        "source": "LeCun, Cortes and Burges, The MNIST database of handwritten digits",
        "licence": "CC BY-SA 3.0",
    }

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` holds idx files of images, not those of Fashion-MNIST by its name."""
        return "fashion" not in path.name.lower() and any(_file(path, p, "images-idx3") for p in PREFIXES.values())

    def splits(self) -> tuple[str, ...]:
        """``train`` and ``test``, as far as their files are there."""
        return tuple(s for s, prefix in PREFIXES.items() if _file(self.path, prefix, "images-idx3"))

    def open(self, split: str) -> Source:
        """Read the labels of one split; its images are read when the first is asked for."""
        if split not in self.splits():
            raise unknown(f"split of '{self.path}'", split, self.splits())
        images = _file(self.path, PREFIXES[split], "images-idx3")
        assert images is not None
        pixels = archives.GreyIdx(images)
        labelled = _file(self.path, PREFIXES[split], "labels-idx1")
        labels = archives.idx(labelled).astype(np.int64) if labelled else np.full(len(pixels), -1, dtype=np.int64)
        if labels.shape != (len(pixels),) or labels.max(initial=-1) > 9:
            raise RequestError(f"'{labelled}' does not hold {len(pixels)} labels from 0 to 9.")
        return ArraySource(
            pixels, labels, CLASSES if labelled else (), [f"{images.name}[{i}]" for i in range(len(pixels))],
            fingerprint([images, *([labelled] if labelled else [])]), card=dict(self.card),
        )


def _file(folder: Path, prefix: str, kind: str) -> Path | None:
    """One of the four files, gzipped or not, also under the names some tools unpack to."""
    names = (f"{prefix}-{kind}-ubyte", f"{prefix}-{kind.replace('-', '.')}-ubyte")
    return next((p for n in names for p in (folder / f"{n}.gz", folder / n) if p.is_file()), None)
