"""Alter: images under one augmentation at a given strength, for diagnostics that must look again."""

from __future__ import annotations

import numpy as np
import torch

from kinfolk.core import registry, seeds
from kinfolk.load.views import Pipeline

PIECE = 500


def alter(pixels: np.ndarray, name: str, strength: float, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Apply an augmentation at a strength.

    Args:
        pixels: uint8 (n, 3, S, S).
        name: the augmentation.
        strength: from 0 (the identity) to 1.
        seed: of the parameters' draw.

    Returns:
        The altered pixels, uint8 (n, 3, S, S), and the parameters drawn, float64 (n, ...), by name.
    """
    pipeline = Pipeline([(name, registry.leaf("augmentations", name).open().at(strength))], pixels.shape[-1])
    drawn = pipeline.draw(len(pixels), seeds.generator(seed, "evaluation"))
    altered = np.empty_like(pixels)
    for start in range(0, len(pixels), PIECE):
        part = slice(start, start + PIECE)
        parameters = {name: {k: v[part] for k, v in drawn[name].items()}}
        images = pipeline.apply(torch.from_numpy(np.array(pixels[part])), parameters)
        altered[part] = images.mul(255).round().to(torch.uint8).numpy()
    return altered, {k: v.double().numpy() for k, v in drawn[name].items()}
