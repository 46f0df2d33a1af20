"""Train: one loop for every method; the steps of a run from recipe to weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfolk.train.loop import train

__all__ = ["train"]


def __getattr__(name: str) -> object:
    if name != "train":
        raise AttributeError(name)
    from kinfolk.train.loop import train

    return train
