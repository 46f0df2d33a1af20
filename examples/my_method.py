"""A method of your own in one file: views of one image agree, and a batch spreads over the sphere.

Paper: Wang and Isola, 2020, Understanding contrastive representation learning through alignment and uniformity.
Use it: kinfolk train --data digits --method examples/my_method.py --out runs/mine
"""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Method
from kinfolk.records.views import Views


class MyMethod(Method):
    """Alignment and uniformity of projections on the unit sphere."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        width: Annotated[int, "[2, 4096]", "width of the projection"] = 64,
        uniformity: Annotated[float, "[0, inf)", "weight of the uniformity term; the paper's Section 5"] = 1.0,
    ) -> None:
        super().__init__(encoder)
        self.projector = nn.Sequential(nn.Linear(encoder.width, 256), nn.ReLU(), nn.Linear(256, width))
        self.weights = {"alignment": 1.0, "uniformity": uniformity}

    def encode(self, views: Views) -> Encoded:
        h = torch.stack([self.encoder(view) for view in views.pixels])
        return Encoded(h, F.normalize(self.projector(h), dim=-1))

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        first, second = encoded.z[0].float(), encoded.z[1].float()
        spread = [torch.pdist(z).square().mul(-2).exp().mean().log() for z in (first, second)]
        return {"alignment": (first - second).square().sum(1).mean(), "uniformity": torch.stack(spread).mean()}
