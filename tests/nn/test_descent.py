"""Descent against a linear solver on bowls of known minima."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from kinfolk.nn.descent import lowest


def test_the_lowest_point_of_bowls_is_found_row_by_row():
    """Bowls of their own axes: the minimum is where a linear solver says, whatever stands in the other rows."""
    draw = torch.Generator().manual_seed(0)
    mix = torch.randn(5, 6, 6, generator=draw, dtype=torch.float64)
    bowls = mix @ mix.mT + torch.eye(6, dtype=torch.float64)
    lines = torch.randn(5, 6, generator=draw, dtype=torch.float64)

    def height(bowls: Tensor, lines: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        pulled = torch.einsum("bij,bj->bi", bowls, x)
        return (0.5 * pulled - lines).mul(x).sum(1), pulled - lines

    start = torch.zeros(5, 6, dtype=torch.float64)
    found = lowest(partial(height, bowls, lines), start, 300)
    torch.testing.assert_close(found, torch.linalg.solve(bowls, lines), rtol=1e-5, atol=1e-7)
    few = lowest(partial(height, bowls, lines), start, 7)
    for row in (1, 3):
        one = slice(row, row + 1)
        torch.testing.assert_close(lowest(partial(height, bowls[one], lines[one]), start[one], 7), few[one])
    reached = [height(bowls, lines, lowest(partial(height, bowls, lines), start, n))[0] for n in range(12)]
    assert all((after <= before).all() for before, after in zip(reached, reached[1:], strict=False))
