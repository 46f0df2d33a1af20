"""Parquet files in the Hugging Face image layout, one file or a folder of shards.

Columns: ``image`` (or ``img``), a struct of ``bytes`` and ``path`` or plain bytes; and, if there are labels,
``label`` (or ``labels``, ``fine_label``, ``coarse_label``): numbers or names. Class names come from the
schema's ``huggingface`` metadata. A shard's split is its name before ``-00000-of-00001``, else the name of its
folder, else ``train``; a single file, or a single split with a name of its own, is ``train``.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinfolk.core import decode
from kinfolk.core.errors import RequestError, unknown
from kinfolk.core.listing import fingerprint
from kinfolk.datasets import Source

if TYPE_CHECKING:
    import pyarrow

IMAGES = ("image", "img")
LABELS = ("label", "labels", "fine_label", "coarse_label")
SPLITS = ("train", "validation", "valid", "val", "test", "unlabeled", "unlabelled")
GROUPS_KEPT = 3


class Parquet:
    """Images kept as encoded bytes in parquet shards."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise RequestError(f"no file or folder '{self.path}'.")
        shards = [self.path] if self.path.is_file() else shards_in(self.path)
        if not shards:
            raise RequestError(f"no parquet files in '{self.path}'.")
        parts: dict[str, list[Path]] = {}
        for shard in shards:
            parts.setdefault(split_of(shard), []).append(shard)
        if self.path.is_file() or (len(parts) == 1 and not set(parts) & set(SPLITS)):
            parts = {"train": shards}
        self._parts = {s: parts[s] for s in sorted(parts, key=_order)}

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` is a parquet file, or a folder whose first files from the top are such, not images."""
        folders = [os.fspath(path)] if path.is_dir() else []
        for folder in folders:
            with os.scandir(folder) as scan:
                inside = [entry for entry in scan if not entry.name.startswith(".")]
            shards = [Path(entry.path) for entry in inside if entry.name.endswith(".parquet")]
            images = any(os.path.splitext(entry.name)[1].lower() in decode.SUFFIXES for entry in inside)
            if shards or images:
                return any(map(_has_images, sorted(shards))) if images else True
            folders += sorted(entry.path for entry in inside if entry.is_dir())
        return path.suffix == ".parquet" and path.is_file()

    def splits(self) -> tuple[str, ...]:
        """The splits that the names of the shards tell, ``train`` first."""
        return tuple(self._parts)

    def open(self, split: str) -> Source:
        """Read labels, names and class names of one split; its images stay on disk."""
        if split not in self._parts:
            raise unknown(f"split of '{self.path}'", split, self._parts)
        every = [shard for part in self._parts.values() for shard in part]
        classes, place = _places(every, next(iter(self._parts.values())))
        labels = [place.get(v, -1) for shard in self._parts[split] for v in _values(shard)]
        return Shards(self.path, self._parts[split], np.array(labels, dtype=np.int64), classes)


def shards_in(folder: Path) -> list[Path]:
    """The parquet files of a folder and its folders, sorted; hidden ones are skipped."""
    found = (p for p in folder.rglob("*.parquet") if p.is_file())
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def split_of(shard: Path) -> str:
    """The split that a shard's name tells."""
    named = re.fullmatch(r"(.+?)-\d+-of-\d+(-\w+)?", shard.stem)
    if named:
        return named[1]
    for name in (re.sub(r"[-_.]?\d+$", "", shard.stem), shard.parent.name):
        if name in SPLITS:
            return name
    return "train"


def _order(split: str) -> tuple[int, str]:
    return (SPLITS.index(split) if split in SPLITS else len(SPLITS)), split


class Shards:
    """One split of parquet shards; row groups are read when asked for, and a few of them kept."""

    def __init__(self, root: Path, shards: list[Path], labels: np.ndarray, classes: tuple[str, ...]) -> None:
        import pyarrow.parquet as pq

        self.labels, self.classes = labels, classes
        self.factors: dict[str, np.ndarray] = {}
        self.card: dict[str, Any] = {"source": str(root)}
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, pyarrow.Array] = OrderedDict()
        self._files: list[pq.ParquetFile] = []
        self._groups: list[tuple[int, int]] = []
        origins: list[tuple[str, str]] = []
        starts = [0]
        for number, shard in enumerate(shards):
            file = _open(shard)
            self._files.append(file)
            self._groups += [(number, g) for g in range(file.num_row_groups)]
            starts += [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
            self._image, _ = _columns(file.schema_arrow, shard)
            origins += _origins(file, self._image, shard)
        self._starts = np.cumsum(starts)
        paths = [path for path, _ in origins]
        unique = len(set(paths)) == len(paths)
        self.origins = paths if unique else [f"{row} {path}".strip() for path, row in origins]
        self.fingerprint = fingerprint(shards, self._image)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def decode(self, position: int, at_least: int = 0) -> np.ndarray:
        """Return image ``position`` as RGB uint8 (H, W, 3)."""
        return decode.decode(self._bytes(position), self.origins[position], at_least)

    def shape(self, position: int) -> tuple[int, int]:
        """Return (height, width) from the header."""
        return decode.shape(self._bytes(position), self.origins[position])

    def _bytes(self, position: int) -> bytes:
        group = int(np.searchsorted(self._starts, position, side="right")) - 1
        value = self._group(group)[position - int(self._starts[group])].as_py()
        return bytes(value or b"")

    def _group(self, group: int) -> pyarrow.Array:
        import pyarrow as pa

        with self._lock:
            if group not in self._kept:
                file, number = self._groups[group]
                column = self._files[file].read_row_group(number, columns=[self._image], use_threads=False).column(0)
                chunk = pa.concat_arrays(column.chunks)
                self._kept[group] = chunk.field("bytes") if pa.types.is_struct(chunk.type) else chunk
                if len(self._kept) > GROUPS_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(group)
            return self._kept[group]


def _open(shard: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(shard)
    except (pa.ArrowInvalid, OSError) as error:
        raise RequestError(f"'{shard}' is not a parquet file: {error}") from None


def _has_images(shard: Path) -> bool:
    try:
        return any(c in IMAGES for c in _open(shard).schema_arrow.names)
    except RequestError:
        return False


def _columns(schema: pyarrow.Schema, shard: Path) -> tuple[str, str]:
    """Names of the image column and of the label column, which may be empty."""
    import pyarrow as pa

    image = next((c for c in IMAGES if c in schema.names), "")
    found = ", ".join(schema.names) or "none"
    if not image:
        raise RequestError(f"'{shard}' has no column 'image' or 'img'; columns found: {found}.")
    kind = schema.field(image).type
    if pa.types.is_struct(kind):
        kind = kind.field("bytes").type if kind.get_field_index("bytes") >= 0 else kind
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise RequestError(f"column '{image}' of '{shard}' is {kind}; it must be bytes or a struct of bytes and path.")
    return image, next((c for c in LABELS if c in schema.names), "")


def _origins(file: Any, image: str, shard: Path) -> list[tuple[str, str]]:
    """For each row the path it tells, often empty or not unique, and the shard's name with the row's number."""
    import pyarrow as pa

    kind = file.schema_arrow.field(image).type
    paths: list[str] = [""] * file.metadata.num_rows
    if pa.types.is_struct(kind) and kind.get_field_index("path") >= 0:
        rows = file.read([f"{image}.path"]).column(0).to_pylist()
        paths = [row["path"] or "" if row else "" for row in rows]
    return [(path, f"{shard.name}#{i}") for i, path in enumerate(paths)]


def _names(schema: pyarrow.Schema, label: str) -> tuple[str, ...]:
    """Class names from the schema's ``huggingface`` metadata, where it has some."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return tuple(str(n) for n in features[label].get("names") or ())
    except (KeyError, ValueError, TypeError, AttributeError):
        return ()


def _places(shards: list[Path], train: list[Path]) -> tuple[tuple[str, ...], dict[Any, int]]:
    """Class names, and the number of each value the label column holds; values hardly repeated are no classes."""
    schema = _open(shards[0]).schema_arrow
    label = _columns(schema, shards[0])[1]
    names = _names(schema, label)
    if names:
        return names, {n: i for i, n in enumerate(names)} | {i: i for i in range(len(names))}
    values = {shard: _values(shard) for shard in shards}
    known = [v for shard in train for v in values[shard] if v is not None]
    distinct = {v for column in values.values() for v in column if v is not None and not (isinstance(v, int) and v < 0)}
    if len(known) < 1.5 * len(set(known)):
        return (), {}
    ordered = sorted(distinct, key=lambda v: (str(type(v)), v))
    return tuple(str(v) for v in ordered), {v: i for i, v in enumerate(ordered)}


def _values(shard: Path) -> list[Any]:
    """The label column of a shard as Python values; None where there is none."""
    file = _open(shard)
    label = _columns(file.schema_arrow, shard)[1]
    return file.read([label]).column(0).to_pylist() if label else [None] * file.metadata.num_rows
