"""A view of one of the image's nearest neighbours, in any embedding: pixels, an auto-encoder, another run.

Two ways, never both: the neighbour's view takes the place of the second view (and of any further one), each
image and view drawn with ``probability``; or, with ``weight`` w, a teacher's target for each view becomes the
direction of w t + (1 - w) t', t and t' being its unit outputs for the view and for an augmented view of the
neighbour. An image that draws no neighbour is its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import Tensor

from kinfolk.core.errors import RequestError
from kinfolk.positives import Positives, pick
from kinfolk.records import neighbours as records
from kinfolk.records.images import Images


class Neighbours(Positives):
    """Partners drawn from the first ``k`` of each image's list, all equally likely."""

    def __init__(
        self,
        *,
        index: Annotated[str, "a file that `kinfolk neighbours` wrote for the images trained on"] = "",
        k: Annotated[int, "[1, inf)", "draw from so many of the nearest"] = 1,
        probability: Annotated[float, "[0, 1]", "how likely an image takes a neighbour"] = 1.0,
        augment: Annotated[Literal["both", "none"], "none: anchor and neighbour are only resized"] = "both",
        weight: Annotated[
            float | Literal["off"], "[0, 1]", "average a teacher's targets: share of the view's own"
        ] = "off",
        fingerprint: Annotated[str, "digest of the lists; filled in when training starts"] = "auto",
    ) -> None:
        super().__init__(probability, augment, weight)
        self.index, self.k, self.fingerprint = index, k, fingerprint
        self.rows = torch.empty(0, k, dtype=torch.int64)

    def bind(self, images: Images) -> dict[str, Any]:
        """Read the lists; they must be those of exactly these images, and the same as when the run began."""
        if not self.index:
            raise RequestError(
                "positives 'neighbours' need positives.index = FILE, written by kinfolk neighbours SUBJECT --out FILE."
            )
        found = records.Neighbours.load(Path(self.index))
        found.check(images)
        if self.k > found.k:
            raise RequestError(f"positives.k = {self.k}, but '{self.index}' holds {found.k} neighbours of an image.")
        digest = found.digest
        if self.fingerprint not in ("auto", digest):
            raise RequestError(
                f"'{self.index}' holds other neighbours ({digest}) than this run began with ({self.fingerprint})."
            )
        self.rows = torch.from_numpy(np.searchsorted(found.index, found.nearest[:, : self.k]))
        which = f"one of the {self.k} nearest neighbours" if self.k > 1 else "the nearest neighbour"
        layer = "" if found.layer == "h" else f" {found.layer}"
        self.note = f"{which} in {found.subject}{layer} ({found.metric}) {self.use}"
        return {"fingerprint": digest}

    def choose(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        return self.rows[rows, pick(self.k, rows, generator)]
