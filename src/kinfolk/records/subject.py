"""Subject: what is measured: features of two splits and, where asked for, the means to encode again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from kinfolk.records.features import Features
from kinfolk.records.images import Images


@dataclass(frozen=True)
class Subject:
    """Features to be measured, by role, behind one face for runs, files, encoders and floors.

    Attributes:
        name: the run's folder name, the file's name or the floor's.
        features: by ``(role, layer)``; roles are ``train`` and ``test``, and, where given,
            ``ood_train``, ``ood_test`` (classes never seen) and ``anomalies``; layers ``h`` and ``z``.
        images: the images behind the features, by role; empty for a features file.
        encode: pixels uint8 (n, 3, H, W) -> float32 (n, D), or None where nothing can be encoded again.
        views: (pixels, augmentation name, strength in [0, 1], seed) -> (altered pixels uint8, the
            parameters by name as float (n, ...)), or None.
        recipe_views: (pixels, seed) -> (one view of each as the run was trained on, uint8 (n, 3, s, s), the parameters
            by name, float (n, 1), or (n, 2) for an angle's cosine and sine), or None.
        heads: what the run's own heads read of such parameters on held-out images, as ``HEAD.BRANCH.R2.NAME``.
        paint: pixels uint8 (n, 3, H, W) -> what the method paints of them, uint8 (n, 3, S, S), or None.
        generate: (number n, seed) -> new images, uint8 (n, 3, S, S), or None.
        floor: whether this is a floor, beside which others are judged.
        steps: of training that a run had, or None where that is not known.
        protocol: entries that every score of this subject carries, such as its image size.
    """

    name: str
    features: dict[tuple[str, str], Features]
    images: dict[str, Images] = field(default_factory=dict)
    encode: Callable[[np.ndarray], np.ndarray] | None = None
    views: Callable[[np.ndarray, str, float, int], tuple[np.ndarray, dict[str, np.ndarray]]] | None = None
    recipe_views: Callable[[np.ndarray, int], tuple[np.ndarray, dict[str, np.ndarray]]] | None = None
    heads: Mapping[str, float] = field(default_factory=dict)
    paint: Callable[[np.ndarray], np.ndarray] | None = None
    generate: Callable[[int, int], np.ndarray] | None = None
    floor: bool = False
    steps: int | None = None
    protocol: dict[str, object] = field(default_factory=dict)

    def get(self, role: str, layer: str = "h") -> Features:
        """The features of one role; KeyError if the subject has none (evaluations declare their needs)."""
        return self.features[role, layer]

    def conditions(self, **used: Features) -> dict[str, object]:
        """The protocol entries every finding carries: ``protocol``, dataset, layer and the splits used.

        ``used`` names roles: ``conditions(train=bank, test=queries)`` gives ``train``, ``train_size``
        and so on; the first one says the dataset, the layer and the number of classes.
        """
        first = next(iter(used.values()))
        found: dict[str, object] = {**self.protocol, "dataset": first.dataset, "layer": first.layer}
        for role, features in used.items():
            found |= {role: features.split, f"{role}_size": len(features)}
        if (first.labels >= 0).any():
            found["classes"] = len(np.unique(first.labels[first.labels >= 0]))
        return found

    @property
    def offers(self) -> frozenset[str]:
        """What this subject can give: checked against what an evaluation ``needs``."""
        found = {role for role, _ in self.features} | {layer for _, layer in self.features}
        if ("train", "h") in self.features and all(
            (f := self.features.get((r, "h"))) is not None and (f.labels >= 0).any() for r in ("train", "test")
        ):
            found.add("labels")
        if self.images:
            found.add("images")
            parts = [self.images[role] for role in ("train", "test") if role in self.images]
            if len(parts) == 2 and set(parts[0].factors) & set(parts[1].factors):
                found.add("factors")
        for ability in ("encode", "views", "recipe_views", "paint", "generate"):
            if getattr(self, ability) is not None:
                found.add(ability)
        return frozenset(found)
