"""ROC curves: area, false positives at a given share found, and their bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Pair = tuple[float, float]


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half."""
    ordered, asked = np.sort(negative), np.sort(positive)
    beaten = np.searchsorted(ordered, asked, "left") + np.searchsorted(ordered, asked, "right")
    return float(beaten.mean() / (2 * len(negative)))


def false_positives(positive: np.ndarray, negative: np.ndarray, found: float = 0.95) -> float:
    """Share of negatives at or above the threshold that finds (at least) ``found`` of the positives."""
    rank = int(np.floor((1 - found) * len(positive) + 1e-9))
    return float((negative >= np.sort(positive)[rank]).mean())


def interval(
    measure: Callable[[np.ndarray, np.ndarray], float],
    positive: np.ndarray,
    negative: np.ndarray,
    draws: int = 500,
    seed: int = 0,
) -> Pair:
    """Percentile bootstrap interval of ``measure``; positives and negatives are resampled each on their own."""
    random = np.random.default_rng(seed)
    values = [
        measure(
            positive[random.integers(0, len(positive), len(positive))],
            negative[random.integers(0, len(negative), len(negative))],
        )
        for _ in range(draws)
    ]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def curve(positive: np.ndarray, negative: np.ndarray, points: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates (n,), from (0, 0) to (1, 1), thinned to about ``points``."""
    from sklearn.metrics import roc_curve

    truth = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
    false, true, _ = roc_curve(truth, np.r_[positive, negative])
    if len(false) > points:
        place = np.searchsorted(false + true, np.linspace(0, 2, points))
        kept = np.unique(np.r_[0, place.clip(0, len(false) - 1), len(false) - 1])
        false, true = false[kept], true[kept]
    return false, true
