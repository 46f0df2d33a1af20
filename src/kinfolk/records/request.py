"""Request: a recipe, then short flags, then --set pairs, merged into one checked recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kinfolk.core import registry
from kinfolk.core.errors import unknown
from kinfolk.records.recipe import Recipe, put, read, table

RECIPES = registry.PACKAGE / "recipes"
FLAGS = {
    "data": "data.name", "method": "method.name", "encoder": "encoder.name", "epochs": "train.epochs",
    "batch": "train.batch", "views": "views.count", "limit": "data.limit", "seed": "seed",
}


def request(recipe: str, flags: dict[str, str], pairs: list[str]) -> Recipe:
    """Merge a recipe, flags and --set pairs, in this order, into one checked Recipe."""
    values: dict[str, Any] = {}
    if recipe:
        path = Path(recipe)
        if path.suffix != ".toml":
            path = RECIPES / f"{recipe}.toml"
            if not path.is_file():
                raise unknown("recipe", recipe, [p.stem for p in RECIPES.glob("*.toml")])
        values = read(path)
    return checked(values, flags, pairs)


def checked(values: dict[str, Any], flags: dict[str, str], pairs: list[str]) -> Recipe:
    """Put flags and --set pairs into plain values and check them; paths that exist become absolute."""
    for flag, value in flags.items():
        key = FLAGS[flag]
        section = key.split(".")[0]
        if section in ("method", "encoder") and table(values, section).get("name") != value:
            values[section] = {}
        put(values, f"{key}={value}")
    for pair in pairs:
        put(values, pair)
    name, index = table(values, "data").get("name"), table(values, "positives").get("index")
    if isinstance(name, str) and name not in registry.leaves("datasets") and Path(name).exists():
        values["data"]["name"] = str(Path(name).resolve())
    if isinstance(index, str) and Path(index).is_file():
        values["positives"]["index"] = str(Path(index).resolve())
    weights = table(values, "encoder").get("weights")
    if isinstance(weights, str) and weights != "none":
        values["encoder"]["weights"] = str(Path(weights).resolve())
    return Recipe.of(values)
