"""VAE: an auto-encoder whose features are distributions, kept near a normal one so that it can be sampled.

Paper: Kingma and Welling, 2014, Auto-Encoding Variational Bayes, https://arxiv.org/abs/1312.6114 (equation 10,
    appendix B); active units: Burda et al., 2016, https://arxiv.org/abs/1509.00519.
Reference code: none by the authors.
Differs from the reference: convolutions; the image's distribution is a normal one of fixed variance, so that its
    log-likelihood is a squared error; ``kl`` is twice that variance (in units of the normalised pixels).
Shapes: B images, V views, D encoder width, L latent width, S the image's side; pixels (B, 3, S, S), h (V, B, L): the
    mean, z (V, B, 3SS). Where an auxiliary splits h in the end, half of the means are its own: neither drawn from,
    painted nor kept near a normal one. What it takes in the middle follows the means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn

from kinfolk.core.distributed import gather, share, world
from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Method, Views
from kinfolk.nn.decoders import Decoder
from kinfolk.nn.passes import through
from kinfolk.nn.precision import full_precision

ACTIVE = 0.01


class VAE(Method):
    """The terms ``reconstruction`` and ``kl``; ``active_units`` (dimensions in use) is watched."""

    divides: ClassVar[bool] = True
    least_views: ClassVar[int] = 1
    defaults: ClassVar[dict[str, Any]] = {"views": {"count": 1, "augmentations": []}}

    def __init__(
        self,
        encoder: Encoder,
        *,
        latent: Annotated[int, "[1, inf)", "width of the latent space"] = 128,
        kl: Annotated[float, "[0, inf)", "weight of the term kl (equation 10: 1)"] = 1.0,
        channels: Annotated[
            int, "[1, 256]", "of the decoder's last hidden layer; doubled at each coarser one"
        ] = 32,
    ) -> None:
        super().__init__(encoder)
        self.weights = {"kl": kl, "active_units": 0.0}
        self.latent = encoder.own(latent)
        self.mean = nn.Linear(encoder.width, latent)
        self.log_variance = nn.Linear(encoder.width, self.latent)
        self.decoder = Decoder(self.latent, encoder.image_size, channels)

    def encode(self, views: Views) -> Encoded:
        features = through(self.encoder, views.pixels, "all")
        h, log_variance = embedding(self.mean, features), self.log_variance(features[..., : self.mean.in_features])
        count, images, _ = h.shape
        noise = torch.randn(count, images * world(), self.latent, generator=views.generator)
        drawn = h[..., : self.latent] + noise[:, share(images * world())].to(h) * (0.5 * log_variance).exp()
        painted = through(self.decoder, list(drawn), "all")
        return Encoded(h, painted.flatten(2), more={"log_variance": log_variance})

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        pixels = torch.stack(views.pixels).flatten(2)
        mean = encoded.h[..., : self.latent]
        terms = vae_terms(encoded.z, pixels, mean, encoded.more["log_variance"])
        return {**terms, "active_units": active_units(gather(mean.detach(), 1))}

    def embedder(self) -> nn.Module:
        return Means(self.encoder, self.mean)

    def reconstruction(self) -> Callable[[Tensor], Tensor]:
        return lambda pixels: self.decoder(embedding(self.mean, self.encoder(pixels))[:, : self.latent])

    def generation(self) -> Callable[[int, torch.Generator], Tensor]:
        return lambda count, generator: self.decoder(
            torch.randn(count, self.latent, generator=generator).to(self.mean.weight)
        )


class Means(nn.Module):
    """(B, 3, H, W) -> (B, L): the means, and what was left aside in the middle after them."""

    def __init__(self, encoder: Encoder, mean: nn.Linear) -> None:
        super().__init__()
        self.encoder, self.mean = encoder, mean

    def forward(self, images: Tensor) -> Tensor:
        return embedding(self.mean, self.encoder(images))


def embedding(mean: nn.Linear, features: Tensor) -> Tensor:
    """h of the encoder's output (..., D): the means of its first columns, then the columns beyond, if there are any."""
    return torch.cat([mean(features[..., : mean.in_features]), features[..., mean.in_features :]], -1)


@full_precision
def vae_terms(z: Tensor, pixels: Tensor, mean: Tensor, log_variance: Tensor) -> dict[str, Tensor]:
    """The two terms of the negative evidence bound, means over views and batch.

    ``reconstruction``: the squared error of reconstructions z and normalised ``pixels`` (V, B, P), summed over P.
    ``kl``: (mean^2 + exp(log_variance) - 1 - log_variance) / 2 of (V, B, L), summed over L.
    """
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
    return {
        "reconstruction": (z - pixels).square().sum(2).mean(),
        "kl": divergence.sum(2).mean(),
    }


@full_precision
def active_units(mean: Tensor) -> Tensor:
    """How many of L dimensions have means (V, B, L) that vary over the images by more than 0.01 (variance)."""
    return (mean.flatten(0, 1).var(0) > ACTIVE).sum().to(torch.float32)
