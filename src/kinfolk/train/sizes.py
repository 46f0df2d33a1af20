"""Sizes: the side of the crops over training, where they grow (progressive resizing).

Small crops cost less and see less; early training does not need more (Tan and Le, 2021, EfficientNetV2, section 4).
"""

from __future__ import annotations

from kinfolk.records.recipe import Views

STEP = 4


def at(progress: float, views: Views) -> int:
    """The side in pixels at ``progress`` in [0, 1): from ``first_size`` to ``size`` by steps of 4, each for as long."""
    taken = sides(views)
    return taken[int(progress * len(taken))]


def sides(views: Views) -> list[int]:
    """All sides that crops have in training, the smallest first."""
    size = int(views.size)
    first = size if views.first_size == "off" else int(views.first_size)
    return [*range(first, size, STEP), size]
