"""Roles: the images that a run is measured on: train, test and, where asked for, unseen classes and anomalies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from kinfolk.load.images import APART, divided, evaluation_split, images_of, load, settled
from kinfolk.load.sources import open_dataset
from kinfolk.records.images import Images
from kinfolk.records.recipe import Data


def bank(data: Data, seed: int) -> Images:
    """What neighbours and probes learn from: the images trained on, or ``train`` where those are ``unlabeled``."""
    data = settled(data)
    labelled = data.split in APART and "train" in open_dataset(data.name, data.settings).splits()
    return images_of(data, "train" if labelled else data.split, seed)


def roles(
    data: Data, size: int | Literal["auto"], seed: int, ood: str = "", anomalies: str = "",
    limit: int | Literal["all"] = "all",
) -> dict[str, Images]:
    """The images to measure on, by role, all of one size (``auto``: that of the training images).

    ``train`` is the ``bank``; ``test`` is the dataset's test split; ``ood_train``, ``ood_test`` and
    ``anomalies`` come from the other datasets, where they are given; without one, OOD are the run's held-out classes.
    ``data.limit`` holds for both training roles: the unseen classes of another dataset are learned from no more images
    than the seen ones. Held-out classes are taken whole, and so is a bank that the run did not train on.
    ``limit`` holds for test, ood_test and anomalies: the same images for every seed.
    """
    known, unseen = divided(data, seed)
    chosen: dict[str, Any] = {"settings": data.settings, "classes": known}
    held_out: dict[str, Any] = {"limit": limit, "seed": 0}
    data = settled(data)
    train = bank(replace(data, size=size), seed)
    size = train.size
    split = evaluation_split(data.name, data.settings)
    found = {"train": train, "test": load(data.name, split, size=size, **held_out, **chosen)}
    if ood:
        most = data.limit if train.split == data.split else "all"
        found["ood_train"] = load(ood, "train", size=size, limit=most, seed=seed)
        found["ood_test"] = load(ood, evaluation_split(ood), size=size, **held_out)
    elif unseen:
        chosen["classes"] = unseen
        for role, part, limits in (("ood_train", train.split, {}), ("ood_test", split, held_out)):
            images = load(data.name, part, size=size, **limits, **chosen)
            found[role] = replace(images, name=f"{images.name}, held-out classes")
    if anomalies:
        found["anomalies"] = load(anomalies, evaluation_split(anomalies), size=size, **held_out)
    return found
