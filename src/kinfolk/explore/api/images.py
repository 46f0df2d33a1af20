"""Images: numbers and labels, one image, search by text, pictures, columns, export."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query
from starlette.responses import Response

from kinfolk.explore import columns as known
from kinfolk.explore import export as written
from kinfolk.explore import pictures, table
from kinfolk.explore.api import shapes
from kinfolk.explore.api.given import Here, Index, One, Role, Second, Selection, Split
from kinfolk.explore.columns import Column
from kinfolk.explore.explorer import Explorer
from kinfolk.explore.refusal import Refusal
from kinfolk.explore.shelf import Shown

router = APIRouter(tags=["images"])
SHEET = 1024
KEPT = {"Cache-Control": "private, max-age=600"}
PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}, "image/jpeg": {}}}}
Form = Annotated[Literal["json", "binary"], Query(alias="format")]


@router.get("/api/runs/{run}/images", response_model=shapes.ImageTable)
def images(shown: One, split: Split = "test", form: Form = "json") -> Response:
    """Number and label of every image."""
    parts = shown.sections(split)
    first = parts[0].features
    head = {"split": split, "name": first.split, "dataset": first.dataset, "classes": list(parts[0].classes)}
    labels = np.concatenate([part.labels for part in parts]).astype(np.int32)
    return table.answer(form, head, {**table.numbers(parts), "label": labels})


@router.get("/api/runs/{run}/images/{split}/{index}", response_model=shapes.Image)
def image(here: Here, shown: One, split: Role, index: Index) -> dict[str, Any]:
    """One image and everything that is known of it."""
    part = shown.part(split)
    row = part.row(index)
    values = {c.name: value(c, row) for c in known.columns(shown, part, here.desk) if c.values is not None}
    label = int(part.labels[row])
    return {"split": split, "index": index, "label": label, "class": part.category(label),
            "origin": str(part.features.origins[row]), "values": values}


@router.get("/api/runs/{run}/find", response_model=shapes.Table)
def find(
    shown: One, text: Annotated[str, Query(min_length=1, max_length=200)], split: Split = "test", form: Form = "json"
) -> Response:
    """Images whose path or class name contains a text, in any case of letters."""
    parts = shown.sections(split)
    wanted = text.lower()
    rows = [np.array([i for i, said in enumerate(part.texts) if wanted in said], dtype=np.int64) for part in parts]
    return table.answer(form, {"split": split}, table.numbers(parts, rows))


@router.get("/api/runs/{run}/thumbnails/{split}/{index}", response_class=Response, responses=PICTURE)
def thumbnail(
    shown: One, split: Role, index: Index, size: Annotated[int | None, Query(ge=8, le=256)] = None
) -> Response:
    """One image as PNG."""
    return Response(pictures.picture(shown.part(split), index, size), media_type="image/png", headers=KEPT)


@router.get("/api/runs/{run}/sheet/{split}", response_class=Response, responses=PICTURE)
def sheet(
    shown: One,
    split: Role,
    index: Annotated[str, Query(pattern=r"^[0-9]{1,10}(,[0-9]{1,10})*$", description="Numbers with commas between.")],
    size: Annotated[int, Query(ge=8, le=128)] = 48,
) -> Response:
    """Up to 1,024 images on one JPEG, 32 a row, in the order given."""
    numbers = [int(number) for number in index.split(",")]
    if len(numbers) > SHEET:
        raise Refusal(400, f"index: at most {SHEET:,} images on one sheet, not {len(numbers):,}.")
    found = pictures.sheet(shown.part(split), numbers, size)
    return Response(found, media_type="image/jpeg", headers=KEPT)


@router.get("/api/runs/{run}/columns", response_model=shapes.Columns)
def columns(here: Here, shown: One, split: Split = "test") -> dict[str, Any]:
    """What is known of every image; what is not there yet is computed from now on."""
    parts = shown.sections(split)
    each = [known.lists(shown, part, here.desk) for part in parts]
    worst = next((p for s in ("failed", "computing", "waiting") for p in each if p.state == s), each[0])
    sizes = [len(part) for part in parts]
    done = sum(n * p.done for n, p in zip(sizes, each, strict=True)) / sum(sizes)
    return {"split": split, "state": worst.state, "done": done, "problem": worst.problem or None,
            "columns": [column.described() for column in of(here, shown, split)]}


@router.get("/api/runs/{run}/columns/{name}", response_model=shapes.ColumnTable)
def column(
    here: Here, shown: One, name: str, second: Second, split: Split = "test", form: Form = "json"
) -> Response:
    """One column; ``overlap`` is the share of each image's 10 nearest that a second run has too."""
    parts = shown.sections(split)
    if name == "overlap":
        if second is None:
            raise Refusal(400, "overlap needs a second run: &second=RUN.")
        values = np.concatenate([known.overlap(shown, second, part.role, here.desk) for part in parts])
        found = Column(name, "Overlap", f"Share of its 10 nearest that {second.name} has too.", None, values)
    else:
        offered = {column.name: column for column in of(here, shown, split)}
        if name not in offered:
            raise Refusal(404, f"no column '{name[:60]}'; there are: {', '.join(offered)}, overlap.")
        found = offered[name]
    if found.values is None:
        raise Refusal(409, f"{name} is being computed.")
    head = {"split": split, **found.described()}
    return table.answer(form, head, {**table.numbers(parts), "value": found.values})


@router.post("/api/runs/{run}/export", response_class=Response, responses={200: {"content": {
    "text/csv": {}, "application/vnd.apache.parquet": {},
}}})
def export(
    here: Here, shown: One, chosen: Selection, form: Annotated[Literal["csv", "parquet"], Query(alias="format")] = "csv"
) -> Response:
    """Selected images as a file: path, label, split, index, and every column that is there."""
    part = shown.part(chosen.split)
    rows = part.rows_of(chosen.index)
    found = written.table(part, rows, known.columns(shown, part, here.desk))
    body = written.as_csv(found) if form == "csv" else written.as_parquet(found)
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/vnd.apache.parquet"
    name = f'attachment; filename="{shown.key}-{chosen.split}.{form}"'
    return Response(body, media_type=kind, headers={"Content-Disposition": name})


def of(here: Explorer, shown: Shown, split: Split) -> list[Column]:
    """The columns of a split or of all."""
    parts = shown.sections(split)
    return known.joined(parts, [known.columns(shown, part, here.desk) for part in parts])


def value(column: Column, row: int) -> float | str | None:
    """One value, a category by its name."""
    found = column.values[row] if column.values is not None else -1
    if column.names is not None:
        return column.names[int(found)] if found >= 0 else None
    return float(found) if math.isfinite(found) else None
