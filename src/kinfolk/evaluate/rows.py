"""Rows: which images the rows of a features file were made from, found by number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kinfolk.core.errors import RequestError
from kinfolk.load import sources
from kinfolk.load.images import HELD_OUT, images_of, load, settled
from kinfolk.records.features import Features, described
from kinfolk.records.images import Images
from kinfolk.records.recipe import Data


def behind(found: Features, data: str, size: Any) -> Images:
    """The images that features were made from, in their order.

    Raises:
        RequestError: an image is not there, or has another label.
    """
    images = load(data, found.split.removesuffix("[held out]"), size=size, hold_out=False)
    rows = np.searchsorted(images.index, found.index).clip(0, len(images) - 1)
    absent = np.flatnonzero(images.index[rows] != found.index)
    both = (found.labels >= 0) & (images.labels[rows] >= 0)
    other = np.flatnonzero(both & (found.labels != images.labels[rows]))
    if len(absent) or len(other):
        number = found.index[(absent if len(absent) else other)[0]]
        what = "is not there" if len(absent) else "has another label"
        raise RequestError(f"--data {data} is not what the features were made from: image {number} {what}.")
    return images.take(rows)


def placed(found: Features, data: Data, seed: int, place: Path) -> Features:
    """Another program's vectors as those of the images that training on ``data`` takes, in that order.

    Rows that the file does not number are taken in the order of the images: of all that the split has, or of those
    that are trained on (without a held-out tenth, within a limit).

    Raises:
        RequestError: the file says itself what its images are, or does not hold these.
    """
    if found.fingerprint:
        raise RequestError(f"'{place}' holds the features of its own images: leave out --data.")
    data = settled(data)
    images = images_of(data, data.split, seed)
    source = sources.open_dataset(data.name, data.settings).open("train" if data.split == HELD_OUT else data.split)
    index, what = found.index, f"--data {data.name} is not what '{place}' was made from"
    if np.array_equal(index, np.arange(len(found))):
        if len(found) not in (len(images), len(source)):
            more = f", of {len(source):,} in all" if len(source) > len(images) else ""
            raise RequestError(
                f"'{place}' holds {len(found):,} vectors, but {images.name} has {len(images):,} images to train on "
                f"({images.split}{more}): it needs one vector an image, in the order of the images."
            )
        index = images.index if len(found) == len(images) else index
    order = np.argsort(index, kind="stable")
    rows = order[np.searchsorted(index[order], images.index).clip(0, len(order) - 1)]
    absent = images.index[index[rows] != images.index]
    if len(absent):
        raise RequestError(f"{what}: it has no vector of image {absent[0]}.")
    wrong = images.index[otherwise(found.take(rows), source.labels[images.index], source.classes)]
    if len(wrong):
        raise RequestError(f"{what}: image {wrong[0]} has another label ({len(wrong):,} of {len(images):,} have).")
    return described(found.vectors[rows], images, found.subject, found.layer)


def otherwise(found: Features, labels: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    """Positions of the features whose label is neither the number nor the name that these ``labels`` (N,) say."""
    both = np.flatnonzero((found.labels >= 0) & (labels >= 0) & (found.labels != labels))
    named = [found.classes[found.labels[i]] != classes[labels[i]] for i in both.tolist()]
    return both[np.array(named, dtype=bool)]
