"""BYOL: from one view, predict what a slow copy of the network makes of another view; no negatives.

Paper: Grill et al., 2020, Bootstrap Your Own Latent, https://arxiv.org/abs/2006.07733 (equation 2,
    section 3.3).
Reference code: https://github.com/google-deepmind/deepmind-research/tree/master/byol (byol_experiment.py).
Differs from the reference: more than two views are taken, and small crops, of which the teacher sees none; the
    perceptrons are smaller (4096 and 256 there); the momentum starts at 0.99, not 0.996, because runs on small
    data are short. As there, the two directions are summed (averaging them halves the learning rate), the
    predictor is on the online branch only, and the teacher's batch norm uses its own batch while training and
    its own running statistics after.
Shapes: B images, V views of which the first G are no small crops, D encoder width, P projector width; pixels
    (B, 3, h, w), h (V, B, D), z (V, B, P), teacher (G, B, P).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, ClassVar, Literal

from torch import Tensor
from torch.nn import functional as F

from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Method, Views
from kinfolk.nn.heads import mlp
from kinfolk.nn.passes import through
from kinfolk.nn.precision import full_precision
from kinfolk.nn.teacher import Teacher, averaged, momentum


class BYOL(Method):
    """Predictions of the online branch against projections of the teacher: the term ``prediction``."""

    uses: ClassVar[frozenset[str]] = frozenset({"encoder", "teacher", "small"})

    def __init__(
        self,
        encoder: Encoder,
        *,
        momentum: Annotated[float, "[0, 1]", "teacher's momentum at the start (section 3.3: 0.996)"] = 0.99,
        hidden: Annotated[int, "[1, inf)", "hidden width of both perceptrons (section 3.3: 4096)"] = 512,
        out: Annotated[int, "[1, inf)", "width of the projections (section 3.3: 256)"] = 128,
        passes: Annotated[
            Literal["views", "all"], "batch norm over each view or over all (authors' code: views)"
        ] = "views",
    ) -> None:
        super().__init__(encoder)
        self.momentum = momentum
        self.passes = passes
        self.projector = mlp(encoder.width, hidden, out, bias=True, last_bias=False)
        self.predictor = mlp(out, hidden, out, bias=True, last_bias=False)
        self.teacher = Teacher(encoder=encoder, projector=self.projector)

    def encode(self, views: Views) -> Encoded:
        h = through(self.encoder, views.pixels, self.passes)
        projections = through(self.projector, list(h), self.passes)
        slow = self._slow(views.large)
        return Encoded(
            h,
            z=through(self.predictor, list(projections), self.passes),
            teacher=averaged(
                self._targets(slow), lambda pixels: self._targets(self._slow(pixels)), views.partners, views.weight
            ),
            more={"teacher_h": slow},
        )

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        assert encoded.teacher is not None
        return byol_terms(encoded.z, encoded.teacher)

    def after_step(self, progress: float) -> None:
        now = momentum(progress, self.momentum)
        self.teacher.follow(now, encoder=self.encoder, projector=self.projector)

    def projection(self) -> Callable[[Tensor], Tensor]:
        return self.projector

    def _slow(self, pixels: list[Tensor]) -> Tensor:
        return through(partial(self.teacher, "encoder"), pixels, self.passes)

    def _targets(self, slow: Tensor) -> Tensor:
        return through(partial(self.teacher, "projector"), list(slow), self.passes)


@full_precision
def byol_terms(z: Tensor, teacher: Tensor) -> dict[str, Tensor]:
    """The squared distance of unit vectors, 2 - 2 cos(z_v, teacher_w), of predictions and targets.

    ``z`` (V, B, P), ``teacher`` (G, B, P) for the first G <= V views. Mean over the batch, sum over the pairs of
    views v != w times 2 / (G (V - 1)): for two views, the sum of the two directions. The sum of all cosines comes
    from the sums of the unit vectors over views.
    """
    count = len(teacher)
    z, teacher = F.normalize(z, dim=2), F.normalize(teacher.detach(), dim=2)
    crossed = (z.sum(0) * teacher.sum(0)).sum(1) - (z[:count] * teacher).sum((0, 2))
    return {"prediction": 4 - 4 * crossed.mean() / (count * (len(z) - 1))}
