"""Handwritten digits placed at random on a canvas: real, small, part of scikit-learn, always at hand.

Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI 1998 (8 x 8, 17 grey levels), as
shipped with scikit-learn. Each rendering takes one of the 1,797 originals, enlarges it smoothly (cubic) to
between 18 and 28 pixels, and lays it at a random place of a 32 x 32 canvas: light ink on a darker paper, the
brightness of the paper and the contrast of the ink to it drawn for each.
A fifth of the originals, chosen by hash, is drawn from for ``test`` and the rest for ``train``: no
original is ever in both.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Annotated, Any

import numpy as np

from kinfolk.core import seeds
from kinfolk.core.errors import unknown
from kinfolk.datasets import Source

CANVAS, ORIGINAL = 32, 8
SMALLEST, LARGEST = 18.0, 28.0
FAINTEST = 0.35
CLASSES = tuple("0123456789")


class Digits:
    """Renderings of real handwritten digits, with what each was rendered from as factors."""

    def __init__(
        self,
        *,
        seed: Annotated[int, "[0, inf)", "what the renderings are drawn from"] = 0,
        train: Annotated[int, "[1, inf)", "number of training images"] = 4000,
        test: Annotated[int, "[1, inf)", "number of test images"] = 2000,
    ) -> None:
        self.seed = seed
        self.counts = {"train": train, "test": test}

    def splits(self) -> tuple[str, ...]:
        """``train`` and ``test``."""
        return tuple(self.counts)

    def open(self, split: str) -> Source:
        """Draw the renderings of one split; they are rendered when the first is asked for."""
        if split not in self.counts:
            raise unknown("split of digits", split, self.counts)
        return Renderings(self.seed, split, self.counts[split])


class Renderings:
    """One split of the digits. Factors: source (number of the original), size, x, y (centre, in pixels),
    contrast and paper (1 is white).
    """

    classes = CLASSES

    def __init__(self, seed: int, split: str, count: int) -> None:
        self._glyphs, target = originals()
        chosen = originals_of(split, len(self._glyphs))
        random = np.random.Generator(np.random.PCG64(seeds.key(seed, f"digits {split}")))
        drawn = random.random((count, 6))
        source = chosen[(drawn[:, 0] * len(chosen)).astype(np.int64)]
        size = SMALLEST + drawn[:, 1] * (LARGEST - SMALLEST)
        contrast = FAINTEST + drawn[:, 4] * (1 - FAINTEST)
        self.factors = {
            "source": source.astype(np.float64),
            "size": size,
            "x": size / 2 + drawn[:, 2] * (CANVAS - size),
            "y": size / 2 + drawn[:, 3] * (CANVAS - size),
            "contrast": contrast,
            "paper": drawn[:, 5] * (1 - contrast),
        }
        self._lock = threading.Lock()
        self._pixels: np.ndarray | None = None
        self.labels = target[source]
        self.origins = [f"digits {split} {i}, original {s}" for i, s in enumerate(source)]
        self.fingerprint = f"digits-1-{split}-{seed}-{count}"
        self.card: dict[str, Any] = {
            "source": "UCI Optical Recognition of Handwritten Digits, as shipped with scikit-learn",
            "licence": "CC BY 4.0", "unordered": ("source",),
        }

    def __len__(self) -> int:
        return len(self.labels)

    def render(self) -> np.ndarray:
        """All images: uint8 (N, 32, 32)."""
        f = self.factors
        glyphs = self._glyphs[f["source"].astype(np.int64)]
        rows = enlargement(f["y"] - f["size"] / 2, f["size"])
        columns = enlargement(f["x"] - f["size"] / 2, f["size"])
        images = rows @ glyphs @ columns.transpose(0, 2, 1)
        paper, contrast = f["paper"][:, None, None], f["contrast"][:, None, None]
        pixels: np.ndarray = np.rint(255 * (paper + contrast * images.clip(0, 1))).astype(np.uint8)
        return pixels

    def decode(self, position: int, at_least: int = 0) -> np.ndarray:
        """Return image ``position``."""
        with self._lock:
            if self._pixels is None:
                self._pixels = self.render()
        return np.repeat(self._pixels[position][:, :, None], 3, axis=2)

    def shape(self, position: int) -> tuple[int, int]:
        """Return (height, width)."""
        return CANVAS, CANVAS


@cache
def originals() -> tuple[np.ndarray, np.ndarray]:
    """The originals, float32 (1797, 8, 8) in [0, 1], and their labels, int64 (1797,)."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    return (loaded.images / 16).astype(np.float32), loaded.target.astype(np.int64)


def originals_of(split: str, count: int) -> np.ndarray:
    """The numbers of the originals that a split is drawn from, sorted: a fifth for ``test`` by hash."""
    order = np.argsort([seeds.key(0, "digits originals", i) for i in range(count)], kind="stable")
    held = count // 5
    return np.sort(order[:held] if split == "test" else order[held:])


def enlargement(start: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Weights (N, 32, 8) float32 that lay 8 samples over ``size`` pixels from ``start`` on.

    Cubic convolution: Keys, "Cubic convolution interpolation for digital image processing", 1981, with
    a = -1/2; beyond the glyph there is paper (zero).
    """
    centres = (np.arange(CANVAS) + 0.5 - start[:, None]) / size[:, None] * ORIGINAL - 0.5
    t = np.abs(centres[:, :, None] - np.arange(ORIGINAL))
    near = 1.5 * t**3 - 2.5 * t**2 + 1
    far = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0)).astype(np.float32)
