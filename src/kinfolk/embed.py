"""Embed: images through an encoder in evaluation mode, in pieces and constant memory; kept with the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from kinfolk.core import device, files
from kinfolk.core.errors import RequestError, unknown
from kinfolk.load.images import load
from kinfolk.load.network import build
from kinfolk.load.views import normalise
from kinfolk.methods import Method
from kinfolk.records.features import Features
from kinfolk.records.images import Images
from kinfolk.records.run import Run

BATCH = 500
Progress = Callable[[int, int], None]


class Embedder:
    """An encoder ready to embed: evaluation mode, one device, one precision (fp32).

    Args:
        module: normalised pixels (B, 3, H, W) -> features (B, D).
        project: features (B, D) -> projections (B, P), or None.
        name: the subject's name.
    """

    def __init__(self, module: nn.Module, name: str, project: Callable | None = None, device: str = "cpu") -> None:
        self.module, self.name, self.project, self.device = module.eval(), name, project, device

    @torch.no_grad()
    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (n, 3, H, W) -> features h, float32 (n, D)."""
        found = []
        for start in range(0, len(pixels), BATCH):
            batch = torch.from_numpy(np.array(pixels[start : start + BATCH])).to(self.device)
            found.append(self.module(normalise(batch)).float().cpu().numpy())
        return np.concatenate(found)

    @torch.no_grad()
    def projected(self, h: Features) -> Features | None:
        """The projector's output z, float32 (n, P), of features h; None without a projector."""
        if self.project is None:
            return None
        pieces = [
            self.project(torch.from_numpy(np.array(h.vectors[i : i + 5000])).to(self.device)).float().cpu().numpy()
            for i in range(0, len(h), 5000)
        ]
        return replace(h, vectors=np.concatenate(pieces), layer="z")


def method_of(run: Run, weights: Path | None = None) -> Method:
    """The network of a run, in evaluation mode, with its last weights (or those of ``weights``)."""
    path = weights or run.weights
    if not path.is_file():
        raise RequestError(
            f"'{run.folder}' has no weights yet: its training has not finished; the command that began it goes on."
        )
    recipe = run.recipe
    method = build(recipe, int(recipe.views.size))
    method.load_state_dict(load_file(path))
    return method.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]


def embedder(run: Run, weights: Path | None = None) -> Embedder:
    """The embedder of a finished run."""
    kind = device.device("auto")
    method = method_of(run, weights).to(kind)
    return Embedder(method.embedder(), run.name, method.projection(), kind)


def embed(
    embedder: Embedder, images: Images, folder: Path | None = None, progress: Progress | None = None
) -> Features:
    """Embed all images; with ``folder`` the vectors are written there in pieces and read from there the next time.

    Args:
        embedder: what embeds.
        images: what is embedded.
        folder: where features are kept, by split and the data's fingerprint; None keeps nothing.
        progress: called with (done, total).
    """
    place = folder / f"{images.split}-{images.fingerprint[:12]}-{images.size}px.npy" if folder else None
    if place is not None and place.is_file():
        vectors = np.load(place, mmap_mode="r")
    else:
        vectors = _compute(embedder, images, place, progress)
    return Features(
        vectors=vectors, labels=images.labels, index=images.index, origins=images.origins, classes=images.classes,
        split=images.split, dataset=images.name, fingerprint=images.fingerprint, subject=embedder.name,
    )


def _compute(embedder: Embedder, images: Images, place: Path | None, progress: Progress | None) -> np.ndarray:
    pieces = _pieces(embedder, images, progress)
    if place is None:
        return np.concatenate(list(pieces))
    with files.replacing(place) as partial:
        first = next(pieces)
        shape = (len(images), first.shape[1])
        kept = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
        kept[: len(first)], done = first, len(first)
        for piece in pieces:
            kept[done : done + len(piece)] = piece
            done += len(piece)
        kept.flush()
        del kept
    return np.load(place, mmap_mode="r")


def _pieces(embedder: Embedder, images: Images, progress: Progress | None) -> Iterator[np.ndarray]:
    for start in range(0, len(images), 10 * BATCH):
        part = images.pixels[start : start + 10 * BATCH]
        yield embedder(part)
        if progress:
            progress(start + len(part), len(images))


def embed_to(run: Run, out: Path, data: str = "", split: str = "train", layer: str = "h") -> Features:
    """Embed a split of a dataset (the run's own by default) into a features file; see ``Features.save``."""
    if out.suffix not in (".npz", ".parquet"):
        raise RequestError(f"features are written as .npz or .parquet, not '{out.name}'.")
    if layer not in ("h", "z"):
        raise unknown("layer", layer, ("h", "z"))
    recipe = run.recipe
    maker = embedder(run)
    settings = {} if data else recipe.data.settings
    size = int(recipe.evaluate.size)
    features = embed(maker, load(data or recipe.data.name, split, size=size, settings=settings, hold_out=not data))
    if layer == "z":
        projected = maker.projected(features)
        if projected is None:
            raise RequestError(f"method '{recipe.method.name}' has no projector, so there is no layer z; known: h.")
        features = projected
    features.save(out)
    return features
