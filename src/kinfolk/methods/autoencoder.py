"""Auto-encoder: features from which a decoder paints the image again.

Paper: Hinton and Salakhutdinov, 2006, Reducing the Dimensionality of Data with Neural Networks,
    https://doi.org/10.1126/science.1127647.
Reference code: none.
Differs from the reference: convolutions, trained all at once; the code is the encoder's output, as wide as that is.
Shapes: B images, V views, D encoder width, S the image's side; pixels (B, 3, S, S), h (V, B, D), z (V, B, 3SS).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor

from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Method, Views
from kinfolk.nn.decoders import Decoder
from kinfolk.nn.passes import through
from kinfolk.nn.precision import full_precision


class AutoEncoder(Method):
    """Every view is painted from its own features: the term ``reconstruction``."""

    reads: ClassVar[tuple[str, ...]] = ("decoder",)
    least_views: ClassVar[int] = 1
    defaults: ClassVar[dict[str, Any]] = {"views": {"count": 1, "augmentations": []}}

    def __init__(
        self,
        encoder: Encoder,
        *,
        channels: Annotated[
            int, "[1, 256]", "of the decoder's last hidden layer; doubled at each coarser one"
        ] = 32,
    ) -> None:
        super().__init__(encoder)
        self.decoder = Decoder(encoder.width, encoder.image_size, channels)

    def encode(self, views: Views) -> Encoded:
        h = through(self.encoder, views.pixels, "all")
        return Encoded(h, through(self.decoder, list(h), "all").flatten(2))

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        return autoencoder_terms(encoded.z, torch.stack(views.pixels).flatten(2))

    def reconstruction(self) -> Callable[[Tensor], Tensor]:
        return lambda pixels: self.decoder(self.encoder(pixels))


@full_precision
def autoencoder_terms(z: Tensor, pixels: Tensor) -> dict[str, Tensor]:
    """The squared error of reconstructions z and normalised ``pixels`` (V, B, P), mean over all three."""
    return {"reconstruction": (z - pixels).square().mean()}
