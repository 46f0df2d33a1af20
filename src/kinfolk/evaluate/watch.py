"""Watch: a look at the embedding while it trains, on images that stay the same; no labels, no second optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinfolk.embed import Embedder
from kinfolk.load.images import evaluation_split
from kinfolk.methods import Method
from kinfolk.numerics.linalg import rank_me
from kinfolk.records.run import Run
from kinfolk.train.prepare import Material, images_of

IMAGES = 1000
COLLAPSED_RANK = 2.0


class Spectrum:
    """Logs RankMe (Garrido et al., 2023) of 1,000 held-out images (200 where each one's latent has to be found by
    optimisation) after each epoch, and an alarm where it nears 1.

    RankMe is the exponential of the entropy of the normalised singular values: the number of dimensions in use.
    """

    def started(self, material: Material, run: Run, steps: int, done: int) -> None:
        """Choose the images."""
        recipe = material.recipe
        held_out = images_of(recipe.data, evaluation_split(recipe.data.name, recipe.data.settings), recipe.seed)
        most = 200 if "index" in material.method.uses else IMAGES
        rows = np.linspace(0, len(held_out) - 1, min(most, len(held_out))).astype(np.int64)
        self.pixels, self.device = np.array(held_out.pixels[rows]), recipe.train.device

    def stepped(self, row: dict[str, Any], images_per_second: float) -> None:
        """Nothing to do within an epoch."""

    def epoch_ended(self, epoch: int, method: Method, row: dict[str, Any]) -> dict[str, Any]:
        """Measure the spectrum."""
        vectors = Embedder(method.embedder(), "", device=self.device)(self.pixels)
        rank = rank_me(vectors)
        found: dict[str, Any] = {"rankme": float(rank)}
        if rank < COLLAPSED_RANK:
            found["alarm"] = f"COLLAPSING: {rank:.1f} of {vectors.shape[1]} dimensions in use"
        return found

    def ended(self, run: Run) -> None:
        """Nothing is held open."""
