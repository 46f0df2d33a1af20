"""Surroundings: what a recipe's auxiliaries must know of the run, and the auxiliaries themselves, built from it."""

from __future__ import annotations

from pathlib import Path

import torch

from kinfolk.auxiliaries import Auxiliary, Surroundings
from kinfolk.core import registry, seeds
from kinfolk.core.errors import RequestError
from kinfolk.load import network
from kinfolk.load.views import Pipeline
from kinfolk.methods import Method
from kinfolk.records.recipe import Recipe

EXAMPLES = 20_000


def auxiliaries(recipe: Recipe, method: Method, pipeline: Pipeline) -> dict[str, Auxiliary]:
    """Build the auxiliaries of a recipe by name, with weights drawn from its seed; the method's stay as they were.

    Raises:
        RequestError: one of them does not go with the method or the views.
    """
    if not recipe.auxiliaries:
        return {}
    if "encoder" not in method.uses:
        raise RequestError(f"auxiliaries read an encoder's features; method '{recipe.method.name}' has none.")
    around = surroundings(recipe, method, pipeline)
    made: dict[str, Auxiliary] = {}
    for number, choice in enumerate(recipe.auxiliaries, 1):
        stem = Path(choice.name).stem
        name = stem if stem not in made else f"{stem}{number}"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seeds.key(recipe.seed, "initial", number))
            made[name] = registry.build("auxiliaries", choice.name, around, **choice.settings)
        refuse(recipe, name, made[name])
    return made


def surroundings(recipe: Recipe, method: Method, pipeline: Pipeline) -> Surroundings:
    """Measure the width of h by one pass that leaves no trace, and draw the parameters of 20,000 views."""
    size = int(recipe.views.size)
    with torch.no_grad():
        width = method.eval().embedder()(torch.zeros(1, 3, size, size)).shape[1]
    method.train()

    return Surroundings(
        width=width,
        parts=network.parts(recipe, method, width),
        example=pipeline.draw(EXAMPLES, seeds.generator(0, "evaluation")),
        angles=frozenset(f"{name}.{key}" for name, step in pipeline.steps for key in step.turns),
        replay=pipeline.view,
        size=size,
        momentum=float(getattr(method, "momentum", 0.99)) if "teacher" in method.uses else None,
    )


def refuse(recipe: Recipe, name: str, auxiliary: Auxiliary) -> None:
    """Raise RequestError where the views do not have what the auxiliary needs."""
    if "pair" in auxiliary.uses and recipe.views.count < 2:
        raise RequestError(f"auxiliary '{name}' with input = 'pair' needs two views of an image: --views 2.")
