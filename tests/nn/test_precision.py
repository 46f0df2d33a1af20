"""Losses keep full precision inside autocast."""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.nn.precision import full_precision


@full_precision
def product(a: Tensor, b: Tensor, *, scale: float) -> Tensor:
    return a @ b * scale


def test_autocast_is_off_inside_and_on_again_after():
    a, b = torch.randn(4, 4), torch.randn(4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert (a @ b).dtype == torch.bfloat16
        inside = product(a, b, scale=2.0)
        assert (a @ b).dtype == torch.bfloat16
    assert torch.equal(inside, a @ b * 2.0)


def test_half_precision_is_widened_and_double_kept():
    a = torch.randn(4, 4)
    assert product(a.bfloat16(), a.half(), scale=1.0).dtype == torch.float32
    assert product(a.double(), a.double(), scale=1.0).dtype == torch.float64
