"""Shapes: the answers as OpenAPI describes them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

State = Literal["waiting", "computing", "ready", "failed"]


class Problem(BaseModel):
    """Why a request is not served."""

    error: str


class Figure(BaseModel):
    """A score of one subject."""

    subject: str
    kind: Literal["run", "floor", "ceiling"]
    value: float | None
    low: float | None
    high: float | None


class ScoreName(BaseModel):
    """What was measured."""

    name: str
    title: str
    detail: str
    unit: str
    higher_is_better: bool | None


class Score(ScoreName):
    """A score of the run, then of floors and ceiling."""

    cells: list[Figure]


class ScoreOfTwo(ScoreName):
    """A score of two runs."""

    one: Figure | None
    two: Figure | None


class Verdict(BaseModel):
    """What the diagnosis says."""

    name: str
    title: str
    subject: str
    text: str
    verdict: str
    advice: str
    evidence: list[dict[str, Any]]


class SplitOf(BaseModel):
    """Images of a run."""

    split: Literal["train", "test"]
    name: str
    images: int
    size: int | None


class MapOf(BaseModel):
    """A map that is there."""

    kind: str
    title: str
    split: str
    images: int


class Dimensions(BaseModel):
    """The width of the features."""

    dimensions: int


class Run(BaseModel):
    """A run in one row."""

    key: str
    name: str
    path: str
    state: Literal["training", "unfinished", "finished", "findings"]
    data: str | None
    method: str | None
    encoder: str | None
    seed: int | None
    epochs: int | None
    epoch: int | None
    splits: list[SplitOf]
    classes: list[str]
    features: Dimensions | None
    can_search: bool
    problem: str | None
    scores: list[Score]
    verdicts: list[Verdict]
    maps: list[MapOf]


class Runs(BaseModel):
    """All runs."""

    runs: list[Run]


class WholeRun(Run):
    """A run with its recipe and environment."""

    recipe: dict[str, Any]
    environment: dict[str, Any]


class Findings(BaseModel):
    """Findings as `kinfolk evaluate --json` has them; sheets with their image numbers in ``values``."""

    findings: list[dict[str, Any]]


class Log(BaseModel):
    """The log behind a step."""

    state: str
    epochs: int | None
    step: int
    rows: list[dict[str, Any]]
    validation: list[dict[str, Any]]
    watch: list[dict[str, Any]]


class Image(BaseModel):
    """One image."""

    split: str
    index: int
    label: int
    category: str = Field(alias="class")
    origin: str
    values: dict[str, float | str | None]


class Table(BaseModel):
    """Many images; see the header ``X-Columns`` for the form ``binary``."""

    split: str
    count: int
    columns: dict[str, list[float | int | None]]


class ImageTable(Table):
    """Numbers and labels."""

    name: str
    dataset: str
    classes: list[str]


class ColumnOf(BaseModel):
    """One value an image."""

    name: str
    title: str
    says: str
    kind: Literal["category", "quantity"]
    names: list[str] | None
    low: float | None
    high: float | None
    ready: bool


class ColumnTable(Table, ColumnOf):
    """A column with its values."""


class Columns(BaseModel):
    """What is known of every image."""

    split: str
    state: State
    done: float
    problem: str | None
    columns: list[ColumnOf]


class MapTable(Table):
    """Places."""

    kind: str
    title: str
    text: str
    source: Literal["features", "evaluate", "explore"]
    of: int


class Progress(BaseModel):
    """How far a computation is."""

    state: State
    done: float
    problem: str | None


class Neighbour(BaseModel):
    """An image in a list."""

    index: int
    similarity: float
    label: int
    shared: bool


class Lists(BaseModel):
    """The lists of one run."""

    run: str
    problem: str | None
    nearest: list[Neighbour]
    farthest: list[Neighbour]


class Neighbours(BaseModel):
    """The lists of one or two runs."""

    query: dict[str, Any]
    bank: str
    k: int
    metric: str
    runs: list[Lists]
    agreement: dict[str, float] | None


class Changed(BaseModel):
    """An image and the share of its neighbours that two runs have in common."""

    index: int
    label: int
    overlap: float


class Comparison(BaseModel):
    """Two runs beside each other."""

    one: str
    two: str
    split: str
    problem: str | None
    scores: list[ScoreOfTwo]
    state: State
    done: float
    images: int
    k: int
    overlap: float | None
    changed: list[Changed]


class OddImage(BaseModel):
    """An image on a sheet."""

    index: int
    label: int
    score: float | None


class Group(BaseModel):
    """A sheet."""

    title: str
    score: float | None
    images: list[OddImage]


class Odd(Progress):
    """Sheets to walk through."""

    kind: str
    split: str
    says: str
    total: int
    groups: list[Group]
