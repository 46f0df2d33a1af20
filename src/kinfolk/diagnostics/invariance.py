"""Invariance: how far the embedding moves with each augmentation, and what of its parameters can be read out.

The way is one minus the cosine of image and altered image, as a share of that between random images. The read-out is
a ridge regression of the parameters from the difference of the two embeddings, fitted on one half of the images and
scored (R2, at least 0) on the other; the order of steps, whose number has no scale, is left out.
Cost: for each augmentation images x (1 + (strengths - 1) / 4) passes through the encoder.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws, ridge
from kinfolk.numerics.linalg import cosines
from kinfolk.numerics.stats import bootstrap_mean
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class Invariance:
    """For each augmentation two scores (the way at full strength, and R2), and one curve of all over strength."""

    needs: ClassVar[frozenset[str]] = frozenset({"test", "images", "encode", "views"})
    floors: ClassVar[bool] = False

    def __init__(
        self,
        *,
        augmentations: Annotated[tuple[str, ...], "which"] = (
            "crop", "flip", "jitter", "grayscale", "blur", "solarize",
        ),
        strengths: Annotated[tuple[float, ...], "[0, 1]", "the last one is the headline"] = (0.25, 0.5, 0.75, 1.0),
        images: Annotated[int, "[8, inf)", "test images at most; a quarter of them below full strength"] = 2000,
    ) -> None:
        self.augmentations, self.strengths, self.images = augmentations, strengths, images

    def measure(self, subject: Subject) -> list[Finding]:
        """Scores and the curve."""
        assert subject.encode is not None
        test = subject.get("test")
        rows = draws.subset(test.index, self.images)
        pixels = np.asarray(subject.images["test"].pixels[rows])
        unaltered = subject.encode(pixels)
        apart = max(float((1 - cosines(unaltered, np.roll(unaltered, 1, 0))).mean()), 1e-12)
        common = subject.conditions(test=test.take(rows))
        findings: list[Finding] = []
        series: dict[str, list[float]] = {}
        for name in self.augmentations:
            series[name] = self._ways(subject, name, pixels, unaltered, apart)
            findings += self._full(subject, name, pixels, unaltered, apart, common)
            series[name].append(float(findings[-1].value or 0))
        ordered = sorted(series, key=lambda name: -series[name][-1])
        return [*findings, Finding(
            "invariance", "curve", "test", subject.name, {**common, "augmentations": list(self.augmentations)},
            title="How far the embedding moves",
            text=f"The embedding moves most with {ordered[0]} ({series[ordered[0]][-1]:.0%} of the way to a random "
            f"image) and least with {ordered[-1]} ({series[ordered[-1]][-1]:.0%}).",
            data={
                "x": [0.0, *self.strengths], "x_label": "strength of the augmentation",
                "y_label": "way, as a share of that to a random image", "series": series,
                "lines": {"random image": 1.0},
            },
        )]

    def _ways(
        self, subject: Subject, name: str, pixels: np.ndarray, unaltered: np.ndarray, apart: float
    ) -> list[float]:
        """The mean way at no strength and at all but the last strength, on a quarter of the images."""
        assert subject.views is not None
        assert subject.encode is not None
        few = max(1, len(pixels) // 4)
        ways = [0.0]
        for strength in self.strengths[:-1]:
            altered, _ = subject.views(pixels[:few], name, strength, 0)
            ways.append(float((1 - cosines(unaltered[:few], subject.encode(altered))).mean()) / apart)
        return ways

    def _full(
        self,
        subject: Subject,
        name: str,
        pixels: np.ndarray,
        unaltered: np.ndarray,
        apart: float,
        common: dict[str, object],
    ) -> list[Finding]:
        """At the last strength: R2 of the parameters where they vary, then the way (always last)."""
        assert subject.views is not None
        assert subject.encode is not None
        altered, parameters = subject.views(pixels, name, self.strengths[-1], 0)
        moved = subject.encode(altered)
        way = (1 - cosines(unaltered, moved)) / apart
        low, high = bootstrap_mean(way)
        protocol = {**common, "augmentation": name, "strength": self.strengths[-1]}
        columns = {
            f"{key}{'' if values.ndim == 1 else f'[{i}]'}": column
            for key, values in parameters.items()
            for i, column in enumerate(np.asarray(values, dtype=np.float64).reshape(len(pixels), -1).T)
            if column.std() > 1e-9
        }
        findings = []
        if columns:
            each, bounds = ridge.held_out_r2(moved - unaltered, np.stack(list(columns.values()), 1))
            share = float(each.mean())
            findings.append(Finding(
                "read_out", "score", "test", subject.name, protocol, share, *bounds, "R2",
                title=f"Reading the parameters of {name}",
                data={"parameters": dict(zip(columns, each.tolist(), strict=True))},
                text=f"A ridge regression reads {share:.0%} of the variance of {name}'s parameters from how the "
                "embedding moved.",
            ))
        findings.append(Finding(
            "way", "score", "test", subject.name, protocol, float(way.mean()), low, high,
            "share of the way to a random image", title=f"Moved by {name}",
            text=f"{name} moves the embedding {way.mean():.0%} of the way to a random image.",
        ))
        return findings
