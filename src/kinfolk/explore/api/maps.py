"""Maps: the places of all images or some, and how a longer map is asked for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from kinfolk.explore import table
from kinfolk.explore.api import shapes
from kinfolk.explore.api.given import Here, One, Role, Split
from kinfolk.explore.desk import Progress
from kinfolk.explore.maps import DEFAULT, TITLES, Kind, Map
from kinfolk.explore.part import Part
from kinfolk.explore.refusal import Refusal

router = APIRouter(tags=["maps"])
LATER: dict[int | str, dict[str, Any]] = {202: {"model": shapes.Progress}}
Most = Annotated[int | None, Query(ge=10, le=20_000, description="At least so many images; without it, what there is.")]


@router.get("/api/runs/{run}/map/{kind}", response_model=shapes.MapTable, responses=LATER)
def show(
    here: Here, shown: One, kind: Kind, split: Split = "test", images: Most = None,
    form: Annotated[Literal["json", "binary"], Query(alias="format")] = "json",
) -> Response:
    """A map: PCA of all images, the others of those that were mapped."""
    parts = shown.sections(split)
    maps, mapped, missing = list[Map](), list[Part](), list[Refusal]()
    for part in parts:
        try:
            answer = here.atlas.find(shown, part, kind, images)
        except Refusal as refusal:
            missing.append(refusal)
            continue
        if isinstance(answer, Progress):
            return later(answer)
        maps.append(answer)
        mapped.append(part)
    if not maps:
        raise missing[0]
    head = {"split": split, "kind": kind, "title": TITLES[kind], "text": maps[0].text, "source": maps[0].source,
            "of": sum(map(len, parts))}
    xy = np.concatenate([one.xy for one in maps])
    columns = {**table.numbers(mapped, [one.rows for one in maps]), "x": xy[:, 0], "y": xy[:, 1]}
    return table.answer(form, head, columns)


@router.post("/api/runs/{run}/map/{kind}", response_model=shapes.Progress, status_code=202)
def make(
    here: Here, shown: One, kind: Kind, split: Role = "test",
    images: Annotated[int, Query(ge=10, le=20_000, description="Images at most, drawn by a hash.")] = DEFAULT,
) -> Response:
    """Have a t-SNE, Laplacian or UMAP map computed; then ask for it with the same ``images``."""
    if kind == "umap":
        from importlib.util import find_spec

        if find_spec("umap") is None:
            raise Refusal(409, "UMAP needs the package umap-learn: pip install umap-learn, then start again.")
    found = here.atlas.ask(shown.part(split), kind, images)
    return later(Progress("ready", 1.0) if isinstance(found, Map) else found)


def later(progress: Progress) -> Response:
    """Where a map stands that is not there yet."""
    problem = progress.problem or None
    return JSONResponse({"state": progress.state, "done": progress.done, "problem": problem}, 202)
