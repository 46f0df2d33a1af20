"""Alter: images under one augmentation, or under all of a recipe's, for diagnostics that must look again."""

from __future__ import annotations

import numpy as np
import torch

from kinfolk.core import registry, seeds
from kinfolk.load.views import Pipeline
from kinfolk.records.recipe import Recipe
from kinfolk.train.prepare import augmentations

PIECE = 500
FIXED = 1e-6
Parameters = dict[str, torch.Tensor]


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
    return applied(pipeline, pixels, drawn), {k: v.double().numpy() for k, v in drawn[name].items()}


def as_trained(recipe: Recipe, pixels: np.ndarray, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Make one view of each image as a run's training did.

    Args:
        recipe: the run's, with augmentations.
        pixels: uint8 (n, 3, S, S).
        seed: of the parameters' draw.

    Returns:
        The views, uint8 (n, 3, s, s), and each parameter that varies and has a scale, as ``crop.centre[0]``: float64
        (n, 1), an angle as (n, 2), its cosine and sine.
    """
    pipeline = Pipeline(augmentations(recipe.augmentations), int(recipe.views.size))
    drawn = pipeline.draw(len(pixels), seeds.generator(seed, "evaluation"))
    found = {}
    for name, step in pipeline.steps:
        for key, values in drawn[name].items():
            for i, column in enumerate(values.reshape(len(pixels), -1).double().unbind(1)):
                if not values.is_floating_point() or column.std() <= FIXED:
                    continue
                angle = column * (2 * torch.pi)
                parts = [angle.cos(), angle.sin()] if key in step.turns else [column]
                found[f"{name}.{key}[{i}]" if values.ndim > 1 else f"{name}.{key}"] = torch.stack(parts, 1).numpy()
    return applied(pipeline, pixels, drawn), found


def applied(pipeline: Pipeline, pixels: np.ndarray, drawn: dict[str, Parameters]) -> np.ndarray:
    """The views of images, as uint8, made in pieces."""
    made = []
    for start in range(0, len(pixels), PIECE):
        part = slice(start, start + PIECE)
        parameters = {name: {k: v[part] for k, v in values.items()} for name, values in drawn.items()}
        images = pipeline.apply(torch.from_numpy(np.array(pixels[part])), parameters)
        made.append(images.mul(255).round().to(torch.uint8).contiguous().numpy())
    return np.concatenate(made)
