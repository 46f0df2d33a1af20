"""Features: one vector an image, with labels and origins; kept with a run or in one file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kinfolk.core import files
from kinfolk.core.errors import RequestError

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
        fingerprint: the dataset's fingerprint.
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
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            schema = self.take(np.arange(0)).table().schema
            with files.replacing(path) as partial, pq.ParquetWriter(partial, schema) as writer:
                for start in range(0, len(self), ROWS):
                    writer.write_table(self.take(np.arange(start, min(start + ROWS, len(self)))).table())
                    files.release(self.vectors)
        elif path.suffix == ".npz":
            with files.replacing(path) as partial, open(partial, "wb") as handle:
                np.savez(
                    handle, vectors=self.vectors, labels=self.labels, index=self.index,
                    origins=np.array(list(self.origins), dtype=np.str_), card=np.array(json.dumps(self.card)),
                )
        else:
            raise RequestError(f"features are written as .npz or .parquet, not '{path.suffix or path.name}'.")

    def table(self) -> Any:
        """Return a pyarrow table with the columns path, label, index and vector (fixed-size list)."""
        import pyarrow as pa

        flat = pa.array(np.ascontiguousarray(self.vectors, dtype=np.float32).ravel())
        columns = {
            "path": pa.array([str(o) for o in self.origins], pa.string()),
            "label": pa.array(self.labels, pa.int64()),
            "index": pa.array(self.index, pa.int64()),
            "vector": pa.FixedSizeListArray.from_arrays(flat, self.vectors.shape[1]),
        }
        return pa.table(columns).replace_schema_metadata({"kinfolk": json.dumps(self.card)})

    @classmethod
    def load(cls, path: Path) -> Features:
        """Read what ``save`` wrote.

        Raises:
            RequestError: the file is absent or is not a features file.
        """
        try:
            if path.suffix == ".parquet":
                import pyarrow.parquet as pq

                table = pq.read_table(path)
                card = json.loads(table.schema.metadata[b"kinfolk"])
                vectors = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
                arrays = {
                    "vectors": vectors.reshape(len(table), -1),
                    "labels": table["label"].to_numpy(),
                    "index": table["index"].to_numpy(),
                    "origins": table["path"].to_pylist(),
                }
            else:
                with np.load(path, allow_pickle=False) as data:
                    arrays = {k: data[k] for k in ("vectors", "labels", "index")}
                    arrays["origins"] = data["origins"].tolist()
                    card = json.loads(str(data["card"]))
        except FileNotFoundError:
            raise RequestError(f"no features file '{path}'.") from None
        except (KeyError, ValueError, OSError, TypeError) as error:
            raise RequestError(f"'{path}' is not a features file written by kinfolk: {error}") from None
        card["classes"] = tuple(card["classes"])
        return cls(**arrays, **card)
