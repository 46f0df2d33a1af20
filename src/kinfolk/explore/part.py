"""Part: the images of one split under one encoder, looked up by number and by likeness."""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np

from kinfolk.core.errors import RequestError
from kinfolk.explore.refusal import Refusal
from kinfolk.records.features import Features
from kinfolk.records.images import Images

PIECE = 8192


class Part:
    """Features of one split, and its images where they are on this machine.

    Vectors stay where they are, in memory or mapped from their file; beside them there is one length an image.

    Attributes:
        role: train or test.
        features: vectors, labels, numbers, origins.
        images: the images, in the same order, or None.
    """

    def __init__(self, role: str, features: Features, images: Images | None) -> None:
        self.role, self.features, self.images = role, features, images
        self.vectors = np.asarray(features.vectors)
        self.index = np.asarray(features.index, dtype=np.int64)
        self.labels = np.asarray(features.labels, dtype=np.int64)
        self.lengths = np.empty(len(self.vectors), dtype=np.float32)
        for start in range(0, len(self.vectors), PIECE):
            rows = slice(start, start + PIECE)
            self.lengths[rows] = np.linalg.norm(self.vectors[rows], axis=1)
        if not np.isfinite(self.lengths).all():
            raise RequestError(f"the {role} features of '{features.subject}' are not all finite numbers.")
        self.lengths = np.maximum(self.lengths, 1e-12)
        self._order = np.argsort(self.index, kind="stable")
        self._sorted = self.index[self._order]
        self._known: dict[Part, str] = {}

    def __len__(self) -> int:
        return len(self.index)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names by label."""
        return self.features.classes

    @cached_property
    def digest(self) -> str:
        """Of vectors, numbers and labels: names what is computed from them."""
        found = hashlib.blake2b(repr(self.vectors.shape).encode(), digest_size=10)
        for start in range(0, len(self.vectors), PIECE):
            found.update(np.ascontiguousarray(self.vectors[start : start + PIECE]).data)
        found.update(self.index.tobytes() + self.labels.tobytes())
        return found.hexdigest()

    @cached_property
    def texts(self) -> list[str]:
        """Origin and class of every image in small letters, for the search by text."""
        return [f"{o} {self.category(int(n))}".lower() for o, n in zip(self.features.origins, self.labels, strict=True)]

    def category(self, label: int) -> str:
        """A class's name; empty for none."""
        return "" if label < 0 else self.classes[label] if label < len(self.classes) else f"class {label}"

    def rows(self, index: np.ndarray) -> np.ndarray:
        """Where the images numbered ``index`` are, int64 (n,); -1 for those that are not here."""
        place = np.searchsorted(self._sorted, index).clip(0, len(self) - 1)
        return np.where(self._sorted[place] == index, self._order[place], -1)

    def row(self, index: int) -> int:
        """Where one image is; Refusal 404 if it is not here."""
        found = int(self.rows(np.array([index], dtype=np.int64))[0])
        if found < 0:
            raise Refusal(404, f"no image {index} among the {len(self):,} {self.role} images of {self.name}.")
        return found

    def rows_of(self, index: list[int]) -> np.ndarray:
        """Where several images are; Refusal 404 if one is not here."""
        asked = np.array(index, dtype=np.int64)
        found = self.rows(asked)
        if (found < 0).any():
            self.row(int(asked[found < 0][0]))
        return found

    @property
    def name(self) -> str:
        """Whose features they are."""
        return self.features.subject

    def alike(self, query: np.ndarray) -> np.ndarray:
        """Cosine of every image with ``query`` (D,), float32 (N,), in one pass over the vectors."""
        found: np.ndarray = self.vectors @ query.astype(np.float32)
        found /= self.lengths * np.float32(max(float(np.linalg.norm(query)), 1e-12))
        return found

    def same_images(self, other: Part) -> str:
        """Why the numbers of two parts do not mean the same images; empty where they do."""
        if other not in self._known:
            self._known[other] = self._told_apart(other)
        return self._known[other]

    def _told_apart(self, other: Part) -> str:
        mine, theirs = self.features, other.features
        for what, one, two in (("data", mine.dataset, theirs.dataset), ("split", mine.split, theirs.split)):
            if one != two:
                return f"{self.name} and {other.name} are of other images ({what} {one} and {two})."
        rows = other.rows(self.index)
        both = np.flatnonzero(rows >= 0)
        pairs = zip(both.tolist(), rows[both].tolist(), strict=True)
        if any(str(mine.origins[i]) != str(theirs.origins[j]) for i, j in pairs):
            return f"{self.name} and {other.name} number the images of {mine.dataset} in another way."
        return ""
