"""A folder of images: flat, class folders, or ``train/`` with ``val/`` or ``test/``.

How a folder is read:

* hidden files and folders are skipped; links are followed once; only files named like images are opened;
* a folder that only wraps one other folder is looked through;
* ``train/`` beside other folders named like splits (val, validation, valid, dev, test, testing, unlabeled)
  makes splits; otherwise all is one split, ``train``;
* two or more folders with images are classes, whatever lies deeper in each belongs to it; images beside
  the class folders have no label;
* a flat folder has no labels; nor have folders that hold, on average, fewer than one and a half images:
  those are no classes, and the card says so.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from kinfolk.core.decode import SUFFIXES
from kinfolk.core.errors import RequestError, unknown
from kinfolk.core.listing import Found, listing, printable
from kinfolk.datasets import FileSource, Source

SPLITS = ("train", "val", "validation", "valid", "dev", "test", "testing", "unlabeled", "unlabelled")


class Folder:
    """Images in a folder, as laid out on disk."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise RequestError(f"no folder '{self.path}'.")
        self._listing = listing(self.path, SUFFIXES)
        if not self._listing.files:
            raise RequestError(_nothing(self.path, self._listing.others))
        self._parts = _splits(_unwrapped(self._listing.files))
        self.classes, self._note = _classes(self._parts["train"], self._parts)

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` is a folder."""
        return path.is_dir()

    def splits(self) -> tuple[str, ...]:
        """The split folders, ``train`` first; only ``train`` where there are none."""
        return tuple(self._parts)

    def open(self, split: str) -> Source:
        """List one split without decoding it."""
        if split not in self._parts:
            raise unknown(f"split of '{self.path}'", split, self._parts)
        number = {name: i for i, name in enumerate(self.classes)}
        files = self._parts[split]
        labels = np.array([number.get(_class(f), -1) for f in files], dtype=np.int64)
        card: dict[str, Any] = {"source": str(self.path), "notes": [self._note] if self._note else []}
        if self._listing.others:
            names = ", ".join(self._listing.others[:3])
            count = len(self._listing.others)
            left = f"{count} files not named like images were" if count > 1 else "1 file not named like an image was"
            card["notes"].append(f"{left} left out: {names}")
        outside = len(self._listing.files) - sum(map(len, self._parts.values()))
        if outside:
            card["notes"].append(f"{outside} images outside {', '.join(self._parts)} were left out")
        return FileSource(files, labels, self.classes, card)


def _nothing(path: Path, others: list[str]) -> str:
    if not others:
        return f"the folder '{path}' is empty: no images found."
    names = ", ".join(others[:3])
    return (f"no images found in '{path}': {len(others)} other files ({names}). "
            f"Images are files ending in {', '.join(sorted(SUFFIXES))}.")


def _unwrapped(files: list[Found]) -> list[Found]:
    """Look through folders that only hold one other folder, unless that is a split."""
    while len({f.parts[0] for f in files}) == 1 and len(files[0].parts) > 1 and files[0].parts[0].lower() != "train":
        files = [f.below() for f in files]
    return files


def _splits(files: list[Found]) -> dict[str, list[Found]]:
    folders = {f.parts[0] for f in files if len(f.parts) > 1}
    names = {name.lower(): name for name in folders if name.lower() in SPLITS}
    if "train" not in names or (len(names) == 1 and len(folders) > 1):
        return {"train": files}
    return {
        name: [f.below() for f in files if f.parts[0] == names[name]] for name in SPLITS if name in names
    }


def _class(file: Found) -> str:
    return printable(file.parts[0]) if len(file.parts) > 1 else ""


def _classes(train: list[Found], parts: dict[str, list[Found]]) -> tuple[tuple[str, ...], str]:
    """Class names over all splits, and a note if folders were not taken for classes."""
    inside = [f for f in train if len(f.parts) > 1]
    folders = {_class(f) for f in inside}
    if len(folders) < 2:
        return (), ""
    if len(inside) < 1.5 * len(folders):
        return (), (f"{len(folders)} folders hold {len(inside)} images, hardly more than one each: "
                    "they are not taken for classes, the images have no labels")
    return tuple(sorted({_class(f) for files in parts.values() for f in files} - {""})), ""
