"""Teachers follow by moving averages of parameters; buffers are their own."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from kinfolk.nn.teacher import Teacher, momentum


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_parameters_are_averaged_and_buffers_left_alone():
    student = network()
    teacher = Teacher(encoder=student)
    start = {n: p.clone() for n, p in student.named_parameters()}
    with torch.no_grad():
        for p in student.parameters():
            p.add_(1.0)
    student(torch.randn(8, 3))
    teacher.follow(0.75, encoder=student)
    for name, p in teacher.encoder.named_parameters():
        torch.testing.assert_close(p, 0.75 * start[name] + 0.25 * (start[name] + 1))
    assert torch.equal(teacher.encoder[1].running_mean, torch.zeros(4))
    assert not torch.equal(student[1].running_mean, torch.zeros(4))


def test_a_teacher_is_a_copy_without_gradient_that_keeps_its_own_statistics():
    student = network()
    teacher = Teacher(encoder=student)
    x = torch.randn(8, 3, requires_grad=True)
    assert torch.equal(teacher("encoder", x), student(x))
    assert not teacher("encoder", x).requires_grad
    assert not any(p.requires_grad for p in teacher.parameters())
    assert all(p.requires_grad for p in student.parameters())
    assert teacher.encoder[1].num_batches_tracked == 2
    assert student[1].num_batches_tracked == 1


@pytest.mark.parametrize("progress", [0.0, 0.25, 0.5, 1.0])
def test_momentum_rises_to_one_on_half_a_cosine(progress):
    expected = 1 - (1 - 0.99) * (math.cos(math.pi * progress) + 1) / 2
    assert momentum(progress, 0.99) == pytest.approx(expected, abs=1e-12)
    assert momentum(0.0, 0.99) == pytest.approx(0.99)
    assert momentum(1.0, 0.99) == 1.0
