"""Measures of rankings and neighbour lists: average precision, k-occurrence and its skewness."""

from __future__ import annotations

import numpy as np

from kinfolk.numerics.linalg import unit
from kinfolk.numerics.nearest import nearest
from kinfolk.numerics.stats import groups, jackknife


def average_precision(
    queries: np.ndarray,
    query_labels: np.ndarray,
    bank: np.ndarray,
    bank_labels: np.ndarray,
    *,
    exclude: np.ndarray | None = None,
) -> np.ndarray:
    """Average precision (M,) of each query's ranking of the whole bank by cosine; NaN if nothing is relevant.

    Relevant is what has the query's label. Equal similarities share one threshold, as in scikit-learn.
    Time O(M N (D + log N)).

    Args:
        queries: (M, D).
        query_labels: int (M,).
        bank: (N, D).
        bank_labels: int (N,).
        exclude: int (M,), for each query the bank position to leave out, or -1 for none.
    """
    bank = unit(bank)
    result = np.full(len(queries), np.nan)
    for start in range(0, len(queries), 256):
        rows = slice(start, start + 256)
        for row, scores in enumerate(unit(queries[rows]) @ bank.T, start):
            relevant = bank_labels == query_labels[row]
            if exclude is not None and exclude[row] >= 0:
                keep = np.arange(len(bank)) != exclude[row]
                scores, relevant = scores[keep], relevant[keep]
            found = np.sort(scores[relevant])
            if len(found):
                hits = len(found) - np.searchsorted(found, found)
                result[row] = (hits / (len(scores) - np.searchsorted(np.sort(scores), found))).mean()
    return result


def occurrence(neighbours: np.ndarray, bank: int) -> np.ndarray:
    """How often each of ``bank`` items appears in the lists (M, k): int64 (bank,)."""
    return np.bincount(neighbours.ravel(), minlength=bank)


def skewness(counts: np.ndarray) -> float:
    """Third standardised moment (Radovanovic et al. 2010, section 3.1); 0 where all are equal."""
    from scipy.stats import skew

    return float(skew(counts)) if counts.std() > 0 else 0.0


def skewness_interval(found: np.ndarray, bank: int, index: np.ndarray) -> tuple[float | None, float | None]:
    """The jackknife's interval of the skewness of k-occurrence over the queries, whose lists are (M, k)."""
    group, whole = groups(index), occurrence(found, bank)
    return jackknife(skewness(whole), lambda g: skewness(whole - occurrence(found[group == g], bank)))


def shared(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Share (M,) of each row of ``first`` (M, k) that also stands in the same row of ``second`` (M, j)."""
    count = np.empty(len(first))
    for row, (a, b) in enumerate(zip(first, second, strict=True)):
        count[row] = np.isin(a, b).mean()
    return count


def among_closest(found: np.ndarray, queries: np.ndarray, bank: np.ndarray, part: float) -> np.ndarray:
    """Share (M,) of each query's neighbours (M, k) that are among the nearest ``part`` of the bank by cosine.

    Args:
        found: int (M, k), neighbours by some other measure, as positions in the bank.
        queries: (M, D).
        bank: (N, D).
        part: share of the bank, at least one item of it; what chance would give.
    """
    return shared(found, nearest(queries, bank, max(1, round(part * len(bank))))[0])
