"""DINO: a student matches, from any crop, the sharpened and centred distribution a slow copy gives large ones.

Paper: Caron et al., 2021, Emerging Properties in Self-Supervised Vision Transformers,
    https://arxiv.org/abs/2104.14294 (section 3.1, algorithm 1).
Reference code: https://github.com/facebookresearch/dino (main_dino.py, vision_transformer.py).
Differs from the reference: any number of large views; the perceptron and the number of prototypes are smaller
    (2048 and 65536 there); the teacher's temperature rises step by step, not epoch by epoch. As there, the
    prototypes do not learn at first, and the embedding that is kept is the teacher's.
Shapes: B images, V views of which the first G are no small crops, D encoder width, P prototypes; pixels
    (B, 3, h, w), h (V, B, D), z (V, B, P), teacher (G, B, P).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn

from kinfolk.core.distributed import all_reduce, world
from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Method, Views
from kinfolk.nn.heads import Prototypes, mlp
from kinfolk.nn.passes import through
from kinfolk.nn.precision import full_precision
from kinfolk.nn.teacher import Teacher, averaged, momentum


class DINO(Method):
    """The term ``cross_entropy`` between the teacher's and the student's distributions over prototypes."""

    uses: ClassVar[frozenset[str]] = frozenset({"encoder", "teacher", "small"})

    def __init__(
        self,
        encoder: Encoder,
        *,
        student_temperature: Annotated[float, "(0, inf)", "student's softmax (section 3.2: 0.1)"] = 0.1,
        teacher_temperature: Annotated[
            float, "(0, inf)", "teacher's softmax after its warm-up (authors' code: 0.04; section 3.2: 0.07)"
        ] = 0.04,
        start_temperature: Annotated[float, "(0, inf)", "teacher's softmax at the start (section 3.2: 0.04)"] = 0.04,
        warmup: Annotated[
            float, "[0, 1]", "share of the run over which the teacher's temperature moves (section 3.2: 30 epochs)"
        ] = 0.1,
        freeze: Annotated[
            float, "[0, 1]", "share of the run before the prototypes learn (authors' code: 1 epoch of 100)"
        ] = 0.01,
        center_momentum: Annotated[float, "[0, 1]", "momentum of the center (authors' code: 0.9)"] = 0.9,
        momentum: Annotated[float, "[0, 1]", "teacher's momentum at the start (section 3.1: 0.996)"] = 0.99,
        hidden: Annotated[int, "[1, inf)", "width of the hidden layers (section 3.1: 2048)"] = 512,
        bottleneck: Annotated[int, "[1, inf)", "width before the prototypes (authors' code: 256)"] = 128,
        out: Annotated[int, "[2, inf)", "number of prototypes (authors' code: 65536)"] = 1024,
        passes: Annotated[
            Literal["views", "all"], "batch norm over each view or over all of a size (authors' code: all)"
        ] = "all",
    ) -> None:
        super().__init__(encoder)
        self.student_temperature, self.warmup = student_temperature, warmup
        self.temperatures = start_temperature, teacher_temperature
        self.center_momentum, self.momentum = center_momentum, momentum
        self.freeze, self.passes = freeze, passes
        self.projector = mlp(
            encoder.width, hidden, bottleneck, layers=3, norm=False, activation="gelu", bias=True
        )
        self.prototypes = Prototypes(bottleneck, out)
        self.teacher = Teacher(encoder=encoder, projector=self.projector, prototypes=self.prototypes)
        self.center: Tensor
        self.progress: Tensor
        self.register_buffer("center", torch.zeros(out))
        self.register_buffer("progress", torch.zeros(()))
        self.seen: Tensor | None = None

    def encode(self, views: Views) -> Encoded:
        h = through(self.encoder, views.pixels, self.passes)
        slow = self._slow(views.large)
        targets = averaged(
            self._targets(slow), lambda pixels: self._targets(self._slow(pixels)), views.partners, views.weight
        )
        scores = self.prototypes(self.projector(h.flatten(0, 1)), learn=self.progress >= self.freeze)
        return Encoded(
            h,
            z=scores.unflatten(0, h.shape[:2]),
            teacher=self.teacher("prototypes", targets.flatten(0, 1)).unflatten(0, targets.shape[:2]),
            more={"teacher_h": slow},
        )

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        assert encoded.teacher is not None
        if self.training:
            self.seen = encoded.teacher.float().mean((0, 1))
        return dino_terms(
            encoded.z,
            encoded.teacher,
            self.center,
            student_temperature=self.student_temperature,
            teacher_temperature=self._temperature(),
        )

    def after_step(self, progress: float) -> None:
        assert self.seen is not None
        self.progress.fill_(progress)
        self.center.lerp_(all_reduce(self.seen) / world(), 1 - self.center_momentum)
        now = momentum(progress, self.momentum)
        self.teacher.follow(
            now, encoder=self.encoder, projector=self.projector, prototypes=self.prototypes
        )

    def embedder(self) -> nn.Module:
        return self.teacher.get_submodule("encoder")

    def projection(self) -> Callable[[Tensor], Tensor]:
        return self.teacher.get_submodule("projector")

    def _slow(self, pixels: list[Tensor]) -> Tensor:
        return through(partial(self.teacher, "encoder"), pixels, self.passes)

    def _targets(self, slow: Tensor) -> Tensor:
        return self.teacher("projector", slow.flatten(0, 1)).unflatten(0, slow.shape[:2])

    def _temperature(self) -> Tensor:
        """The teacher's temperature at this point of the run."""
        start, end = self.temperatures
        done = (self.progress / self.warmup).clamp(max=1) if self.warmup else torch.ones_like(self.progress)
        return start + (end - start) * done


@full_precision
def dino_terms(
    z: Tensor, teacher: Tensor, center: Tensor, *, student_temperature: float, teacher_temperature: float | Tensor
) -> dict[str, Tensor]:
    """Cross-entropy of softmax(z_v / T_s) under softmax((teacher_g - center) / T_t), no gradient to the latter.

    ``z`` (V, B, P), ``teacher`` (G, B, P) for the first G <= V views, ``center`` (P,). Mean over the batch and over
    the pairs of a teacher's view g and a student's view v != g. The sums over views are taken first: the
    cross-entropy is linear in both.
    """
    target = ((teacher.detach() - center) / teacher_temperature).softmax(2)
    log = (z / student_temperature).log_softmax(2)
    count = len(teacher)
    crossed = (target.sum(0) * log.sum(0)).sum(1) - (target * log[:count]).sum((0, 2))
    return {"cross_entropy": -crossed.mean() / (count * (len(z) - 1))}
