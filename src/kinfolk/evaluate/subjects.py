"""Subjects: from what a user names (a run, a floor) to features by role, with the means to encode again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinfolk.core import device, registry, seeds
from kinfolk.embed import Embedder, embed, embedder
from kinfolk.evaluate.alter import alter
from kinfolk.load.images import divided, evaluation_split, load
from kinfolk.load.network import bare
from kinfolk.load.views import normalise
from kinfolk.records.features import Features
from kinfolk.records.images import Images
from kinfolk.records.recipe import Choice, Data
from kinfolk.records.run import Run
from kinfolk.records.subject import Subject

Progress = Callable[[str, int, int], None]
RANDOM_SEEDS = (0, 1, 2)
STATISTICS_IMAGES = 10_000


def roles(data: Data, size: int, seed: int, ood: str = "", anomalies: str = "") -> dict[str, Images]:
    """The images to measure on, by role, all of one size.

    ``train`` is what the run trained on; ``test`` is the dataset's test split; ``ood_train``, ``ood_test`` and
    ``anomalies`` come from the other datasets, where they are given; without one, OOD are the run's held-out classes.
    """
    seen, unseen = divided(data, seed)
    chosen: dict[str, Any] = {"size": size, "classes": seen, "seed": seed, "settings": data.settings}
    found = {
        "train": load(data.name, data.split, limit=data.limit, fraction=data.fraction, **chosen),
        "test": load(data.name, evaluation_split(data.name, data.settings), **chosen),
    }
    if ood:
        found["ood_train"] = load(ood, "train", size=size)
        found["ood_test"] = load(ood, evaluation_split(ood), size=size)
    elif unseen:
        chosen["classes"] = unseen
        for role, split in (("ood_train", data.split), ("ood_test", found["test"].split)):
            images = load(data.name, split, **chosen)
            found[role] = replace(images, name=f"{images.name}, held-out classes")
    if anomalies:
        found["anomalies"] = load(anomalies, evaluation_split(anomalies), size=size)
    return found


def of_run(
    run: Run, images: dict[str, Images], weights: Path | None = None, progress: Progress | None = None
) -> Subject:
    """A run as a subject: h and, where it has a projector, z; features are kept in the run's folder."""
    maker = embedder(run, weights)
    digest = hashlib.blake2b(run.weights.read_bytes(), digest_size=6).hexdigest()
    folder = run.folder / "features" / digest if weights is None else None
    features = {(role, "h"): embed(maker, data, folder, told(progress, role)) for role, data in images.items()}
    for role in ("train", "test"):
        projected = maker.projected(features[role, "h"])
        if projected is not None:
            features[role, "z"] = projected
    return Subject(run.name, features, images, encode=maker, views=alter, protocol=measured_at(images))


def of_floor(
    name: str, images: dict[str, Images], encoder: Choice, crop: int, progress: Progress | None = None
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


def centred(features: dict[tuple[str, str], Features]) -> dict[tuple[str, str], Features]:
    """Features minus the training mean."""
    mean = features["train", "h"].vectors.mean(0)
    return {key: replace(f, vectors=f.vectors - mean) for key, f in features.items()}


def measured_at(images: dict[str, Images]) -> dict[str, object]:
    """What every protocol of a subject says of its images."""
    return {"dataset": images["train"].name, "size": images["test"].size}


def told(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    """Progress of one part."""
    return (lambda done, total: progress(what, done, total)) if progress else None
