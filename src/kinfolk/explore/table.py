"""Table: many images at once, as JSON or as bytes: one column after the other, four bytes a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from starlette.responses import JSONResponse, Response

from kinfolk.explore.part import Part

Format = Literal["json", "binary"]


def answer(form: Format, head: dict[str, Any], columns: dict[str, np.ndarray]) -> Response:
    """``columns`` of equal length under ``head``.

    ``binary``: little-endian int32 (``i4``) or float32 (``f4``), in the order of the header ``X-Columns``; ``X-Count``
    says how many rows, and ``X-Source`` who made a map.
    """
    kinds = {name: "f4" if values.dtype.kind == "f" else "i4" for name, values in columns.items()}
    count = len(next(iter(columns.values())))
    if form == "binary":
        body = b"".join(np.ascontiguousarray(v, f"<{kinds[name]}").tobytes() for name, v in columns.items())
        said = ",".join(f"{name}:{kind}" for name, kind in kinds.items())
        headers = {"X-Columns": said, "X-Count": str(count), "X-Source": str(head.get("source", ""))}
        return Response(body, media_type="application/octet-stream", headers=headers)
    listed = {name: plain(values) for name, values in columns.items()}
    return JSONResponse({**head, "count": count, "columns": listed})


def plain(values: np.ndarray) -> list[Any]:
    """Numbers as JSON has them: what is not finite becomes null."""
    found: list[Any] = values.tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        found = [value if finite else None for value, finite in zip(found, np.isfinite(values).tolist(), strict=True)]
    return found


def numbers(parts: Sequence[Part], rows: Sequence[np.ndarray] | None = None) -> dict[str, np.ndarray]:
    """The columns ``part`` and ``index`` that every table begins with; ``rows`` picks some of each part."""
    index = [part.index if rows is None else part.index[rows[i]] for i, part in enumerate(parts)]
    number = {"train": 0, "test": 1}
    which = [np.full(len(one), number[part.role], np.int32) for part, one in zip(parts, index, strict=True)]
    return {"part": np.concatenate(which), "index": np.concatenate(index).astype(np.int32)}
