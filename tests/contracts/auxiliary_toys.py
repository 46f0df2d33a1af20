"""Small methods with auxiliaries, put together as a run does it, and views made by the real augmentations."""

from __future__ import annotations

from functools import cache
from typing import Any

import method_toys as toys
import torch
from torch import Tensor

from kinfolk.core import registry
from kinfolk.load import network
from kinfolk.load.views import Pipeline
from kinfolk.nn.targets import Drawn
from kinfolk.records.recipe import Recipe
from kinfolk.records.views import Views
from kinfolk.train.objective import Objective
from kinfolk.train.surroundings import auxiliaries

STEPS = ("crop", "flip", "jitter", "grayscale", "blur", "solarize")
PIPELINE = Pipeline([(name, registry.build("augmentations", name)) for name in STEPS], toys.SIZE)
# Every kind of routing and input, each once or more; a leaf is tried with those that it has settings for.
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "stopped": {"gradient": "stops"},
    "original": {"input": "original"},
    "pair": {"input": "pair"},
    "both, slow, only logged": {"branches": "both", "counted": "online"},
    "both, trained, replicate": {"branches": "both", "teacher_head": "trained", "split": "replicate"},
    "teacher, original": {"branches": "teacher", "teacher_head": "trained", "input": "original"},
    "end": {"split": "end", "branches": "both"},
    "middle, original": {"split": "middle", "branches": "both", "input": "original"},
    "decoder": {"mode": "decoder", "branches": "both"},
    "decoder, pixels alone, end": {"mode": "decoder", "parameters": 0.0, "split": "end"},
    "pixels alone": {"parameters": 0.0},
}


def cases() -> list[tuple[str, str]]:
    """Every auxiliary with every variant that it has the settings for."""
    found = []
    for name, leaf in registry.leaves("auxiliaries").items():
        known = {s.name: s for s in leaf.settings}
        for variant, settings in VARIANTS.items():
            if all(k in known and (isinstance(v, float) or v in known[k].choices) for k, v in settings.items()):
                found.append((name, variant))
    return found


@cache
def recipe(name: str, method: str, seed: int, settings: tuple[tuple[str, Any], ...]) -> Recipe:
    """A request for a small network with one auxiliary, or with none where ``name`` is empty."""
    known = {s.name for s in registry.leaf("methods", method).settings}
    narrow = {k: v for k, v in {"hidden": 32, "out": 16}.items() if k in known}
    return Recipe.of({
        "seed": seed,
        "views": {"size": toys.SIZE, "augmentations": list(STEPS)},
        "encoder": {"name": "convnet", "channels": [12, 24]},
        "method": {"name": method, **narrow, **toys.SETTINGS.get(method, {})},
        "auxiliaries": [{"name": name, "hidden": 32, **dict(settings)}] if name else [],
    })


def build(name: str, method: str = "byol", seed: int = 0, **settings: Any) -> Objective:
    """The objective that a recipe asks for."""
    asked = recipe(name, method, seed, tuple(settings.items()))
    made = network.build(asked, toys.SIZE)
    objective = Objective(made, auxiliaries(asked, made, PIPELINE))
    for auxiliary in objective.auxiliaries.values():
        if hasattr(auxiliary, "replay"):
            auxiliary.replay = replay
    return objective


def replay(originals: Tensor, parameters: Drawn) -> Tensor:
    """The augmentation, also for parameters in float64."""
    wide = next(v.dtype for d in parameters.values() for v in d.values() if v.is_floating_point())
    single = {s: {k: v.float() if v.is_floating_point() else v for k, v in d.items()} for s, d in parameters.items()}
    with torch.autocast("cpu", enabled=False):
        return PIPELINE.view(originals, single).to(wide)


def views(
    count: int = 2, images: int = 8, *, seed: int = 0, rows: slice = slice(None), dtype: torch.dtype = torch.float32
) -> Views:
    """``count`` views of random images by the augmentations; ``rows`` takes a process's part of the batch."""
    draw = torch.Generator().manual_seed(seed)
    originals = torch.randint(0, 256, (images, 3, toys.SIZE, toys.SIZE), generator=draw, dtype=torch.uint8)[rows]
    parameters = []
    for _ in range(count):
        drawn = PIPELINE.draw(images, draw)
        parameters.append({s: {k: v[rows] for k, v in d.items()} for s, d in drawn.items()})
    return Views(
        pixels=[PIPELINE.view(originals, each).to(dtype) for each in parameters],
        parameters=parameters,
        originals=originals,
        index=torch.arange(images)[rows],
        labels=(torch.arange(images) % toys.CLASSES)[rows],
        generator=torch.Generator().manual_seed(seed),
    )
