"""Neighbours: for every image of a split its nearest others, best first; kept in one file, guarded by fingerprint."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinfolk.core import files
from kinfolk.core.archives import DAMAGED
from kinfolk.core.errors import RequestError
from kinfolk.records.images import Images


@dataclass(frozen=True)
class Neighbours:
    """Lists of k neighbours within one split of a dataset, in the space of one subject.

    Attributes:
        index: int64 (N,), the images' numbers in the split, ascending.
        nearest: int64 (N, k), the numbers of each image's neighbours, itself left out, best first.
        similarity: float32 (N, k); a distance for the metric ``euclidean``.
        metric: cosine, dot or euclidean.
        dataset: the dataset's name.
        split: which split.
        fingerprint: the dataset's fingerprint: the numbers mean nothing in other images.
        subject: whose features they were found in.
        layer: ``h``, ``z``, or another that the subject offers.
    """

    index: np.ndarray
    nearest: np.ndarray
    similarity: np.ndarray
    metric: str
    dataset: str
    split: str
    fingerprint: str
    subject: str = ""
    layer: str = "h"

    def __len__(self) -> int:
        return len(self.index)

    @property
    def k(self) -> int:
        """Length of the lists."""
        return int(self.nearest.shape[1])

    def of(self, index: np.ndarray) -> np.ndarray:
        """The neighbours (B, k) of the images numbered ``index`` (B,).

        Raises:
            RequestError: an image has no list here.
        """
        rows = np.searchsorted(self.index, index).clip(0, max(0, len(self) - 1))
        missing = np.flatnonzero(self.index[rows] != index)
        if len(missing):
            raise RequestError(
                f"no neighbours of image {int(np.asarray(index)[missing[0]])} of '{self.dataset}': the file holds "
                f"{len(self):,} images of its {self.split} split."
            )
        return self.nearest[rows]

    def check(self, images: Images) -> None:
        """Raise RequestError, with the reason, unless these are the neighbours of exactly these images."""
        if self.fingerprint == images.fingerprint and np.array_equal(self.index, images.index):
            return
        if not self.fingerprint:
            reason = "their file does not say of which images it is: kinfolk neighbours FILE --data ... says it"
        elif (self.dataset, self.split) != (images.name, images.split):
            reason = f"they were found in {self.dataset} ({self.split})"
        elif not np.array_equal(self.index, images.index):
            covered = int(np.isin(images.index, self.index).sum())
            reason = (
                f"they were found among {len(self):,} images of it, {covered:,} of which are among these; the same "
                "limit, fraction, classes and seed select the same images"
            )
        else:
            reason = "they were found in images of another size, with other labels, or in other files of that name"
        raise RequestError(
            f"the neighbours of {self.subject or 'this file'} do not fit {images.name} ({images.split}, "
            f"{len(images):,} images of {images.size} px): {reason}."
        )

    def purity(self, labels: np.ndarray, k: int) -> np.ndarray:
        """Share (N,) of each image's first ``k`` neighbours that have its label; ``labels`` (N,) go by ``index``.

        Neighbours without a label do not count; NaN for an image that has none itself, or no labelled neighbour.
        """
        theirs = labels[np.searchsorted(self.index, self.nearest[:, :k])]
        known = ((theirs >= 0) & (labels >= 0)[:, None]).sum(1)
        same = ((theirs == labels[:, None]) & (theirs >= 0)).sum(1)
        return np.where(known > 0, same / np.maximum(known, 1), np.nan)

    @property
    def digest(self) -> str:
        """A hash of the lists and of the images they belong to, whatever the file's format."""
        found = hashlib.blake2b(self.fingerprint.encode(), digest_size=8)
        for array in (self.index, self.nearest):
            found.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
        return found.hexdigest()

    @property
    def card(self) -> dict[str, str]:
        """What is known besides arrays."""
        return {key: getattr(self, key) for key in ("metric", "dataset", "split", "fingerprint", "subject", "layer")}

    def save(self, path: Path) -> None:
        """Write to ``.npz`` (arrays and a JSON card, no pickle) or ``.parquet`` (index, nearest, similarity)."""
        if path.suffix == ".parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            columns = {
                "index": pa.array(self.index),
                "nearest": pa.FixedSizeListArray.from_arrays(pa.array(self.nearest.ravel()), self.k),
                "similarity": pa.FixedSizeListArray.from_arrays(pa.array(self.similarity.ravel()), self.k),
            }
            table = pa.table(columns).replace_schema_metadata({"kinfolk": json.dumps(self.card)})
            with files.replacing(path) as partial:
                pq.write_table(table, partial)
        elif path.suffix == ".npz":
            with files.replacing(path) as partial, open(partial, "wb") as handle:
                np.savez(
                    handle, index=self.index, nearest=self.nearest, similarity=self.similarity,
                    card=np.array(json.dumps(self.card)),
                )
        else:
            raise RequestError(f"neighbours are written as .npz or .parquet, not '{path.suffix or path.name}'.")

    @classmethod
    def load(cls, path: Path) -> Neighbours:
        """Read what ``save`` wrote.

        Raises:
            RequestError: the file is absent or is not a file of neighbours.
        """
        try:
            if path.suffix == ".parquet":
                import pyarrow.parquet as pq

                table = pq.read_table(path)
                card = json.loads(table.schema.metadata[b"kinfolk"])
                arrays = {"index": table["index"].to_numpy()}
                for key in ("nearest", "similarity"):
                    flat = table[key].combine_chunks().flatten().to_numpy(zero_copy_only=False)
                    arrays[key] = flat.reshape(len(table), -1)
            else:
                with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as data:
                    arrays = {key: data[key] for key in ("index", "nearest", "similarity")}
                    card = json.loads(str(data["card"]))
            return cls(**arrays, **card)
        except FileNotFoundError:
            raise RequestError(f"no file of neighbours '{path}'.") from None
        except (KeyError, TypeError, *DAMAGED) as error:
            raise RequestError(f"'{path}' is not a file of neighbours written by kinfolk: {error}") from None
