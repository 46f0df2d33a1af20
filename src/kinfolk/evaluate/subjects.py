"""Subjects: a run or a floor as features by role, with the means to encode again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from kinfolk.core import device, registry, seeds
from kinfolk.core.errors import unknown
from kinfolk.embed import Embedder, embed, embedder
from kinfolk.evaluate.alter import alter
from kinfolk.load.network import bare
from kinfolk.load.views import normalise
from kinfolk.records.features import Features
from kinfolk.records.images import Images
from kinfolk.records.recipe import Choice
from kinfolk.records.run import Run
from kinfolk.records.subject import Subject

Progress = Callable[[str, int, int], None]
FLOORS = ("pixels", "histogram", "random")
RANDOM_SEEDS = (0, 1, 2)
STATISTICS_IMAGES = 10_000


def of_run(
    run: Run, images: dict[str, Images], weights: Path | None = None, progress: Progress | None = None, **more: object
) -> Subject:
    """A run as a subject; the features of its last weights are kept in its folder. ``more`` goes into the protocol."""
    folder = run.features if weights is None else None
    return seen(embedder(run, weights), images, folder, progress, **more)


def seen(
    maker: Embedder, images: dict[str, Images], folder: Path | None, progress: Progress | None = None, **more: object
) -> Subject:
    """Images as an encoder sees them: h and, where it has a projector, z; kept in ``folder``, if there is one."""
    features = {(role, "h"): embed(maker, data, folder, told(progress, role)) for role, data in images.items()}
    for role in [role for role in ("train", "test") if role in images]:
        projected = maker.projected(features[role, "h"])
        if projected is not None:
            features[role, "z"] = projected
    return Subject(
        maker.name, features, images, encode=maker, views=alter, paint=maker.painted if maker.paint else None,
        generate=maker.generated if maker.generate else None, protocol={**measured_at(images), **more},
    )


def of_floor(
    name: str,
    images: dict[str, Images],
    encoder: Choice,
    crop: int,
    progress: Progress | None = None,
) -> list[Subject]:
    """A floor as one subject, or as three for ``random``: one for each seed of the untrained encoder."""
    side = images["train"].size
    if name == "random":
        makers = [untrained(encoder, crop, images["train"], seed) for seed in RANDOM_SEEDS]
    else:
        makers = [Embedder(registry.build("encoders", name, side), name)]
    subjects = []
    for maker in makers:
        features = {
            (role, "h"): embed(maker, data, None, told(progress, f"{name} {role}")) for role, data in images.items()
        }
        if name == "pixels":
            features = centred(features)
        subjects.append(Subject(name, features, images, encode=maker, floor=True, protocol=measured_at(images)))
    return subjects


def untrained(encoder: Choice, image_size: int, images: Images, seed: int) -> Embedder:
    """An encoder with drawn weights and batch-norm statistics from one pass over at most 10,000 training images."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.key(seed, "initial"))
        module = bare(encoder, image_size)
    kind = device.device("auto")
    module.to(kind).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    for part in module.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            part.reset_running_stats()
            part.momentum = None
    with torch.no_grad():
        for start in range(0, min(len(images), STATISTICS_IMAGES), 500):
            module(normalise(torch.from_numpy(np.array(images.pixels[start : start + 500])).to(kind)))
    return Embedder(module, "random", device=kind)


def built(encoder: Choice, image_size: int) -> str:
    """What an encoder is made of for a size: often the same for several sizes, which then share its floor."""
    with torch.random.fork_rng(devices=[]):
        module = bare(encoder, image_size)
    return f"{module} {[(name, tuple(value.shape)) for name, value in module.state_dict().items()]}"


def centred(features: dict[tuple[str, str], Features]) -> dict[tuple[str, str], Features]:
    """Features minus the training mean, in place; vectors in a file are changed there."""
    mean = features["train", "h"].vectors.mean(0)
    found = {}
    for key, f in features.items():
        place = f.vectors.filename if isinstance(f.vectors, np.memmap) else None
        vectors = np.load(place, mmap_mode="r+") if place else f.vectors
        for start in range(0, len(vectors), 1000):
            vectors[start : start + 1000] = f.vectors[start : start + 1000] - mean
        found[key] = replace(f, vectors=vectors)
    return found


def measured_at(images: dict[str, Images]) -> dict[str, object]:
    """What every protocol of a subject says of its images."""
    return {"dataset": images["train"].name, "size": images["train"].size}


def told(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    """Progress of one part."""
    return (lambda done, total: progress(what, done, total)) if progress else None


def layer_of(features: dict[tuple[str, str], Features], layer: str, subject: str) -> Features:
    """The training features of one layer; a layer that is not there is refused with those that are."""
    known = {name: f for (role, name), f in features.items() if role == "train"}
    if layer not in known:
        raise unknown(f"layer of '{subject}'", layer, known)
    return known[layer]
