"""SwAV: from one crop, predict to which prototypes another crop is assigned, the batch being spread evenly.

Paper: Caron et al., 2020, Unsupervised Learning of Visual Features by Contrasting Cluster Assignments,
    https://arxiv.org/abs/2006.09882 (equations 1 to 5).
Reference code: https://github.com/facebookresearch/swav (main_swav.py, src/resnet50.py).
Differs from the reference: any number of large views; there is no queue; the perceptron and the number of
    prototypes are smaller (2048 and 3000 there); the prototypes are brought to length one inside the network.
    As there, they do not learn at first.
Shapes: B images, V views of which the first G are no small crops, D encoder width, P prototypes; pixels
    (B, 3, h, w), h (V, B, D), z (V, B, P).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor

from kinfolk.core.distributed import gather
from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Method, Views
from kinfolk.nn.heads import Prototypes, mlp
from kinfolk.nn.passes import through
from kinfolk.nn.precision import full_precision


class SwAV(Method):
    """The term ``cross_entropy`` between assignments of large crops and predictions from the others."""

    uses: ClassVar[frozenset[str]] = frozenset({"encoder", "small"})

    def __init__(
        self,
        encoder: Encoder,
        *,
        temperature: Annotated[float, "(0, inf)", "temperature of the softmax (appendix A: 0.1)"] = 0.1,
        spread: Annotated[float, "(0, inf)", "weight of the entropy, epsilon (appendix A: 0.05)"] = 0.05,
        iterations: Annotated[int, "[1, 100]", "rounds of Sinkhorn and Knopp (section 3.1: 3)"] = 3,
        hidden: Annotated[int, "[1, inf)", "width of the hidden layer (authors' code: 2048)"] = 512,
        bottleneck: Annotated[int, "[1, inf)", "width before the prototypes (authors' code: 128)"] = 128,
        out: Annotated[int, "[2, inf)", "number of prototypes (authors' code: 3000)"] = 512,
        freeze: Annotated[
            float, "[0, 1]", "share of the run before the prototypes learn (authors' code: 1 epoch of 100)"
        ] = 0.01,
        passes: Annotated[
            Literal["views", "all"], "batch norm over each view or over all of a size (authors' code: all)"
        ] = "all",
    ) -> None:
        super().__init__(encoder)
        self.temperature, self.spread, self.iterations = temperature, spread, iterations
        self.freeze, self.passes = freeze, passes
        self.projector = mlp(encoder.width, hidden, bottleneck, bias=True)
        self.prototypes = Prototypes(bottleneck, out)
        self.progress: Tensor
        self.register_buffer("progress", torch.zeros(()))

    def encode(self, views: Views) -> Encoded:
        h = through(self.encoder, views.pixels, self.passes)
        projections = through(self.projector, list(h), self.passes)
        scores = self.prototypes(projections.flatten(0, 1), learn=self.progress >= self.freeze)
        return Encoded(h, z=scores.view(*h.shape[:2], -1))

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        return swav_terms(
            gather(encoded.z, 1),
            large=len(views.large),
            temperature=self.temperature,
            spread=self.spread,
            iterations=self.iterations,
        )

    def after_step(self, progress: float) -> None:
        self.progress.fill_(progress)

    def projection(self) -> Callable[[Tensor], Tensor]:
        return self.projector


@full_precision
def swav_terms(z: Tensor, *, large: int, temperature: float, spread: float, iterations: int) -> dict[str, Tensor]:
    """Cross-entropy of softmax(z_v / temperature) under the assignments of the scores z_g, z (V, B, P).

    The first ``large`` views are assigned, without gradient (``assignments``). Mean over the batch and over the
    pairs of an assigned view g and another view v != g. The sums over views are taken first: the cross-entropy
    is linear in both.
    """
    target = assignments(z[:large].detach(), spread, iterations)
    log = (z / temperature).log_softmax(2)
    crossed = (target.sum(0) * log.sum(0)).sum(1) - (target * log[:large]).sum((0, 2))
    return {"cross_entropy": -crossed.mean() / (large * (len(z) - 1))}


def assignments(scores: Tensor, spread: float, iterations: int) -> Tensor:
    """Spread each view's images evenly over the prototypes: scores (G, B, P) -> shares that sum to one over P.

    Sinkhorn and Knopp's rounds on exp(scores / spread): every prototype is given the same weight, then every
    image. In logarithms, so that a small ``spread`` does not overflow.
    """
    logs = scores / spread
    for _ in range(iterations):
        logs = logs - torch.logsumexp(logs, 1, keepdim=True)
        logs = logs - torch.logsumexp(logs, 2, keepdim=True)
    return logs.exp()
