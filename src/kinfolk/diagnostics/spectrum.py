"""Effective rank, spread and eigenvalues of the features: how many directions are really used, and how far.

Papers: Garrido et al. 2023 (RankMe, equation 4); Agrawal et al. 2022 (alpha-ReQ, section 3); Facco et
al. 2017 (TwoNN). Intervals are the jackknife's, but for the local dimension up to 1,024 dimensions alone.
Cost: O(images x D^2 + D^3 + neighbours^2 x D).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import collapse, dimension, draws, linalg, stats
from kinfolk.records.features import Features
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject

WIDEST = 1024
STILL = 0.01


class Spectrum:
    """RankMe, alpha-ReQ, spread, local dimension and eigenvalues of the covariance of h, and of z if there is one."""

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
        """For each layer: four scores, the eigenvalues with the variance they explain, the deviation by dimension."""
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
        mean, cov = linalg.covariance(train.vectors)
        eigenvalues = linalg.falling(cov)
        rank, alpha = linalg.rank_of(mean, cov), linalg.alpha_req(eigenvalues)
        spread = collapse.spread_of(mean, float(np.trace(cov)))
        ranks, alphas, spreads = intervals(train, rank, alpha, spread)
        explained = np.cumsum(eigenvalues) / max(eigenvalues.sum(), 1e-300)
        local = train.take(draws.subset(train.index, self.neighbours, stream=1))
        half = int(np.searchsorted(explained, 0.9)) + 1
        findings = [Finding(
            "rank_me", "score", "train", subject.name, protocol, rank, *ranks, f"of {width} dimensions", True,
            title=f"RankMe of {layer}",
            text=f"The {layer} features use {rank:.1f} of {width} dimensions (RankMe).",
        )]
        if np.isfinite(alpha):
            findings.append(Finding(
                "alpha_req", "score", "train", subject.name, protocol, alpha, *alphas, "exponent",
                title=f"alpha-ReQ of {layer}",
                text=f"The eigenvalues of {layer} fall like a power law with exponent {alpha:.2f}.",
            ))
        findings.append(Finding(
            "spread", "score", "train", subject.name, protocol, spread, *spreads, "variance over mean square",
            title=f"Spread of {layer}",
            text=f"The variance of {layer} is {spread:.2f} of its mean square length; 0 is one point for all images.",
        ))
        ratio = dimension.ratios(local.vectors)
        part = stats.groups(np.arange(len(ratio)))
        around = dimension.fitted(ratio)
        near = stats.jackknife(around, lambda g: dimension.fitted(ratio[part != g]))
        findings.append(Finding(
            "intrinsic_dimension", "score", "train", subject.name, subject.conditions(train=local), around, *near,
            "dimensions", title=f"Local dimension of {layer}",
            text=f"Around an image the {layer} features vary in {around:.1f} dimensions (TwoNN).",
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
        return [*findings, _deviations(train, subject, protocol)]


def intervals(train: Features, rank: float, alpha: float, spread: float) -> list[tuple[float | None, float | None]]:
    """The jackknife's intervals of RankMe, alpha-ReQ and spread; none with few images or many dimensions."""
    if len(train) < 100 or train.vectors.shape[1] > WIDEST:
        return [(None, None)] * 3
    parts = linalg.covariances_without(train.vectors, stats.groups(train.index))

    def rank_without(g: int) -> float:
        return linalg.rank_of(*parts[g])

    def alpha_without(g: int) -> float:
        return linalg.alpha_req(linalg.falling(parts[g][1]))

    def spread_without(g: int) -> float:
        mean, cov = parts[g]
        return collapse.spread_of(mean, float(np.trace(cov)))

    found = ((rank, rank_without), (alpha, alpha_without), (spread, spread_without))
    return [stats.jackknife(value, without) for value, without in found]


def _deviations(train: Features, subject: Subject, protocol: dict[str, object]) -> Finding:
    each = np.sort(train.vectors.std(0, dtype=np.float64))[::-1]
    still = int((each < STILL * max(each[0], 1e-300)).sum())
    return Finding(
        "deviations", "curve", "train", subject.name, protocol, title=f"Deviation of each dimension of {train.layer}",
        text=f"{still} of {len(each)} dimensions of {train.layer} vary by less than {STILL:.0%} of the one that varies "
        "most.",
        data={
            "x": list(range(1, len(each) + 1)), "x_label": "dimension, ordered", "y_label": "standard deviation",
            "series": {"deviation": each.tolist()},
        },
    )
