"""Duplicates: images with the same pixels, and near ones by small pictures or by a run's embedding, as groups.

Exact: the same pixels after decoding, whatever the files are called and however they are packed. Near: linked by
pairs of at least a threshold of similarity. Without a run the similarity is the correlation of 16 x 16 colour
pictures, one of them mirrored or not: it sees copies that were resized, saved again, brightened or cut a little, not
turned ones. With a run it is the cosine of its centred features. ``threshold = auto`` is what 95 of 100 images of this
data reach with a copy of themselves, a fiftieth cut off at every side and saved as JPEG of quality 60. Features are
alike for other reasons too, so there the small pictures of a pair have to be alike as well: as much as those of copies,
or in what is left of them without the directions in which pictures of this data differ most, such as a light sky over
dark ground.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from kinfolk.core import files, sheet
from kinfolk.core.errors import RequestError
from kinfolk.embed import embedder
from kinfolk.load.images import load
from kinfolk.load.sources import open_dataset, opened_once
from kinfolk.numerics.linalg import unit
from kinfolk.numerics.miniatures import PIECE as FEW
from kinfolk.numerics.miniatures import SIDE, Remainder, evened, miniatures, mirrored
from kinfolk.numerics.nearest import nearest
from kinfolk.records.images import Images
from kinfolk.records.run import Run

Progress = Callable[[int, int], None]
Vectors = Callable[[np.ndarray], np.ndarray]
Pairs = Callable[[np.ndarray, np.ndarray], np.ndarray]
SIZE, PIECE = 64, 5000
RESEMBLING, SEEN = 0.7, 5000
NEIGHBOURS, SAMPLE = 10, 500
GROUPS_SHOWN, TILES_SHOWN = 100, 12
COLUMNS = ("group", "kind", "split", "path", "label", "similarity")


def duplicates(
    out: Path,
    *,
    data: str = "",
    run: Run | None = None,
    threshold: float | Literal["auto"] = "auto",
    embedding: Progress | None = None,
) -> list[str]:
    """Write the groups of duplicates of all splits to ``out`` (CSV) and a sheet of them beside it (HTML).

    Args:
        out: a ``.csv`` file; one row an image: its group (the largest first), whether another of the group has the
            same pixels (``exact``) or not (``near``), split, path, class, and the similarity with the most alike.
        data: the images; empty is the run's own.
        run: whose embedding compares; None compares small pictures.
        threshold: the least similarity of near duplicates; a number stands alone, ``auto`` looks at small pictures too.
        embedding: called with (done, total).

    Returns:
        What was found, as sentences.
    """
    if out.suffix != ".csv":
        raise RequestError(f"groups of duplicates are written as .csv, not '{out.name}'.")
    if not data and run is None:
        raise RequestError("duplicates of what? Name a run, or images with --data.")
    settings = {} if data or run is None else run.recipe.data.settings
    name = data or (run.recipe.data.name if run else "")
    size = int(run.recipe.evaluate.size) if run else SIZE
    chosen: dict[str, Any] = {"size": size, "settings": settings, "hold_out": False}
    with opened_once():
        dataset = open_dataset(name, settings)
        parts = [load(name, split, **chosen) for split in dataset.splits()]
    maker: Vectors = embedder(run) if run else miniatures
    scale: Vectors = unit if run else evened
    vectors = np.concatenate([embed_all(maker, part, embedding) for part in parts])
    centre = vectors.mean(0) if run else np.zeros(vectors.shape[1], np.float32)
    vectors = scale(vectors - centre)
    least = calibrated(maker, scale, parts, centre) if threshold == "auto" else float(threshold)
    same = exact(parts, [dataset.open(part.split).decode for part in parts])
    looks = bool(run) and threshold == "auto"
    queries = [vectors] if run else [vectors, mirrored(vectors)]
    groups, likeness = grouped(queries, same, least, resembling(parts, same) if looks else None)
    rows = table(parts, groups, same, likeness)
    near = f"{'cosine of features' if run else 'correlation of small pictures'} of at least {least:.4f}"
    near += ", small pictures alike too" if looks else ""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    files.write_text(out, text.getvalue())
    page = out.with_suffix(".html")
    sheet.write(page, f"{parts[0].name}: {counted(groups)} of duplicates", drawn(parts, groups, rows))
    remarks = dict.fromkeys(remark for part in parts for remark in part.remarks)
    return [*remarks] + told(parts, groups, same, near) + [f"groups: {out}", f"sheet: {page}"]


def embed_all(maker: Vectors, images: Images, progress: Progress | None) -> np.ndarray:
    """The vectors of all images, float32 (N, D), made in pieces."""
    found = []
    for start in range(0, len(images), PIECE):
        found.append(maker(images.pixels[start : start + PIECE]))
        files.release(images.pixels)
        if progress:
            progress(min(start + PIECE, len(images)), len(images))
    return np.concatenate(found)


def calibrated(maker: Vectors, scale: Vectors, parts: list[Images], centre: np.ndarray) -> float:
    """The similarity that 95 of 100 images reach with an altered copy of themselves; at most 500 are looked at."""
    images = max(parts, key=len)
    rows = np.unique(np.linspace(0, len(images) - 1, min(SAMPLE, len(images))).astype(int))
    pixels = np.array(images.pixels[rows])
    copies = np.stack([altered(p.transpose(1, 2, 0)).transpose(2, 0, 1) for p in pixels])
    one, other = (scale(maker(p) - centre) for p in (pixels, copies))
    return float(np.quantile((one * other).sum(1), 0.05))


def resembling(parts: list[Images], same: np.ndarray) -> Pairs:
    """Says of pairs of images (n,) and (n,), numbered through all splits, whether their small pictures are alike.

    They are if they correlate as much as those of copies do (``calibrated``), or by RESEMBLING without the directions
    that they have in common with all (``Remainder``); one of the two mirrored or not.
    """
    own = np.unique(same)
    seen = miniatures_of(parts, own[np.unique(np.linspace(0, len(own) - 1, min(SEEN, len(own))).astype(int))])
    least = calibrated(miniatures, evened, parts, np.zeros(seen.shape[1], np.float32))
    judges = (evened, least), (Remainder(seen), RESEMBLING)

    def alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        images, places = np.unique(np.stack([one, other]), return_inverse=True)
        (a, b), small = places.reshape(2, -1), miniatures_of(parts, images)
        found = np.zeros(len(one), bool)
        for judge, enough in judges:
            left = judge(small)
            for right in (left, judge(mirrored(small))):
                for start in range(0, len(one), PIECE):
                    piece = slice(start, start + PIECE)
                    found[piece] |= (left[a[piece]] * right[b[piece]]).sum(1) >= enough
        return found

    return alike


def miniatures_of(parts: list[Images], images: np.ndarray) -> np.ndarray:
    """The miniatures (n, 768) of images (n,), numbered through all splits."""
    found = np.empty((len(images), 3 * SIDE**2), np.float32)
    for start in range(0, len(images), FEW):
        split, rows = located(parts, images[start : start + FEW])
        pixels = [parts[p].pixels[row] for p, row in zip(split, rows, strict=True)]
        found[start : start + FEW] = miniatures(np.stack(pixels))
        for p in np.unique(split):
            files.release(parts[p].pixels)
    return found


def located(parts: list[Images], images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of images (n,), numbered through all splits, the number of the split (n,) and the row in it (n,)."""
    starts = np.cumsum([0, *map(len, parts)])
    split = np.searchsorted(starts, images, side="right") - 1
    return split, images - starts[split]


def altered(picture: np.ndarray) -> np.ndarray:
    """A picture (S, S, 3) with a fiftieth cut off at every side, brought back to its size, through a JPEG file."""
    side = picture.shape[0]
    edge = side / 50
    inner = (edge, edge, side - edge, side - edge)
    cut = Image.fromarray(np.ascontiguousarray(picture)).resize((side, side), Image.Resampling.BILINEAR, box=inner)
    buffer = io.BytesIO()
    cut.save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer))


def exact(parts: list[Images], decoders: list[Callable[[int], np.ndarray]]) -> np.ndarray:
    """For each image the number of the first one with the same pixels, int64 (N,).

    Images alike at the size they are kept in are decoded again at their own size, and compared there.
    """
    places = [(part, decode, row) for part, decode in zip(parts, decoders, strict=True) for row in range(len(part))]
    kept: dict[bytes, list[int]] = {}
    for number, (part, _, row) in enumerate(places):
        kept.setdefault(hashlib.blake2b(part.pixels[row].tobytes(), digest_size=16).digest(), []).append(number)
    first = np.arange(len(places))
    for alike in (numbers for numbers in kept.values() if len(numbers) > 1):
        whole: dict[tuple[object, bytes], int] = {}
        for number in alike:
            part, decode, row = places[number]
            pixels = np.ascontiguousarray(decode(int(part.index[row])))
            key = pixels.shape, hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
            first[number] = whole.setdefault(key, number)
    return first


def grouped(
    queries: list[np.ndarray], same: np.ndarray, least: float, alike: Pairs | None = None
) -> tuple[list[np.ndarray], np.ndarray]:
    """Groups of two and more images, the largest first, and each image's highest similarity with another.

    The first of ``queries`` are the vectors (N, D) of the images, among which those of each are searched for. Only the
    first of each set of equal images is compared; an image is linked to those of its 10 nearest that are ``alike``,
    and its similarity is that with one of them.
    """
    own = np.unique(same)
    likeness = np.full(len(same), -1.0)
    parent = same.copy()

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    if len(own) > 1:
        near, values = np.zeros((2, 0), np.int64), np.zeros(0, np.float32)
        bank, k, numbers = queries[0][own], min(NEIGHBOURS, len(own) - 1), np.arange(len(own))
        for vectors in queries:
            found, similarity = nearest(vectors[own], bank, k, metric="dot", exclude=numbers)
            row, rank = np.nonzero(similarity >= least)
            near = np.concatenate([near, np.sort([own[row], own[found[row, rank]]], 0)], 1)
            values = np.concatenate([values, similarity[row, rank]])
        falling = np.argsort(-values, kind="stable")
        near, first = np.unique(near[:, falling], axis=1, return_index=True)
        values = values[falling][first]
        if alike:
            kept = alike(*near)
            near, values = near[:, kept], values[kept]
        for side in near:
            np.maximum.at(likeness, side, values)
        for pair in near.T.tolist():
            one, other = sorted(map(root, pair))
            parent[other] = one
    likeness = likeness[same]
    repeated = np.bincount(same, minlength=len(same))[same] > 1
    likeness[repeated] = 1.0
    roots = np.array([root(i) for i in range(len(same))])
    order = np.argsort(roots, kind="stable")
    sets = np.split(order, np.flatnonzero(np.diff(roots[order])) + 1)
    return sorted((s for s in sets if len(s) > 1), key=lambda s: (-len(s), s[0])), likeness


def table(parts: list[Images], groups: list[np.ndarray], same: np.ndarray, likeness: np.ndarray) -> list[list[object]]:
    """One row an image, in the order of ``COLUMNS``."""
    repeated = np.bincount(same, minlength=len(same))[same] > 1
    rows: list[list[object]] = []
    for number, group in enumerate(groups, 1):
        for image, p, row in zip(group, *located(parts, group), strict=True):
            part = parts[p]
            label = part.classes[part.labels[row]] if part.labels[row] >= 0 else ""
            kind = "exact" if repeated[image] else "near"
            rows.append([number, kind, part.split, part.origins[row], label, f"{likeness[image]:.4f}"])
    return rows


def drawn(parts: list[Images], groups: list[np.ndarray], rows: list[list[object]]) -> list[sheet.Row]:
    """The first groups as rows of a sheet."""
    shown, at = [], 0
    for number, group in enumerate(groups[:GROUPS_SHOWN], 1):
        tiles = []
        for p, i, row in zip(*located(parts, group[:TILES_SHOWN]), rows[at : at + TILES_SHOWN], strict=False):
            picture = parts[p].pixels[i].transpose(1, 2, 0)
            tiles.append(sheet.Tile(picture, f"{row[1]} {row[5]}\n{row[2]} {row[4]}\n{row[3]}"))
        shown.append(sheet.Row(f"group {number}: {len(group)} images", tiles))
        at += len(group)
    return shown


def told(parts: list[Images], groups: list[np.ndarray], same: np.ndarray, near: str) -> list[str]:
    """What was found, in sentences; ``near`` says which are near duplicates."""
    count = sum(map(len, parts))
    copies = count - len(np.unique(same))
    lines = [
        f"{count:,} images: {copies:,} have the same pixels as an earlier one; with near duplicates ({near}) "
        f"{sum(map(len, groups)):,} images form {counted(groups)}"
    ]
    if len(parts) > 1:
        across = sum(len(np.unique(located(parts, group)[0])) > 1 for group in groups)
        span = "1 group spans" if across == 1 else f"{across:,} groups span"
        lines.append(f"{span} splits: what is measured on one was seen in another")
    return lines


def counted(groups: list[np.ndarray]) -> str:
    """How many groups there are, in words."""
    return f"{len(groups):,} group{'s' * (len(groups) != 1)}"
