"""Runs: the list, one run, its findings, its log, and two runs beside each other."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from kinfolk.explore import summary
from kinfolk.explore.api import shapes
from kinfolk.explore.api.given import Here, K, One, Role
from kinfolk.explore.versus import versus

router = APIRouter(tags=["runs"])


@router.get("/api/runs", response_model=shapes.Runs)
def runs(here: Here) -> dict[str, Any]:
    """All runs, with main scores beside floors and with verdicts."""
    return {"runs": [summary.row(shown) for shown in here.shelf.runs.values()]}


@router.get("/api/runs/{run}", response_model=shapes.WholeRun)
def run(shown: One) -> dict[str, Any]:
    """One run with its recipe and environment."""
    return summary.whole(shown)


@router.get("/api/runs/{run}/findings", response_model=shapes.Findings)
def findings(shown: One) -> dict[str, Any]:
    """Everything that was measured."""
    return {"findings": summary.all_findings(shown.findings)}


@router.get("/api/runs/{run}/log", response_model=shapes.Log)
def log(
    shown: One, after: Annotated[int, Query(ge=-1, le=2**53, description="Rows behind this step.")] = -1
) -> dict[str, Any]:
    """Loss terms, validation and watch, also while the run trains."""
    return summary.log(shown, after)


@router.get("/api/compare", response_model=shapes.Comparison)
def compare(
    here: Here,
    one: Annotated[str, Query(max_length=200)],
    two: Annotated[str, Query(max_length=200)],
    split: Role = "test",
    k: K = 10,
    count: Annotated[int, Query(ge=1, le=1000)] = 60,
) -> dict[str, Any]:
    """Scores of two runs, and the images whose neighbours changed most."""
    return versus(here.shelf.get(one), here.shelf.get(two), split, here.desk, min(k, 20), count)
