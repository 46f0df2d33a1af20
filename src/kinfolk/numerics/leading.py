"""Largest inner products, exactly, from bounds over the leading directions; only what may count is completed."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from kinfolk.numerics.largest import Blocks, best_of

LEFT = 0.07
SAMPLE = 4096
FEWEST_ROWS = 8192
FEWEST_COLUMNS = 64
MOST = 0.3


class Leading:
    """Upper bounds of the inner products with every row of a bank, at a fraction of the product's cost.

    With m the bank's mean, P the projection on the leading principal directions, q' = q - m and b' = b - m,
    <q, b> = <q, m> + <m, b'> + <P q', P b'> + <rest of q', rest of b'>, and the last is at most the product of
    the two norms (Cauchy and Schwarz). So the bound is itself an inner product over two more columns than
    there are directions.

    Attributes:
        columns: Tensor (N, directions + 2), what queries are multiplied with.
    """

    def __init__(self, bank: Tensor, mean: Tensor, axes: Tensor) -> None:
        self.bank, self.mean, self.axes = bank, mean, axes
        self.columns = torch.empty(len(bank), axes.shape[1] + 2)
        for start in range(0, len(bank), SAMPLE):
            gap = bank[start : start + SAMPLE] - mean
            self.columns[start : start + SAMPLE] = torch.cat([*self._split(gap), (gap @ mean)[:, None]], 1)
        self.largest = float(bank.square().sum(1).max().sqrt())

    @classmethod
    def of(cls, bank: Tensor) -> Leading | None:
        """Bounds for (N, D), or None where they would not pay: few rows, or the variance in too many directions.

        The directions hold 93 % of the variance of some 4,096 rows, and are at most half of D. If they are, the
        eigenvalues' squares sum to (0.93 trace)^2 / (D / 2) or more, which is seen without computing them.
        """
        rows, width = bank.shape
        if rows < FEWEST_ROWS or width < FEWEST_COLUMNS:
            return None
        sample = bank[:: rows // SAMPLE]
        mean = sample.mean(0)
        gap = sample - mean
        covariance = (gap.T @ gap).double().numpy()
        half, needed = width // 2, (1 - LEFT) * np.trace(covariance)
        if not half * (covariance**2).sum() >= needed**2 > 0:
            return None
        values, axes = np.linalg.eigh(covariance)
        held = int((np.cumsum(values) > LEFT * values.sum()).sum())
        if held > half:
            return None
        return cls(bank, mean, torch.from_numpy(axes[:, width - held :].astype(np.float32)))

    def _split(self, gap: Tensor) -> list[Tensor]:
        """Coordinates along the axes (n, d), and the norm of what is left (n, 1)."""
        along = gap @ self.axes
        rest = gap.square().sum(1, keepdim=True) - along.square().sum(1, keepdim=True)
        return [along, rest.clamp_min_(0).sqrt_()]

    def rows(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        """What to multiply ``columns`` with for the bounds of (R, D), and what to add to them (R,).

        The second holds, besides <q, m>, room for the rounding of float32.
        """
        gap = queries - self.mean
        rounding = torch.finfo(torch.float32).eps * queries.shape[1] * queries.norm(dim=1) * self.largest
        return torch.cat([*self._split(gap), torch.ones(len(gap), 1)], 1), queries @ self.mean + rounding

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
