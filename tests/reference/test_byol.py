"""BYOL against equation 2 of the paper and the authors' code, pair by pair.

The authors sum the two directions. Averaging them halves the loss, and cost one library 11 points on ImageNet
until it was mended: LARS and weight decay do not make up for it. Summed is right.
"""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from kinfolk.methods.byol import byol_terms


def reference(z: Tensor, teacher: Tensor, *, summed: bool = True) -> dict[str, Tensor]:
    views, images, _ = z.shape
    total = torch.zeros((), dtype=z.dtype)
    for v in range(views):
        for w in range(len(teacher)):
            if v == w:
                continue
            for i in range(images):
                prediction = z[v, i] / z[v, i].norm()
                target = (teacher[w, i] / teacher[w, i].norm()).detach()
                total = total + ((prediction - target) ** 2).sum() / images
    return {"prediction": total * (2 if summed else 1) / (len(teacher) * (views - 1))}


@pytest.mark.parametrize("small", [0, 2])
def test_equals_the_paper(agree, draw, shape, small):
    views, images, width = shape
    agree(byol_terms, reference, draw((views + small, images, width), 1), draw(shape, 2))


def test_the_two_directions_are_summed(agree, draw):
    with pytest.raises(AssertionError, match="prediction"):
        agree(byol_terms, partial(reference, summed=False), draw((2, 6, 4), 1), draw((2, 6, 4), 2))


def test_no_gradient_reaches_the_targets(draw):
    z, teacher = draw((2, 6, 4), 1).requires_grad_(), draw((2, 6, 4), 2).requires_grad_()
    byol_terms(z, teacher)["prediction"].backward()
    assert teacher.grad is None
    assert z.grad is not None


def test_opposite_predictions_cost_eight(draw):
    z = draw((1, 6, 4)).expand(2, 6, 4)
    torch.testing.assert_close(byol_terms(-z, z)["prediction"], torch.tensor(8.0, dtype=torch.float64))
