"""Random run: a trainer on random uint8 images, for benchmarks of the step; nothing of it is written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.train.loop import Trainer
from kinfolk.train.prepare import prepare

IMAGES = 4096


def trainer(
    encoder: str, size: int, view: int = 0, settings: dict[str, Any] | None = None, **train: int | str
) -> Trainer:
    """A trainer of SimCLR on images of ``size`` px; ``view`` is the side of the crops, 0 the recipe's own.

    ``settings`` are the encoder's, the others those of ``[train]``.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KINFOLK_CACHE"] = folder
        pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 3, size, size), dtype=np.uint8)
        place = Path(folder) / "random.npz"
        np.savez(place, images=pixels)
        recipe = Recipe.of({
            "data": {"name": str(place)},
            "views": {"size": view or "auto"},
            "encoder": {"name": encoder, **(settings or {})},
            "train": train,
        })
        return by_hand(recipe)


def by_hand(recipe: Recipe) -> Trainer:
    """A trainer whose steps are taken one by one; nothing of it is written."""
    made = Trainer(prepare(recipe), Run(""), (), frozenset())
    made.objective.train()
    return made
