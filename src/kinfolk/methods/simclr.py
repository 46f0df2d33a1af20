"""SimCLR: views of one image attract each other, views of all other images repel.

Paper: Chen et al., 2020, A Simple Framework for Contrastive Learning of Visual Representations,
    https://arxiv.org/abs/2002.05709 (equation 1; appendix B.9 for small images).
Reference code: https://github.com/google-research/simclr (objective.py, model_util.py).
Differs from the reference: more than two views are taken (positives are averaged outside the logarithm and
    an anchor's other positives are left out of its denominator); the projector's widths are smaller; the
    batch norm after its last layer has a shift as well as a scale.
Shapes: B images, V views, D encoder width, P projector width; pixels (B, 3, h, w), h (V, B, D), z (V, B, P).
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


class SimCLR(Method):
    """Contrast within the batch; the terms ``attraction`` and ``repulsion`` add up to NT-Xent."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        temperature: Annotated[
            float, "(0, inf)", "temperature of the softmax (appendix B.9: 0.5 on CIFAR-10 after 1000 epochs)"
        ] = 0.2,
        hidden: Annotated[int, "[1, inf)", "width of its hidden layer (authors' code: the encoder's)"] = 512,
        out: Annotated[int, "[1, inf)", "width of the projector's output (section 2.3: 128)"] = 128,
        passes: Annotated[
            Literal["views", "all"], "batch norm over each view or over all (authors' code: all)"
        ] = "all",
    ) -> None:
        super().__init__(encoder)
        self.temperature = temperature
        self.passes = passes
        self.projector = mlp(encoder.width, hidden, out, last_norm="affine")

    def encode(self, views: Views) -> Encoded:
        h = through(self.encoder, views.pixels, self.passes)
        return Encoded(h, through(self.projector, list(h), self.passes))

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        return simclr_terms(gather(encoded.z, 1), temperature=self.temperature)

    def projection(self) -> Callable[[Tensor], Tensor]:
        return self.projector


@full_precision
def simclr_terms(z: Tensor, *, temperature: float) -> dict[str, Tensor]:
    """NT-Xent of z (V, B, P), V >= 2, in two terms.

    With s the cosine similarity over the temperature, for every anchor (v, i) and each of its positives
    (w, i), w != v, the loss is ``-s(vi, wi) + log(exp s(vi, wi) + sum over u and j != i of exp s(vi, uj))``;
    ``attraction`` is the mean of the first part over anchors and positives, ``repulsion`` of the second.
    At random their sum is near ln(2B - 1) for V = 2.
    """
    count, images, _ = z.shape
    z = F.normalize(z, dim=2)
    positive = (z[:, None] * z).sum(3) / temperature
    rows = z.flatten(0, 1)
    similarity = (rows / temperature) @ rows.T
    same = torch.eye(images, dtype=torch.bool, device=z.device).repeat(count, count)
    lowest = torch.finfo(similarity.dtype).min
    negative = similarity.masked_fill_(same, lowest).logsumexp(1).view(count, 1, images)
    other = ~torch.eye(count, dtype=torch.bool, device=z.device)
    return {
        "attraction": -positive[other].mean(),
        "repulsion": torch.logaddexp(positive, negative)[other].mean(),
    }
