"""Tables: the shapes of a study's TOML file, each refused with its name where it is another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kinfolk.core.errors import RequestError, unknown
from kinfolk.records import recipe as recipes


def flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested tables as {dotted key: value}; a list is a value."""
    rows: dict[str, Any] = {}
    if not isinstance(values, Mapping):
        raise RequestError(f"changed settings are a table, such as set.train.epochs = 30, found {values!r}.")
    for key, value in values.items():
        rows |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return rows


def keys(given: Mapping[str, Any], known: Sequence[str], what: str) -> Mapping[str, Any]:
    """A table without unknown keys."""
    if not isinstance(given, Mapping):
        raise RequestError(f"{what} must be a table, found {given!r}.")
    for key in given:
        if key not in known:
            raise unknown(f"key of {what}", key, known)
    return given


def table(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table within a table; absent is empty."""
    return recipes.table(given, name) if name else {}


def tables(given: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of tables; absent is empty."""
    found = given.get(name, [])
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        raise RequestError(f"[[{name}]] must be a list of tables, found {found!r}.")
    return found


def listed(value: Any, what: str, kind: type = object) -> list[Any]:
    """A list of one kind."""
    whole = isinstance(value, (list, tuple))
    if not whole or not all(isinstance(v, kind) and not (kind is int and isinstance(v, bool)) for v in value):
        raise RequestError(f"{what} = {value!r} is not a list{'' if kind is object else f' of {kind.__name__}'}.")
    return list(value)
