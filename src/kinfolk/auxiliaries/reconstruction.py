"""Reconstruction: the parameters predicted for a view make it again from the original, and the pixels are compared.

Paper: none.
Modes: `apply` gives the predicted parameters to the augmentation itself, whose gradient brings the error of the pixels
    back to the perceptron; flags blend with and without by their probability, the order of the colour steps and
    what never varies are taken as drawn. `decoder` makes the view by a network from the original's h and the predicted
    parameters.
Targets: as in augmentation_prediction, whose error is the term `parameters` here; with `parameters = 0` it is only
    logged and the pixels alone teach the perceptron (in mode `decoder` its outputs then mean what they come to mean).
Measures: R2 of each number and angle, accuracy of each flag beside that of guessing the commoner value.
Shapes: B images, V views, D width of h, P numbers predicted; h (V, B, D), views (V, B, 3, h, w), normalised.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from kinfolk.auxiliaries import Auxiliary, Features, Routing, Surroundings, beside
from kinfolk.core.errors import RequestError
from kinfolk.nn.decoders import Decoder
from kinfolk.nn.heads import Reader
from kinfolk.nn.precision import full_precision
from kinfolk.nn.targets import Drawn, Targets
from kinfolk.records.views import Views

CHANNELS = 32
"""Of the decoder's last hidden layer."""


class Reconstruction(Auxiliary):
    """Terms ``view`` (mean squared error of normalised pixels) and ``parameters`` (mean error, 1 at chance)."""

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        weight: Annotated[float, "[0, inf)", "weight of both terms in the total"] = 1.0,
        mode: Annotated[
            Literal["apply", "decoder"], "by the augmentation itself, or by a decoder from the original's h"
        ] = "apply",
        parameters: Annotated[
            float, "[0, inf)", "weight of the parameters' own error beside the pixels'; 0: only logged"
        ] = 1.0,
        input: Annotated[
            Literal["view", "original"], "predict the parameters from a view, or from view and original"
        ] = "view",
        branches: Annotated[Literal["online", "teacher", "both"], "which branches predict"] = "online",
        counted: Annotated[
            Literal["online", "teacher", "both"], "whose loss is part of the total; the other's is only logged"
        ] = "both",
        gradient: Annotated[Literal["reaches", "stops"], "whether it reaches the encoder or stops before"] = "reaches",
        teacher_head: Annotated[
            Literal["slow", "trained"], "follows the online head as the teacher does, or learns by its own loss"
        ] = "slow",
        split: Annotated[
            Literal["none", "end", "middle", "replicate"],
            "predict from all of h; from its second half, the method keeping the first (end); from the second half "
            "of the last-but-one stage, the first going on (middle); from all, elaborated by a perceptron (replicate)",
        ] = "none",
        hidden: Annotated[int, "[1, inf)", "width of the perceptron's hidden layer"] = 512,
    ) -> None:
        super().__init__(surroundings, Routing(weight, branches, counted, gradient, teacher_head, split))
        self.mode, self.input, self.hidden = mode, input, hidden
        self.weights = {"parameters": parameters}
        self.size, self.replay = surroundings.size, surroundings.replay
        self.uses = frozenset({"features"} if mode == "decoder" or input == "original" else ())
        try:
            self.targets = Targets(surroundings.example, surroundings.angles)
        except ValueError:
            raise RequestError(
                "reconstruction has nothing to predict, as no augmentation varies: "
                "take some, such as --set views.augmentations=crop,flip,jitter."
            ) from None
        self.place()

    def heads(self) -> nn.ModuleDict:
        copies, out = 1 if self.input == "view" else 2, self.targets.width
        elaborate = self.routing.split == "replicate"
        made = nn.ModuleDict({"reader": Reader(self.width, copies, self.hidden, out, elaborate=elaborate)})
        if self.mode == "decoder":
            made["decoder"] = Decoder(self.width + out, self.size, CHANNELS)
        return made

    def terms(self, branch: str, features: Features, views: Views) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        outputs = self.through(branch, "reader", beside(features, self.input)).float()
        drawn = views.parameters[: len(outputs)]
        if self.mode == "apply":
            made = self._applied(outputs, drawn, views)
        else:
            assert features.originals is not None
            made = self.through(branch, "decoder", torch.cat([self.targets.activated(outputs), features.originals], 2))
        fed = torch.stack(views.pixels[: len(outputs)])
        flat, wanted = outputs.flatten(0, 1), torch.cat([self.targets(each) for each in drawn])
        terms = reconstruction_terms(made, fed) | {"parameters": self.targets.losses(flat, wanted).mean()}
        return terms, self.targets.measures(flat, wanted)

    def _applied(self, outputs: Tensor, drawn: list[Drawn], views: Views) -> Tensor:
        """The views (V, B, 3, h, w) that the predicted parameters make of the originals."""
        predicted = [self.targets.parameters_of(output, each) for output, each in zip(outputs, drawn, strict=True)]
        return torch.stack([self.replay(*each) for each in zip(views.made_from, predicted, strict=False)])


@full_precision
def reconstruction_terms(made: Tensor, fed: Tensor) -> dict[str, Tensor]:
    """The mean squared difference of the views made and those that were fed, both (V, B, 3, h, w)."""
    return {"view": (made - fed).square().mean()}
