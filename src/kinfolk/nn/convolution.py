"""Convolutions whose gradients are taken by a faster way than torch's, where there is one; parameters are torch's."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class Pointwise(nn.Conv2d):
    """1 x 1, without a bias, of any stride.

    Of channels-last maps on the CPU the positions that a stride leaves are taken first, which halves the gradient's
    time (``benchmarks/LOG.md``); they are sliced channels last, so that their gradient is laid out so.
    """

    def __init__(self, inside: int, outside: int, stride: int = 1) -> None:
        super().__init__(inside, outside, 1, stride, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, inside, h, w) -> (B, outside, h / stride, w / stride)."""
        step = self.stride[0]
        if step == 1 or maps.device.type != "cpu" or maps.stride(1) != 1:
            return super().forward(maps)
        return F.conv2d(maps.permute(0, 2, 3, 1)[:, ::step, ::step].permute(0, 3, 1, 2), self.weight)


class Conv2d(nn.Conv2d):
    """3 x 3, padded by 1, without a bias, of any stride.

    On the CPU in bf16, oneDNN's gradient of the weights of small maps of many channels runs at an eighth to a half of
    the speed of a matrix product with the patches of the maps (``benchmarks/LOG.md``). There it is that product, which
    needs nine times the memory of the maps for a moment and has no second derivative.
    """

    def __init__(self, inside: int, outside: int, stride: int = 1) -> None:
        super().__init__(inside, outside, 3, stride, 1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, inside, h, w) -> (B, outside, h / stride, w / stride)."""
        autocast = torch.is_autocast_enabled(maps.device.type)
        kind = torch.get_autocast_dtype(maps.device.type) if autocast else maps.dtype
        positions = maps.shape[2] * maps.shape[3] // self.stride[0] ** 2
        if (
            maps.device.type != "cpu" or kind != torch.bfloat16 or positions * 8 > self.out_channels
            or torch.compiler.is_compiling() or not (torch.is_grad_enabled() and self.weight.requires_grad)
        ):
            return super().forward(maps)
        found: Tensor = Small.apply(maps.to(kind), self.weight.to(kind), self.stride[0])
        return found


class Small(torch.autograd.Function):
    """A convolution of small maps, by 3 x 3 weights, padded by 1."""

    @staticmethod
    def forward(ctx, maps: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.stride = stride
        return F.conv2d(maps, weight, None, stride, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor, None]:
        maps, weight = ctx.saved_tensors
        below = None
        if ctx.needs_input_grad[0]:
            both, one = [ctx.stride] * 2, [1, 1]
            below = torch.ops.aten.convolution_backward(
                gradient, maps, weight, None, both, one, one, False, [0, 0], 1, [True, False, False]
            )[0]
        columns = gradient.permute(0, 2, 3, 1).flatten(0, 2)
        product = columns.T @ patches(maps, ctx.stride)
        return below, product.view(len(weight), 3, 3, -1).permute(0, 3, 1, 2), None


def patches(maps: Tensor, stride: int) -> Tensor:
    """Maps (B, C, h, w) -> (B * h' * w', 9 * C): what each position of the output of a convolution looks at."""
    padded = F.pad(maps.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    windows = padded.unfold(1, 3, stride).unfold(2, 3, stride)
    return windows.permute(0, 1, 2, 4, 5, 3).flatten(3).flatten(0, 2)
