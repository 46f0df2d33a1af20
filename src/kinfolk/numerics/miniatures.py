"""Miniatures: 16 x 16 colour pictures, whose correlation tells copies resized, saved again or cut a little."""

from __future__ import annotations

import numpy as np

from kinfolk.numerics.linalg import principal

SIDE, PIECE = 16, 256
FAINT = 4.0
COMMON = 10


def miniatures(pixels: np.ndarray) -> np.ndarray:
    """uint8 (n, 3, S, S) -> 16 x 16 pictures less their mean colour, float32 (n, 768)."""
    import torch

    found = np.empty((len(pixels), 3 * SIDE**2), np.float32)
    for start in range(0, len(pixels), PIECE):
        floats = torch.from_numpy(pixels[start : start + PIECE].astype(np.float32))
        small = torch.nn.functional.adaptive_avg_pool2d(floats, SIDE)
        found[start : start + PIECE] = (small - small.mean((2, 3), keepdim=True)).flatten(1).numpy()
    return found


def mirrored(small: np.ndarray) -> np.ndarray:
    """Miniatures (n, 768), left and right exchanged."""
    return small.reshape(-1, 3, SIDE, SIDE)[..., ::-1].reshape(small.shape)


def evened(small: np.ndarray) -> np.ndarray:
    """Miniatures (n, 768) of length 1; those fainter than ``FAINT`` levels stay shorter, or noise would be compared."""
    length = np.linalg.norm(small, axis=1, keepdims=True)
    scaled: np.ndarray = (small / np.maximum(length, FAINT * np.sqrt(small.shape[1]))).astype(np.float32)
    return scaled


class Remainder:
    """What is left of miniatures without the directions in which those of ``seen`` (n, 768) differ most.

    These are their ``COMMON`` leading principal components, mirrored ones among them (of few images one for 20): a
    light sky over dark ground, by which unlike photos correlate.
    """

    def __init__(self, seen: np.ndarray) -> None:
        both = np.concatenate([seen, mirrored(seen)])
        self.centre, self.common, _ = principal(both, max(1, min(COMMON, len(seen) // 20)))

    def __call__(self, small: np.ndarray) -> np.ndarray:
        """Miniatures (n, 768) less those directions, of length 1 unless faint."""
        rest = small - self.centre
        return evened(rest - (rest @ self.common) @ self.common.T)
