"""EMP-SSL: many small crops of an image agree with their mean while each set of crops fills the space.

Paper: Tong et al., 2023, EMP-SSL: Towards Self-Supervised Learning in One Training Epoch,
    https://arxiv.org/abs/2304.03977 (section 3).
Reference code: https://github.com/tsb0601/EMP-SSL (main.py, loss.py, model/model.py).
Differs from the reference: the perceptron is smaller (4096 and 1024 there); features are the encoder's
    output, not the perceptron's first layer, and are not averaged over crops when evaluated. As in the code,
    the mean of the crops is compared by its direction only.
Shapes: B images, V crops, D encoder width, P projector width; pixels (B, 3, h, w), h (V, B, D), z (V, B, P).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from kinfolk.core.distributed import gather
from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Method, Views
from kinfolk.nn.heads import mlp
from kinfolk.nn.passes import through
from kinfolk.nn.precision import full_precision


class EMPSSL(Method):
    """Terms ``similarity`` (to the mean of the crops) and ``coding_rate`` (of a batch), both negative."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        similarity: Annotated[float, "[0, inf)", "weight of the similarity (authors' code: 200)"] = 200.0,
        distortion: Annotated[float, "(0, inf)", "eps squared of the coding rate (authors' code: 0.2)"] = 0.2,
        hidden: Annotated[int, "[1, inf)", "width of the hidden layers (authors' code: 4096)"] = 512,
        out: Annotated[int, "[1, inf)", "width of the projections (authors' code: 1024)"] = 256,
        passes: Annotated[
            Literal["views", "all"], "batch norm over each crop or over all (authors' code: all)"
        ] = "all",
    ) -> None:
        super().__init__(encoder)
        self.weights = {"similarity": similarity}
        self.distortion = distortion
        self.passes = passes
        self.projector = mlp(encoder.width, hidden, out, layers=3, bias=True)

    def encode(self, views: Views) -> Encoded:
        h = through(self.encoder, views.pixels, self.passes)
        return Encoded(h, through(self.projector, list(h), self.passes))

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        return emp_ssl_terms(gather(encoded.z, 1), distortion=self.distortion)

    def projection(self) -> Callable[[Tensor], Tensor]:
        return self.projector


@full_precision
def emp_ssl_terms(z: Tensor, *, distortion: float) -> dict[str, Tensor]:
    """The two terms of z (V, B, P), whose rows are first brought to length one.

    ``similarity``: -cos(z_vi, mean over v of z_vi), mean over crops and images. ``coding_rate``:
    -1/2 logdet(I + P / (B distortion) Z_vᵀ Z_v), mean over crops. The determinant is the same for Z_v Z_vᵀ,
    so the smaller of the two is factored.
    """
    _, images, width = z.shape
    z = F.normalize(z, dim=2)
    gram = z @ z.mT if images < width else z.mT @ z
    eye = torch.eye(gram.shape[1], dtype=z.dtype, device=z.device)
    factor, _ = torch.linalg.cholesky_ex(eye + width / (images * distortion) * gram)
    return {
        "similarity": -F.cosine_similarity(z, z.mean(0, keepdim=True), dim=2).mean(),
        "coding_rate": -factor.diagonal(dim1=1, dim2=2).log().sum(1).mean(),
    }
