"""Subsets fixed by a hash of the index: every subject, process and machine draws the same ones."""

from __future__ import annotations

import numpy as np


def hashed(index: np.ndarray, stream: int = 0) -> np.ndarray:
    """Hash integers to uint64 (splitmix64, Steele et al. 2014), differently for each ``stream``."""
    with np.errstate(over="ignore"):
        x = np.asarray(index).astype(np.uint64) + np.uint64(stream + 1) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def subset(index: np.ndarray, count: int, stream: int = 0) -> np.ndarray:
    """Positions (sorted) of at most ``count`` entries of ``index``, those with the lowest hash."""
    if count >= len(index):
        return np.arange(len(index))
    return np.sort(np.lexsort((index, hashed(index, stream)))[:count])


def within_classes(index: np.ndarray, labels: np.ndarray, count: int, stream: int = 0) -> np.ndarray:
    """Positions (sorted) of at most ``count`` entries of each class, those with the lowest hash."""
    order = np.lexsort((index, hashed(index, stream), labels))
    return np.sort(order[_rank(labels[order]) < count])


def tenth(index: np.ndarray, labels: np.ndarray, stream: int = 0) -> np.ndarray:
    """Mask (N,) of a tenth of each class (rounded, at least one where a class has two or more)."""
    order = np.lexsort((index, hashed(index, stream), labels))
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    share = np.where(counts > 1, np.maximum(1, np.round(counts / 10)), 0)
    mask = np.zeros(len(labels), dtype=bool)
    mask[order] = _rank(labels[order]) < share[inverse[order]]
    return mask


def _rank(ordered: np.ndarray) -> np.ndarray:
    """For sorted labels, each entry's number within its class."""
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, int)
    return np.arange(len(ordered)) - np.repeat(starts, np.diff(np.r_[starts, len(ordered)]))
