"""Prepare: from a request to what a run trains: `auto` settings resolved, data opened, networks built."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from kinfolk.core import device, distributed, registry
from kinfolk.core.errors import RequestError
from kinfolk.load import network
from kinfolk.load.batches import Batches
from kinfolk.load.images import images_of, settled
from kinfolk.load.pairs import Pairs
from kinfolk.load.views import Pipeline
from kinfolk.methods import Method
from kinfolk.nn.batchnorm import synchronise
from kinfolk.positives import Positives
from kinfolk.records.images import Images
from kinfolk.records.recipe import Choice, Recipe, Train
from kinfolk.train import sizes
from kinfolk.train.objective import Objective
from kinfolk.train.surroundings import auxiliaries


@dataclass
class Material:
    """What the loop needs: the resolved recipe, images, network, and the views of training and validation."""

    recipe: Recipe
    images: Images
    objective: Objective
    pairs: Pairs

    @property
    def method(self) -> Method:
        """The method, without its auxiliaries."""
        return self.objective.method


def resolve(recipe: Recipe, images: Images) -> Recipe:
    """Replace every ``auto`` by what it stands for with these images on this hardware."""
    t = recipe.train
    kind = device.device(t.device)
    plain = recipe.positives.settings.get("augment") == "none"
    crops = not plain and any(c.name == "crop" for c in recipe.augmentations)
    size = recipe.views.size
    if size == "auto":
        size = images.size if not crops else min(images.size, max(8, images.size * 3 // 4 // 4 * 4))
    elif size != images.size and not crops and not plain:
        raise RequestError(
            f"views.size = {size} needs the augmentation 'crop': without it views keep the images' {images.size} px."
        )
    small = recipe.views.small_size
    if small == "auto":
        small = max(8, int(size) // 2 // 4 * 4)
    hardware: dict[str, Any] = {
        "batch": batch(len(images), distributed.world() * t.accumulate) if t.batch == "auto" else t.batch,
        "device": kind,
        "precision": device.precision(t.precision, kind),
        "threads": device.threads(t.threads),
        "memory_format": "channels_last" if t.memory_format == "auto" else t.memory_format,
    }
    known = {"images": int(images.index.max()) + 1, "classes": len(images.classes) or "auto"}
    settings = {k: known[k] if v == "auto" and k in known else v for k, v in recipe.method.settings.items()}
    return replace(
        recipe,
        start=network.settled(recipe.start),
        method=replace(recipe.method, settings=settings),
        data=replace(recipe.data, size=images.size),
        views=replace(recipe.views, size=size, small_size=small),
        evaluate=replace(recipe.evaluate, size=images.size if recipe.evaluate.size == "auto" else recipe.evaluate.size),
        train=replace(t, **hardware),
    )


def batch(images: int, shares: int = 1) -> int:
    """How many of so many images are in a step: 256, or of few the largest power of two that leaves two steps.

    Each of ``shares``, processes and parts of a batch, has two images at least.
    """
    return min(256, max(2 * shares, 2 ** (max(images // 2, 1).bit_length() - 1)))


def augmentations(choices: tuple[Choice, ...]) -> list[tuple[str, Any]]:
    """Build the augmentations of a recipe, in order, by name."""
    return [(c.name, registry.build("augmentations", c.name, **c.settings)) for c in choices]


def positives(recipe: Recipe, method: Method) -> Positives:
    """Build the positives of a recipe, refused where the method cannot take them."""
    name = recipe.positives.name
    found: Positives = registry.build("positives", name, **recipe.positives.settings)
    bound = method.uses & {"labels", "originals", "index"}
    if name != "views" and bound:
        raise RequestError(
            f"positives '{name}' put other images beside an image, and method '{recipe.method.name}' compares each "
            f"with its own {', '.join(sorted(bound))}; such methods take positives 'views'."
        )
    if name != "views" and found.weight == "off" and recipe.views.count < 2:
        raise RequestError(
            f"positives '{name}' take the place of second views, and there is one view of each image: "
            "views.count = 2 or more."
        )
    if found.weight != "off" and "teacher" not in method.uses:
        known = [n for n, leaf in registry.leaves("methods").items() if "teacher" in leaf.open().uses]
        raise RequestError(
            f"positives.weight = {found.weight} averages the targets of a teacher, and method '{recipe.method.name}' "
            f"has none; methods with one: {', '.join(known)}. Without weight, neighbours replace views."
        )
    return found


def pairs(
    recipe: Recipe, images: Images, method: Method, chosen: Positives | None = None, *, validation: bool = False
) -> Pairs:
    """The maker of views for training, or for validation (the same draws in every epoch and variant).

    Without ``chosen`` positives, as in validation, every image is its own partner and views are augmented.
    Labels are handed on only to a method that declares that it uses them.
    """
    views = recipe.views
    count = 2 if views.pairing == "turns" else views.count
    if views.pairing == "turns" and views.count % 2:
        raise RequestError(f"views.pairing = 'turns' takes views two by two: views.count = {views.count} is odd.")
    batches = Batches(images, int(recipe.train.batch), 0 if validation else recipe.seed, recipe.train.device)
    steps = augmentations(recipe.augmentations)
    if chosen and chosen.augment == "none":
        steps = [("crop", registry.build("augmentations", "crop", p=0.0))]
    return Pairs(
        batches, steps, int(views.size), count, chosen or registry.build("positives", "views"),
        fixed=views.fixed, labels="labels" in method.uses, stream="validation" if validation else "views",
        small=small_crops(recipe), planes=recipe.train.memory_format == "contiguous",
    )


def small_crops(recipe: Recipe) -> list[Pipeline]:
    """The pipelines of the small crops: the views' augmentations with another crop and another size."""
    views, crop = recipe.views, {"scale": recipe.views.small_scale}
    if not views.small_count:
        return []
    steps = [
        replace(c, settings={**c.settings, **crop}) if c.name == "crop" else c for c in recipe.augmentations
    ]
    return [Pipeline(augmentations(tuple(steps)), int(views.small_size))] * views.small_count


def refuse_small_crops(recipe: Recipe) -> None:
    """Raise RequestError where small crops are asked for and cannot be made, or the method has no use for them."""
    views, name = recipe.views, recipe.method.name
    if not views.small_count:
        return
    asked = f"views.small_count = {views.small_count}"
    if "small" not in registry.leaf("methods", name).open().uses:
        known = [n for n, leaf in registry.leaves("methods").items() if "small" in leaf.open().uses]
        raise RequestError(f"{asked}: method '{name}' takes no small crops; those that do: {', '.join(known)}.")
    if views.pairing == "turns":
        raise RequestError(f"{asked} needs views.pairing = 'all': views in turn have no small crops beside them.")
    if recipe.positives.settings.get("augment") == "none":
        raise RequestError(f"{asked}, but positives.augment = 'none' leaves images as they are.")
    if all(c.name != "crop" for c in recipe.augmentations):
        raise RequestError(f"{asked} needs the augmentation 'crop', which makes views of another size.")


def refuse_growth(recipe: Recipe, method: Method) -> None:
    """Raise RequestError where crops are to grow and there are none, or something paints images of one size."""
    first, size = recipe.views.first_size, int(recipe.views.size)
    if first == "off":
        return
    if int(first) >= size:
        raise RequestError(f"views.first_size = {first} does not grow: views.size is {size}.")
    if recipe.positives.settings.get("augment") == "none" or all(c.name != "crop" for c in recipe.augmentations):
        raise RequestError(f"views.first_size = {first} needs the augmentation 'crop', which gives views their size.")
    painted = [a.name for a in recipe.auxiliaries if a.settings.get("mode") == "decoder"]
    painted += [recipe.method.name] if method.reconstruction() else []
    if painted:
        raise RequestError(f"views.first_size = {first}: '{painted[0]}' paints images of one size.")


def refuse_shares(settings: Train) -> None:
    """Raise RequestError where a batch cannot be divided among processes and parts."""
    shares, batch = distributed.world() * settings.accumulate, int(settings.batch)
    if batch % shares or batch < 2 * shares:
        parts = f" in {settings.accumulate} parts" if settings.accumulate > 1 else ""
        raise RequestError(f"train.batch = {batch} does not divide among {distributed.world()} processes{parts}.")


def refuse_sizes(encoder: nn.Module, sizes: set[int]) -> None:
    """Raise RequestError where the encoder cannot take views of one of ``sizes``; nothing of it changes."""
    training = encoder.training
    encoder.eval()
    for size in sorted(sizes):
        try:
            with torch.no_grad():
                encoder(torch.zeros(1, 3, size, size))
        except (RuntimeError, ValueError, AssertionError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise RequestError(f"the encoder takes no views of {size} px: {reason}") from None
    encoder.train(training)


def distribute(model: nn.Module, settings: Train) -> nn.Module:
    """Wrap ``model`` so that gradients are averaged over processes; alone, return it as it is."""
    if distributed.world() == 1:
        return model
    if settings.sync_batchnorm:
        synchronise(model, distributed.all_reduce)
    wrapper = nn.parallel.DistributedDataParallel
    newer = "forward_sync_buffers" in inspect.signature(wrapper).parameters
    buffers: dict[str, Any] = {"forward_sync_buffers" if newer else "broadcast_buffers": False}
    return wrapper(model, **buffers)


def prepare(recipe: Recipe) -> Material:
    """Open the data, resolve the recipe and build the network, all before anything is written.

    Raises:
        RequestError: the recipe cannot be carried out with these images or on this hardware.
    """
    refuse_small_crops(recipe)
    recipe = replace(recipe, data=settled(recipe.data))
    images = images_of(recipe.data, recipe.data.split, recipe.seed)
    recipe = resolve(recipe, images)
    refuse_shares(recipe.train)
    if recipe.train.compile:
        device.check_compiler(recipe.train.device)
    torch.set_num_threads(int(recipe.train.threads))
    method = network.build(recipe, int(recipe.views.size), begin=True)
    if "encoder" in method.uses:
        refuse_sizes(method.encoder, {*sizes.sides(recipe.views)} | {p.size for p in small_crops(recipe)})
    if "labels" in method.uses and not images.labelled:
        raise RequestError(
            f"method '{recipe.method.name}' uses labels, but {images.name} ({images.split}) has none; another split is "
            "chosen with --set data.split=NAME."
        )
    refuse_growth(recipe, method)
    chosen = positives(recipe, method)
    known = {**recipe.positives.settings, **chosen.bind(images)}
    recipe = replace(recipe, positives=replace(recipe.positives, settings=known))
    maker = pairs(recipe, images, method, chosen)
    objective = Objective(method, auxiliaries(recipe, method, maker.pipeline))
    objective.to(recipe.train.device)
    if recipe.train.memory_format == "channels_last":
        objective.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Material(recipe, images, objective, maker)
