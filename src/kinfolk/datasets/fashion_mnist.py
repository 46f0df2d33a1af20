"""Fashion-MNIST: 70,000 articles of clothing, 28 x 28, grey, as the idx files that were published.

Xiao, Rasul and Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms,
2017. The files are named as MNIST's are: a folder is taken for this dataset where its name holds "fashion".
Checksums: md5 as on the authors' page, sha256 as in TensorFlow Datasets.
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
CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)
HOME = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"


class FashionMNIST:
    """Articles of clothing as published."""

    downloads: ClassVar[tuple[Download, ...]] = (
        Download(
            HOME + "train-images-idx3-ubyte.gz",
            md5="8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        Download(
            HOME + "train-labels-idx1-ubyte.gz",
            md5="25c81989df183df01b3e8a0aad5dffbe",
            sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        Download(
            HOME + "t10k-images-idx3-ubyte.gz",
            md5="bef4ecab320f06d8554ea6380940ec79",
            sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        Download(
            HOME + "t10k-labels-idx1-ubyte.gz",
            md5="bb300cfdad3c16e7a12a480ee83cd310",
            sha256="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    )
    card: ClassVar[dict[str, Any]] = {
        "images": {"train": 60000, "test": 10000}, "classes": 10, "size": "28 x 28, grey",
        "source": "Xiao, Rasul and Vollgraf, Fashion-MNIST, 2017 (Zalando Research)",
        "licence": "MIT",
    }

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` holds idx files of images and is named after this dataset."""
        return "fashion" in path.name.lower() and any(_file(path, p, "images-idx3") for p in PREFIXES.values())

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
