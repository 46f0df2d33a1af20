"""Network: the encoder and method that a recipe names, with weights drawn from its seed."""

from __future__ import annotations

import torch

from kinfolk.core import registry, seeds
from kinfolk.encoders import Encoder
from kinfolk.methods import Method
from kinfolk.records.recipe import NO_ENCODER, Recipe


def build(recipe: Recipe, image_size: int) -> Method:
    """Build encoder and method with weights drawn from the recipe's seed; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.key(recipe.seed, "initial"))
        if recipe.encoder.name == NO_ENCODER:
            encoder = Encoder(image_size)
        else:
            encoder = registry.build("encoders", recipe.encoder.name, image_size, **recipe.encoder.settings)
        method: Method = registry.build("methods", recipe.method.name, encoder, **recipe.method.settings)
    return method
