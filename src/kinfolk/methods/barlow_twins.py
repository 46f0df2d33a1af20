"""Barlow Twins: the correlations between the dimensions of two views are to be the identity matrix.

Paper: Zbontar et al., 2021, Barlow Twins: Self-Supervised Learning via Redundancy Reduction,
    https://arxiv.org/abs/2103.03230 (equations 1 and 2).
Reference code: https://github.com/facebookresearch/barlowtwins (main.py).
Differs from the reference: more than two views are taken; the projector's widths are smaller (8192 there);
    projections are standardised by the statistics of the batch in evaluation mode as well (there a batch norm
    layer does it, which is never evaluated).
Shapes: B images, V views, D encoder width, P projector width; pixels (B, 3, h, w), h (V, B, D), z (V, B, P).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Annotated, Literal

import torch
from torch import Tensor

from kinfolk.core.distributed import gather
from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Method, Views
from kinfolk.nn.heads import mlp
from kinfolk.nn.passes import through
from kinfolk.nn.precision import full_precision


class BarlowTwins(Method):
    """Terms ``invariance`` (the diagonal) and ``redundancy`` (the rest), the second with a small weight."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        redundancy: Annotated[float, "[0, inf)", "weight of the redundancy (authors' code: 0.0051)"] = 0.0051,
        hidden: Annotated[int, "[1, inf)", "width of its two hidden layers (section 2.2: 8192)"] = 512,
        out: Annotated[int, "[1, inf)", "width of the projections (section 2.2: 8192)"] = 512,
        passes: Annotated[
            Literal["views", "all"], "batch norm over each view or over all (authors' code: views)"
        ] = "views",
    ) -> None:
        super().__init__(encoder)
        self.weights = {"redundancy": redundancy}
        self.passes = passes
        self.projector = mlp(encoder.width, hidden, out, layers=3, last_bias=False)

    def encode(self, views: Views) -> Encoded:
        h = through(self.encoder, views.pixels, self.passes)
        return Encoded(h, through(self.projector, list(h), self.passes))

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        return barlow_twins_terms(gather(encoded.z, 1))

    def projection(self) -> Callable[[Tensor], Tensor]:
        return self.projector


@full_precision
def barlow_twins_terms(z: Tensor) -> dict[str, Tensor]:
    """The two terms of z (V, B, P), V >= 2, mean over the pairs of views.

    Each view is standardised over the batch (biased variance, 1e-5 added, as batch norm does);
    C = Z_vᵀ Z_w / B. ``invariance`` is the sum of (C_ii - 1)^2, ``redundancy`` the sum of C_ij^2, i != j.
    The squares of Z_vᵀ Z_w sum to the product of Z_v Z_vᵀ and Z_w Z_wᵀ, so the smaller matrices are made.
    """
    _, images, width = z.shape
    z = z - z.mean(1, keepdim=True)
    z = z * (z.square().mean(1, keepdim=True) + 1e-5).rsqrt()
    gram = z @ z.mT if images < width else None
    diagonals, squares = [], []
    for v, w in combinations(range(len(z)), 2):
        diagonals.append((z[v] * z[w]).mean(0))
        both = (z[v].T @ z[w]).square() if gram is None else gram[v] * gram[w]
        squares.append(both.sum() / images**2)
    diagonal = torch.stack(diagonals)
    return {
        "invariance": (diagonal - 1).square().sum(1).mean(),
        "redundancy": (torch.stack(squares) - diagonal.square().sum(1)).mean(),
    }
