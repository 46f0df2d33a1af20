"""Raw pixels as features: the floor every encoder must beat; area-resized to at most 32 px."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from kinfolk.encoders import Encoder

LARGEST = 32


class Pixels(Encoder):
    """Features of width 3 * side * side, where side is the image's, at most 32. Centred where it is evaluated."""

    def __init__(self, image_size: int) -> None:
        super().__init__(image_size)
        self.side = min(image_size, LARGEST)
        self.width = 3 * self.side**2

    def stages(self, images: Tensor) -> list[Tensor]:
        return [F.adaptive_avg_pool2d(images, self.side)]

    def forward(self, images: Tensor) -> Tensor:
        return self.stages(images)[-1].flatten(1)
