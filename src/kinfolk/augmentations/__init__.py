"""Augmentations: parameters are drawn first, then applied, so they can be recorded, replayed and predicted."""

from __future__ import annotations

import functools
from typing import ClassVar, Literal, NamedTuple, Self

import torch
from torch import Tensor

Parameters = dict[str, Tensor]


class Taps(NamedTuple):
    """Weights of one axis where each output pixel looks at few input pixels.

    ``pixel`` (B, n_out, T), int32, says which of the input, ``weight``, float32 alike, what each of them adds.
    """

    pixel: Tensor
    weight: Tensor


class Box(NamedTuple):
    """Weights of one axis that resample a part of it, bilinearly and antialiased: the taps of ``sampling.triangle``.

    ``centre`` and ``extent`` (B,) are fractions of the axis.
    """

    centre: Tensor
    extent: Tensor


class Mirrored(NamedTuple):
    """Weights that blend an axis with its reverse, whose share is ``share`` (B,); n_out is n_in."""

    share: Tensor


Weights = Box | Taps | Mirrored | Tensor | None
LUMA = (0.299, 0.587, 0.114)


@functools.cache
@torch.inference_mode(False)
def luma(device: torch.device) -> Tensor:
    """The weights (3,) of red, green and blue in luma (ITU-R BT.601), kept on the device."""
    return torch.tensor(LUMA, device=device)


class Augmentation:
    """The contract of a leaf: ``draw`` on the CPU for the whole batch, then one of three ways to apply.

    ``form`` says which:

    * ``spatial``: separable and linear in space (``resizes`` if it brings images to the view's size):
      ``axes(parameters, n_in, n_out)`` gives the weights of rows and of columns, each as a ``Box``, as ``Taps``, as
      ``Mirrored``, as a stack (B, n_out, n_in) where every pixel counts, or as None for an axis that it leaves alone;
      output = rows @ image @ columns^T
    * ``colour``: linear in colour: ``matrix(parameters)`` gives (B, 3, 7), what the three colours of a pixel, those of
      the image's mean when the step is reached, and 1 add to each colour, all from 0 to 1
    * ``pointwise``: anything else: ``apply(pixels, parameters)`` on float pixels (B, 3, h, w) in [0, 1]

    Neighbouring spatial and colour steps are fused by ``load/views``. All three are differentiable in the
    continuous parameters. Parameters that give the identity exist for every augmentation (p = 0).
    """

    form: ClassVar[Literal["spatial", "colour", "pointwise"]]
    resizes: ClassVar[bool] = False
    turns: ClassVar[frozenset[str]] = frozenset()
    """Which parameters are angles, in turns."""

    @classmethod
    def at(cls, strength: float) -> Self:
        """The augmentation at a strength from 0 (the identity) to 1 (its strongest), for measuring invariance."""
        raise NotImplementedError

    def draw(self, batch: int, generator: torch.Generator) -> Parameters:
        """Draw the parameters of ``batch`` images: a dict of tensors with first dimension ``batch``."""
        raise NotImplementedError

    def axes(self, parameters: Parameters, n_in: int, n_out: int) -> tuple[Weights, Weights]:
        """Weights over rows and over columns: ``Box``, ``Taps``, ``Mirrored``, (B, n_out, n_in), or None."""
        raise NotImplementedError

    def matrix(self, parameters: Parameters) -> Tensor:
        """Colour matrices (B, 3, 7), of pixel, mean colour and 1."""
        raise NotImplementedError

    def apply(self, pixels: Tensor, parameters: Parameters) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> the same shape."""
        raise NotImplementedError
