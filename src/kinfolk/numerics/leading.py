"""Upper bounds of inner products from the leading directions of a bank."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kinfolk.numerics.bounds import FEWEST_COLUMNS, FEWEST_ROWS, Bounds

LEFT = 0.07
SAMPLE = 4096


class Leading(Bounds):
    """Upper bounds of the inner products with every row of a bank, at a fraction of the product's cost.

    With m the bank's mean, P the projection on the leading principal directions, q' = q - m and b' = b - m,
    <q, b> = <q, m> + <m, b'> + <P q', P b'> + <rest of q', rest of b'>, and the last is at most the product of
    the two norms (Cauchy and Schwarz). So the bound is itself an inner product over two more columns than
    there are directions.

    Attributes:
        columns: Tensor (N, directions + 2), what queries are multiplied with.
    """

    def __init__(self, bank: Tensor, mean: Tensor, axes: Tensor) -> None:
        super().__init__(bank)
        self.mean, self.axes = mean, axes
        self.columns = torch.empty(len(bank), axes.shape[1] + 2)
        for start in range(0, len(bank), SAMPLE):
            gap = bank[start : start + SAMPLE] - mean
            self.columns[start : start + SAMPLE] = torch.cat([*self._split(gap), (gap @ mean)[:, None]], 1)

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
        gap = queries - self.mean
        return torch.cat([*self._split(gap), torch.ones(len(gap), 1)], 1), queries @ self.mean + self.rounding(queries)
