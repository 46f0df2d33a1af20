"""kinfolk learns which images belong together, without labels, and says honestly how well it did."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

PUBLIC = {
    "Run": "kinfolk.records.run",
    "Recipe": "kinfolk.records.recipe",
    "Images": "kinfolk.records.images",
    "Features": "kinfolk.records.features",
    "Finding": "kinfolk.records.findings",
}
__all__ = ["Features", "Finding", "Images", "Recipe", "Run", "__version__"]


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'kinfolk' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(PUBLIC[name]), name)
