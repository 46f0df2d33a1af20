"""Views: what a method is given for one step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass
class Views:
    """The views of one batch and everything a method or an auxiliary may need beside them.

    Attributes:
        pixels: V tensors (B, 3, h, w), normalised float, the small crops after the views of full size.
        parameters: for each view, {augmentation: {parameter: tensor with first dimension B}}.
        originals: uint8 (B, 3, H, W), the images as they are in the dataset.
        index: int64 (B,), each image's number in the dataset's split.
        labels: int64 (B,), or None where the data has none.
        generator: a CPU generator for the method's own draws in this step.
        sources: V uint8 tensors like ``originals``: the images that each view was made from, where positives
            put others in their place; empty where all are ``originals``.
        partners: V tensors like ``pixels``: views of other images whose targets are averaged with the
            images' own, for methods with a teacher; empty where there are none.
        weight: the share of an image's own target in that average.
        small: how many of the views, the last ones, are small crops.
    """

    pixels: list[Tensor]
    parameters: list[dict[str, dict[str, Tensor]]]
    originals: Tensor
    index: Tensor
    labels: Tensor | None = None
    generator: torch.Generator | None = None
    sources: list[Tensor] = field(default_factory=list)
    partners: list[Tensor] = field(default_factory=list)
    weight: float = 1.0
    small: int = 0

    @property
    def made_from(self) -> list[Tensor]:
        """For each view the uint8 images (B, 3, H, W) it was made from."""
        return self.sources or [self.originals] * len(self.pixels)

    @property
    def large(self) -> list[Tensor]:
        """The views of full size: those that teachers and assignments may see."""
        return self.pixels[: len(self.pixels) - self.small]
