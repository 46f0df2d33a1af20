"""A small residual network, chosen for accuracy in a given time on two CPU cores.

One residual block (two 3 x 3 convolutions, batch norm, ReLU; He et al., 2016) for each entry of ``channels``, the
first at the stem's resolution, each further one at half of the one before; then the mean over positions, of the last
stage or of all of them side by side. How it was chosen: ``benchmarks/LOG.md``.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinfolk.core.errors import RequestError
from kinfolk.encoders import Encoder, last, mean_over_positions
from kinfolk.nn.convolution import Conv2d, Pointwise


class ConvNet(Encoder):
    """Features of width ``channels[-1]``, or the sum of ``channels``, or ``out``."""

    def __init__(
        self,
        image_size: int,
        *,
        channels: Annotated[tuple[int, ...], "[1, 8192]", "of each stage; the last is the width"] = (40, 80, 160),
        stem: Annotated[Literal["auto", "stride2", "stride4"], "auto: stride 4 for views of 64 px and more"] = "auto",
        pooled: Annotated[Literal["last", "all"], "the stages whose means are the features"] = "last",
        out: Annotated[int | Literal["none"], "[1, inf)", "width of a last linear layer, or none"] = "none",
    ) -> None:
        super().__init__(image_size)
        stride = {"auto": 4 if image_size >= 64 else 2, "stride2": 2, "stride4": 4}[stem]
        kernel = 3 if stride == 2 else 7
        self.stem = nn.Conv2d(3, channels[0], kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels[0])
        before = (channels[0], *channels[:-1])
        self.blocks = nn.ModuleList(
            Block(i, o, 1 if k == 0 else 2) for k, (i, o) in enumerate(zip(before, channels, strict=True))
        )
        self.pooled = pooled
        self.width, self.fc = last(channels[-1] if pooled == "last" else sum(channels), out)

    def stages(self, images: Tensor) -> list[Tensor]:
        maps = [F.relu(self.norm(self.stem(images)), inplace=True)]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        return maps[1:]

    def middle(self) -> tuple[str, int]:
        if len(self.blocks) < 2:
            raise RequestError("encoder.channels has one stage only, so there is none before the last.")
        last = self.blocks[-1]
        assert isinstance(last, Block)
        return f"blocks.{len(self.blocks) - 2}", last.conv1.in_channels

    def forward(self, images: Tensor) -> Tensor:
        maps = self.stages(images)
        chosen = maps if self.pooled == "all" else maps[-1:]
        out: Tensor = self.fc(torch.cat([mean_over_positions(each) for each in chosen], 1))
        return out


class Block(nn.Module):
    """Two convolutions and a shortcut: (B, I, H, W) -> (B, O, H / stride, W / stride)."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = Conv2d(channels, out, stride)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = Conv2d(out, out)
        self.norm2 = nn.BatchNorm2d(out)
        self.shortcut = (
            nn.Identity() if channels == out and stride == 1
            else nn.Sequential(Pointwise(channels, out, stride), nn.BatchNorm2d(out))
        )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x), inplace=True)
