"""BYOL with one of its guards against collapse taken off, to see whether the collapse is noticed.

Paper: Grill et al., 2020, Bootstrap Your Own Latent, https://arxiv.org/abs/2006.07733, without the predictor, or
    with the gradient let through to the target and no slow copy.
Use it: kinfolk train --data digits --method benchmarks/unguarded.py --out runs/unguarded
"""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Views
from kinfolk.methods.byol import BYOL
from kinfolk.nn.passes import through


class Unguarded(BYOL):
    """The term ``prediction`` of BYOL for two views."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        without: Annotated[Literal["predictor", "stop_gradient"], "the guard that is taken off"] = "predictor",
    ) -> None:
        super().__init__(encoder)
        self.without = without
        if without == "predictor":
            self.predictor = nn.Identity()

    def encode(self, views: Views) -> Encoded:
        if self.without == "predictor":
            return super().encode(views)
        h = through(self.encoder, views.pixels, self.passes)
        targets = through(self.projector, list(h), self.passes)
        return Encoded(h, through(self.predictor, list(targets), self.passes), targets)

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        if self.without == "predictor":
            return super().terms(encoded, views)
        assert encoded.teacher is not None
        return {"prediction": 4 - 2 * F.cosine_similarity(encoded.z, encoded.teacher.flip(0), dim=2).mean(1).sum()}
