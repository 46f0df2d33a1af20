"""Embed: images through an encoder in evaluation mode, in pieces and constant memory; kept with the run."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from kinfolk.core import device, files, seeds
from kinfolk.core.errors import RequestError, unknown
from kinfolk.load.images import images_of
from kinfolk.load.network import build
from kinfolk.load.views import normalise, pictures
from kinfolk.methods import Method
from kinfolk.records.features import Features, described, file_name, save
from kinfolk.records.images import Images
from kinfolk.records.recipe import Data
from kinfolk.records.run import Run

BATCH = 500
PIECE = 10 * BATCH
LAYERS = ("h", "z", "latents")
Progress = Callable[[int, int], None]
Maker = Callable[[np.ndarray], np.ndarray]


class Embedder:
    """An encoder ready to embed: evaluation mode, one device, one precision (fp32).

    Args:
        module: normalised pixels (B, 3, H, W) -> features (B, D).
        name: the subject's name.
        project: features (B, D) -> projections (B, P), or None.
        device: where it computes.
        paint: normalised pixels -> what the method paints of them, or None.
        generate: a number and a generator -> new normalised images, or None.
    """

    def __init__(
        self,
        module: nn.Module,
        name: str,
        project: Callable | None = None,
        device: str = "cpu",
        paint: Callable | None = None,
        generate: Callable | None = None,
    ) -> None:
        self.module, self.name, self.project, self.device = module.eval(), name, project, device
        self.paint, self.generate = paint, generate

    @torch.no_grad()
    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (n, 3, H, W) -> features h, float32 (n, D)."""
        return np.concatenate([self.module(batch).float().cpu().numpy() for batch in self._batches(pixels)])

    @torch.no_grad()
    def painted(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (n, 3, H, W) -> what the method paints of them, uint8 (n, 3, S, S); only with ``paint``."""
        assert self.paint is not None
        return np.concatenate([pictures(self.paint(batch)) for batch in self._batches(pixels)])

    @torch.no_grad()
    def generated(self, count: int, seed: int) -> np.ndarray:
        """New images, uint8 (count, 3, S, S); only with ``generate``."""
        assert self.generate is not None
        return pictures(self.generate(count, seeds.generator(seed, "evaluation")))

    def _batches(self, pixels: np.ndarray) -> Iterator[torch.Tensor]:
        for start in range(0, len(pixels), BATCH):
            yield normalise(torch.from_numpy(np.array(pixels[start : start + BATCH])).to(self.device))

    def z(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (n, 3, H, W) -> projections z, float32 (n, P); only with a projector."""
        return self.projection(self(pixels))

    def projected(self, h: Features) -> Features | None:
        """The projector's output z, float32 (n, P), of features h; None without a projector."""
        return None if self.project is None else replace(h, vectors=self.projection(h.vectors), layer="z")

    @torch.no_grad()
    def projection(self, h: np.ndarray) -> np.ndarray:
        """Features (n, D) -> projections z, float32 (n, P); only with a projector."""
        assert self.project is not None
        pieces = [
            self.project(torch.from_numpy(np.array(h[i : i + PIECE])).to(self.device)).float().cpu().numpy()
            for i in range(0, len(h), PIECE)
        ]
        return np.concatenate(pieces)


def method_of(run: Run, weights: Path | None = None) -> Method:
    """The network of a run, in evaluation mode, with its last weights (or those of ``weights``)."""
    path = weights or run.trained()
    recipe = run.recipe
    method = build(recipe, int(recipe.views.size))
    method.load_state_dict({k: v for k, v in load_file(path).items() if not k.startswith("auxiliaries.")})
    return method.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]


def embedder(run: Run, weights: Path | None = None) -> Embedder:
    """The embedder of a finished run."""
    kind = device.device("auto")
    method = method_of(run, weights).to(kind)
    return Embedder(
        method.embedder(), run.name, method.projection(), kind, method.reconstruction(), method.generation()
    )


def latents(run: Run, data: Data) -> Features:
    """The latents that a finished run learned for its training images themselves, as the layer ``latents``.

    Images that were in no step of the training have none and are left out, with a warning that counts them. Latents
    are another space than h of the same images: neighbours are looked for within them, scores are not.

    Raises:
        RequestError: the method keeps none, or ``data`` is not what the run was trained on.
    """
    recipe = run.recipe
    found = method_of(run).trained()
    if found is None:
        raise RequestError(f"method '{recipe.method.name}' keeps no latents of its training images; known: h, z.")
    if data != recipe.data:
        raise RequestError(
            f"layer 'latents' is there for the images that '{run.name}' was trained on, and for no others: leave out "
            "what names other images. Layer h embeds any image."
        )
    images, (table, learned) = images_of(data, data.split, recipe.seed), found
    rows = np.flatnonzero(learned.numpy()[images.index])
    if len(rows) < len(images):
        warnings.warn(
            f"{len(images) - len(rows):,} of the {len(images):,} images that '{run.name}' was trained on were in none "
            "of its steps and have no latent: they are left out.", stacklevel=2,
        )
        images = images.take(rows)
    return described(table[torch.from_numpy(images.index)].numpy(), images, run.name, "latents")


def save_latents(run: Run, data: Data, split: str, out: Path) -> int:
    """Write the ``latents`` of a run's training images to a features file; return how many."""
    found = latents(run, replace(data, split=split))
    found.save(out)
    return len(found)


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
    if folder is None:
        vectors = _in_memory(embedder, images, progress)
    else:
        vectors = kept(embedder, images, folder / file_name(images), progress)
    return described(vectors, images, embedder.name)


def _in_memory(make: Maker, images: Images, progress: Progress | None) -> np.ndarray:
    done, vectors = 0, np.empty((0, 0), dtype=np.float32)
    for piece in _pieces(make, images, 0, progress):
        if not done:
            vectors = np.empty((len(images), piece.shape[1]), dtype=np.float32)
        vectors[done : done + len(piece)] = piece
        done += len(piece)
    return vectors


def kept(make: Maker, images: Images, place: Path, progress: Progress | None = None) -> np.ndarray:
    """The vectors of all images, memory-mapped from the ``.npy`` file ``place``, made where it is not there.

    It is made in pieces of ``PIECE`` images in memory that does not grow with their number; killed, it goes on
    after the last whole piece. The same ``place`` must always mean the same vectors.
    """
    if not place.is_file():
        with files.lock(place.with_name(f".{place.name}.lock"), wait=True):
            if not place.is_file():
                _write(make, images, place, progress)
        place.with_name(f".{place.name}.lock").unlink(missing_ok=True)
    vectors: np.ndarray = np.load(place, mmap_mode="r")
    return vectors


def _write(make: Maker, images: Images, place: Path, progress: Progress | None) -> None:
    partial = place.with_name(f".{place.name}.partial")
    with open(partial, "r+b" if partial.exists() else "w+b") as handle:
        done = _resumed(handle, len(images))
        for piece in _pieces(make, images, done, progress):
            if not handle.tell():
                card = {"descr": "<f4", "fortran_order": False, "shape": (len(images), piece.shape[1])}
                np.lib.format.write_array_header_1_0(handle, card)
            handle.write(np.ascontiguousarray(piece, dtype="<f4").tobytes())
            handle.flush()
            os.fsync(handle.fileno())
    os.replace(partial, place)


def _resumed(handle: BinaryIO, count: int) -> int:
    """How many whole pieces of images a broken-off file holds, in images; it is cut and left open behind them."""
    try:
        np.lib.format.read_magic(handle)
        (rows, width), _, _ = np.lib.format.read_array_header_1_0(handle)
    except ValueError:
        rows = width = 0
    done = (os.fstat(handle.fileno()).st_size - handle.tell()) // (4 * width) // PIECE * PIECE if rows == count else 0
    handle.seek(handle.tell() + 4 * width * done if done else 0)
    handle.truncate()
    return done


def _pieces(make: Maker, images: Images, start: int, progress: Progress | None) -> Iterator[np.ndarray]:
    for first in range(start, len(images), PIECE):
        part = images.pixels[first : first + PIECE]
        yield make(part)
        files.release(images.pixels)
        if progress:
            progress(first + len(part), len(images))


def check(out: Path, layer: str) -> None:
    """Refuse a kind of file or a layer that is not known, before anything is read.

    Raises:
        RequestError: what is known instead.
    """
    if out.suffix not in (".npz", ".parquet"):
        raise RequestError(f"features are written as .npz or .parquet, not '{out.name}'.")
    if layer not in LAYERS:
        raise unknown("layer", layer, LAYERS)


def embed_to(
    maker: Embedder, parts: Sequence[Images], out: Path, layer: str = "h", state: str = "",
    progress: Progress | None = None,
) -> tuple[int, int]:
    """Embed one or several splits into one features file; see ``records.features.save``.

    The vectors grow in hidden files beside ``out``, from which the same request goes on if it was killed.

    Args:
        maker: what embeds; parts: the images of each split.
        out: an ``.npz`` or ``.parquet`` file.
        layer: ``h`` or ``z``.
        state: a digest of the encoder's weights.
        progress: called with (done, total) for each split.

    Returns:
        The number of vectors and their width.
    """
    check(out, layer)
    if layer == "latents":
        raise RequestError(f"'{maker.name}' is no run, so there is no layer latents; known: h.")
    if layer == "z" and maker.project is None:
        raise RequestError(f"'{maker.name}' has no projector, so there is no layer z; known: h.")
    out.parent.mkdir(parents=True, exist_ok=True)
    places, found = [], []
    for images in parts:
        key = hashlib.blake2b(f"{state}{images.fingerprint}{images.split}{layer}".encode(), digest_size=6).hexdigest()
        places.append(out.with_name(f".{out.name}.{key}.npy"))
        vectors = kept(maker.z if layer == "z" else maker, images, places[-1], progress)
        found.append(described(vectors, images, maker.name, layer))
    save(out, found)
    width = int(found[0].vectors.shape[1])
    del vectors, found
    for place in places:
        place.unlink()
    return sum(map(len, parts)), width
