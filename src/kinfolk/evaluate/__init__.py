"""Evaluate: every evaluation and diagnostic that applies to a subject, beside the floors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfolk.evaluate.measure import evaluate

__all__ = ["evaluate"]


def __getattr__(name: str) -> object:
    if name != "evaluate":
        raise AttributeError(name)
    from kinfolk.evaluate.measure import evaluate

    return evaluate
