"""Intervals at 95 %: Wilson's for shares, Student's for means, bootstrap for AUC and means."""

from __future__ import annotations

import numpy as np

NORMAL_95 = 1.959963984540054


def wilson(successes: float, trials: int) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927); (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = successes / trials, NORMAL_95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = NORMAL_95 * np.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def student(values: np.ndarray) -> tuple[float, float]:
    """Student's interval of the mean of ``values`` (n,); the infinite line when n < 2."""
    from scipy.stats import t

    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return -np.inf, np.inf
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def bootstrap_mean(values: np.ndarray, draws: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of ``values`` (n,)."""
    random = np.random.default_rng(seed)
    means = [values[random.integers(0, len(values), len(values))].mean() for _ in range(draws)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([positive, negative]))[: len(positive)]
    n = len(positive)
    return float((ranks.sum() - n * (n + 1) / 2) / (n * len(negative)))


def auc_interval(
    positive: np.ndarray, negative: np.ndarray, draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of ``auc``; positives and negatives are resampled each on their own."""
    random = np.random.default_rng(seed)
    grid, place = np.unique(np.concatenate([positive, negative]), return_inverse=True)
    above, below = place[: len(positive)], place[len(positive) :]
    areas = np.empty(draws)
    for draw in range(draws):
        wins = np.bincount(above[random.integers(0, len(above), len(above))], minlength=len(grid))
        lost = np.bincount(below[random.integers(0, len(below), len(below))], minlength=len(grid))
        beaten = np.cumsum(lost) - lost / 2
        areas[draw] = wins @ beaten / (len(above) * len(below))
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)
