"""Convolutions with gradients of their own, against torch's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from kinfolk.nn import convolution
from kinfolk.nn.convolution import Conv2d, Pointwise

LAYOUTS = [torch.channels_last, torch.contiguous_format]


def gradients(module: nn.Module, maps: Tensor, dtype: torch.dtype) -> list[Tensor]:
    """The output and the gradients of maps and weights, in float32, of a weighted sum of squares."""
    maps = maps.clone(memory_format=torch.preserve_format).requires_grad_()
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        found = module(maps)
    weights = torch.linspace(0.5, 1.5, found.numel()).view(found.shape)
    (found.float().square() * weights).sum().backward()
    return [found.detach().float(), maps.grad, module.weight.grad]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("side", "outside"), [(2, 48), (3, 96), (5, 300), (5, 16), (8, 40)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_torchs_convolution(
    dtype: torch.dtype, side: int, outside: int, stride: int, layout: torch.memory_format
) -> None:
    torch.manual_seed(side)
    own = Conv2d(24, outside, stride).to(memory_format=layout)
    other = nn.Conv2d(24, outside, 3, stride, 1, bias=False).to(memory_format=layout)
    other.load_state_dict(own.state_dict())
    maps = torch.randn(6, 24, side, side).to(memory_format=layout)
    for found, expected in zip(gradients(own, maps, dtype), gradients(other, maps, dtype), strict=True):
        assert found.dtype == expected.dtype
        tolerance = 1e-5 if dtype == torch.float32 else 2e-2
        torch.testing.assert_close(found, expected, atol=tolerance * float(expected.abs().max()), rtol=0)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("side", [1, 4, 7])
def test_pointwise_is_torchs_convolution_and_keeps_the_layout(
    side: int, stride: int, layout: torch.memory_format
) -> None:
    torch.manual_seed(side)
    own = Pointwise(8, 12, stride).to(memory_format=layout)
    other = nn.Conv2d(8, 12, 1, stride, bias=False).to(memory_format=layout)
    other.load_state_dict(own.state_dict())
    maps = torch.randn(5, 8, side, side).to(memory_format=layout)
    found, expected = (gradients(module, maps, torch.float32) for module in (own, other))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)
    assert found[1].is_contiguous(memory_format=layout)


def test_the_product_is_taken_for_small_maps_of_many_channels_in_bf16_only(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[int, ...]] = []
    plain = convolution.patches
    monkeypatch.setattr(convolution, "patches", lambda maps, stride: taken.append(maps.shape) or plain(maps, stride))
    small, large = torch.randn(2, 8, 2, 2), torch.randn(2, 8, 8, 8)
    for maps in (small, large):
        for dtype in (torch.float32, torch.bfloat16):
            gradients(Conv2d(8, 64), maps, dtype)
    assert taken == [small.shape]
    frozen = Conv2d(8, 64).requires_grad_(False)
    maps = small.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        frozen(maps).float().sum().backward()
        with torch.no_grad():
            Conv2d(8, 64)(small)
    assert maps.grad is not None
    assert taken == [small.shape]
