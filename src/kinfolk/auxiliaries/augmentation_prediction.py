"""Augmentation prediction: a small perceptron tells from h with which parameters each view was made.

Paper: none for the variants of branches, heads and splits; that predicting the difference of two views' parameters
    keeps what invariance throws away: Lee et al., 2021, https://arxiv.org/abs/2111.09613 (section 3; `input = pair`).
Targets: every parameter that varies: numbers standardised by their draw, the angle of hue as a point on the circle,
    flags by cross-entropy; of a pair the difference, for flags whether they differ. The order of the colour steps is
    left out: it has no scale. An augmentation that was not applied has the parameters of the identity, as drawn:
    nothing is masked. What a view cannot show (the hue of a grey one) lowers the R2 that can be reached.
Measures: R2 of each number and angle, accuracy of each flag beside that of guessing the commoner value.
Shapes: B images, V views, D width of h, P numbers predicted; h (V, B, D), outputs (V, B, P).
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from kinfolk.auxiliaries import Auxiliary, Features, Routing, Surroundings, beside
from kinfolk.core.errors import RequestError
from kinfolk.nn.heads import Reader
from kinfolk.nn.precision import full_precision
from kinfolk.nn.targets import Targets
from kinfolk.records.views import Views


class AugmentationPrediction(Auxiliary):
    """The term ``parameters``: the mean error over all parameters, 1 being that of predicting their means."""

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        weight: Annotated[float, "[0, inf)", "weight in the total"] = 1.0,
        input: Annotated[
            Literal["view", "original", "pair"],
            "predict from a view, from view and original, or from two views their difference",
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
        self.input, self.hidden = input, hidden
        self.uses = frozenset({"original": ["features"], "pair": ["pair"]}.get(input, []))
        try:
            self.targets = Targets(surroundings.example, surroundings.angles, difference=input == "pair")
        except ValueError:
            raise RequestError(
                "augmentation_prediction has nothing to predict, as no augmentation varies: "
                "take some, such as --set views.augmentations=crop,flip,jitter."
            ) from None
        self.place()

    def heads(self) -> nn.ModuleDict:
        copies = 1 if self.input == "view" else 2
        elaborate = self.routing.split == "replicate"
        return nn.ModuleDict({
            "reader": Reader(self.width, copies, self.hidden, self.targets.width, elaborate=elaborate)
        })

    def terms(self, branch: str, features: Features, views: Views) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        outputs = self.through(branch, "reader", beside(features, self.input)).float()
        drawn = views.parameters[: len(outputs)]
        if self.input == "pair":
            drawn = [self.targets.difference(a, b) for a, b in zip(drawn, [*drawn[1:], drawn[0]], strict=True)]
        wanted = torch.cat([self.targets(each) for each in drawn])
        outputs = outputs.flatten(0, 1)
        return augmentation_prediction_terms(outputs, wanted, self.targets), self.targets.measures(outputs, wanted)


@full_precision
def augmentation_prediction_terms(outputs: Tensor, wanted: Tensor, targets: Targets) -> dict[str, Tensor]:
    """The mean over images and parameters of their errors (see ``Targets.losses``); outputs and wanted (N, P)."""
    return {"parameters": targets.losses(outputs, wanted).mean()}
