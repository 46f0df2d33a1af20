"""Given: what requests name, and how it is checked before anything is done with it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, Field

from kinfolk.explore.explorer import Explorer
from kinfolk.explore.shelf import Shown

MOST = 200_000
Role = Literal["train", "test"]
Split = Literal["train", "test", "all"]
Number = Annotated[int, Field(ge=0, le=2**31 - 1)]


def explorer(request: Request) -> Explorer:
    """The state of the server."""
    found: Explorer = request.app.state.explorer
    return found


Here = Annotated[Explorer, Depends(explorer)]


def shown(here: Here, run: Annotated[str, Path(max_length=200, description="The key of a run.")]) -> Shown:
    """The run that an address names."""
    return here.shelf.get(run)


def second_run(
    here: Here, second: Annotated[str, Query(max_length=200, description="The key of a second run.")] = ""
) -> Shown | None:
    """The run beside it, if one is named."""
    return here.shelf.get(second) if second else None


One = Annotated[Shown, Depends(shown)]
Second = Annotated[Shown | None, Depends(second_run)]
Index = Annotated[Number, Path(description="The image's number in the split.")]
K = Annotated[int, Query(ge=1, le=200, description="Length of each list.")]


class Selection(BaseModel):
    """Images of one split."""

    split: Role
    index: Annotated[list[Number], Field(min_length=1, max_length=MOST)]
