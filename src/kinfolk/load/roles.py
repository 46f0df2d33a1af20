"""Roles: the images that a run is measured on: train, test and, where asked for, unseen classes and anomalies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from kinfolk.load.images import divided, evaluation_split, load
from kinfolk.records.images import Images
from kinfolk.records.recipe import Data


def roles(data: Data, size: int | Literal["auto"], seed: int, ood: str = "", anomalies: str = "") -> dict[str, Images]:
    """The images to measure on, by role, all of one size (``auto``: that of the training images).

    ``train`` is what the run trained on; ``test`` is the dataset's test split; ``ood_train``, ``ood_test`` and
    ``anomalies`` come from the other datasets, where they are given; without one, OOD are the run's held-out classes.
    """
    known, unseen = divided(data, seed)
    chosen: dict[str, Any] = {"classes": known, "seed": seed, "settings": data.settings}
    train = load(data.name, data.split, size=size, limit=data.limit, fraction=data.fraction, **chosen)
    size = train.size
    test = load(data.name, evaluation_split(data.name, data.settings), size=size, **chosen)
    found = {"train": train, "test": test}
    if ood:
        found["ood_train"] = load(ood, "train", size=size)
        found["ood_test"] = load(ood, evaluation_split(ood), size=size)
    elif unseen:
        chosen["classes"] = unseen
        for role, split in (("ood_train", data.split), ("ood_test", found["test"].split)):
            images = load(data.name, split, size=size, **chosen)
            found[role] = replace(images, name=f"{images.name}, held-out classes")
    if anomalies:
        found["anomalies"] = load(anomalies, evaluation_split(anomalies), size=size)
    return found
