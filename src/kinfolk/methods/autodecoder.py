"""Auto-decoder: a decoder alone; every training image has a latent of its own, learned together with the decoder.

Paper: Park et al., 2019, DeepSDF, https://arxiv.org/abs/1901.05103 (section 4: auto-decoders, equations 9 and 10).
Reference code: https://github.com/facebookresearch/DeepSDF (train_deep_sdf.py, reconstruct.py).
Differs from the reference: it paints images; no weight normalisation; a latent moves only in the steps that hold its
    image, by Adam with moments and a count of steps of its own (the reference's Adam moves all rows in every step).
    An image's latent for evaluation, whether it was trained on or not, starts at 0 and is found by one and the same
    optimisation of the loss against the fixed decoder: gradient steps of Barzilai and Borwein's lengths, which need no
    learning rate (14 passes came lower than 30 of Adam's, the reference's way; benchmarks/LOG.md).
Shapes: B images, V views (which share a latent), L latent width, N numbered training images, S the image's side;
    pixels (B, 3, S, S), h (V, B, L), z (V, B, 3SS).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinfolk.core.distributed import gather
from kinfolk.core.errors import RequestError
from kinfolk.encoders import Encoder
from kinfolk.methods import Encoded, Method, Views
from kinfolk.nn.decoders import Decoder
from kinfolk.nn.descent import lowest
from kinfolk.nn.precision import full_precision

FIRST, SECOND, TINY = 0.9, 0.999, 1e-8


class AutoDecoder(Method):
    """The terms ``reconstruction`` and ``prior``, the squared length of the latents."""

    uses: ClassVar[frozenset[str]] = frozenset({"index"})
    least_views: ClassVar[int] = 1
    defaults: ClassVar[dict[str, Any]] = {"views": {"count": 1, "augmentations": []}}

    def __init__(
        self,
        encoder: Encoder,
        *,
        images: Annotated[
            int | Literal["auto"], "[1, inf)", "numbered training images; auto: as the data has"
        ] = "auto",
        latent: Annotated[int, "[1, inf)", "width of the latent space"] = 128,
        spread: Annotated[float, "[0, inf)", "deviation of the latents at the start (section 5: 0.01)"] = 0.01,
        rate: Annotated[float, "(0, inf)", "learning rate of the latents (reference code: 0.001)"] = 0.05,
        prior: Annotated[float, "[0, inf)", "weight of the term prior (reference code: 0.0001)"] = 0.1,
        steps: Annotated[int, "[1, inf)", "steps that find a latent for evaluation (reference code: 800)"] = 14,
        channels: Annotated[
            int, "[1, 256]", "of the decoder's last hidden layer; doubled at each coarser one"
        ] = 32,
    ) -> None:
        super().__init__(encoder)
        if images == "auto":
            raise RequestError("method.images = 'auto' needs data; give the number of training images instead.")
        self.weights = {"prior": prior}
        self.rate, self.steps = rate, steps
        self.decoder = Decoder(latent, encoder.image_size, channels)
        self.latents: Tensor
        self.first: Tensor
        self.second: Tensor
        self.visits: Tensor
        self.register_buffer("latents", spread * torch.randn(int(images), latent))
        self.register_buffer("first", torch.zeros(int(images), latent))
        self.register_buffer("second", torch.zeros(int(images), latent))
        self.register_buffer("visits", torch.zeros(int(images), 1))
        self.held: tuple[Tensor, Tensor] | None = None

    def encode(self, views: Views) -> Encoded:
        if self.training:
            index = views.index.to(self.latents.device)
            latents = self.latents[index].requires_grad_()
            self.held = index, latents
        else:
            latents = self.infer(torch.stack(views.pixels).mean(0))
        count = len(views.pixels)
        painted = self.decoder(latents).flatten(1)
        return Encoded(latents.expand(count, -1, -1), painted.expand(count, -1, -1))

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        return autodecoder_terms(encoded.z, torch.stack(views.pixels).flatten(2), encoded.h)

    def after_step(self, progress: float) -> None:
        assert self.held is not None
        index, latents = self.held
        assert latents.grad is not None
        rows, slope = gather(index), gather(latents.grad * len(latents))
        table = (self.latents, self.first, self.second, self.visits)
        held = [whole[rows] for whole in table]
        adam(held, slope, rate=self.rate * falling(progress))
        for whole, part in zip(table, held, strict=True):
            whole[rows] = part

    def embedder(self) -> nn.Module:
        return Inference(self)

    def trained(self) -> tuple[Tensor, Tensor]:
        return self.latents, self.visits[:, 0] > 0

    def reconstruction(self) -> Callable[[Tensor], Tensor]:
        return lambda pixels: self.decoder(self.infer(pixels))

    def generation(self) -> Callable[[int, torch.Generator], Tensor]:
        """New images from a normal distribution fitted to the latents that were trained."""

        def painted(count: int, generator: torch.Generator) -> Tensor:
            known = self.latents[self.visits[:, 0] > 0]
            centred = (known - known.mean(0)) / max(1, len(known) - 1) ** 0.5
            mix = torch.randn(count, len(known), generator=generator).to(known)
            images: Tensor = self.decoder(known.mean(0) + mix @ centred)
            return images

        return painted

    def infer(self, pixels: Tensor) -> Tensor:
        """Latents (B, L) of normalised pixels (B, 3, H, W), found with the decoder as it is; in evaluation mode."""
        side = self.decoder.upsampling.size
        if pixels.shape[2:] != (side, side):
            pixels = F.interpolate(pixels, (side, side), mode="area")
        wanted = pixels.flatten(1)

        def height(latents: Tensor) -> tuple[Tensor, Tensor]:
            with torch.enable_grad():
                asked = latents.clone().requires_grad_()
                each = errors(self.decoder(asked).flatten(1), wanted, asked)
                total = torch.stack([self.weights.get(name, 1.0) * term for name, term in each.items()]).sum(0)
                slope = torch.autograd.grad(total.sum(), asked)[0]
            return total.detach(), slope

        return lowest(height, self.latents.new_zeros(len(pixels), self.latents.shape[1]), self.steps)


class Inference(nn.Module):
    """Normalised pixels (B, 3, H, W) -> latents (B, L), by optimisation."""

    def __init__(self, method: AutoDecoder) -> None:
        super().__init__()
        self.method = method

    def forward(self, pixels: Tensor) -> Tensor:
        return self.method.infer(pixels)


def falling(progress: float) -> float:
    """Half a cosine from 1 to 0."""
    return 0.5 * (1 + math.cos(math.pi * progress))


@torch.no_grad()
def adam(held: list[Tensor], slope: Tensor, *, rate: float) -> None:
    """One step of Adam (Kingma and Ba, 2015, Algorithm 1) in place, each row with moments and a count of its own.

    ``held`` is values, first and second moments (B, L) and counts (B, 1); ``slope`` is the gradient (B, L).
    """
    values, first, second, visits = held
    visits += 1
    first.lerp_(slope, 1 - FIRST)
    second.lerp_(slope.square(), 1 - SECOND)
    size = (second / (1 - SECOND**visits)).sqrt_().add_(TINY)
    values -= rate * (first / (1 - FIRST**visits)) / size


@full_precision
def errors(z: Tensor, pixels: Tensor, latents: Tensor) -> dict[str, Tensor]:
    """The terms of every image: squared error (...) of z and ``pixels`` (..., P), squared length of (..., L)."""
    return {"reconstruction": (z - pixels).square().sum(-1), "prior": latents.square().sum(-1)}


@full_precision
def autodecoder_terms(z: Tensor, pixels: Tensor, latents: Tensor) -> dict[str, Tensor]:
    """Means over views and batch.

    ``reconstruction``: the squared error of z and normalised ``pixels`` (V, B, P), summed over P. ``prior``: the
    squared length of ``latents`` (V, B, L). With ``prior``'s weight w they are, up to a constant and a factor, the
    negative logarithm of a normal posterior whose noise has w times the variance of the latents' prior.
    """
    return {name: each.mean() for name, each in errors(z, pixels, latents).items()}
