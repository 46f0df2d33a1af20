"""MoCo v3: from one view, pick out the same image among what a slow copy makes of another view of the batch.

Paper: Chen, Xie and He, 2021, An Empirical Study of Training Self-Supervised Vision Transformers,
    https://arxiv.org/abs/2104.02057 (section 3, algorithm 1). The negatives are the batch: there is no queue.
Reference code: https://github.com/facebookresearch/moco-v3 (moco/builder.py).
Differs from the reference: more than two views are taken, and small crops, of which the teacher sees none; the
    perceptrons are smaller (4096 and 256 there); the temperature is that of the vision transformers, 0.2 (1 for
    ResNet-50 there). As there, the last batch norm of both perceptrons has no scale and shift, and the teacher's
    batch norm uses its own batch while training and its own running statistics after.
Shapes: B images, V views of which the first G are no small crops, D encoder width, P projector width; pixels
    (B, 3, h, w), h (V, B, D), z (V, B, P), teacher (G, B, P).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from kinfolk.core.distributed import gather
from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Method, Views
from kinfolk.nn.heads import mlp
from kinfolk.nn.passes import through
from kinfolk.nn.precision import full_precision
from kinfolk.nn.teacher import Teacher, averaged, momentum


class MoCo(Method):
    """Contrast of predictions with the teacher's projections: terms ``attraction`` and ``repulsion``."""

    uses: ClassVar[frozenset[str]] = frozenset({"encoder", "teacher", "small"})

    def __init__(
        self,
        encoder: Encoder,
        *,
        temperature: Annotated[float, "(0, inf)", "softmax temperature (authors' code, ViT: 0.2)"] = 0.2,
        momentum: Annotated[float, "[0, 1]", "teacher's momentum at the start (authors' code: 0.99)"] = 0.99,
        hidden: Annotated[int, "[1, inf)", "hidden width of both perceptrons (authors' code: 4096)"] = 512,
        out: Annotated[int, "[1, inf)", "width of the projections (authors' code: 256)"] = 128,
        layers: Annotated[int, "[1, 8]", "layers of the projector (authors' code: ResNet 2, ViT 3)"] = 2,
        passes: Annotated[
            Literal["views", "all"], "batch norm over each view or over all (authors' code: views)"
        ] = "views",
    ) -> None:
        super().__init__(encoder)
        self.temperature = temperature
        self.momentum = momentum
        self.passes = passes
        self.projector = mlp(encoder.width, hidden, out, layers, last_norm="plain")
        self.predictor = mlp(out, hidden, out, last_norm="plain")
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
        return moco_terms(gather(encoded.z, 1), gather(encoded.teacher, 1), temperature=self.temperature)

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
def moco_terms(z: Tensor, teacher: Tensor, *, temperature: float) -> dict[str, Tensor]:
    """InfoNCE of predictions z (V, B, P), V >= 2, and the targets teacher (G, B, P) of the first G views, in two terms.

    With s the cosine similarity over the temperature T, for every pair of views v <= V, w <= G, v != w, and every
    image i: 2 T (-s(z_vi, teacher_wi) + log sum over j of exp s(z_vi, teacher_wj)). ``attraction`` is the
    first part, ``repulsion`` the second: mean over the batch, sum over pairs times 2 / (G (V - 1)),
    which for two views is the sum of the two directions.
    """
    count, images, _ = z.shape
    large = len(teacher)
    z, teacher = F.normalize(z, dim=2), F.normalize(teacher.detach(), dim=2)
    similarity = (z.flatten(0, 1) / temperature) @ teacher.flatten(0, 1).T
    similarity = similarity.view(count, images, large, images).transpose(1, 2)
    other = ~torch.eye(count, large, dtype=torch.bool, device=z.device)
    return {
        "attraction": -4 * temperature * similarity.diagonal(dim1=2, dim2=3)[other].mean(),
        "repulsion": 4 * temperature * similarity.logsumexp(3)[other].mean(),
    }
