"""Pairs: from the rows of a step to the views that a method is given, positives and labels included."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from kinfolk.augmentations import Augmentation, Parameters
from kinfolk.core import seeds
from kinfolk.load.batches import Batches
from kinfolk.load.views import Colours, Pipeline
from kinfolk.positives import Positives
from kinfolk.records.views import Views

AHEAD = 8
"""Of how many steps parameters are drawn at once: small operations in a row take a third of what they take each after
a step of a network (``benchmarks/LOG.md``)."""

Drawn = tuple[dict[str, Parameters], Colours]
"""Parameters of one view of a batch, and what they do to its colours."""


class Pairs:
    """Makes the V views of each step.

    Args:
        batches: where pixels come from.
        steps: the augmentations by name, in order.
        size: side of the views in pixels.
        count: V, the views of an image in one step.
        positives: which image the views after the first are made from, or whose targets join a teacher's.
        fixed: draw the parameters of each image's views once and keep them.
        labels: hand labels on to the method.
        stream: the stream of randomness, ``views`` or ``validation``.
        small: the pipeline of each small crop that follows the V views.
        planes: lay views out channels first, whoever made them.
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
        small: Sequence[Pipeline] = (),
        planes: bool = False,
    ) -> None:
        self.batches, self.count, self.positives, self.stream = batches, count, positives, stream
        self.pipeline = Pipeline(steps, size)
        self.small, self.planes = list(small), planes
        self._ahead: dict[tuple[int, int], tuple[tuple[int, ...], list[Drawn]]] = {}
        self.fixed: dict[int, dict[str, Parameters]] | None = {} if fixed else None
        self.labels = torch.from_numpy(batches.images.labels) if labels else None
        self.index = torch.from_numpy(batches.images.index)

    def views(
        self, rows: Tensor, position: tuple[int, ...], mine: slice, first: int = 0, part: int = 0
    ) -> Views:
        """The views of one step for the rows of this process.

        Args:
            rows: positions (B,) of the global batch.
            position: what the step's draws are keyed by, such as (epoch, round, step).
            mine: which rows of the global batch are wanted: those of this process, or a part of them.
            first: number of the first view, where views are taken in turn.
            part: number of the part, where a batch is taken in parts; the views are the same as of the whole.
        """
        originals = self.batches.pixels(rows[mine])
        averages = self.positives.weight != "off"
        made = Views([], [], originals, self.index[rows[mine]], small=len(self.small))
        partners, ours, theirs = list[Tensor](), list[Drawn](), list[Drawn]()
        pipelines = [self.pipeline] * self.count + self.small
        for v, pipeline in enumerate(pipelines, first):
            other = rows if v == first and not averages else self._partners(rows, v, position)
            source = rows if averages else other
            made.sources.append(originals if source is rows else self.batches.pixels(source[mine]))
            ours.append(self._draw(pipeline, source, v, position, mine))
            if averages and v < first + self.count:
                partners.append(self.batches.pixels(other[mine]))
                theirs.append(self._draw(pipeline, other, ~v, position, mine))
        for pipeline, same in itertools.groupby(pipelines):
            span = slice(len(made.pixels), len(made.pixels) + len(list(same)))
            made.pixels += pipeline.views(made.sources[span], *apart(ours[span]))
        made.parameters = apart(ours)[0]
        made.partners = self.pipeline.views(partners, *apart(theirs))
        if self.planes:
            made.pixels, made.partners = ([v.contiguous() for v in each] for each in (made.pixels, made.partners))
        if averages:
            made.weight = float(self.positives.weight)
        if self.labels is not None:
            made.labels = self.labels[rows[mine]].to(self.batches.device)
        made.generator = seeds.generator(self.batches.seed, "method", *position, *[part] * bool(part))
        return made

    def _partners(self, rows: Tensor, view: int, position: tuple[int, ...]) -> Tensor:
        """Positions (B,) of the images that one view of the global batch is made from."""
        return self.positives.partners(rows, seeds.generator(self.batches.seed, "positives", *position, view))

    def _draw(
        self, pipeline: Pipeline, source: Tensor, view: int, position: tuple[int, ...], mine: slice
    ) -> Drawn:
        """Parameters for this process's rows; the views of partners are numbered ~view.

        Where views are kept, a partner brings its own kept view of the same number.
        """
        if self.fixed is None:
            parameters, colours = self._ahead_of(pipeline, len(source), view, position)
            mixed = [None if matrix is None else self._rows(matrix, mine) for matrix in colours]
            return self._taken(parameters, mine), mixed
        view = max(view, ~view)
        if view not in self.fixed:
            draw = seeds.generator(self.batches.seed, self.stream, view)
            self.fixed[view] = pipeline.draw(len(self.batches.images), draw)
        parameters = self._taken(self.fixed[view], source[mine])
        return parameters, pipeline.colours([parameters])[0]

    def _ahead_of(self, pipeline: Pipeline, count: int, view: int, position: tuple[int, ...]) -> Drawn:
        """Parameters of one view of ``count`` images: a function of seed, view and position, drawn for some steps."""
        *turn, step = position
        (*known, first), found = self._ahead.get((view, count), ((-1,), []))
        if known != turn or not first <= step < first + len(found):
            steps = range(step, max(step + 1, min(step + AHEAD, self.batches.steps)))
            draws = [seeds.generator(self.batches.seed, self.stream, *turn, s, view) for s in steps]
            first, found = step, drawn(pipeline, count, draws)
            self._ahead[view, count] = position, found
        return found[step - first]

    def _taken(self, parameters: dict[str, Parameters], take: slice | Tensor) -> dict[str, Parameters]:
        """The parameters of some images, on the device."""
        return {
            name: {key: self._rows(values, take) for key, values in each.items()} for name, each in parameters.items()
        }

    def _rows(self, values: Tensor, take: slice | Tensor) -> Tensor:
        return values[take].to(self.batches.device, non_blocking=True)


def drawn(pipeline: Pipeline, count: int, generators: Sequence[torch.Generator]) -> list[Drawn]:
    """One view of ``count`` images from each generator."""
    parameters = [pipeline.draw(count, generator) for generator in generators]
    return list(zip(parameters, pipeline.colours(parameters), strict=True))


def apart(views: Sequence[Drawn]) -> tuple[list[dict[str, Parameters]], list[Colours]]:
    """The parameters of several views, and their colours."""
    return [parameters for parameters, _ in views], [colours for _, colours in views]
