"""Folder: of a run before it trains: refused if it is another's, opened with recipe and environment if it is new."""

from __future__ import annotations

import json
from typing import Any

from kinfolk.core import device, distributed, files
from kinfolk.core.errors import RequestError
from kinfolk.load import kernel
from kinfolk.records.differences import differences
from kinfolk.records.recipe import Recipe
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
        raise RequestError(f"'{run.folder}' holds another run. Different: {keys}. Choose another --out.")
    return stored


def open_folder(run: Run, recipe: Recipe) -> None:
    """Write the recipe and the environment of a new run; ``resume`` marks it as unfinished."""
    if not distributed.main() or run.resume.exists():
        return
    files.write_text(run.folder / "recipe.toml", recipe.text())
    files.write_text(run.folder / "environment.json", json.dumps(environment(recipe), indent=2) + "\n")
    run.resume.mkdir()


def environment(recipe: Recipe) -> dict[str, Any]:
    """Versions and hardware, and what makes the views: the ``compiled`` kernel where it can, or ``torch``."""
    compiled = recipe.train.device == "cpu" and kernel.library()
    return {**device.environment(recipe.train.device), "views": "compiled" if compiled else "torch"}
