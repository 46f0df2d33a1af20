"""Batches: which images are in a step, as a function of seed, epoch and round, and their pixels on the device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kinfolk.core import seeds
from kinfolk.core.errors import RequestError
from kinfolk.records.images import Images

RESIDENT_BYTES = 8 * 2**30


class Batches:
    """Shuffled full batches of one split; every process takes its rows of the global batch.

    On a GPU the pixels stay there as uint8 if they fit in ``RESIDENT_BYTES``; on the CPU they stay in the memory map.
    """

    def __init__(self, images: Images, batch: int, seed: int, device: str = "cpu") -> None:
        if batch > len(images):
            raise RequestError(
                f"train.batch = {batch} is more than the {len(images)} images of {images.name} ({images.split}); "
                f"take --batch {len(images)} or less."
            )
        self.images, self.batch, self.seed, self.device = images, batch, seed, device
        self.steps = len(images) // batch
        resident = device != "cpu" and images.pixels.nbytes <= RESIDENT_BYTES
        self._pixels = torch.from_numpy(np.array(images.pixels)).to(device) if resident else None
        self._order: tuple[tuple[int, ...], Tensor] = ((), torch.empty(0))

    def rows(self, *position: int) -> Tensor:
        """Positions (B,) of the images of one step; ``position`` is (epoch, round, step)."""
        *turn, step = position
        if self._order[0] != tuple(turn):
            draw = seeds.generator(self.seed, "order", *turn)
            self._order = tuple(turn), torch.randperm(len(self.images), generator=draw)
        return self._order[1][step * self.batch : (step + 1) * self.batch]

    def pixels(self, rows: Tensor) -> Tensor:
        """uint8 (n, 3, H, W) of the images at ``rows``, on the device."""
        if self._pixels is not None:
            return self._pixels[rows.to(self._pixels.device, non_blocking=True)]
        gathered = torch.from_numpy(self.images.pixels[rows.numpy()])
        return gathered if self.device == "cpu" else gathered.pin_memory().to(self.device, non_blocking=True)
