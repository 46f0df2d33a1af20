"""Export: selected images as a table, path, label and what is known of them, as CSV or parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from kinfolk.explore.columns import Column
from kinfolk.explore.part import Part

RISKY = ("=", "+", "-", "@", "\t", "\r")


def table(part: Part, rows: np.ndarray, columns: Sequence[Column]) -> dict[str, list[object]]:
    """Columns by name: path, label (the class's name), split, index, then every column that is there."""
    chosen = rows.tolist()
    found: dict[str, list[object]] = {
        "path": [str(part.features.origins[r]) for r in chosen],
        "label": [part.category(int(part.labels[r])) for r in chosen],
        "split": [part.features.split] * len(chosen),
        "index": part.index[rows].tolist(),
    }
    for column in columns:
        if column.values is None or column.name == "class":
            continue
        values = column.values[rows]
        if column.names is None:
            found[column.name] = [float(v) if np.isfinite(v) else None for v in values]
        else:
            found[column.name] = [column.names[v] if v >= 0 else None for v in values.tolist()]
    return found


def as_csv(found: dict[str, list[object]]) -> bytes:
    """A CSV file with a header, UTF-8; text that a spreadsheet would run as a formula gets a leading quote."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(found)
    for row in zip(*found.values(), strict=True):
        writer.writerow([f"'{v}" if isinstance(v, str) and v.startswith(RISKY) else v for v in row])
    return text.getvalue().encode()


def as_parquet(found: dict[str, list[object]]) -> bytes:
    """A parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(pa.table(found), sink)
    return sink.getvalue()
