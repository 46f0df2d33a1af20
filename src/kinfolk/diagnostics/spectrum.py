"""Effective rank and eigenvalues of the features: how many directions are really used.

Papers: Garrido et al. 2023 (RankMe, equation 4); Agrawal et al. 2022 (alpha-ReQ, section 3); Facco et
al. 2017 (TwoNN).
Cost: O(images x D^2 + D^3 + neighbours^2 x D).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws, linalg
from kinfolk.numerics.dimension import two_nn
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class Spectrum:
    """RankMe, alpha-ReQ, local dimension and eigenvalues of the covariance of h, and of z where there is one."""

    needs: ClassVar[frozenset[str]] = frozenset({"train"})
    floors: ClassVar[bool] = False

    def __init__(
        self,
        *,
        images: Annotated[int, "[100, inf)", "training images at most (RankMe: 25,600)"] = 25_600,
        neighbours: Annotated[int, "[20, 100000]", "training images at most for the local dimension"] = 5000,
    ) -> None:
        self.images, self.neighbours = images, neighbours

    def measure(self, subject: Subject) -> list[Finding]:
        """For each layer: three scores and the curve of eigenvalues with the variance they explain."""
        findings = []
        for layer in ("h", "z"):
            if ("train", layer) in subject.features:
                findings += self._layer(subject, layer)
        return findings

    def _layer(self, subject: Subject, layer: str) -> list[Finding]:
        train = subject.get("train", layer)
        train = train.take(draws.subset(train.index, self.images))
        protocol = subject.conditions(train=train)
        width = train.vectors.shape[1]
        eigenvalues = linalg.spectrum(train.vectors)
        rank, alpha = linalg.rank_me(train.vectors), linalg.alpha_req(eigenvalues)
        explained = np.cumsum(eigenvalues) / max(eigenvalues.sum(), 1e-300)
        local = train.take(draws.subset(train.index, self.neighbours, stream=1))
        half = int(np.searchsorted(explained, 0.9)) + 1
        findings = [Finding(
            "rank_me", "score", "train", subject.name, protocol, rank, unit=f"of {width} dimensions",
            higher_is_better=True, title=f"RankMe of {layer}",
            text=f"The {layer} features use {rank:.1f} of {width} dimensions (RankMe).",
        )]
        if np.isfinite(alpha):
            findings.append(Finding(
                "alpha_req", "score", "train", subject.name, protocol, alpha, unit="exponent",
                title=f"alpha-ReQ of {layer}",
                text=f"The eigenvalues of {layer} fall like a power law with exponent {alpha:.2f}.",
            ))
        dimension = two_nn(local.vectors)
        findings.append(Finding(
            "intrinsic_dimension", "score", "train", subject.name, subject.conditions(train=local), dimension,
            unit="dimensions", title=f"Local dimension of {layer}",
            text=f"Around an image the {layer} features vary in {dimension:.1f} dimensions (TwoNN).",
        ))
        findings.append(Finding(
            "spectrum", "curve", "train", subject.name, protocol, title=f"Eigenvalues of {layer}",
            text=f"{half} of {width} directions hold 90 % of the variance of {layer}.",
            data={
                "x": list(range(1, width + 1)), "x_label": "direction", "y_label": "share of variance",
                "series": {
                    "eigenvalue": (eigenvalues / max(eigenvalues.sum(), 1e-300)).tolist(),
                    "explained so far": explained.tolist(),
                },
                "log": "xy",
            },
        ))
        return findings
