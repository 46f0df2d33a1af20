"""DINO against the authors' code (DINOLoss), pair by pair: the student never meets its own view's target."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from kinfolk.methods.dino import dino_terms

TEMPERATURES = {"student_temperature": 0.3, "teacher_temperature": 0.1}


def reference(
    z: Tensor,
    teacher: Tensor,
    center: Tensor,
    *,
    student_temperature: float,
    teacher_temperature: float,
    own_view: bool = False,
) -> dict[str, Tensor]:
    losses = []
    for g in range(len(teacher)):
        for v in range(len(z)):
            if v == g and not own_view:
                continue
            for i in range(z.shape[1]):
                target = ((teacher[g, i] - center) / teacher_temperature).exp().detach()
                student = (z[v, i] / student_temperature).exp()
                losses.append(-(target / target.sum() * (student / student.sum()).log()).sum())
    return {"cross_entropy": torch.stack(losses).mean()}


@pytest.mark.parametrize("small", [0, 2])
def test_equals_the_authors_code(agree, draw, shape, small):
    views, images, width = shape
    z = draw((views + small, images, width), 1)
    agree(dino_terms, reference, z, draw(shape, 2), draw((width,), 3), **TEMPERATURES)


def test_a_view_is_not_held_against_its_own_target(agree, draw):
    tensors = draw((3, 5, 4), 1), draw((2, 5, 4), 2), draw((4,), 3)
    with pytest.raises(AssertionError, match="cross_entropy"):
        agree(dino_terms, partial(reference, own_view=True), *tensors, **TEMPERATURES)


def test_no_gradient_reaches_the_targets(draw):
    z, teacher = draw((2, 6, 4), 1).requires_grad_(), draw((2, 6, 4), 2).requires_grad_()
    dino_terms(z, teacher, torch.zeros(4), **TEMPERATURES)["cross_entropy"].backward()
    assert teacher.grad is None
    assert z.grad is not None
