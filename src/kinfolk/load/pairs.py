"""Pairs: from the rows of a step to the views that a method is given, positives and labels included."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kinfolk.augmentations import Augmentation, Parameters
from kinfolk.core import seeds
from kinfolk.load.batches import Batches
from kinfolk.load.views import Pipeline
from kinfolk.positives import Positives
from kinfolk.records.views import Views


class Pairs:
    """Makes the V views of each step.

    Args:
        batches: where pixels come from.
        steps: the augmentations by name, in order.
        size: side of the views in pixels.
        count: V, the views of an image in one step.
        positives: which image the views after the first are made from.
        fixed: draw the parameters of each image's views once and keep them.
        labels: hand labels on to the method.
        stream: the stream of randomness, ``views`` or ``validation``.
    """

    def __init__(
        self,
        batches: Batches,
        steps: Sequence[tuple[str, Augmentation]],
        size: int,
        count: int,
        positives: Positives,
        *,
        fixed: bool = False,
        labels: bool = False,
        stream: seeds.Stream = "views",
    ) -> None:
        self.batches, self.count, self.positives, self.stream = batches, count, positives, stream
        self.pipeline = Pipeline(steps, size)
        self.fixed: dict[int, dict[str, Parameters]] | None = {} if fixed else None
        self.labels = torch.from_numpy(batches.images.labels) if labels else None
        self.index = torch.from_numpy(batches.images.index)

    def views(self, rows: Tensor, position: tuple[int, ...], mine: slice, first: int = 0) -> Views:
        """The views of one step for the rows of this process.

        Args:
            rows: positions (B,) of the global batch.
            position: what the step's draws are keyed by, such as (epoch, round, step).
            mine: which rows of the global batch this process holds.
            first: number of the first view, where views are taken in turn.
        """
        device = self.batches.device
        partners = self.positives.partners(rows, seeds.generator(self.batches.seed, "positives", *position))
        originals = self.batches.pixels(rows[mine])
        base = originals.to(torch.float32)
        shared = torch.equal(partners, rows)
        other = base if shared else self.batches.pixels(partners[mine]).to(torch.float32)
        pixels, drawn = [], []
        for v in range(first, first + self.count):
            source = rows if v == first else partners
            parameters = self._draw(source, v, position, mine, device)
            pixels.append(self.pipeline.views(base if v == first else other, parameters))
            drawn.append(parameters)
        return Views(
            pixels=pixels,
            parameters=drawn,
            originals=originals,
            index=self.index[rows[mine]],
            labels=None if self.labels is None else self.labels[rows[mine]].to(device),
            generator=seeds.generator(self.batches.seed, "method", *position),
        )

    def _draw(
        self, source: Tensor, view: int, position: tuple[int, ...], mine: slice, device: str
    ) -> dict[str, Parameters]:
        take: slice | Tensor
        if self.fixed is None:
            draw = seeds.generator(self.batches.seed, self.stream, *position, view)
            drawn, take = self.pipeline.draw(len(source), draw), mine
        else:
            if view not in self.fixed:
                draw = seeds.generator(self.batches.seed, self.stream, view)
                self.fixed[view] = self.pipeline.draw(len(self.batches.images), draw)
            drawn, take = self.fixed[view], source[mine]
        return {
            name: {key: value[take].to(device, non_blocking=True) for key, value in parameters.items()}
            for name, parameters in drawn.items()
        }
