"""Prepare: from a request to what a run trains: `auto` settings resolved, data opened, networks built."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from kinfolk.core import device, distributed, registry
from kinfolk.core.errors import RequestError
from kinfolk.load.batches import Batches
from kinfolk.load.images import divided, load
from kinfolk.load.network import build, settled
from kinfolk.load.pairs import Pairs
from kinfolk.methods import Method
from kinfolk.nn.batchnorm import synchronise
from kinfolk.records.images import Images
from kinfolk.records.recipe import Choice, Data, Recipe, Train


@dataclass
class Material:
    """What the loop needs: the resolved recipe, images, network, and the views of training and validation."""

    recipe: Recipe
    images: Images
    method: Method
    pairs: Pairs


def images_of(data: Data, split: str, seed: int, progress: Callable[[int, int], None] | None = None) -> Images:
    """Load one split as a recipe's ``[data]`` says; ``limit`` and ``fraction`` hold for the training split only."""
    seen, _ = divided(data, seed)
    chosen: dict[str, Any] = {"size": data.size, "classes": seen, "seed": seed, "settings": data.settings}
    if split == data.split:
        chosen |= {"limit": data.limit, "fraction": data.fraction}
    return load(data.name, split, progress=progress, **chosen)


def resolve(recipe: Recipe, images: Images) -> Recipe:
    """Replace every ``auto`` by what it stands for with these images on this hardware."""
    t = recipe.train
    kind = device.device(t.device)
    crops = any(c.name == "crop" for c in recipe.augmentations)
    size = recipe.views.size
    if size == "auto":
        size = images.size if not crops else min(images.size, max(8, images.size * 3 // 4 // 4 * 4))
    elif size != images.size and not crops:
        raise RequestError(
            f"views.size = {size} needs the augmentation 'crop': without it views keep the images' {images.size} px."
        )
    hardware: dict[str, Any] = {
        "device": kind,
        "precision": device.precision(t.precision, kind),
        "threads": device.threads(t.threads),
        "memory_format": "channels_last" if t.memory_format == "auto" else t.memory_format,
    }
    method = recipe.method
    if method.settings.get("classes") == "auto" and images.classes:
        method = replace(method, settings={**method.settings, "classes": len(images.classes)})
    return replace(
        recipe,
        method=method,
        start=settled(recipe.start),
        data=replace(recipe.data, size=images.size),
        views=replace(recipe.views, size=size),
        evaluate=replace(recipe.evaluate, size=images.size if recipe.evaluate.size == "auto" else recipe.evaluate.size),
        train=replace(t, **hardware),
    )


def augmentations(choices: tuple[Choice, ...]) -> list[tuple[str, Any]]:
    """Build the augmentations of a recipe, in order, by name."""
    return [(c.name, registry.build("augmentations", c.name, **c.settings)) for c in choices]


def pairs(recipe: Recipe, images: Images, method: Method, *, validation: bool = False) -> Pairs:
    """The maker of views for training, or for validation (the same draws in every epoch and variant).

    Labels are handed on only to a method that declares that it uses them.
    """
    views = recipe.views
    count = 2 if views.pairing == "turns" else views.count
    if views.pairing == "turns" and views.count % 2:
        raise RequestError(f"views.pairing = 'turns' takes views two by two: views.count = {views.count} is odd.")
    batches = Batches(images, recipe.train.batch, 0 if validation else recipe.seed, recipe.train.device)
    positives = registry.build("positives", recipe.positives.name, **recipe.positives.settings)
    return Pairs(
        batches, augmentations(recipe.augmentations), int(views.size), count, positives,
        fixed=views.fixed, labels="labels" in method.uses, stream="validation" if validation else "views",
    )


def distribute(method: Method, settings: Train) -> nn.Module:
    """Wrap the method so that gradients are averaged over processes; alone, return it as it is."""
    if distributed.world() == 1:
        return method
    if settings.sync_batchnorm:
        synchronise(method, distributed.all_reduce)
    wrapper = nn.parallel.DistributedDataParallel
    newer = "forward_sync_buffers" in inspect.signature(wrapper).parameters
    buffers: dict[str, Any] = {"forward_sync_buffers" if newer else "broadcast_buffers": False}
    return wrapper(method, **buffers)


def prepare(recipe: Recipe, progress: Callable[[int, int], None] | None = None) -> Material:
    """Open the data, resolve the recipe and build the network, all before anything is written.

    Raises:
        RequestError: the recipe cannot be carried out with these images or on this hardware.
    """
    images = images_of(recipe.data, recipe.data.split, recipe.seed, progress)
    recipe = resolve(recipe, images)
    if recipe.train.batch % distributed.world():
        raise RequestError(f"train.batch = {recipe.train.batch} does not divide among {distributed.world()} processes.")
    torch.set_num_threads(int(recipe.train.threads))
    method = build(recipe, int(recipe.views.size), begin=True)
    if "labels" in method.uses and not images.labelled:
        raise RequestError(f"method '{recipe.method.name}' uses labels, but {images.name} has none.")
    method.to(recipe.train.device)
    if recipe.train.memory_format == "channels_last":
        method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Material(recipe, images, method, pairs(recipe, images, method))
