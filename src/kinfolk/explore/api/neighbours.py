"""Neighbours: nearest and farthest of an image, of an uploaded one, of the mean of a selection; and the odd ones."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from kinfolk.core.errors import KinfolkError
from kinfolk.explore import nearest, pictures
from kinfolk.explore.api import shapes
from kinfolk.explore.api.given import Here, K, Number, One, Role, Second, Selection
from kinfolk.explore.odd import End, Kind, odd
from kinfolk.explore.refusal import Refusal
from kinfolk.explore.shelf import Shown

router = APIRouter(tags=["neighbours"])
Bank = Annotated[Role | None, Query(description="Whose images are listed; by default those of the query's split.")]
FILE: dict[str, Any] = {"requestBody": {"required": True, "content": {"image/*": {
    "schema": {"type": "string", "format": "binary"},
}}}}


@router.get("/api/runs/{run}/neighbours", response_model=shapes.Neighbours)
def neighbours(
    shown: One, second: Second, index: Annotated[Number, Query()], split: Role = "test", k: K = 12, bank: Bank = None
) -> dict[str, Any]:
    """Of an image of the data, itself left out by its number."""
    part = shown.part(split)
    row = part.row(index)
    query = {"split": split, "index": index, "label": int(part.labels[row]), "origin": str(part.features.origins[row])}
    among = bank or split
    return {"query": query, **nearest.beside(shown, second, nearest.of_image(split, index, among), among, k)}


@router.post("/api/runs/{run}/mean", response_model=shapes.Neighbours)
def mean(shown: One, second: Second, chosen: Selection, k: K = 12, bank: Bank = None) -> dict[str, Any]:
    """Of the mean direction of selected images, themselves left out."""
    among = bank or chosen.split
    asked = nearest.of_mean(chosen.split, chosen.index, among)
    query = {"split": chosen.split, "count": len(set(chosen.index))}
    return {"query": query, **nearest.beside(shown, second, asked, among, k)}


@router.post("/api/runs/{run}/search", response_model=shapes.Neighbours, openapi_extra=FILE)
async def search(shown: One, second: Second, request: Request, k: K = 12, bank: Role = "train") -> dict[str, Any]:
    """Of an uploaded image file, embedded by each run's own encoder."""
    return await run_in_threadpool(searched, shown, second, await request.body(), k, bank)


def searched(shown: Shown, second: Shown | None, data: bytes, k: int, bank: Role) -> dict[str, Any]:
    """The answer to an upload."""
    size = dict[str, int]()

    def query(run: Shown) -> tuple[np.ndarray, np.ndarray]:
        part, encode = run.part(bank), run.encode
        if encode is None or part.images is None:
            raise Refusal(409, f"{run.name} is a features file: it has no encoder that could embed another image.")
        pixels, (size["width"], size["height"]) = pictures.uploaded(data, part.images.size)
        try:
            vector = encode(pixels)[0]
        except KinfolkError as error:
            raise Refusal(409, str(error)) from None
        if not np.isfinite(vector).all():
            raise Refusal(409, f"the encoder of {run.name} gives no finite numbers for this image.")
        return vector, np.zeros(0, dtype=np.int64)

    found = nearest.beside(shown, second, query, bank, k)
    return {"query": {"upload": size}, **found}


@router.get("/api/runs/{run}/odd/{kind}", response_model=shapes.Odd)
def odd_ones(
    here: Here, shown: One, kind: Kind, split: Role = "test", end: End = "nearest",
    count: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[Number, Query()] = 0,
) -> dict[str, Any]:
    """Sheets of the most anomalous, hubs, near-duplicates, and classes that lie among each other."""
    return odd(shown, shown.part(split), here.desk, kind, end, offset, count)
