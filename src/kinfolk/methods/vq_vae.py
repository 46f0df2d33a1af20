"""VQ-VAE: an auto-encoder whose features are entries of a learned codebook, one for each place of a small map.

Paper: van den Oord et al., 2017, Neural Discrete Representation Learning, https://arxiv.org/abs/1711.00937
    (equation 3; appendix A.1: the codebook as a moving average).
Reference code: https://github.com/google-deepmind/sonnet (sonnet/src/nets/vqvae.py).
Differs from the reference: the encoder is any, its last map is brought to the side from which the decoder doubles; a
    code that is hardly used moves to a feature of the batch (Dhariwal et al., 2020, Jukebox), all of them at first.
    The embedding is the mean over places of the encoder's last map, before it is quantised. Where an auxiliary splits
    it in the end, the second half of the map's channels is not quantised; what it takes in the middle follows.
Shapes: B images, V views, C channels of the encoder's last map, W code width, s side of the codes' map, S the image's
    side; pixels (B, 3, S, S), h (V, B, C), z (V, B, 3SS).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinfolk.core.distributed import gather
from kinfolk.encoders import Encoder, mean_over_positions
from kinfolk.methods import Encoded, Method, Views
from kinfolk.nn.decoders import Upsampling
from kinfolk.nn.passes import through
from kinfolk.nn.precision import full_precision


class VQVAE(Method):
    """The terms ``reconstruction`` and ``commitment``; ``perplexity`` (codes in use) is watched."""

    divides: ClassVar[bool] = True
    least_views: ClassVar[int] = 1
    defaults: ClassVar[dict[str, Any]] = {"views": {"count": 1, "augmentations": []}}

    def __init__(
        self,
        encoder: Encoder,
        *,
        codes: Annotated[int, "[2, inf)", "entries of the codebook (section 4.1: 512)"] = 512,
        width: Annotated[int, "[1, inf)", "numbers in each entry (reference code: 64)"] = 64,
        commitment: Annotated[float, "[0, inf)", "weight of the term commitment (section 3.2: 0.25)"] = 0.25,
        decay: Annotated[float, "[0, 1)", "of the moving averages (appendix A.1: 0.99)"] = 0.99,
        restart: Annotated[float, "[0, 1)", "a code used less than this share of the mean use moves; 0: none"] = 0.1,
        channels: Annotated[
            int, "[1, 256]", "of the decoder's last hidden layer; doubled at each coarser one"
        ] = 32,
    ) -> None:
        super().__init__(encoder)
        self.weights = {"commitment": commitment, "perplexity": 0.0}
        self.decay, self.restart = decay, restart
        self.decoder = Upsampling(encoder.image_size, channels, width)
        self.narrow = nn.Conv2d(encoder.own(last_channels(encoder)), width, 1)
        self.codebook: Tensor
        self.uses_of: Tensor
        self.sums: Tensor
        self.register_buffer("codebook", torch.randn(codes, width))
        self.register_buffer("uses_of", torch.zeros(codes))
        self.register_buffer("sums", torch.zeros(codes, width))
        self.seen: tuple[Tensor, Tensor] | None = None

    def encode(self, views: Views) -> Encoded:
        maps = through(lambda view: self.encoder.stages(view)[-1], views.pixels, "all")
        pooled = self.encoder.joined(mean_over_positions(maps.flatten(0, 1)))
        features = self._features(maps.flatten(0, 1))
        chosen = nearest_code(features, self.codebook)
        if self.training:
            self._remember(features.unflatten(0, maps.shape[:2]), views.generator)
        painted = self.decoder(features + (self._looked_up(chosen) - features).detach())
        return Encoded(
            pooled.unflatten(0, maps.shape[:2]),
            painted.flatten(1).unflatten(0, maps.shape[:2]),
            more={
                "features": features.unflatten(0, maps.shape[:2]),
                "codes": self._looked_up(chosen).unflatten(0, maps.shape[:2]),
                "chosen": chosen.unflatten(0, maps.shape[:2]),
            },
        )

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        pixels = torch.stack(views.pixels).flatten(2)
        terms = vq_vae_terms(encoded.z, pixels, encoded.more["features"], encoded.more["codes"])
        return {**terms, "perplexity": perplexity(gather(encoded.more["chosen"], 1), len(self.codebook))}

    def after_step(self, progress: float) -> None:
        assert self.seen is not None
        features, picked = self.seen
        member = F.one_hot(nearest_code(features[:, :, None, None], self.codebook).flatten(), len(self.codebook))
        member = member.to(features.dtype)
        self.uses_of.lerp_(member.sum(0), 1 - self.decay)
        self.sums.lerp_(member.T @ features, 1 - self.decay)
        mean_use = self.uses_of.mean()
        idle = (self.uses_of < self.restart * mean_use)[:, None]
        self.sums.copy_(torch.where(idle, features[picked] * mean_use, self.sums))
        self.uses_of.copy_(torch.where(idle[:, 0], mean_use, self.uses_of))
        used = (self.uses_of > 0)[:, None]
        self.codebook.copy_(torch.where(used, self.sums / self.uses_of.clamp(min=1e-10)[:, None], self.codebook))

    def embedder(self) -> nn.Module:
        return LastMap(self.encoder)

    def reconstruction(self) -> Callable[[Tensor], Tensor]:
        def painted(pixels: Tensor) -> Tensor:
            chosen = nearest_code(self._features(self.encoder.stages(pixels)[-1]), self.codebook)
            images: Tensor = self.decoder(self._looked_up(chosen))
            return images

        return painted

    def _features(self, maps: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, W, s, s)."""
        return F.adaptive_avg_pool2d(self.narrow(maps[:, : self.narrow.in_channels]), self.decoder.start)

    def _looked_up(self, chosen: Tensor) -> Tensor:
        """(N, s, s) -> (N, W, s, s)."""
        return self.codebook[chosen].permute(0, 3, 1, 2)

    def _remember(self, features: Tensor, generator: torch.Generator | None) -> None:
        """Keep the features of all processes, and which of them idle codes may move to, for ``after_step``."""
        whole = gather(features.detach(), 1).movedim(2, -1).flatten(0, -2).to(self.codebook.dtype)
        picked = torch.randint(len(whole), (len(self.codebook),), generator=generator)
        self.seen = whole, picked.to(whole.device)


class LastMap(nn.Module):
    """(B, 3, H, W) -> (B, C): the mean over places of the encoder's last map, and what was left aside in the middle."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        return self.encoder.joined(mean_over_positions(self.encoder.stages(images)[-1]))


@torch.no_grad()
def last_channels(encoder: Encoder) -> int:
    """Channels of the encoder's last map, seen on an empty image."""
    encoder.eval()
    channels = encoder.stages(torch.zeros(1, 3, encoder.image_size, encoder.image_size))[-1].shape[1]
    encoder.train()
    return channels


@full_precision
def nearest_code(features: Tensor, codebook: Tensor) -> Tensor:
    """The nearest (Euclidean) of ``codebook`` (K, W) for each place of ``features`` (N, W, s, s): int64 (N, s, s)."""
    score = torch.einsum("nwij,kw->nkij", features.detach(), codebook)
    return (codebook.square().sum(1)[:, None, None] - 2 * score).argmin(1)


@full_precision
def vq_vae_terms(z: Tensor, pixels: Tensor, features: Tensor, codes: Tensor) -> dict[str, Tensor]:
    """Squared errors, mean over everything.

    ``reconstruction``: of reconstructions z and normalised ``pixels`` (V, B, P). ``commitment``: of ``features``
    (V, B, W, s, s) to the ``codes`` that stand for them, which get no gradient.
    """
    return {
        "reconstruction": (z - pixels).square().mean(),
        "commitment": (features - codes.detach()).square().mean(),
    }


def perplexity(chosen: Tensor, codes: int) -> Tensor:
    """exp of the entropy of the codes ``chosen`` (any shape), of ``codes`` in all: as many as are in even use."""
    share = torch.bincount(chosen.flatten(), minlength=codes) / chosen.numel()
    return torch.special.entr(share).sum().exp()
