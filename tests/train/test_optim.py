"""Schedule and optimisers against formulas written a second time."""

from __future__ import annotations

import math

import pytest
import torch

from kinfolk.records.recipe import Train
from kinfolk.train import optim


def rates(epochs: int, per_epoch: int, **settings) -> list[float]:
    chosen = Train(epochs=epochs, lr=1.0, **settings)
    total = epochs * per_epoch
    return [optim.rate(step, total, per_epoch, chosen) for step in range(total)]


def test_a_run_of_two_epochs_warms_up_and_ends_near_zero() -> None:
    found = rates(2, 50)
    assert found[0] == pytest.approx(0.2)
    assert max(found) == pytest.approx(1.0)
    assert found.index(max(found)) in (4, 5)
    assert found[-1] < 0.001
    assert found[50] == pytest.approx(0.5 * (1 + math.cos(math.pi * 45 / 95)))


def test_a_long_run_warms_up_for_ten_epochs() -> None:
    found = rates(400, 10)
    assert found[49] == pytest.approx(0.5)
    assert found.index(max(found)) in (99, 100)


def test_warmup_can_be_given_in_epochs_or_left_out() -> None:
    assert rates(10, 10, warmup=2.0)[9] == pytest.approx(0.5)
    assert rates(10, 10, warmup=0.0)[0] == pytest.approx(1.0)


def test_the_rate_scales_with_the_batch_if_asked_for() -> None:
    assert optim.peak(Train(lr=0.3, batch=1024, lr_scaling="batch/256")) == pytest.approx(1.2)
    assert optim.peak(Train(lr=0.3, batch=1024)) == pytest.approx(0.3)


def test_lars_follows_its_algorithm() -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)
    settings = Train(optimizer="lars", lr=0.2, weight_decay=0.1)
    optimizer = optim.optimizer(model, settings)
    weight, bias = model.weight.detach().clone(), model.bias.detach().clone()
    v_weight, v_bias = torch.zeros_like(weight), torch.zeros_like(bias)
    for step in range(3):
        x = torch.randn(5, 4, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        model(x).square().sum().backward()
        g_weight, g_bias = model.weight.grad.clone(), model.bias.grad.clone()
        update = g_weight + 0.1 * weight
        update = update * 0.001 * weight.norm() / update.norm()
        v_weight, v_bias = 0.9 * v_weight + update, 0.9 * v_bias + g_bias
        weight, bias = weight - 0.2 * v_weight, bias - 0.2 * v_bias
        optimizer.step()
        torch.testing.assert_close(model.weight.detach(), weight)
        torch.testing.assert_close(model.bias.detach(), bias)


def test_biases_and_norms_are_not_decayed() -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    decayed, plain = optim.optimizer(model, Train(weight_decay=0.3)).param_groups
    assert [p.ndim for p in decayed["params"]] == [4]
    assert decayed["weight_decay"] == 0.3
    assert {p.ndim for p in plain["params"]} == {1}
    assert plain["weight_decay"] == 0.0


def test_clipping_bounds_the_norm() -> None:
    model = torch.nn.Linear(3, 1)
    model(torch.full((1, 3), 100.0)).sum().backward()
    assert optim.clip(model, Train()) is None
    optim.clip(model, Train(clip=0.5))
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    assert norm == pytest.approx(0.5, rel=1e-4)
