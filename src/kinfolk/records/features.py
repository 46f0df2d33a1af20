"""Features: one vector an image, with labels and origins; kept with a run or in one file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from kinfolk.core import files
from kinfolk.core.archives import DAMAGED
from kinfolk.core.errors import RequestError
from kinfolk.records.images import Images

ROWS = 20_000


@dataclass(frozen=True)
class Features:
    """Vectors of one split under one encoder.

    Attributes:
        vectors: float32 (N, D).
        labels: int64 (N,); -1 where there is none.
        index: int64 (N,), position in the dataset's split.
        origins: a path or name for each image.
        classes: class names.
        split: train or test (the name in the dataset).
        dataset: the dataset's name.
        fingerprint: the dataset's fingerprint; empty where another program wrote the file.
        layer: ``h`` (before the projector) or ``z``.
        subject: the encoder's name: run folder or floor.
    """

    vectors: np.ndarray
    labels: np.ndarray
    index: np.ndarray
    origins: Sequence[str]
    classes: tuple[str, ...]
    split: str
    dataset: str
    fingerprint: str
    layer: str = "h"
    subject: str = ""

    def __len__(self) -> int:
        return len(self.index)

    @property
    def labelled(self) -> bool:
        """Whether every image has a label."""
        return bool(len(self.labels) and (self.labels >= 0).all())

    def take(self, rows: np.ndarray) -> Features:
        """Return the features at ``rows`` (positions), in that order."""
        return replace(
            self, vectors=self.vectors[rows], labels=self.labels[rows], index=self.index[rows],
            origins=[self.origins[int(r)] for r in rows],
        )

    def labelled_only(self) -> Features:
        """Return only the images that have a label."""
        return self if self.labelled else self.take(np.flatnonzero(self.labels >= 0))

    @property
    def card(self) -> dict[str, object]:
        """What is known besides arrays, as plain values."""
        keys = ("classes", "split", "dataset", "fingerprint", "layer", "subject")
        return {k: list(v) if isinstance(v := getattr(self, k), tuple) else v for k in keys}

    def save(self, path: Path) -> None:
        """Write to ``.npz`` (arrays and a JSON card, no pickle) or ``.parquet`` (path, label, vector), in pieces."""
        save(path, [self])

    def table(self) -> Any:
        """Return a pyarrow table with the columns path, label, index, split and vector (fixed-size list)."""
        import pyarrow as pa

        flat = pa.array(np.ascontiguousarray(self.vectors, dtype=np.float32).ravel())
        columns = {
            "path": pa.array([str(o) for o in self.origins], pa.string()),
            "label": pa.array(self.labels, pa.int64()),
            "index": pa.array(self.index, pa.int64()),
            "split": pa.array([self.split] * len(self), pa.string()),
            "vector": pa.FixedSizeListArray.from_arrays(flat, self.vectors.shape[1]),
        }
        return pa.table(columns).replace_schema_metadata({"kinfolk": json.dumps(self.card)})

    @classmethod
    def load(cls, path: Path) -> Features:
        """Read a file of one split.

        Raises:
            RequestError: the file is absent, is not a features file, or holds several splits.
        """
        found = load(path)
        if len(found) > 1:
            raise RequestError(f"'{path}' holds the splits {', '.join(found)}, and one is wanted: write it alone.")
        return next(iter(found.values()))


def described(vectors: np.ndarray, images: Images, subject: str, layer: str = "h") -> Features:
    """Vectors with what is known of their images."""
    return Features(
        vectors=vectors, labels=images.labels, index=images.index, origins=images.origins, classes=images.classes,
        split=images.split, dataset=images.name, fingerprint=images.fingerprint, layer=layer, subject=subject,
    )


def file_name(images: Images) -> str:
    """The name of the file in which an encoder's features of these images are kept."""
    return f"{images.split}-{images.fingerprint[:12]}-{images.size}px.npy"


def save(path: Path, parts: Sequence[Features]) -> None:
    """Write one or several splits under one encoder to one file, in pieces; see ``Features.save``."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        schema = parts[0].take(np.arange(0)).table().schema
        with files.replacing(path) as partial, pq.ParquetWriter(partial, schema) as writer:
            for part in parts:
                for start in range(0, len(part), ROWS):
                    writer.write_table(part.take(np.arange(start, min(start + ROWS, len(part)))).table())
                    files.release(part.vectors)
    elif path.suffix == ".npz":
        with files.replacing(path) as partial, ZipFile(partial, "w", allowZip64=True) as archive:
            _write_npz(archive, parts)
    else:
        raise RequestError(f"features are written as .npz or .parquet, not '{path.suffix or path.name}'.")


def _write_npz(archive: ZipFile, parts: Sequence[Features]) -> None:
    """Write the arrays of all parts one behind the other, as ``np.savez`` would, ``ROWS`` rows at a time."""
    count = sum(map(len, parts))
    longest = max(1, *(len(str(o)) for part in parts for o in part.origins))
    widest = max(len(part.split) for part in parts)
    columns: dict[str, tuple[str, tuple[int, ...], Callable[[Features, slice], Any]]] = {
        "vectors": ("<f4", parts[0].vectors.shape[1:], lambda part, rows: part.vectors[rows]),
        "labels": ("<i8", (), lambda part, rows: part.labels[rows]),
        "index": ("<i8", (), lambda part, rows: part.index[rows]),
        "origins": (f"<U{longest}", (), lambda part, rows: [str(o) for o in part.origins[rows]]),
        "split": (f"<U{widest}", (), lambda part, rows: [part.split] * len(part.labels[rows])),
    }
    with archive.open("card.npy", "w") as member:
        np.lib.format.write_array(member, np.array(json.dumps(parts[0].card)))
    for name, (kind, shape, of) in columns.items():
        with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            header = {"descr": kind, "fortran_order": False, "shape": (count, *shape)}
            np.lib.format.write_array_header_1_0(member, header)
            for part in parts:
                for start in range(0, len(part), ROWS):
                    rows = slice(start, start + ROWS)
                    member.write(np.ascontiguousarray(of(part, rows), dtype=kind).tobytes())
                    files.release(part.vectors)


def load(path: Path) -> dict[str, Features]:
    """Read what ``save`` wrote, or another's file of vectors, by split.

    Another's file needs ``vectors`` (npz) or a column ``vector`` (parquet); labels (numbers or names), index, origins
    (parquet: path) and split are taken where they are.

    Raises:
        RequestError: the file is absent or is not a features file.
    """
    try:
        arrays, card = _parquet(path) if path.suffix == ".parquet" else _npz(path)
        return _parts(path, arrays, card)
    except FileNotFoundError:
        raise RequestError(f"no features file '{path}'.") from None
    except (KeyError, TypeError, *DAMAGED) as error:
        raise RequestError(f"'{path}' is not a features file: {error}") from None


def _npz(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as data:
        arrays = {k: data[k] for k in ("vectors", "labels", "index", "origins", "split") if k in data}
        return arrays, json.loads(str(data["card"])) if "card" in data else {}


def _parquet(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    names = {"label": "labels", "index": "index", "path": "origins", "split": "split"}
    arrays = {names[k]: table[k].to_numpy() for k in names if k in table.column_names}
    vectors = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    arrays["vectors"] = vectors.reshape(len(table), -1)
    return arrays, json.loads((table.schema.metadata or {}).get(b"kinfolk", b"{}"))


def _parts(path: Path, arrays: dict[str, np.ndarray], card: dict[str, Any]) -> dict[str, Features]:
    vectors = arrays["vectors"]
    count = len(vectors)
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiu" or not count:
        raise ValueError(f"vectors must be numbers (N, D), found {vectors.dtype} {vectors.shape}")
    other = [f"{k} ({len(v)})" for k, v in arrays.items() if len(v) != count]
    if other:
        raise ValueError(f"{count} vectors, but {', '.join(other)}")
    labels, classes = arrays.get("labels", np.full(count, -1)), tuple(card.get("classes", ()))
    if labels.dtype.kind in "OU":
        names, labels = np.unique(labels.astype(np.str_), return_inverse=True)
        classes = tuple(names.tolist())
    labels = labels.astype(np.int64)
    split = arrays.get("split", np.full(count, str(card.get("split", "train")))).astype(np.str_)
    found = {}
    for name in dict.fromkeys(split.tolist()):
        rows = np.flatnonzero(split == name)
        whole = len(rows) == count
        index = arrays["index"][rows].astype(np.int64) if "index" in arrays else np.arange(len(rows))
        origins = arrays["origins"][rows].tolist() if "origins" in arrays else [str(i) for i in index.tolist()]
        found[name] = Features(
            np.asarray(vectors if whole else vectors[rows], dtype=np.float32), labels[rows], index, origins,
            classes or tuple(str(i) for i in range(labels.max() + 1)), name, str(card.get("dataset", path.stem)),
            str(card.get("fingerprint", "")), str(card.get("layer", "h")), str(card.get("subject", path.stem)),
        )
    return found
