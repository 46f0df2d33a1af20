"""Local intrinsic dimension from the distances to the first two neighbours."""

from __future__ import annotations

import numpy as np

from kinfolk.numerics.nearest import nearest


def two_nn(vectors: np.ndarray, discard: float = 0.1) -> float:
    """TwoNN intrinsic dimension of (N, D) (Facco et al. 2017, Scientific Reports, "Methods").

    With mu = r2 / r1 for each point, -log(1 - F(mu)) = d log(mu) is fitted through the origin; the largest
    ``discard`` of the ratios are left out. Points that coincide with their neighbour say nothing; 0 if fewer
    than ten others are left. Time O(N^2 D).
    """
    if len(vectors) < 3:
        return 0.0
    _, distance = nearest(vectors, vectors, 2, metric="euclidean", exclude=np.arange(len(vectors)))
    first, second = distance.astype(np.float64).T
    ratio = np.sort(np.log(second[first > 0] / first[first > 0]))
    if len(ratio) < 10:
        return 0.0
    kept = int(len(ratio) * (1 - discard))
    height = -np.log1p(-np.arange(1, kept + 1) / len(ratio))
    return float(ratio[:kept] @ height / max(ratio[:kept] @ ratio[:kept], 1e-300))
