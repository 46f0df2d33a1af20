"""Folder: of a run before it trains: refused if it is another's, opened with recipe and environment if it is new."""

from __future__ import annotations

import contextlib
import json
import warnings
from typing import Any

from kinfolk.core import device, distributed, files, registry
from kinfolk.core.errors import RequestError, WorkError
from kinfolk.load import kernel
from kinfolk.load.images import settled as settled_split
from kinfolk.load.sources import open_dataset
from kinfolk.records.differences import differences
from kinfolk.records.recipe import NO_ENCODER, Recipe
from kinfolk.records.run import Run


def settled(recipe: Recipe, run: Run) -> Recipe:
    """The recipe a folder already holds if it answers this request; a folder of another request is refused."""
    if run.folder.is_file():
        raise RequestError(f"--out takes a folder, and '{run.folder}' is a file.")
    if not run.exists:
        if run.folder.exists() and any(not p.name.startswith(".") for p in run.folder.iterdir()):
            raise RequestError(f"'{run.folder}' holds files that are not a run; choose an empty or new --out.")
        return recipe
    stored = run.recipe
    other = {k: v for k, v in differences(recipe, stored).items() if v[0] != "auto"}
    if other:
        keys = "; ".join(f"{k}: asked {a!r}, found {b!r}" for k, (a, b) in other.items())
        longer = run.finished and other.keys() == {"train.epochs"} and recipe.train.epochs > stored.train.epochs
        further = longer and stored.encoder.name != NO_ENCODER
        more = f" To start one from its encoder, add --set encoder.weights={run.folder}." if further else ""
        raise RequestError(f"'{run.folder}' holds another run. Different: {keys}. Choose another --out.{more}")
    return stored


def open_folder(run: Run, recipe: Recipe) -> None:
    """Write the recipe and the environment of a new run; ``resume`` marks it as unfinished."""
    if not distributed.main() or run.resume.exists():
        return
    files.write_text(run.folder / "recipe.toml", recipe.text())
    files.write_text(run.folder / "environment.json", json.dumps(environment(recipe), indent=2) + "\n")
    run.resume.mkdir()


def name_changed(run: Run, recipe: Recipe) -> None:
    """Warn where the images of a finished run, data of one's own, have become more or fewer."""
    path = run.folder / "environment.json"
    if not distributed.main() or recipe.data.name in registry.leaves("datasets"):
        return
    before = json.loads(path.read_text("utf-8")).get("images") if path.exists() else None
    with contextlib.suppress(RequestError, WorkError):
        now = present(recipe)
        if before not in (None, now):
            warnings.warn(
                f"'{run.folder}' was trained when '{recipe.data.name}' held {before:,} images; it holds {now:,} now. "
                "Choose another --out to train on them.", stacklevel=2,
            )


def present(recipe: Recipe) -> int:
    """How many images the split that is trained on holds now, before any selection."""
    data = settled_split(recipe.data)
    return len(open_dataset(data.name, data.settings).open(data.split))


def environment(recipe: Recipe) -> dict[str, Any]:
    """Versions, hardware, what makes the views, and how many images there are."""
    kind = recipe.train.device
    return {**device.environment(kind), "views": kernel.maker(kind), "images": present(recipe)}
