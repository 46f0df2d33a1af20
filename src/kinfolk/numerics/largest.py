"""The largest entries of long rows, found by the maxima of blocks; equal values by lowest position."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

SHORTEST = 32


def block_length(columns: int, k: int) -> int:
    """The power of two near the square root of columns / k, where maxima and blocks cost the same to search."""
    return max(SHORTEST, 1 << round(np.log2(columns / k) / 2)) if columns >= 4 * SHORTEST * k else 1


class Blocks:
    """Rows (R, N) and the maxima of their blocks; N is a multiple of the block's length, -inf is no entry.

    Raises:
        ValueError: an entry is NaN or infinite.
    """

    def __init__(self, rows: Tensor, length: int) -> None:
        self.rows = rows.numpy()
        self.blocks = self.rows.reshape(len(rows), -1, length)
        self.maxima = self.rows if length == 1 else rows.view(self.blocks.shape).amax(2).numpy()
        if not (self.maxima < np.inf).all():
            raise ValueError("a similarity is not finite: the vectors hold infinities or NaN, or are too large")

    def top(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The k largest of each row, best first: values (R, k) and positions int64 (R, k).

        Every entry above the k-th largest maximum lies in a block with a larger one, of which there are fewer
        than k; of the entries equal to it, the first lie in these or in the first k blocks that reach just it.
        """
        count = self.maxima.shape[1]
        least = np.partition(self.maxima, count - k, axis=1)[:, count - k, None]
        chosen = self.maxima >= least
        if np.count_nonzero(chosen) > k * len(chosen):
            equal = self.maxima == least
            chosen &= ~equal | (np.cumsum(equal, 1, dtype=np.int32) <= k)
        return best_of(*self.at_least(least, chosen), len(chosen), k)

    def at_least(self, least: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The entries that reach ``least`` (R, 1) in the ``chosen`` blocks bool (R, blocks).

        Returns:
            Row int64 (n,), position int64 (n,) and value (n,), ordered by row and then position.
        """
        length = self.blocks.shape[2]
        block = np.flatnonzero(chosen)
        values = self.blocks.reshape(-1, length)[block]
        inside = np.flatnonzero(values >= least[block // chosen.shape[1]])
        row, place = np.divmod(block[inside // length], chosen.shape[1])
        return row, place * length + inside % length, values.reshape(-1)[inside]


def best_of(
    row: np.ndarray, position: np.ndarray, value: np.ndarray, rows: int, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k largest values of each row (R, k), best first, and their positions (R, k).

    The entries come ordered by row and then position; a row with fewer than k is filled up with -inf.
    """
    starts = np.searchsorted(row, np.arange(rows + 1))
    width = max(k, int(np.diff(starts).max(initial=0)))
    table = np.full((rows, width), -np.inf, dtype=np.float32)
    places = np.zeros((rows, width), dtype=np.int64)
    column = np.arange(len(row)) - starts[row]
    table[row, column], places[row, column] = value, position
    values, order = torch.from_numpy(table).sort(dim=1, descending=True, stable=True)
    return values[:, :k].numpy(), np.take_along_axis(places, order[:, :k].numpy(), 1)
