"""Validate: every term on held-out and on training images, by draws that never change; never used to select."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
import torch

from kinfolk.core import distributed
from kinfolk.load.images import evaluation_split, images_of
from kinfolk.load.pairs import Pairs
from kinfolk.train.objective import Objective
from kinfolk.train.prepare import Material, pairs

MOST_IMAGES, FEW_IMAGES, SHARE = 2048, 512, 4


class Validation:
    """The method's terms on some images of each of two splits, in full batches of the training size.

    A quarter as many as are trained on, from 512 to 2,048, so that small runs do not spend their time here.
    Evaluation mode, no gradient, the same images, order and augmentation draws in every epoch; nothing of the
    method changes. Where fewer than a batch are held out, batches of both splits have as many images as those are; a
    split with fewer than two a process is left out. A method that has to optimise a latent for each image is validated
    on one batch of each.
    """

    def __init__(self, material: Material) -> None:
        recipe, batch = material.recipe, int(material.recipe.train.batch)
        self.sets: dict[str, Pairs] = {}
        held_out = images_of(recipe.data, evaluation_split(recipe.data.name, recipe.data.settings), recipe.seed)
        each = len(held_out) // distributed.world()
        if 2 <= each < batch // distributed.world():
            batch = each * distributed.world()
            recipe = replace(recipe, train=replace(recipe.train, batch=batch))
        self.mine = distributed.share(batch)
        wanted = min(max(len(material.images) // SHARE, FEW_IMAGES), MOST_IMAGES)
        steps = 1 if "index" in material.method.uses else max(wanted // batch, 1)
        for name, images in (("train", material.images), ("test", held_out)):
            most = steps * batch
            rows = np.linspace(0, len(images) - 1, min(most, len(images))).astype(np.int64)
            if len(rows) >= batch:
                self.sets[name] = pairs(recipe, images.take(rows), material.method, validation=True)

    def __call__(
        self, objective: Objective, context: AbstractContextManager
    ) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
        """Return {split: {term: mean, "total": weighted sum}}, and {split: {measure: mean}}."""
        objective.eval()
        found, measured = {}, {}
        with torch.no_grad(), context:
            for split, maker in self.sets.items():
                sums: dict[str, float] = {}
                seen: dict[str, float] = {}
                for step in range(maker.batches.steps):
                    views = maker.views(maker.batches.rows(0, 0, step), (0, 0, step), self.mine)
                    terms, measures = objective(views)
                    for name, value in {**terms, "total": objective.total(terms)}.items():
                        sums[name] = sums.get(name, 0.0) + distributed.mean(value) / maker.batches.steps
                    for name, value in measures.items():
                        seen[name] = seen.get(name, 0.0) + distributed.mean(value) / maker.batches.steps
                found[split], measured[split] = sums, seen
        objective.train()
        return found, measured
