"""Alignment and uniformity on fresh augmentations: do views stay together, do images spread out?

Paper: Wang and Isola 2020, "Understanding contrastive representation learning through alignment and uniformity on
the hypersphere", equations in sections 4.1.1 (exponent 2) and 4.1.2 (t = 2).
Cost: two passes of ``images`` through the encoder, O(images^2 x D).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws
from kinfolk.numerics.linalg import unit
from kinfolk.numerics.stats import bootstrap_mean, over_pairs
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class Alignment:
    """Mean squared distance of two views, and the logarithm of the mean Gaussian potential of all pairs."""

    needs: ClassVar[frozenset[str]] = frozenset({"test", "images", "encode", "views"})
    floors: ClassVar[bool] = False

    def __init__(
        self,
        *,
        augmentations: Annotated[tuple[str, ...], "applied one after the other"] = (
            "crop", "flip", "jitter", "grayscale",
        ),
        strength: Annotated[float, "[0, 1]", "of each augmentation"] = 0.5,
        images: Annotated[int, "[10, inf)", "test images at most"] = 2000,
    ) -> None:
        self.augmentations, self.strength, self.images = augmentations, strength, images

    def measure(self, subject: Subject) -> list[Finding]:
        """Two scores."""
        test = subject.get("test")
        rows = draws.subset(test.index, self.images)
        pixels = np.asarray(subject.images["test"].pixels[rows])
        first, second = (self._encoded(subject, pixels, view) for view in (0, 1))
        gap = ((first - second) ** 2).sum(1)
        low, high = bootstrap_mean(gap)
        spread, least, most = uniformity(first)
        protocol = {
            **subject.conditions(test=test.take(rows)),
            "augmentations": list(self.augmentations), "strength": self.strength,
        }
        return [
            Finding(
                "alignment", "score", "test", subject.name, protocol, float(gap.mean()), low, high,
                "squared distance", False, title="Alignment of two views",
                text=f"Two views of an image are {gap.mean():.2f} apart (squared, of at most 4).",
            ),
            Finding(
                "uniformity", "score", "test", subject.name, protocol, spread, least, most,
                "log potential", False, title="Uniformity over the sphere",
                text=f"The uniformity of views of {len(rows):,} images is {spread:.2f} (0: all alike; best near -4).",
            ),
        ]

    def _encoded(self, subject: Subject, pixels: np.ndarray, view: int) -> np.ndarray:
        assert subject.views is not None
        assert subject.encode is not None
        for step, name in enumerate(self.augmentations):
            pixels, _ = subject.views(pixels, name, self.strength, 100 * view + step)
        return unit(subject.encode(pixels))


def uniformity(points: np.ndarray) -> tuple[float, float, float]:
    """log of the mean of exp(-2 |x - y|^2) over all pairs of different rows of (N, D) of length 1; its interval."""
    potential = np.exp(4 * (points @ points.T).astype(np.float64) - 4)
    each = (potential.sum(1) - np.diag(potential)) / (len(points) - 1)
    low, high = (float(np.log(max(bound, 1e-12))) for bound in over_pairs(each))
    return float(np.log(each.mean())), low, high
