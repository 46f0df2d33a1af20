"""Watch: a look at the embedding every few epochs while it trains, on images that stay the same; it changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinfolk.core.config import Setting
from kinfolk.core.errors import RequestError, unknown
from kinfolk.embed import Embedder
from kinfolk.load.images import evaluation_split, images_of
from kinfolk.load.roles import bank
from kinfolk.methods import Method
from kinfolk.numerics import draws, linalg
from kinfolk.numerics.collapse import EARLY, Extent
from kinfolk.numerics.nearest import nearest
from kinfolk.numerics.probe import by_neighbours
from kinfolk.records.images import Images
from kinfolk.records.run import Run
from kinfolk.train.prepare import Material

HELD_OUT, BANK, SLOW = 1000, 5000, 200
K, TEMPERATURE = 20, 0.1


@dataclass(frozen=True)
class Look:
    """The watched images under the network as it is now.

    Attributes:
        h: float32 (n, D), features of the held-out images.
        z: float32 (n, P), their projections, or None.
        bank: float32 (m, D), features of the training images; none where nothing asked for them.
        held_out: the held-out images.
        trained: the images behind the bank.
        step: of training.
    """

    h: np.ndarray
    z: np.ndarray | None
    bank: np.ndarray
    held_out: Images
    trained: Images
    step: int


def spectrum(look: Look) -> dict[str, Any]:
    """RankMe of h and z (Garrido et al. 2023), and an ``alarm`` where, from step EARLY on, thresholds say collapse."""
    found: dict[str, Any] = {"rankme": linalg.rank_me(look.h)}
    layers = {"h": look.h}
    if look.z is not None:
        found["rankme_z"] = linalg.rank_me(look.z)
        layers["z"] = look.z
    if look.step < EARLY:
        return found
    alarms = [text for layer, vectors in layers.items() if (text := alarm(layer, Extent.of(vectors, layer)))]
    return {**found, "alarm": "; ".join(alarms)} if alarms else found


def alarm(layer: str, seen: Extent) -> str:
    """What has collapsed, with evidence and threshold, or an empty text."""
    if seen.complete:
        return (
            f"COMPLETE COLLAPSE of {layer}: variance is {seen.spread:.2g} of the mean square "
            f"(threshold {seen.apart:g})"
        )
    if seen.dimensional:
        return (
            f"DIMENSIONAL COLLAPSE of {layer}: effective rank {seen.rank:.1f} of {seen.width} "
            f"(threshold {seen.least:.1f})"
        )
    return ""


def knn(look: Look) -> dict[str, Any]:
    """Accuracy of 20 weighted neighbours among the training images; labels serve this figure alone."""
    bank, queries = (np.flatnonzero(images.labels >= 0) for images in (look.trained, look.held_out))
    labels = look.trained.labels[bank]
    predicted = by_neighbours(look.bank[bank], labels, look.h[queries], (K,), TEMPERATURE)
    named = next(iter(predicted.values()))
    return {"knn": float((named == look.held_out.labels[queries]).mean())}


def similarity(look: Look) -> dict[str, Any]:
    """Cosine of held-out images to their nearest training image and to a random one: mean, deviation, percentiles."""
    near = nearest(look.h, look.bank, 1)[1][:, 0]
    others = (draws.hashed(look.held_out.index, stream=2) % np.uint64(len(look.bank))).astype(np.int64)
    random = linalg.cosines(look.h, look.bank[others])
    return {"similarity_nearest": distribution(near), "similarity_random": distribution(random)}


def distribution(values: np.ndarray) -> dict[str, float]:
    """Mean, standard deviation, and the 5th and 95th percentile of (n,)."""
    low, high = np.quantile(values, [0.05, 0.95])
    return {"mean": float(values.mean()), "std": float(values.std()), "p5": float(low), "p95": float(high)}


WATCHES: dict[str, Callable[[Look], dict[str, Any]]] = {"knn": knn, "similarity": similarity, "spectrum": spectrum}
NEED_BANK = {"knn", "similarity"}


class Watch:
    """A listener that logs what it sees under ``watch``: numbers, distributions, and an ``alarm`` in words.

    It looks at up to 1,000 held-out images and 5,000 of the bank (200 each where every latent has to be found by
    optimisation), evenly spaced and without augmentation, after every ``every`` epochs and after the last.
    """

    def __init__(self, names: Sequence[str] = ("spectrum",), every: int | str = 1) -> None:
        for name in names:
            if name not in WATCHES:
                raise unknown("watch", name, WATCHES)
        self.names = tuple(dict.fromkeys(names))
        self.every = Setting("every", "int", 1, interval="[1, inf)").check(every)

    def prepared(self, material: Material) -> None:
        """Choose the images; refuse to watch labels that are not there."""
        recipe = material.recipe
        split = evaluation_split(recipe.data.name, recipe.data.settings)
        slow = "index" in material.method.uses
        self.held_out = spaced(images_of(recipe.data, split, recipe.seed), SLOW if slow else HELD_OUT)
        count = (SLOW if slow else BANK) if NEED_BANK & set(self.names) else 0
        self.trained = spaced(bank(recipe.data, recipe.seed) if count else material.images, count)
        self.device, self.last = recipe.train.device, recipe.train.epochs
        if "knn" in self.names and not (self.held_out.labelled and self.trained.labelled):
            raise RequestError(f"--watch knn needs labels, and {material.images.name} has none.")

    def started(self, material: Material, run: Run, steps: int, done: int) -> None:
        """Nothing to do before an epoch has ended."""

    def stepped(self, row: dict[str, Any], images_per_second: float) -> None:
        """Nothing to do within an epoch."""

    def epoch_ended(self, epoch: int, method: Method, row: dict[str, Any]) -> dict[str, Any]:
        """Look, where it is time to."""
        if not self.names or (epoch % self.every and epoch != self.last):
            return {}
        maker = Embedder(method.embedder(), "", method.projection(), self.device)
        h = maker(self.held_out.pixels)
        bank = maker(self.trained.pixels) if len(self.trained) else h[:0]
        z = maker.projection(h) if maker.project else None
        look = Look(h, z, bank, self.held_out, self.trained, row["step"])
        return {key: value for name in self.names for key, value in WATCHES[name](look).items()}

    def ended(self, run: Run) -> None:
        """Nothing is held open."""


def spaced(images: Images, count: int) -> Images:
    """At most ``count`` images, evenly spaced."""
    return images.take(np.linspace(0, len(images) - 1, min(count, len(images))).astype(np.int64))
