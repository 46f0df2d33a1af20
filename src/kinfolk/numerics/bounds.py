"""Largest inner products, exactly, from upper bounds that are cheap: only what may count is computed in full."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from kinfolk.numerics.largest import Blocks, best_of

FEWEST_ROWS = 8192
FEWEST_COLUMNS = 64
MOST = 0.3


class Bounds:
    """The contract of the ways to bound the inner products with every row of a bank.

    Attributes:
        columns: Tensor (N, n), what queries are multiplied with, in fp32 or bf16.
        largest: the largest norm in the bank.
    """

    columns: Tensor

    def __init__(self, bank: Tensor) -> None:
        self.bank = bank
        self.largest = float(bank.square().sum(1).max().sqrt())

    def rows(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """What to multiply ``columns`` with for the bounds of (R, D), and what to add to them (R,)."""
        raise NotImplementedError

    def rounding(self, queries: Tensor) -> Tensor:
        """Room (R,) for the rounding of float32 in an inner product with any row of the bank."""
        return torch.finfo(torch.float32).eps * queries.shape[1] * queries.norm(dim=1) * self.largest

    def complete(
        self, queries: Tensor, bounds: Blocks, offset: Tensor, k: int
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """The k largest inner products of each query, or None if too many rows of the bank remain in question.

        Those of the k largest bounds are completed; what cannot reach the least of them is out; the rest follow.

        Args:
            queries: (R, D).
            bounds: over (R, N), with what is to be left out at -inf.
            offset: (R,), to be added to the bounds.
            k: how many.

        Returns:
            Inner products (R, k), best first, and positions int64 (R, k).
        """
        first = np.sort(bounds.top(k)[1], axis=1).ravel()
        known = self._inner(queries, np.repeat(np.arange(len(queries)), k), first).reshape(-1, k).min(1)
        least = (known - offset.numpy())[:, None]
        chosen = bounds.maxima >= least
        if np.count_nonzero(chosen) > MOST * chosen.size:
            return None
        row, position, _ = bounds.at_least(least, chosen)
        value = self._inner(queries, row, position)
        keep = value >= known[row]
        return best_of(row[keep], position[keep], value[keep], len(queries), k)

    def _inner(self, queries: Tensor, row: np.ndarray, position: np.ndarray) -> np.ndarray:
        """Inner products (n,) of queries[row] and bank[position], sorted by row and then position."""
        starts = torch.from_numpy(np.searchsorted(row, np.arange(len(queries) + 1)))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            wanted = torch.sparse_csr_tensor(
                starts, torch.from_numpy(position), torch.zeros(len(row)), (len(queries), len(self.bank)),
                check_invariants=False,
            )
            return torch.sparse.sampled_addmm(wanted, queries, self.bank.T, beta=0.0).values().numpy()
