"""Local intrinsic dimension from the distances to the first two neighbours."""

from __future__ import annotations

import numpy as np

from kinfolk.numerics.nearest import nearest


def two_nn(vectors: np.ndarray, discard: float = 0.1) -> float:
    """TwoNN intrinsic dimension of (N, D) (Facco et al. 2017, Scientific Reports, "Methods").

    Time O(N^2 D).
    """
    return fitted(ratios(vectors), discard)


def ratios(vectors: np.ndarray) -> np.ndarray:
    """log(r2 / r1) of the distances to the first two neighbours of (N, D); points with a copy have none."""
    if len(vectors) < 3:
        return np.zeros(0)
    _, distance = nearest(vectors, vectors, 2, metric="euclidean", exclude=np.arange(len(vectors)))
    first, second = distance.astype(np.float64).T
    found: np.ndarray = np.log(second[first > 0] / first[first > 0])
    return found


def fitted(ratio: np.ndarray, discard: float = 0.1) -> float:
    """The dimension d in -log(1 - F(mu)) = d log(mu), fitted through the origin to ``ratio`` = log(mu) (n,).

    The largest ``discard`` of the ratios are left out; 0 if there are fewer than ten.
    """
    if len(ratio) < 10:
        return 0.0
    ratio = np.sort(ratio)
    kept = int(len(ratio) * (1 - discard))
    height = -np.log1p(-np.arange(1, kept + 1) / len(ratio))
    return float(ratio[:kept] @ height / max(ratio[:kept] @ ratio[:kept], 1e-300))
