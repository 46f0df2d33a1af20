"""Methods: how an encoder learns from views; each leaf is one file with one pure function of its terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from kinfolk.encoders import Encoder
from kinfolk.records.views import Views

__all__ = ["Encoded", "Method", "Views"]


@dataclass
class Encoded:
    """What ``encode`` hands to ``terms`` and to auxiliaries.

    Attributes:
        h: (V, B, D) features of the online encoder.
        z: (V, B, P) what the loss compares: projections or predictions.
        teacher: (V, B, P) targets without gradient, where there is a teacher.
        more: anything else the method's terms need, by name.
    """

    h: Tensor
    z: Tensor
    teacher: Tensor | None = None
    more: dict[str, Tensor] = field(default_factory=dict)


class Method(nn.Module):
    """The contract of a leaf: ``encode``, ``terms``, ``after_step``, ``embedder``, in this order.

    The encoder is the only positional argument; the keyword-only arguments are the settings. ``weights``
    gives the weight of each term in the total; terms themselves are returned unweighted. A value that is only
    to be watched (a perplexity, say) is a term without gradient and of weight 0. A method knows no dataset,
    optimiser, device, epoch or logger.

    Class variables, written as literals because a recipe reads them from the source:

    * ``uses`` names what the method asks for: ``encoder`` (without it the encoder given is the bare contract, which
      knows the image size only), ``labels``, ``teacher``, ``index`` (it keeps a latent for every training image: it
      takes plain images, and embeds others by optimisation, so that little is validated and watched), ``small`` (it
      takes small crops beside the views, and makes targets of ``views.large`` alone).
    * ``least_views`` is how many views of an image (small crops included) its terms need.
    * ``reads`` names the submodules that take h, so that an auxiliary can have a part of h for itself. A method whose
      h is not the encoder's output (``divides``) leaves that part to it by ``encoder.own`` and ``encoder.joined``.
    * ``defaults`` are values of a recipe, by section, that suit the method better than the general ones.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"encoder"})
    defaults: ClassVar[dict[str, Any]] = {}
    reads: ClassVar[tuple[str, ...]] = ("projector",)
    divides: ClassVar[bool] = False
    least_views: ClassVar[int] = 2

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.weights: dict[str, float] = {}

    def encode(self, views: Views) -> Encoded:
        """Pass the views through the networks."""
        raise NotImplementedError

    def terms(self, encoded: Encoded, views: Views) -> dict[str, Tensor]:
        """The unweighted terms of the loss, scalars by name."""
        raise NotImplementedError

    def after_step(self, progress: float) -> None:
        """Move what moves without gradient (teachers, queues, centres); ``progress`` runs from 0 to 1."""

    def embedder(self) -> nn.Module:
        """The module that maps normalised pixels (B, 3, H, W) to features (B, D)."""
        return self.encoder

    def projection(self) -> Callable[[Tensor], Tensor] | None:
        """The map from h (B, D) to z (B, P) for diagnosis in evaluation mode, or None."""
        return None

    def trained(self) -> tuple[Tensor, Tensor] | None:
        """Latents (N, D) of the training images by their number in the split, learned with the network, or None.

        Beside them whether each was learned at all (N,): an image that no step held still has what it began with.

        They are a space of their own: not to be mixed with what ``embedder`` gives, not even of the same images.
        """
        return None

    def reconstruction(self) -> Callable[[Tensor], Tensor] | None:
        """The map from normalised pixels (B, 3, H, W) to what the method paints of them, (B, 3, S, S), or None."""
        return None

    def generation(self) -> Callable[[int, torch.Generator], Tensor] | None:
        """The map from a number n and a CPU generator to n new normalised images (n, 3, S, S), or None."""
        return None

    def see_first(self, width: int) -> int:
        """Let what takes h, here and in the teacher, see its first ``width`` columns only; how many modules do."""
        names = [prefix + name for name in self.reads for prefix in ("", "teacher.")]
        readers = [module for name, module in self.named_modules() if name in names]
        for reader in readers:
            reader.register_forward_pre_hook(lambda module, inputs: (inputs[0][..., :width],))
        return len(readers)

    def forward(self, views: Views) -> dict[str, Tensor]:
        """``terms(encode(views), views)``."""
        return self.terms(self.encode(views), views)

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """The weighted sum that is minimised."""
        return torch.stack([self.weights.get(name, 1.0) * term for name, term in terms.items()]).sum()
