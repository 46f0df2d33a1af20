"""Material: what a run folder holds for its report, read from plain files; what is missing stays empty."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinfolk.core import files
from kinfolk.core.errors import RequestError
from kinfolk.records import findings, recipe
from kinfolk.records.findings import Finding

FLOORS = ("pixels", "histogram", "random")
FILES = ("recipe.toml", "findings.jsonl", "log.jsonl")
CEILING = "ceiling: "


@dataclass(frozen=True)
class Thumbnails:
    """Small pictures of some images of one split.

    Attributes:
        pixels: uint8 (n, h, w, 3).
        rows: from an image's position in the split to its row in ``pixels``.
        labels: class of each row, -1 for none.
        classes: class names.
    """

    pixels: np.ndarray
    rows: dict[int, int]
    labels: Sequence[int]
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Material:
    """One run as its report sees it.

    Attributes:
        folder: where it was read from.
        name: the folder's name, or more of its path where two runs would share a name.
        recipe: the resolved recipe as nested plain values.
        environment: versions, hardware and the command.
        steps: rows of the log written while training.
        epochs: rows of the log written after an epoch, with ``validation`` and ``watch``.
        speed: seconds and images a second of each epoch.
        findings: of the run and of the floors measured with it.
        thumbnails: by split, those of other data than the run's own by ``DATASET SPLIT``.
        introduced: for findings of what is not a run, the name of their subject.
        asked: for those, the subject and its flags as they were typed.
    """

    folder: Path
    name: str
    recipe: dict[str, Any]
    environment: dict[str, Any]
    steps: list[dict[str, Any]]
    epochs: list[dict[str, Any]]
    speed: list[dict[str, Any]]
    findings: list[Finding]
    thumbnails: dict[str, Thumbnails]
    introduced: str = ""
    asked: str = ""

    @property
    def subject(self) -> str:
        """The name under which the run's own findings stand, also after its folder was renamed."""
        if self.introduced:
            return self.introduced
        own = [f.subject for f in self.findings if f.subject not in FLOORS and not f.subject.startswith(CEILING)]
        name = self.folder.name
        return name if name in own or not own else own[0]

    @property
    def dataset(self) -> str:
        """What the data are: a dataset's name or a path."""
        return str(self.get("data", "name") or "data")

    @property
    def data_name(self) -> str:
        """The name of the data, without the folders they lie in."""
        return Path(self.dataset).name or self.dataset

    def elsewhere(self, finding: Finding) -> str:
        """The name of the data that a finding shows where they are not the run's own, else an empty text."""
        if shown := str(finding.data.get("dataset", "")):
            return shown
        measured = str(finding.protocol.get("dataset", ""))
        return measured if any(name.startswith(f"{measured} ") for name in self.thumbnails) else ""

    def get(self, section: str, key: str) -> Any:
        """One setting of the recipe, or None where it is not there."""
        found = self.recipe.get(section)
        return found.get(key) if isinstance(found, dict) else None


def read(folder: Path, name: str = "") -> Material:
    """Read a run folder.

    Raises:
        RequestError: the folder is absent, holds nothing of a run, or a file in it cannot be read.
    """
    folder = Path(folder).resolve()
    if not folder.is_dir():
        raise RequestError(f"no run folder '{folder}'.")
    if not any((folder / file).is_file() for file in FILES):
        raise RequestError(f"'{folder}' is no run folder: it holds none of {', '.join(FILES)}.")
    log = files.read_lines(folder / "log.jsonl")
    card = _json(folder / "subject.json")
    return Material(
        folder=folder,
        name=name or str(card.get("subject", folder.name)),
        recipe=recipe.read(folder / "recipe.toml") if (folder / "recipe.toml").is_file() else card.get("recipe", {}),
        environment=_json(folder / "environment.json"),
        steps=[row for row in log if "terms" in row],
        epochs=[row for row in log if "validation" in row or "watch" in row],
        speed=files.read_lines(folder / "speed.jsonl"),
        findings=findings.load(folder),
        thumbnails={file.stem: _thumbnails(file) for file in sorted((folder / "thumbnails").glob("*.npy"))},
        introduced=str(card.get("subject", "")),
        asked=str(card.get("asked", "")),
    )


def read_all(folders: Sequence[Path]) -> list[Material]:
    """Read several run folders; those that share a name are told apart by their parent's."""
    places = [Path(folder).resolve() for folder in folders]
    if len(set(places)) < len(places):
        raise RequestError("the same run folder was given twice.")
    names = [str(_json(place / "subject.json").get("subject", place.name)) for place in places]
    return [
        read(place, f"{place.parent.name}/{name}" if names.count(name) > 1 else name)
        for place, name in zip(places, names, strict=True)
    ]


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise RequestError(f"'{file}' is not JSON: {error}.") from None
    return found if isinstance(found, dict) else {}


def _thumbnails(file: Path) -> Thumbnails:
    try:
        pixels = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise RequestError(f"'{file}' cannot be read as thumbnails: {error}.") from None
    card = _json(file.with_suffix(".json"))
    index = [int(i) for i in card.get("index", [])]
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[-1] != 3 or len(index) != len(pixels):
        raise RequestError(
            f"'{file}' must hold uint8 (n, h, w, 3) with n positions in the .json beside it; "
            f"found {pixels.dtype} {pixels.shape} and {len(index)} positions."
        )
    labels = [int(label) for label in card.get("labels", [])] or [-1] * len(index)
    return Thumbnails(pixels, {i: row for row, i in enumerate(index)}, labels, tuple(map(str, card.get("classes", []))))
