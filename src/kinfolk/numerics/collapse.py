"""Collapse: whether features have shrunk to one point or to few directions; the thresholds of verdict and watch.

SPREAD depends on the layer: h is often a mean of positive activations, so that even good features have a large mean,
while z is what the loss keeps apart. Real runs: z of VICReg without its variance term 0.08 and 0.21, of BYOL without
predictor 0.23, of healthy ones from 0.28; h 0.01 to 0.78 (``benchmarks/LOG.md``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinfolk.numerics import linalg

SPREAD = {"h": 1e-3, "z": 0.25}
RANK = 0.05
EARLY = 100
"""Steps of training before which nothing has collapsed: projections of an untrained network lie close together."""


@dataclass(frozen=True)
class Extent:
    """How far and in how many directions features spread.

    Attributes:
        spread: their variance over their mean square length; 0 for one vector repeated.
        apart: the spread below which all images as good as share one vector: ``SPREAD`` of the layer.
        rank: effective rank of the centred features.
        least: the effective rank below which they have collapsed: ``RANK`` of what width and number allow.
        width: D.
    """

    spread: float
    apart: float
    rank: float
    least: float
    width: int

    @classmethod
    def of(cls, vectors: np.ndarray, layer: str) -> Extent:
        """Measure (N, D) of ``layer``, h or z, in O(N D^2 + D^3)."""
        mean, covariance = linalg.covariance(vectors)
        eigenvalues = linalg.falling(covariance)
        spread = spread_of(mean, float(eigenvalues.sum()))
        least = RANK * min(vectors.shape[1], len(vectors) - 1)
        return cls(spread, SPREAD[layer], linalg.effective_rank(eigenvalues), least, vectors.shape[1])

    @property
    def complete(self) -> bool:
        """Whether all images share one vector."""
        return self.spread < self.apart

    @property
    def dimensional(self) -> bool:
        """Whether few directions are in use."""
        return self.rank < self.least


def spread_of(mean: np.ndarray, variance: float) -> float:
    """Total variance over the mean square length of vectors with mean (D,); 0 where all are zero."""
    return variance / max(variance + float(mean @ mean), 1e-300)
