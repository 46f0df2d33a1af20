"""Images as vectors, and images altered in one respect: hue, colour, border, centre."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, pad

LARGEST = 32
ROWS = 500
LUMA = (0.299, 0.587, 0.114)
TO_YIQ = (LUMA, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
CENTRE = 0.7071


def pixels_floor(pixels: np.ndarray) -> np.ndarray:
    """Pixels in [0, 1], area-resized to at most 32 px a side: uint8 (N, 3, H, W) -> float32 (N, 3 h w)."""
    side = (min(pixels.shape[2], LARGEST), min(pixels.shape[3], LARGEST))
    pieces = [
        adaptive_avg_pool2d(_floats(pixels[start : start + ROWS]), side).flatten(1).numpy()
        for start in range(0, len(pixels), ROWS)
    ]
    return np.concatenate(pieces)


def resized(pixels: np.ndarray, side: int) -> np.ndarray:
    """Images uint8 (N, 3, H, W) brought to ``side`` x ``side`` by area means; unchanged where they are that already."""
    if pixels.shape[2:] == (side, side):
        return pixels
    means = [adaptive_avg_pool2d(_floats(pixels[i : i + ROWS]), side) for i in range(0, len(pixels), ROWS)]
    return torch.cat(means).mul_(255).round_().byte().numpy()


def hue_shifted(pixels: np.ndarray, turns: float = 0.25) -> np.ndarray:
    """Rotate the hue of uint8 (N, 3, H, W) by ``turns`` in the YIQ plane; brightness (Y) is kept but for clipping."""
    angle = 2 * np.pi * turns
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    matrix = torch.from_numpy((np.linalg.inv(TO_YIQ) @ turn @ np.array(TO_YIQ)).astype(np.float32))
    return _altered(pixels, lambda x: torch.einsum("dc,nchw->ndhw", matrix, x))


def greyscaled(pixels: np.ndarray) -> np.ndarray:
    """Replace colour by its brightness (ITU-R 601): uint8 (N, 3, H, W)."""
    weights = torch.tensor(LUMA)[None, :, None, None]
    return _altered(pixels, lambda x: (x * weights).sum(1, keepdim=True).expand_as(x))


def border_blurred(pixels: np.ndarray) -> np.ndarray:
    """Blur what lies outside the central square of half the area: uint8 (N, 3, H, W)."""
    return _altered(pixels, lambda x: torch.where(_central(x), x, _blurred(x)))


def centre_blurred(pixels: np.ndarray) -> np.ndarray:
    """Blur the central square of half the area: uint8 (N, 3, H, W)."""
    return _altered(pixels, lambda x: torch.where(_central(x), _blurred(x), x))


def _floats(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(pixels)).float().div_(255)


def _altered(pixels: np.ndarray, change: Callable[[Tensor], Tensor]) -> np.ndarray:
    out = np.empty_like(pixels)
    for start in range(0, len(pixels), ROWS):
        rows = slice(start, start + ROWS)
        out[rows] = change(_floats(pixels[rows])).clamp(0, 1).mul(255).round().byte().numpy()
    return out


def _central(x: Tensor) -> Tensor:
    """Mask (1, 1, H, W) of the central square of half the area."""
    inside = [((torch.arange(n) + 0.5) / n - 0.5).abs() < CENTRE / 2 for n in x.shape[2:]]
    return (inside[0][:, None] & inside[1])[None, None]


def _blurred(x: Tensor) -> Tensor:
    """Three box blurs, each of an eighth of the side (at least 3 px), the border replicated."""
    width = max(3, x.shape[-1] // 8 | 1)
    for _ in range(3):
        x = avg_pool2d(pad(x, [width // 2] * 4, mode="replicate"), width, stride=1)
    return x
