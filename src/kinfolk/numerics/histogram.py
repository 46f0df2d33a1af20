"""Colour histograms: what colour alone can tell of an image."""

from __future__ import annotations

import numpy as np

ROWS = 500


def colour_histogram(pixels: np.ndarray) -> np.ndarray:
    """Square roots of the shares of 8 x 8 x 8 joint RGB bins: uint8 (N, 3, H, W) -> float32 (N, 512).

    Each vector has length 1 and their products are Bhattacharyya's coefficient.
    """
    out = np.empty((len(pixels), 512), dtype=np.float32)
    for start in range(0, len(pixels), ROWS):
        level = (pixels[start : start + ROWS] >> 5).astype(np.int64).reshape(-1, 3, pixels[0, 0].size)
        cell = (level[:, 0] * 8 + level[:, 1]) * 8 + level[:, 2]
        cell += 512 * np.arange(len(cell))[:, None]
        counts = np.bincount(cell.ravel(), minlength=512 * len(cell)).reshape(-1, 512)
        out[start : start + ROWS] = np.sqrt(counts / pixels[0, 0].size)
    return out
