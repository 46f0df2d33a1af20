"""Look: a run or a features file opened for the explorer, its features in place; torch comes when it is needed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from pathlib import Path

import numpy as np

from kinfolk.core.errors import RequestError
from kinfolk.core.lines import embedding
from kinfolk.load.roles import roles
from kinfolk.records.features import Features, described, file_name
from kinfolk.records.images import Images
from kinfolk.records.run import Run
from kinfolk.records.subject import Subject


def look(place: Path, complete: bool = False) -> Subject:
    """A finished run with its images and its features, memory-mapped; or a features file, which has vectors alone.

    Args:
        place: a run folder, or an ``.npz`` or ``.parquet`` of features.
        complete: whether features that are not there yet are made, and kept in the run.

    Raises:
        RequestError: there are no weights, no images or, unless ``complete``, no features; the message says what to do.
    """
    if place.suffix in (".npz", ".parquet"):
        from kinfolk.evaluate.opened import opened

        named = opened(str(place))
        return Subject(named.name, {(role, "h"): found for role, found in named.features().items()})
    run = Run.at(place)
    run.trained()
    recipe = run.recipe
    size = recipe.data.size if recipe.evaluate.size == "auto" else recipe.evaluate.size
    images = roles(recipe.data, size, recipe.seed, limit=recipe.evaluate.limit)
    images = {role: images[role] for role in ("train", "test")}
    if complete and not all((run.features / file_name(part)).is_file() for part in images.values()):
        from kinfolk.evaluate import subjects

        subjects.of_run(run, images, progress=embedding)
    return Subject(run.name, {(role, "h"): kept(run, part) for role, part in images.items()}, images, maker(run))


def kept(run: Run, images: Images) -> Features:
    """The features of these images that were kept with the run."""
    path = run.features / file_name(images)
    if not path.is_file():
        raise RequestError(
            f"the {images.split} images of '{run.folder}' are not embedded yet: kinfolk evaluate {run.folder}"
        )
    return described(np.load(path, mmap_mode="r", allow_pickle=False), images, run.name)


def maker(run: Run) -> Callable[[np.ndarray], np.ndarray]:
    """The run's own encoder in a second process, which begins with the first image: what looks stays small."""

    elsewhere()  # made here, in one thread; its process begins with the first image

    def encode(pixels: np.ndarray) -> np.ndarray:
        try:
            return elsewhere().submit(encoded, run.folder.resolve(), pixels).result()
        except BrokenProcessPool:
            elsewhere.cache_clear()
            raise RequestError(f"the encoder of '{run.folder}' could not be run: its process has ended.") from None

    return encode


@cache
def elsewhere() -> ProcessPoolExecutor:
    """One process for the encoders of all runs."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), end_with_the_parent)


def encoded(folder: Path, pixels: np.ndarray) -> np.ndarray:
    """Features of pixels uint8 (n, 3, H, W) in that process."""
    return opened_encoder(folder)(pixels)


@cache
def opened_encoder(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The encoder of a run, opened once."""
    from kinfolk.embed import embedder

    return embedder(Run(folder))


def end_with_the_parent() -> None:
    """Leave as soon as the process that asked is gone, and leave Ctrl-C to it."""

    def wait() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=wait, daemon=True).start()
