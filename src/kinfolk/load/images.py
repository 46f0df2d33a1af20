"""From a dataset's name or path to Images: splits, selections, size, and the cached pixels.

Size: ``auto`` is the common side if all images are square and equal, else the median shorter side rounded
down to a multiple of 8, at least 32 and at most 224. It is always taken from the training split (of up to
400 images, evenly spaced), so that train and test agree. A number brings every image to that side:
the shorter side is resized, the middle of the longer kept.

Splits: ``test`` falls back to the evaluation split: ``test``, else ``validation`` or ``val``. A dataset with
neither has a tenth of ``train`` held out, chosen by hash of the position, and called ``train[held out]``;
its ``train`` is then the other nine tenths. A recipe's ``data.split = auto`` is ``unlabeled`` where there is such a
split, else ``train``.

Selections, in this order: held-out part, classes, fraction, limit. Fraction and limit keep the images with
the smallest hash of (seed, position), in the order of the dataset: the same for every process, and a
smaller selection lies within a larger one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kinfolk.core import decode, lines, registry, seeds
from kinfolk.core.errors import RequestError, unknown
from kinfolk.datasets import Dataset, Source
from kinfolk.load import cache, sources
from kinfolk.records.images import UNLABELLED, Images
from kinfolk.records.recipe import Data

HELD_OUT = "train[held out]"
EVALUATION = ("test", "testing", "validation", "val", "valid", "dev")
APART = ("unlabeled", "unlabelled")
MEASURED = 400
LEAST, MOST = 8, 224


@dataclass(frozen=True)
class Selection:
    """Which images of a split are wanted."""

    limit: int | Literal["all"] = "all"
    classes: tuple[str, ...] = ()
    fraction: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        whole = isinstance(self.limit, int) and not isinstance(self.limit, bool)
        if self.limit != "all" and not (whole and int(self.limit) >= 1):
            raise RequestError(f"data.limit = {self.limit!r} is not accepted: it takes 'all' or int in [1, inf).")
        if not 0 < self.fraction <= 1:
            raise RequestError(f"data.fraction = {self.fraction!r} is not accepted: it takes float in (0, 1].")


def splits(name: str, settings: dict[str, Any] | None = None) -> tuple[str, ...]:
    """The splits that ``load`` offers, as named in the source, and ``train[held out]`` where there is no other."""
    found = sources.open_dataset(name, settings).splits()
    return found if _evaluation(found) else (*found, HELD_OUT)


def evaluation_split(name: str, settings: dict[str, Any] | None = None) -> str:
    """The split that ``load(name, "test")`` reads: ``test``, else validation, else ``train[held out]``.

    Where ``train`` has labels and the first of them has none (ImageNet's test set), the next that has some.
    """
    return _evaluation_of(sources.open_dataset(name, settings))


def settled(data: Data) -> Data:
    """``[data]`` with the split that ``auto`` means: images without labels that are a split of their own, or train."""
    if data.split != "auto":
        return data
    found = sources.open_dataset(data.name, data.settings).splits()
    return replace(data, split=next((s for s in APART if s in found), "train"))


def images_of(data: Data, split: str, seed: int, hold_out: bool = True) -> Images:
    """Load one split as a recipe's ``[data]`` says; ``limit`` and ``fraction`` hold for the training split only."""
    own = settled(data)
    data, split = own, own.split if split == data.split else split
    seen, _ = divided(data, seed)
    chosen: dict[str, Any] = {"size": data.size, "classes": seen, "seed": seed, "settings": data.settings}
    if split == data.split:
        chosen |= {"limit": data.limit, "fraction": data.fraction}
    return load(data.name, split, hold_out=hold_out, **chosen)


def divided(data: Data, seed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The classes to train on (empty for all there are) and those held out, as ``[data]`` names or counts them.

    ``held_out_count`` takes, of the classes not named, those with the smallest hash of (seed, number).

    Raises:
        RequestError: unknown classes, or fewer than one left to train on.
    """
    if not data.held_out and not data.held_out_count:
        return data.classes, ()
    data = settled(data)
    dataset = sources.open_dataset(data.name, data.settings)
    names = dataset.open(data.split if data.split in dataset.splits() else dataset.splits()[0]).classes
    for wanted in data.held_out:
        if wanted not in names:
            raise unknown(f"class of '{data.name}' to hold out", wanted, names)
    rest = [c for c in (data.classes or names) if c not in data.held_out]
    order = np.argsort(scrambled(np.arange(len(rest)), "held out classes", seed), kind="stable")
    drawn = {rest[i] for i in order[: data.held_out_count].tolist()}
    seen = tuple(c for c in rest if c not in drawn)
    if not seen or len(drawn) < data.held_out_count:
        raise RequestError(f"'{data.name}' has {len(names)} classes: none would be left to train on.")
    return seen, tuple(c for c in names if c in drawn or c in data.held_out)


def load(
    name: str,
    split: str,
    *,
    size: int | Literal["auto"] = "auto",
    limit: int | Literal["all"] = "all",
    classes: tuple[str, ...] = (),
    fraction: float = 1.0,
    seed: int = 0,
    hold_out: bool = True,
    settings: dict[str, Any] | None = None,
    progress: cache.Progress | None = None,
) -> Images:
    """Open one split of a dataset, decoded and cached.

    Args:
        name: a dataset's name or the path of the data.
        split: a split of the source; ``test`` always gives something sensible (see the module).
        size: side in pixels, or ``auto``.
        limit, classes, fraction, seed: the selection (see the module); labels are numbered anew where
            classes are chosen, in the order given.
        hold_out: whether a ``train`` without any other split leaves its held-out tenth out.
        settings: settings of a generated dataset.
        progress: called with (done, total) while images are decoded for the first time; by default some lines on
            stderr where that takes longer than a second.

    Returns:
        Images, whose pixels (N, 3, S, S) are memory-mapped read-only, without the images that could not be
        decoded: ``card["skipped"]`` has their number and the first names, ``card["skipped_list"]`` the file.

    Raises:
        RequestError: unknown name, split or class, a wrong selection, or nothing left to load.
        WorkError: the cache could not be written.
    """
    chosen = Selection(limit, classes, fraction, seed)
    dataset = sources.open_dataset(name, settings)
    found = dataset.splits()
    if split not in found and split == "test":
        split = _evaluation_of(dataset)
    if split not in found and not (split == HELD_OUT and not _evaluation(found)):
        raise unknown(f"split of '{name}'", split, found if _evaluation(found) else (*found, HELD_OUT))
    source = dataset.open("train" if split == HELD_OUT else split)
    positions = np.arange(len(source))
    if split == HELD_OUT or (split == "train" and hold_out and not _evaluation(found)):
        positions = _part(name, positions, split == HELD_OUT)
    positions, labels, names, left_out = _selected(name, split, source, positions, chosen)
    trained = source if split in ("train", HELD_OUT) else None
    side = auto_size(dataset, trained) if size == "auto" else _checked_size(size)
    key = _key(source, side, positions)
    told = progress or lines.counted(f"decoding images of {dataset_name(name)} ({split})", patience=1.0)
    entry = cache.entry(key, source, positions, side, told)
    rows = np.searchsorted(positions, entry.kept)
    return Images(
        pixels=entry.pixels, labels=labels[rows], classes=names, index=entry.kept,
        origins=[source.origins[i] for i in entry.kept.tolist()], name=dataset_name(name), split=split,
        fingerprint=hashlib.blake2b(key.encode() + labels.tobytes(), digest_size=8).hexdigest(),
        factors={k: v[entry.kept] for k, v in source.factors.items()}, card=_card(source, entry, key, left_out),
    )


def dataset_name(name: str) -> str:
    """The name that protocols carry: the catalogue's, or the last part of the path."""
    if name in registry.leaves("datasets"):
        return name
    path = Path(name).expanduser().resolve()
    return path.name if path.is_dir() else path.stem


def auto_size(dataset: Dataset, source: Source | None = None) -> int:
    """The side that ``size = auto`` means for a dataset, from its training split, ``source`` where that is open."""
    found = dataset.splits()
    source = source or dataset.open("train" if "train" in found else found[0])
    shapes = []
    with decode.quiet():
        for position in np.unique(np.linspace(0, len(source) - 1, min(MEASURED, len(source))).astype(int)):
            try:
                shapes.append(source.shape(int(position)))
            except decode.BadImage:
                continue
    if not shapes:
        return 32
    if len(set(shapes)) == 1 and shapes[0][0] == shapes[0][1] and LEAST <= shapes[0][0] <= MOST:
        return shapes[0][0]
    return int(np.clip(np.median([min(s) for s in shapes]) // 8 * 8, 32, MOST))


def _evaluation(found: tuple[str, ...]) -> tuple[str, ...]:
    """The splits fit for evaluation, best first."""
    return tuple(s for s in EVALUATION if s in found) or (() if "train" in found else found[:1])


def _evaluation_of(dataset: Dataset) -> str:
    candidates = _evaluation(dataset.splits())
    if len(candidates) > 1:
        labelled = [s for s in candidates if (dataset.open(s).labels != UNLABELLED).any()]
        return (labelled or list(candidates))[0]
    return candidates[0] if candidates else HELD_OUT


def _part(name: str, positions: np.ndarray, held_out: bool) -> np.ndarray:
    """The held-out tenth of a split, or the rest; both sorted."""
    if len(positions) < 2:
        raise RequestError(f"'{name}' has only {len(positions)} image: none can be held out for evaluation.")
    order = positions[np.argsort(scrambled(positions, "held out", 0), kind="stable")]
    count = max(1, round(len(positions) / 10))
    return np.sort(order[:count] if held_out else order[count:])


def _selected(
    name: str, split: str, source: Source, positions: np.ndarray, chosen: Selection
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], list[str]]:
    """Positions (sorted), their labels, the class names, and a note of the images that had no label to choose by."""
    labels, names, notes = source.labels, source.classes, list[str]()
    if chosen.classes:
        unlabelled = int((labels[positions] == UNLABELLED).sum())
        if not names or unlabelled == len(positions):
            wanted = ", ".join(chosen.classes)
            raise RequestError(f"'{name}' ({split}) has no labels: classes {wanted} cannot be chosen.")
        if unlabelled:
            notes = [f"{split}: {unlabelled:,} of {len(positions):,} images were left out: they have no label, and "
                     "classes were chosen or held out"]
        for wanted in chosen.classes:
            if wanted not in names:
                raise unknown(f"class of '{name}'", wanted, names)
        renumbered = np.full(len(names) + 1, UNLABELLED, dtype=np.int64)
        renumbered[[names.index(c) for c in chosen.classes]] = np.arange(len(chosen.classes))
        labels, names = renumbered[labels], chosen.classes
        positions = positions[labels[positions] != UNLABELLED]
    count = len(positions)
    if chosen.fraction < 1:
        count = max(1, int(chosen.fraction * count))
    if chosen.limit != "all":
        count = min(count, chosen.limit)
    if count < len(positions):
        order = np.argsort(scrambled(positions, "selection", chosen.seed), kind="stable")
        positions = np.sort(positions[order[:count]])
    if not len(positions):
        raise RequestError(f"no images of '{name}' are left after the selection.")
    return positions, labels[positions], names, notes


def scrambled(positions: np.ndarray, purpose: str, seed: int) -> np.ndarray:
    """A 64-bit hash of each position (splitmix64, Steele et al. 2014) under (purpose, seed): uint64 (n,)."""
    start = np.uint64(seeds.key(seed, purpose) << 16)
    with np.errstate(over="ignore"):
        z = positions.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + start
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def _checked_size(size: Any) -> int:
    if isinstance(size, bool) or not isinstance(size, int) or not 4 <= size <= 1024:
        raise RequestError(f"data.size = {size!r} is not accepted: it takes 'auto' or int in [4, 1024] (pixels).")
    return size


def _key(source: Source, size: int, positions: np.ndarray) -> str:
    digest = hashlib.blake2b(f"1\0{source.fingerprint}\0{size}\0{len(source)}\0".encode(), digest_size=12)
    digest.update(positions.astype("<i8").tobytes())
    return digest.hexdigest()


def _card(source: Source, entry: cache.Entry, key: str, notes: list[str]) -> dict[str, Any]:
    card = {**source.card, "notes": [*source.card.get("notes", ()), *notes]}
    if entry.skipped:
        card["skipped"] = {"count": len(entry.skipped), "first": entry.skipped[:3]}
        card["skipped_list"] = str(cache.folder(key) / "skipped.txt")
    return card
