"""Objective: a method and its auxiliaries as one module: views in, terms and measures out, one total to minimise."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from kinfolk.auxiliaries import Auxiliary, Features
from kinfolk.load.views import normalise
from kinfolk.methods import Encoded, Method
from kinfolk.records.views import Views

Scalars = dict[str, Tensor]


class Objective(nn.Module):
    """Every term of the method, then those of each auxiliary as ``NAME.BRANCH.TERM``.

    Auxiliaries read the views of full size, not small crops. The originals, where one asks for them, pass through
    the encoder as batches of their own, and that pass leaves no trace in running statistics: with the gradient
    stopped, a method trains to the bit as it does alone.
    """

    def __init__(self, method: Method, auxiliaries: Mapping[str, Auxiliary]) -> None:
        super().__init__()
        self.method = method
        self.auxiliaries: Mapping[str, Auxiliary] = nn.ModuleDict(auxiliaries)  # type: ignore[assignment]

    def forward(self, views: Views) -> tuple[Scalars, Scalars]:
        """Unweighted terms, and measures that are only logged, by name."""
        encoded = self.method.encode(views)
        terms = self.method.terms(encoded, views)
        measures: Scalars = {}
        branches = self._branches(encoded, views) if self.auxiliaries else {}
        for name, auxiliary in self.auxiliaries.items():
            found, said = auxiliary(branches, views)
            terms |= {f"{name}.{key}": value for key, value in found.items()}
            measures |= {f"{name}.{key}": value for key, value in said.items()}
        return terms, measures

    def total(self, terms: Scalars) -> Tensor:
        """The weighted sum that is minimised."""
        added = [key for key in terms if key.partition(".")[0] in self.auxiliaries and "." in key]
        total = self.method.total({key: value for key, value in terms.items() if key not in added})
        for key in added:
            name, _, term = key.partition(".")
            weight = self.auxiliaries[name].weight(term)
            total = total + weight * terms[key] if weight else total
        return total

    def after_step(self, progress: float) -> None:
        """Move what moves without gradient; ``progress`` runs from 0 to 1."""
        self.method.after_step(progress)
        for auxiliary in self.auxiliaries.values():
            auxiliary.after_step(progress)

    def weights(self) -> Scalars:
        """Parameters and buffers: the method's under its own names, an auxiliary's under ``auxiliaries.NAME``."""
        state: Scalars = self.state_dict()
        return {k.removeprefix("method."): v for k, v in state.items()}

    def _branches(self, encoded: Encoded, views: Views) -> dict[str, Features]:
        routings = [a.routing for a in self.auxiliaries.values() if "features" in a.uses]
        reaches = any(r.gradient == "reaches" for r in routings)
        found = {}
        for branch, h in (("online", encoded.h), ("teacher", encoded.more.get("teacher_h"))):
            if h is None:
                continue
            h = h[: len(views.large)]
            asked = any(r.on(branch) for r in routings)
            with torch.set_grad_enabled(torch.is_grad_enabled() and reaches and branch == "online"):
                originals = self._traceless(branch, views.made_from[: len(h)]) if asked else None
            found[branch] = Features(h, originals)
        return found

    def _traceless(self, branch: str, images: list[Tensor]) -> Tensor:
        """h (V, B, D) of the images by a branch's network, whose buffers stay as they are; each is passed once."""
        if branch == "teacher":
            network = self.method.get_submodule("teacher.encoder")
        else:
            network = self.method.encoder if "teacher" in self.method.uses else self.method.embedder()
        dtype = next(network.parameters()).dtype
        buffers = {k: v.clone() for k, v in network.named_buffers()}
        different = {id(image): image for image in images}
        h = {k: functional_call(network, buffers, (normalise(image).to(dtype),)) for k, image in different.items()}
        return torch.stack([h[id(image)] for image in images])
