"""Maps: PCA of all images at once, and the other maps as evaluate left them or as they were asked for here."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kinfolk.explore.desk import Desk, Job, Progress
from kinfolk.explore.part import Part
from kinfolk.explore.refusal import Refusal
from kinfolk.explore.shelf import Shown
from kinfolk.numerics import draws, linalg

Kind = Literal["pca", "tsne", "laplacian", "umap"]
TITLES: dict[str, str] = {"pca": "PCA", "tsne": "t-SNE", "laplacian": "Laplacian eigenmap", "umap": "UMAP"}
FITTED = 20_000
PIECE = 8192
DEFAULT = 3000


@dataclass(frozen=True, eq=False)
class Map:
    """Places of some images of a part.

    Attributes:
        rows: int (n,), which images.
        xy: float32 (n, 2).
        source: features, evaluate or explore: what computed it.
        text: what is known of it, in one sentence.
    """

    rows: np.ndarray
    xy: np.ndarray
    source: str
    text: str


class Atlas:
    """The maps of all runs; PCA is computed once for each."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._axes: dict[Part, tuple[np.ndarray, np.ndarray]] = {}
        self._pca: dict[Part, Map] = {}
        self._lock = threading.Lock()

    def pca(self, shown: Shown, part: Part) -> Map:
        """All images of a part along the two first principal axes of the training images."""
        with self._lock:
            if part not in self._pca:
                train = shown.parts.get("train", part)
                if train not in self._axes:
                    self._axes[train] = axes(train)
                mean, directions = self._axes[train]
                xy = np.concatenate([
                    part.vectors[i : i + PIECE] @ directions for i in range(0, len(part), PIECE)
                ]) - mean @ directions
                self._pca[part] = Map(
                    np.arange(len(part)), xy.astype(np.float32), "features", "Axes of the training images.",
                )
            return self._pca[part]

    def find(self, shown: Shown, part: Part, kind: Kind, images: int | None) -> Map | Progress:
        """A map, or how far it is; ``images`` None is whatever there is.

        Raises:
            Refusal: it is neither there nor asked for.
        """
        if kind == "pca":
            return self.pca(shown, part)
        known, wanted = left(shown, part, kind), min(images or DEFAULT, len(part))
        if known is not None and (images is None or wanted <= len(known.rows)):
            return known
        progress = self.desk.look(Job("map", part, part, kind, wanted))
        if progress is None:
            raise Refusal(404, f"no {TITLES[kind]} map of {wanted:,} {part.role} images: POST here to make it.")
        return made(progress)

    def ask(self, part: Part, kind: Kind, images: int) -> Map | Progress:
        """Have a map computed."""
        if kind == "pca":
            raise Refusal(400, "PCA is always there, of all images.")
        return made(self.desk.ask(Job("map", part, part, kind, min(images, len(part))), again=True))


def axes(train: Part) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and the two first principal axes (D, 2) of at most 20,000 training images."""
    rows = draws.subset(train.index, FITTED)
    whole = len(rows) == len(train)
    mean, directions, _ = linalg.principal(train.vectors if whole else train.vectors[rows], 2)
    padded = np.pad(directions, ((0, 0), (0, 2 - directions.shape[1])))
    return mean.astype(np.float32), padded.astype(np.float32)


def made(progress: Progress) -> Map | Progress:
    """The map of a job that is done, else how far it is."""
    if progress.state != "ready":
        return progress
    return Map(progress.arrays["rows"], progress.arrays["xy"], "explore", "Made by the explorer.")


def left(shown: Shown, part: Part, kind: str) -> Map | None:
    """The map with the most images that evaluate left of a part."""
    wanted = f"map_{kind}", shown.own, part.role
    found = [
        f for f in shown.findings
        if (f.name, f.subject, f.split) == wanted and {"xy", "index"} <= f.arrays.keys()
    ]
    best: Map | None = None
    for finding in found:
        rows = part.rows(finding.arrays["index"].astype(np.int64))
        kept = rows >= 0
        if kept.any() and (best is None or kept.sum() > len(best.rows)):
            best = Map(rows[kept], finding.arrays["xy"][kept], "evaluate", finding.text)
    return best


def offered(shown: Shown) -> list[dict[str, object]]:
    """The maps of a run that are there without computing anything long."""
    found: list[dict[str, object]] = []
    for role, part in shown.parts.items():
        found.append({"kind": "pca", "title": TITLES["pca"], "split": role, "images": len(part)})
        for kind in ("tsne", "laplacian", "umap"):
            known = left(shown, part, kind)
            if known is not None:
                found.append({"kind": kind, "title": TITLES[kind], "split": role, "images": len(known.rows)})
    return found
