"""SimSiam against equations 1 to 4 of the paper and the authors' code, pair by pair.

The authors average the two directions (unlike BYOL's, who sum them), and stop the gradient of the targets.
"""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from kinfolk.methods.simsiam import simsiam_terms


def reference(z: Tensor, teacher: Tensor, *, averaged: bool = True) -> dict[str, Tensor]:
    views, images, _ = z.shape
    total = torch.zeros((), dtype=z.dtype)
    for v in range(views):
        for w in range(views):
            if v != w:
                for i in range(images):
                    target = teacher[w, i].detach()
                    cosine = torch.dot(z[v, i], target) / (z[v, i].norm() * target.norm())
                    total = total - cosine / images
    return {"prediction": total * (1 if averaged else 2) / (views * (views - 1))}


def test_equals_the_paper(agree, draw, shape):
    agree(simsiam_terms, reference, draw(shape, 1), draw(shape, 2))


def test_the_two_directions_are_averaged(agree, draw):
    with pytest.raises(AssertionError, match="prediction"):
        agree(simsiam_terms, partial(reference, averaged=False), draw((2, 6, 4), 1), draw((2, 6, 4), 2))


def test_no_gradient_reaches_the_targets(draw):
    z, teacher = draw((2, 6, 4), 1).requires_grad_(), draw((2, 6, 4), 2).requires_grad_()
    simsiam_terms(z, teacher)["prediction"].backward()
    assert teacher.grad is None
    assert z.grad is not None
