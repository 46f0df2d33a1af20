"""Collapse: whether features have shrunk to one point or to few directions; the thresholds of verdict and watch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinfolk.numerics import linalg

SPREAD = 1e-3
RANK = 0.05


@dataclass(frozen=True)
class Extent:
    """How far and in how many directions features spread.

    Attributes:
        spread: their variance over their mean square length; 0 for one vector repeated.
        rank: effective rank of the centred features.
        least: the effective rank below which they have collapsed: ``RANK`` of what width and number allow.
        width: D.
    """

    spread: float
    rank: float
    least: float
    width: int

    @classmethod
    def of(cls, vectors: np.ndarray) -> Extent:
        """Measure (N, D), in O(N D^2 + D^3)."""
        mean, covariance = linalg.covariance(vectors)
        eigenvalues = np.clip(np.linalg.eigvalsh(covariance)[::-1], 0, None)
        variance = float(eigenvalues.sum())
        spread = variance / max(variance + float(mean @ mean), 1e-300)
        least = RANK * min(vectors.shape[1], len(vectors) - 1)
        return cls(spread, linalg.effective_rank(eigenvalues), least, vectors.shape[1])

    @property
    def complete(self) -> bool:
        """Whether all images share one vector."""
        return self.spread < SPREAD

    @property
    def dimensional(self) -> bool:
        """Whether few directions are in use."""
        return self.rank < self.least
