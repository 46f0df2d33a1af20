"""SimSiam: from one view, predict the projection of another, whose gradient is stopped; no slow copy.

Paper: Chen and He, 2021, Exploring Simple Siamese Representation Learning, https://arxiv.org/abs/2011.10566
    (equations 1 to 4).
Reference code: https://github.com/facebookresearch/simsiam (simsiam/builder.py, main_simsiam.py).
Differs from the reference: more than two views are taken; the perceptrons are smaller (2048 and 512 there).
    As in the code, the projector's last batch norm has no scale and shift.
Shapes: B images, V views, D encoder width, P projector width; pixels (B, 3, h, w), h (V, B, D), z and
    teacher (V, B, P), the teacher being the projections themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from torch import Tensor
from torch.nn import functional as F

from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Method, Views
from kinfolk.nn.heads import mlp
from kinfolk.nn.passes import through
from kinfolk.nn.precision import full_precision


class SimSiam(Method):
    """Predictions against projections without gradient: the term ``prediction``, -1 where they agree."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        hidden: Annotated[int, "[1, inf)", "width of the projector's hidden layers (section 3: 2048)"] = 512,
        out: Annotated[int, "[1, inf)", "width of the projections (section 3: 2048)"] = 512,
        bottleneck: Annotated[int, "[1, inf)", "hidden width of the predictor (section 3: 512)"] = 128,
        passes: Annotated[
            Literal["views", "all"], "batch norm over each view or over all (authors' code: views)"
        ] = "views",
    ) -> None:
        super().__init__(encoder)
        self.passes = passes
        self.projector = mlp(encoder.width, hidden, out, layers=3, last_norm="plain")
        self.predictor = mlp(out, bottleneck, out)

    def encode(self, views: Views) -> Encoded:
        h = through(self.encoder, views.pixels, self.passes)
        projections = through(self.projector, list(h), self.passes)
        predictions = through(self.predictor, list(projections), self.passes)
        return Encoded(h, predictions, teacher=projections.detach())

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        assert encoded.teacher is not None
        return simsiam_terms(encoded.z, encoded.teacher)

    def projection(self) -> Callable[[Tensor], Tensor]:
        return self.projector


@full_precision
def simsiam_terms(z: Tensor, teacher: Tensor) -> dict[str, Tensor]:
    """The negative cosine of z_v and teacher_w (V, B, P), mean over the batch and the ordered pairs v != w.

    For two views, half of the sum of the two directions. The sum of all cosines comes from the sums of the
    unit vectors over views.
    """
    count = len(z)
    z, teacher = F.normalize(z, dim=2), F.normalize(teacher.detach(), dim=2)
    crossed = (z.sum(0) * teacher.sum(0)).sum(1) - (z * teacher).sum((0, 2))
    return {"prediction": -crossed.mean() / (count * (count - 1))}
