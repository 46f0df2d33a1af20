"""MoCo v3 against the authors' code (ctr_loss), direction by direction.

The authors scale each direction by 2 T and sum the two. Libraries that leave the factor out need another
learning rate for every temperature.
"""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from kinfolk.methods.moco import moco_terms


def reference(z: Tensor, teacher: Tensor, *, temperature: float, scaled: bool = True) -> dict[str, Tensor]:
    views, images, _ = z.shape
    attraction = repulsion = torch.zeros((), dtype=z.dtype)
    for v in range(views):
        for w in range(len(teacher)):
            if v == w:
                continue
            for i in range(images):
                query = z[v, i] / z[v, i].norm()
                keys = [(teacher[w, j] / teacher[w, j].norm()).detach() for j in range(images)]
                logits = [torch.dot(query, key) / temperature for key in keys]
                attraction = attraction - logits[i] / images
                repulsion = repulsion + sum(s.exp() for s in logits).log() / images
    scale = (2 * temperature if scaled else 1) * 2 / (len(teacher) * (views - 1))
    return {"attraction": attraction * scale, "repulsion": repulsion * scale}


@pytest.mark.parametrize("temperature", [0.1, 1.0])
@pytest.mark.parametrize("small", [0, 2])
def test_equals_the_authors_code(agree, draw, shape, temperature, small):
    views, images, width = shape
    z = draw((views + small, images, width), 1)
    agree(moco_terms, reference, z, draw(shape, 2), temperature=temperature)


def test_two_views_by_the_authors_own_lines(draw):
    z, teacher = draw((2, 6, 4), 1), draw((2, 6, 4), 2)
    q, k = (torch.nn.functional.normalize(x, dim=2) for x in (z, teacher))
    expected = sum(
        torch.nn.functional.cross_entropy(q[v] @ k[1 - v].T / 0.2, torch.arange(6)) * 2 * 0.2 for v in (0, 1)
    )
    torch.testing.assert_close(sum(moco_terms(z, teacher, temperature=0.2).values()), expected)


def test_each_direction_is_scaled_by_twice_the_temperature(agree, draw):
    tensors = draw((2, 6, 4), 1), draw((2, 6, 4), 2)
    with pytest.raises(AssertionError, match="attraction"):
        agree(moco_terms, partial(reference, scaled=False), *tensors, temperature=0.2)


def test_no_gradient_reaches_the_targets(draw):
    z, teacher = draw((2, 6, 4), 1).requires_grad_(), draw((2, 6, 4), 2).requires_grad_()
    sum(moco_terms(z, teacher, temperature=0.2).values()).backward()
    assert teacher.grad is None
    assert z.grad is not None
