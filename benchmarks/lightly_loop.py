"""lightly's loop as its users run it: its SimCLR transforms, a torch DataLoader of Pillow images, its head and loss."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from peers import import_torchvision
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

RATE = 0.002


class Photos(Dataset):
    """uint8 pixels (N, 3, H, W) as Pillow images, transformed one by one, as torchvision's CIFAR10 gives them."""

    def __init__(self, pixels: np.ndarray, transform: object) -> None:
        self.pixels, self.transform = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)), transform

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, row: int) -> list[Tensor]:
        return self.transform(Image.fromarray(self.pixels[row]))


class LightlyLoop:
    """SimCLR with lightly's parts around a given encoder, whose convolutions are made torch's own.

    Settings are those of lightly's own benchmark on CIFAR-10 (colour jitter at half strength, no blur, head 512-128,
    temperature 0.5); AdamW at kinfolk's learning rate; images are normalised as kinfolk's encoders take them.
    ``tuned`` adds what its loops do not have by themselves: channels-last and the fused optimiser.
    """

    def __init__(
        self, pixels: np.ndarray, encoder: nn.Module, width: int, *, size: int, batch: int, workers: int, bf16: bool,
        tuned: bool = False,
    ) -> None:
        import_torchvision()
        from lightly.loss import NTXentLoss
        from lightly.models.modules import SimCLRProjectionHead
        from lightly.transforms import SimCLRTransform

        normalize = {"mean": [0.5] * 3, "std": [0.25] * 3}
        transform = SimCLRTransform(input_size=size, cj_strength=0.5, gaussian_blur=0.0, normalize=normalize)
        self.loader = DataLoader(
            Photos(pixels, transform), batch_size=batch, shuffle=True, drop_last=True, num_workers=workers
        )
        for module in encoder.modules():
            if isinstance(module, nn.Conv2d):
                module.__class__ = nn.Conv2d
        self.model = nn.Sequential(encoder, SimCLRProjectionHead(width, 512, 128)).train()
        if tuned:
            self.model.to(memory_format=torch.channels_last)
        self.criterion, self.bf16 = NTXentLoss(), bf16
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=RATE, fused=tuned)

    def steps(self) -> Iterator[float]:
        """One epoch; the loss of each step."""
        for first, second in self.loader:
            with torch.autocast("cpu", torch.bfloat16) if self.bf16 else contextlib.nullcontext():
                z = self.model(first), self.model(second)
            loss = self.criterion(z[0].float(), z[1].float())
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            yield loss.item()
