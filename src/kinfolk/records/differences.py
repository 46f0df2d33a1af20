"""Differences: nested values by dotted key, and in which of them two recipes differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kinfolk.records.recipe import Recipe


def differences(asked: Recipe, found: Recipe) -> dict[str, tuple[Any, Any]]:
    """The dotted keys in which two recipes differ: {key: (asked, found)}."""
    one, two = flatten(asked.plain()), flatten(found.plain())
    return {k: (one.get(k), two.get(k)) for k in {**one, **two} if one.get(k) != two.get(k)}


def flatten(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested values as {dotted key: value}; items of a list go by position and name."""
    rows: dict[str, Any] = {}
    if isinstance(values, list) and values and all(isinstance(v, Mapping) for v in values):
        values = {f"{i}:{v['name']}": v for i, v in enumerate(values)}
    if not isinstance(values, Mapping):
        return {prefix: values}
    for key, value in values.items():
        rows |= flatten(value, f"{prefix}.{key}" if prefix else key)
    return rows
