"""Encoders: networks from images (B, 3, H, W) to features (B, D), their width declared."""

from __future__ import annotations

from typing import Literal, Self

import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """The contract of a leaf: settings are keyword-only and ``width`` is D, known without a pass.

    ``image_size`` is the only positional argument: the side of the training images in pixels, from which
    ``stem = auto`` and patch sizes are chosen. Inputs are normalised float images. A leaf that can fetch weights
    has a setting ``pretrained``; one with weights has ``out``, the width of a last linear layer.
    """

    width: int
    frozen = False
    halved = False
    """Whether the second half of h is an auxiliary's: set before a method is built."""
    branch = ""
    """The submodule whose output was split by ``branch_off``."""

    def __init__(self, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size

    def own(self, width: int) -> int:
        """How many of ``width`` columns of h, from the first on, are the method's own."""
        return width // 2 if self.halved else width

    def stages(self, images: Tensor) -> list[Tensor]:
        """Feature maps (B, C, h, w) after each stage, the last one first pooled into ``forward``'s output."""
        raise NotImplementedError

    def middle(self) -> tuple[str, int]:
        """Name of the submodule whose output (B, C, h, w) or (B, T, C) is the last-but-one stage's, and C."""
        raise NotImplementedError

    def branch_off(self) -> int:
        """Split the last-but-one stage: half of its channels go on, the others, pooled, join the output.

        The last stage then sees zeros for the second half of its input's channels, and the output is (B, D + S), the
        S last being that half, averaged over positions. No parameter is renamed, and copies are split as well.

        Returns:
            S, half of the stage's channels, rounded up.
        """
        name, channels = self.middle()
        half = channels // 2

        def divide(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            axis = 1 if output.dim() == 4 else 2
            goes_on, leaves = output.split([half, channels - half], axis)
            module.__dict__["left"] = mean_over_positions(leaves) if axis == 1 else leaves.mean(1)
            return torch.cat([goes_on, torch.zeros_like(leaves)], axis)

        self.branch = name
        self.get_submodule(name).register_forward_hook(divide)
        self.register_forward_hook(lambda module, inputs, output: module.joined(output))
        self.width += channels - half
        return channels - half

    def joined(self, pooled: Tensor) -> Tensor:
        """What ``branch_off`` left aside in the pass just made joins its output (B, D): (B, D + S)."""
        return torch.cat([pooled, self.get_submodule(self.branch).__dict__.pop("left")], 1) if self.branch else pooled

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D)."""
        return mean_over_positions(self.stages(images)[-1])

    def freeze(self) -> None:
        """Keep weights and batch-norm statistics as they are from now on."""
        self.requires_grad_(False)
        self.frozen = True
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """As in torch; a frozen encoder stays in evaluation mode."""
        return super().train(mode and not self.frozen)


def mean_over_positions(maps: Tensor) -> Tensor:
    """Maps (B, C, h, w) -> (B, C): the mean over positions, whose gradient lies in memory as the maps do.

    torch lays the gradient of ``mean((2, 3))`` out channels first. Where maps are channels-last, sums with it and the
    gradients of activations then take several times as long (``benchmarks/LOG.md``).
    """
    channels_last = maps.stride(1) == 1
    return maps.permute(0, 2, 3, 1).flatten(1, 2).mean(1) if channels_last else maps.mean((2, 3))


def last(inside: int, out: int | Literal["none"]) -> tuple[int, nn.Module]:
    """The width of an encoder and its last layer: linear to ``out``, or the identity."""
    if out == "none":
        return inside, nn.Identity()
    return int(out), nn.Linear(inside, int(out))
