"""Supervised: cross-entropy on the labels, the ceiling that the methods without labels are held against.

Paper: none; the usual training of a classifier, on the same views as the other methods.
Reference code: none.
Differs from the reference: images without a label (-1) are left out of the mean.
Shapes: B images, V views, D encoder width, P classes; pixels (B, 3, h, w), h (V, B, D), z (V, B, P).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from kinfolk.core.distributed import gather
from kinfolk.core.errors import RequestError
from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Method, Views
from kinfolk.nn.passes import through
from kinfolk.nn.precision import full_precision


class Supervised(Method):
    """A linear classifier on the features, trained with them: the term ``cross_entropy``."""

    uses: ClassVar[frozenset[str]] = frozenset({"encoder", "labels"})
    reads: ClassVar[tuple[str, ...]] = ("classifier",)
    least_views: ClassVar[int] = 1

    def __init__(
        self,
        encoder: Encoder,
        *,
        classes: Annotated[
            int | Literal["auto"], "[2, inf)", "number of classes; auto: as many as the data has"
        ] = "auto",
        smoothing: Annotated[float, "[0, 1)", "label smoothing"] = 0.0,
        passes: Annotated[Literal["views", "all"], "batch norm over each view or over all"] = "all",
    ) -> None:
        super().__init__(encoder)
        if classes == "auto":
            raise RequestError("method.classes = 'auto' needs data with class names; give a number instead.")
        self.smoothing = smoothing
        self.passes = passes
        self.classifier = nn.Linear(encoder.width, int(classes))

    def encode(self, views: Views) -> Encoded:
        h = through(self.encoder, views.pixels, self.passes)
        return Encoded(h, through(self.classifier, list(h), self.passes))

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        if views.labels is None:
            raise RequestError("method 'supervised' uses labels, but the data has none.")
        return supervised_terms(gather(encoded.z, 1), gather(views.labels), smoothing=self.smoothing)

    def projection(self) -> Callable[[Tensor], Tensor]:
        return self.classifier


@full_precision
def supervised_terms(z: Tensor, labels: Tensor, *, smoothing: float) -> dict[str, Tensor]:
    """Cross-entropy of the logits z (V, B, P) with labels (B,), mean over views and labelled images (>= 0).

    With ``smoothing`` the target is 1 - smoothing for the class plus smoothing / P for every class (Szegedy
    et al., 2016, section 7). A batch without any label gives 0.
    """
    losses = F.cross_entropy(
        z.flatten(0, 1), labels.repeat(len(z)), ignore_index=-1, label_smoothing=smoothing, reduction="sum"
    )
    return {"cross_entropy": losses / (len(z) * (labels >= 0).sum()).clamp(min=1)}
