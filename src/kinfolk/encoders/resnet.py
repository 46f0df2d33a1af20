"""ResNet with 18, 34 or 50 layers, with a stem for small or for large images.

Paper: He et al., 2016, Deep Residual Learning for Image Recognition, https://arxiv.org/abs/1512.03385.
Reference code: torchvision's resnet.py, whose weights load by name (stride in the 3 x 3 convolution of the
    bottleneck).
Differs from the reference: images of up to 64 pixels get a 3 x 3 convolution without stride and no pooling
    at the start (Chen et al., 2020, SimCLR, appendix B.9); the last batch norm of each block starts at zero
    (Goyal et al., 2017, section 5.1), which torchvision leaves off; no classifier unless ``out`` is set.
Shapes: images (B, 3, H, W), four stages (B, 64..512, h, w) or (B, 256..2048, h, w), output (B, D).
"""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor, nn

from kinfolk.core.errors import RequestError
from kinfolk.encoders import Encoder, last
from kinfolk.nn.convolution import Conv2d, Pointwise

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


class ResNet(Encoder):
    """Residual network; ``width`` is 512, 2048 for 50 layers, or ``out``."""

    def __init__(
        self,
        image_size: int,
        *,
        depth: Annotated[int, "[18, 50]", "number of layers: 18, 34 or 50 (table 1)"] = 18,
        stem: Annotated[
            Literal["auto", "3x3", "7x7"], "first convolution; auto: 3x3 without pooling up to 64 pixels"
        ] = "auto",
        out: Annotated[int | Literal["none"], "[1, inf)", "width of a last linear layer, or none"] = "none",
        zero_init: Annotated[bool, "start each block as the identity (its last batch norm at zero)"] = True,
    ) -> None:
        super().__init__(image_size)
        if depth not in BLOCKS:
            raise RequestError(f"encoder.depth = {depth} is not known: a resnet has 18, 34 or 50 layers.")
        self.stem = stem if stem != "auto" else "3x3" if image_size <= 64 else "7x7"
        small = self.stem == "3x3"
        self.conv1 = nn.Conv2d(3, 64, 3 if small else 7, 1 if small else 2, 1 if small else 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        block = Bottleneck if depth == 50 else Basic
        wide = block.expansion
        counts = BLOCKS[depth]
        self.layer1 = layer(block, 64, 64, counts[0], 1)
        self.layer2 = layer(block, 64 * wide, 128, counts[1], 2)
        self.layer3 = layer(block, 128 * wide, 256, counts[2], 2)
        self.layer4 = layer(block, 256 * wide, 512, counts[3], 2)
        self.inside = 512 * wide
        self.width, self.fc = last(self.inside, out)
        self._initialise(zero_init)

    def stages(self, images: Tensor) -> list[Tensor]:
        """The four feature maps, from the largest to the smallest."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        maps = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            maps.append(x)
        return maps

    def middle(self) -> tuple[str, int]:
        return "layer3", self.inside // 2

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.fc(super().forward(images))
        return out

    def _initialise(self, zero_init: bool) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, (Basic, Bottleneck)) and zero_init:
                nn.init.zeros_(module.last_norm.weight)


class Basic(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut: (B, inside, h, w) -> (B, width, h / stride, w / stride)."""

    expansion = 1

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = Conv2d(inside, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = Conv2d(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(inside, width, stride)

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The batch norm before the addition."""
        return self.bn2

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        out: Tensor = self.relu(y.add_(self.downsample(x)))
        return out


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions beside a shortcut: (B, inside, h, w) -> (B, 4 width, ...)."""

    expansion = 4

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = Pointwise(inside, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = Conv2d(width, width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = Pointwise(width, 4 * width)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(inside, 4 * width, stride)

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The batch norm before the addition."""
        return self.bn3

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        out: Tensor = self.relu(y.add_(self.downsample(x)))
        return out


def shortcut(inside: int, outside: int, stride: int) -> nn.Module:
    """The identity, or a 1 x 1 convolution with batch norm where size or width changes."""
    if stride == 1 and inside == outside:
        return nn.Identity()
    return nn.Sequential(Pointwise(inside, outside, stride), nn.BatchNorm2d(outside))


def layer(block: type[Basic | Bottleneck], inside: int, width: int, count: int, stride: int) -> nn.Sequential:
    """One stage: ``count`` blocks, the first with ``stride``."""
    rest = (block(width * block.expansion, width, 1) for _ in range(count - 1))
    return nn.Sequential(block(inside, width, stride), *rest)
