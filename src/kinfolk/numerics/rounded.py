"""Upper bounds of inner products from a product in bf16, where the hardware multiplies in it."""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.numerics.bounds import FEWEST_COLUMNS, FEWEST_ROWS, Bounds

UNIT = 2.0**-8
PIECE = 8192


class Rounded(Bounds):
    """With Q and B the rounded q and b, <q, b> = <Q, B> + <q - Q, B> + <q, b - B>.

    The last two are at most the products of the norms (Cauchy and Schwarz); <Q, B> is summed in float32 and then
    rounded itself, by less than 2^-8 of |Q| |B|.
    """

    def __init__(self, bank: Tensor) -> None:
        super().__init__(bank)
        self.columns = bank.to(torch.bfloat16)
        gaps = [
            (bank[start : start + PIECE] - self.columns[start : start + PIECE]).norm(dim=1).max()
            for start in range(0, len(bank), PIECE)
        ]
        self.gap = float(torch.stack(gaps).max())

    @classmethod
    def of(cls, bank: Tensor) -> Rounded | None:
        """Bounds for (N, D), or None where they would not pay: no instructions for bf16, or few rows or columns."""
        rows, width = bank.shape
        if not multiplies_in_bf16() or rows < FEWEST_ROWS or width < FEWEST_COLUMNS:
            return None
        return cls(bank)

    def rows(self, queries: Tensor) -> tuple[Tensor, Tensor]:
        rounded = queries.to(torch.bfloat16)
        norm, gap = queries.norm(dim=1), (queries - rounded).norm(dim=1)
        largest = self.largest + self.gap
        return rounded, gap * largest + norm * self.gap + UNIT * (norm + gap) * largest + 2 * self.rounding(queries)


def multiplies_in_bf16() -> bool:
    """Whether this CPU has instructions for products in bf16; an older torch, which cannot tell, is taken for no."""
    found: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(found.get(name) for name in ("avx512_bf16", "amx_bf16"))
