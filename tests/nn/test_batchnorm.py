"""Shared batch norm is batch norm when alone, also where the mean is large, and is put in everywhere."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from kinfolk.nn.batchnorm import SharedBatchNorm, synchronise


def alone(x: Tensor) -> Tensor:
    return x


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 5, 2)], ids=["rows", "maps"])
def test_alone_it_is_batch_norm(shape, momentum, affine):
    kind = nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d
    plain = kind(4, momentum=momentum, affine=affine).double()
    if affine:
        nn.init.uniform_(plain.weight, generator=torch.Generator().manual_seed(0))
        nn.init.uniform_(plain.bias, generator=torch.Generator().manual_seed(1))
    shared = synchronise(copy.deepcopy(plain), alone)
    draw = torch.Generator().manual_seed(2)
    for _ in range(3):
        x = torch.randn(shape, generator=draw, dtype=torch.float64) * 2 + 5
        a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
        torch.testing.assert_close(shared(a), plain(b))
        shared(a).pow(3).sum().backward()
        plain(b).pow(3).sum().backward()
        torch.testing.assert_close(a.grad, b.grad)
    torch.testing.assert_close(shared.state_dict(), plain.state_dict())
    torch.testing.assert_close(shared.eval()(x), plain.eval()(x))


def test_two_halves_that_are_summed_are_the_whole():
    """Both halves of a batch, each with the other's moments added, are normalised as the whole is."""
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    seen: list[Tensor] = []
    recorder = synchronise(nn.BatchNorm1d(4), lambda moments: (seen.append(moments), moments)[1])
    recorder(x[:3])
    recorder.running_mean.zero_()
    recorder(x[3:])
    both = synchronise(nn.BatchNorm1d(4), lambda moments: seen[0] + seen[1])
    whole = nn.BatchNorm1d(4)
    expected = whole(x)
    torch.testing.assert_close(both(x[:3]), expected[:3])
    torch.testing.assert_close(both.running_var, whole.running_var)


def test_a_large_mean_does_not_cancel():
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0)) + 3000.0
    norm = synchronise(nn.BatchNorm1d(4), alone)
    for _ in range(60):
        found = norm(x)
    exact = nn.BatchNorm1d(4).double()(x.double())
    assert (found - exact).abs().max() < 1e-3


def test_half_precision_goes_in_and_out():
    norm = synchronise(nn.BatchNorm1d(4), alone)
    assert norm(torch.randn(6, 4).bfloat16()).dtype == torch.bfloat16


def test_every_batch_norm_is_replaced_once_and_names_and_parameters_stay():
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Sequential(nn.BatchNorm2d(4)))
    names, weight = list(module.state_dict()), module[1].weight
    synchronise(module, alone)
    assert isinstance(module[1], SharedBatchNorm)
    assert isinstance(module[2][0], SharedBatchNorm)
    first = module[1]
    assert synchronise(module, alone)[1] is first
    assert list(module.state_dict()) == names
    assert module[1].weight is weight
