"""Views: a sheet of the views of some images exactly as they are fed to the encoder, with their parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kinfolk.core import sheet
from kinfolk.load.images import images_of
from kinfolk.load.views import CENTRE, SPREAD
from kinfolk.records.recipe import Recipe
from kinfolk.train.prepare import prepare


def views(recipe: Recipe, out: Path, count: int = 8) -> int:
    """Write a sheet of the first ``count`` images of the first step that ``recipe`` trains on.

    Args:
        recipe: the request; with fewer images than a batch the step holds them all.
        out: a ``.html`` or ``.png`` file.
        count: images, one row each: the original, then its views.

    Returns:
        The number of images shown.
    """
    sheet.check(out)
    there = len(images_of(recipe.data, recipe.data.split, recipe.seed))
    batch = recipe.train.batch if recipe.train.batch == "auto" else min(recipe.train.batch, there)
    material = prepare(replace(recipe, train=replace(recipe.train, batch=batch)))
    maker, images = material.pairs, material.images
    fed = maker.views(maker.batches.rows(0, 0, 0), (0, 0, 0), slice(0, count))
    rows = []
    for k, index in enumerate(fed.index.tolist()):
        origin = images.origins[int(np.searchsorted(images.index, index))]
        tiles = [sheet.Tile(fed.originals[k].cpu().permute(1, 2, 0).numpy(), "original")]
        for pixels, drawn in zip(fed.pixels, fed.parameters, strict=True):
            told = [f"{name}: {described({key: value[k] for key, value in p.items()})}" for name, p in drawn.items()]
            tiles.append(sheet.Tile(shown(pixels[k]), "\n".join(told)))
        rows.append(sheet.Row(f"image {index}: {origin}", tiles))
    size = int(material.recipe.views.size)
    sheet.write(out, f"{images.name}: {len(fed.pixels)} views of {size} px as fed in the first step", rows)
    return len(rows)


def shown(view: Tensor) -> np.ndarray:
    """A normalised view (3, h, w) as a picture, uint8 (h, w, 3)."""
    levels = view.detach().float().cpu().mul(SPREAD).add(CENTRE).mul(255).round().clamp(0, 255)
    return levels.to(torch.uint8).permute(1, 2, 0).numpy()


def described(parameters: dict[str, Tensor]) -> str:
    """One image's parameters of one augmentation, rounded: ``top 0.12, left 0.3``."""
    parts = []
    for name, value in parameters.items():
        numbers = [str(v) if isinstance(v, (bool, int)) else f"{v:.3g}" for v in value.flatten().tolist()]
        parts.append(f"{name} {numbers[0] if len(numbers) == 1 else ' '.join(numbers)}")
    return ", ".join(parts)
