"""VICReg: views of one image agree while every dimension keeps its variance and none repeats another.

Paper: Bardes et al., 2022, VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised
    Learning, https://arxiv.org/abs/2105.04906 (equations 1 to 6).
Reference code: https://github.com/facebookresearch/vicreg (main_vicreg.py).
Differs from the reference: more than two views are taken; the projector's widths are smaller (8192 there).
    As in the code, and unlike the paper's equation 6, the variance term is halved over the two branches;
    libraries that leave the half out make its weight 25 act as 50.
Shapes: B images, V views, D encoder width, P projector width; pixels (B, 3, h, w), h (V, B, D), z (V, B, P).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from torch import Tensor
from torch.nn import functional as F

from kinfolk.core.distributed import gather
from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Method, Views
from kinfolk.nn.heads import mlp
from kinfolk.nn.passes import through
from kinfolk.nn.precision import full_precision


class VICReg(Method):
    """Terms ``invariance``, ``variance`` and ``covariance`` of the projections, each with its weight."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        invariance: Annotated[float, "[0, inf)", "weight of the invariance term (section 4.2: 25)"] = 25.0,
        variance: Annotated[float, "[0, inf)", "weight of the variance term (section 4.2: 25)"] = 25.0,
        covariance: Annotated[float, "[0, inf)", "weight of the covariance term (section 4.2: 1)"] = 1.0,
        hidden: Annotated[int, "[1, inf)", "width of its two hidden layers (section 4.2: 8192)"] = 512,
        out: Annotated[int, "[1, inf)", "width of the projections (section 4.2: 8192)"] = 512,
        passes: Annotated[
            Literal["views", "all"], "batch norm over each view or over all (authors' code: views)"
        ] = "views",
    ) -> None:
        super().__init__(encoder)
        self.weights = {"invariance": invariance, "variance": variance, "covariance": covariance}
        self.passes = passes
        self.projector = mlp(encoder.width, hidden, out, layers=3, bias=True, last_bias=False)

    def encode(self, views: Views) -> Encoded:
        h = through(self.encoder, views.pixels, self.passes)
        return Encoded(h, through(self.projector, list(h), self.passes))

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        return vicreg_terms(gather(encoded.z, 1))

    def projection(self) -> Callable[[Tensor], Tensor]:
        return self.projector


@full_precision
def vicreg_terms(z: Tensor) -> dict[str, Tensor]:
    """The three terms of z (V, B, P), V >= 2, B >= 2.

    ``invariance``: squared error, mean over images, dimensions and pairs of views; the mean over pairs is
    twice the unbiased variance over views. ``variance``: max(0, 1 - sqrt(unbiased variance + 1e-4)), mean
    over dimensions and views. ``covariance``: squared off-diagonal entries of each view's covariance, summed
    and divided by P, mean over views times two (the sum, for two views). The sum of squares of ZᵀZ is that
    of ZZᵀ, so the smaller of the two is made.
    """
    views, images, width = z.shape
    centred = z - z.mean(1, keepdim=True)
    spread = centred.square().sum(1) / (images - 1)
    product = centred @ centred.mT if images < width else centred.mT @ centred
    squares = product.square().sum((1, 2)) / (images - 1) ** 2
    return {
        "invariance": 2 * (z - z.mean(0)).square().sum(0).mean() / (views - 1),
        "variance": F.relu(1 - (spread + 1e-4).sqrt()).mean(),
        "covariance": 2 * (squares - spread.square().sum(1)).mean() / width,
    }
