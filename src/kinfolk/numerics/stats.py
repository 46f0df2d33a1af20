"""Intervals at 95 %: Wilson's for shares, Student's and the bootstrap for means, the jackknife for other figures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kinfolk.numerics import draws

GROUPS = 10
NORMAL_95 = 1.959963984540054


def wilson(successes: float, trials: int) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927); (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = successes / trials, NORMAL_95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = NORMAL_95 * np.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    low = 0.0 if successes == 0 else float(centre - half)
    return low, 1.0 if successes == trials else float(centre + half)


def student(values: np.ndarray) -> tuple[float, float]:
    """Student's interval of the mean of ``values`` (n,); the infinite line when n < 2."""
    from scipy.stats import t

    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return -np.inf, np.inf
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def bootstrap_mean(values: np.ndarray, times: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of ``values`` (n,)."""
    random = np.random.default_rng(seed)
    means = [values[random.integers(0, len(values), len(values))].mean() for _ in range(times)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def over_pairs(each: np.ndarray) -> tuple[float, float]:
    """Interval of a mean over all pairs of n items from each item's mean over its own pairs (n,).

    A U-statistic of order two has 4 / n times the variance of these means (Hoeffding 1948, section 7). Where few
    items have long tails it is too narrow: squared gaps of 80 exponential values are covered in 84 of 100 cases.
    """
    half = 2 * NORMAL_95 * each.std(ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.inf
    return float(each.mean() - half), float(each.mean() + half)


def groups(index: np.ndarray) -> np.ndarray:
    """Which of the jackknife's ten groups each item is in: int64 (n,), by a hash of its number."""
    order = np.argsort(draws.hashed(index, stream=9), kind="stable")
    found = np.empty(len(index), dtype=np.int64)
    found[order] = np.arange(len(index)) % GROUPS
    return found


def jackknife(value: float, without: Callable[[int], float]) -> tuple[float | None, float | None]:
    """Interval of a smooth figure from its values ``without(g)`` each of ten groups; None where one is not finite.

    Variance 9 / 10 of the sum of squares about their mean (Tukey 1958), Student's quantile for 9 degrees.
    """
    from scipy.stats import t

    figures = np.array([without(group) for group in range(GROUPS)])
    if not np.isfinite([value, *figures]).all():
        return None, None
    half = t.ppf(0.975, GROUPS - 1) * np.sqrt((GROUPS - 1) * figures.var())
    return float(value - half), float(value + half)
