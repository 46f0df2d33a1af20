"""Request: a recipe, then short flags, then --set pairs, merged into one checked recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kinfolk.core import registry
from kinfolk.core.errors import RequestError, unknown
from kinfolk.records import shipped
from kinfolk.records.recipe import DEFAULT_AUGMENTATIONS, Recipe, read, table, tables

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
            if recipe not in shipped.recipes() and path.exists():
                raise RequestError(f"'{recipe}' is not a recipe. To train on what lies there: --data {recipe}.")
            path = shipped.recipe(recipe)
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


def put(values: dict[str, Any], pair: str) -> None:
    """Apply one ``--set a.b=c`` to nested values."""
    key, found, text = pair.partition("=")
    if not found or not all(key.strip().split(".")):
        raise RequestError(f"--set takes KEY=VALUE, such as train.lr=0.001, not '{pair}'.")
    place(values, key.strip(), text.strip())


def place(values: dict[str, Any], key: str, value: Any) -> None:
    """Set ``a.b`` in nested values; ``views.augmentations.jitter.hue`` reaches into a list by name.

    So does ``auxiliaries.reconstruction.weight``, once ``auxiliaries = reconstruction`` has named it.
    """
    parts = key.split(".")
    node: Any = values
    for i, part in enumerate(parts[:-1]):
        if (i, part) in ((1, "augmentations"), (0, "auxiliaries")):
            node[part] = node = tables(node.get(part, DEFAULT_AUGMENTATIONS if i else ()))
        elif isinstance(node, list):
            named = {item["name"]: item for item in node if isinstance(item, dict) and "name" in item}
            if not named:
                listed = ".".join(parts[:i])
                raise RequestError(f"{key} = {value}: nothing is listed in {listed} yet; first --set {listed}={part}.")
            if part not in named:
                raise unknown(f"item of {'.'.join(parts[:i])}", part, named)
            node = named[part]
        else:
            node = node.setdefault(part, {})
        if not isinstance(node, (dict, list)):
            raise RequestError(f"{key} = {value}: '{'.'.join(parts[: i + 1])}' is a value, not a section.")
    if isinstance(node, list):
        raise RequestError(f"{key} = {value}: name a setting, such as {key}.p=0.5.")
    node[parts[-1]] = value
