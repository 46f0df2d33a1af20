"""SwAV against the authors' code (main_swav.py, distributed_sinkhorn), pair by pair."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from kinfolk.methods.swav import assignments, swav_terms

SETTINGS = {"temperature": 0.3, "spread": 0.5, "iterations": 3}


def sinkhorn(scores: Tensor, spread: float, iterations: int) -> Tensor:
    """One view's scores (B, P) by the authors' rounds on a P x B matrix, row by row and column by column."""
    q = (scores / spread).exp().t()
    prototypes, images = q.shape
    q = q / q.sum()
    for _ in range(iterations):
        q = torch.stack([row / row.sum() / prototypes for row in q])
        q = torch.stack([column / column.sum() / images for column in q.t()]).t()
    return q.t() * images


def reference(
    z: Tensor, *, large: int, temperature: float, spread: float, iterations: int, even: bool = True
) -> dict[str, Tensor]:
    total = torch.zeros((), dtype=z.dtype)
    for g in range(large):
        scores = z[g].detach()
        target = sinkhorn(scores, spread, iterations) if even else (scores / spread).softmax(1)
        for v in range(len(z)):
            if v != g:
                for i in range(z.shape[1]):
                    student = (z[v, i] / temperature).exp()
                    loss = -(target[i] * (student / student.sum()).log()).sum()
                    total = total + loss / z.shape[1] / (len(z) - 1) / large
    return {"cross_entropy": total}


@pytest.mark.parametrize("small", [0, 2])
def test_equals_the_authors_code(agree, draw, shape, small):
    views, images, width = shape
    agree(swav_terms, reference, draw((views + small, images, width)), large=views, **SETTINGS)


def test_images_are_spread_evenly(agree, draw):
    with pytest.raises(AssertionError, match="cross_entropy"):
        agree(swav_terms, partial(reference, even=False), draw((2, 6, 4)), large=2, **SETTINGS)


def test_assignments_give_every_image_one_and_every_prototype_its_share(draw):
    shares = assignments(draw((2, 12, 4)), 0.5, 100)
    torch.testing.assert_close(shares.sum(2), torch.ones(2, 12, dtype=torch.float64))
    torch.testing.assert_close(shares.sum(1), torch.full((2, 4), 3.0, dtype=torch.float64))


def test_a_small_spread_does_not_overflow(draw):
    assert torch.isfinite(assignments(draw((1, 6, 4)).float() * 10, 0.001, 3)).all()
