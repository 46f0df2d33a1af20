"""What a method paints of images it was not trained on, and new images where it can make some.

Paper: none; the mean squared error per pixel and channel, with values from 0 to 1.
Protocol: the image is resized to the side that is painted. Beside the error stands that of the mean training image,
which knows nothing of the image it is held against.
Cost: one pass of ``images`` through encoder and decoder (for an auto-decoder, one optimisation).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws
from kinfolk.numerics.pixels import resized
from kinfolk.numerics.stats import bootstrap_mean
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject


class Reconstruction:
    """A score, a sheet of images with their reconstructions, and a sheet of new images."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test", "images", "paint"})
    floors: ClassVar[bool] = False

    def __init__(
        self,
        *,
        images: Annotated[int, "[10, inf)", "test images at most, chosen by a hash of their index"] = 1000,
        shown: Annotated[int, "[1, 60]", "images shown beside their reconstructions"] = 20,
        made: Annotated[int, "[0, 60]", "new images"] = 30,
    ) -> None:
        self.images, self.shown, self.made = images, shown, made

    def measure(self, subject: Subject) -> list[Finding]:
        """The error with its interval, and one or two galleries."""
        assert subject.paint is not None
        test, train = subject.images["test"], subject.images["train"]
        rows = draws.subset(test.index, self.images)
        painted = subject.paint(np.asarray(test.pixels[rows]))
        wanted = resized(np.asarray(test.pixels[rows]), painted.shape[-1])
        known = resized(np.asarray(train.pixels[draws.subset(train.index, self.images)]), painted.shape[-1])
        error = each_error(painted, wanted)
        nothing = float(each_error(known.mean(0), wanted).mean())
        low, high = bootstrap_mean(error)
        protocol = {**subject.conditions(test=subject.get("test").take(rows)), "painted_size": painted.shape[-1]}
        shown = draws.subset(test.index[rows], self.shown)
        text = f"The squared error per pixel (from 0 to 1) is {error.mean():.4f}; the mean image's is {nothing:.4f}."
        findings = [
            Finding(
                "reconstruction", "score", "test", subject.name, protocol, float(error.mean()), low, high,
                "squared error", False, title="Error of reconstructions", text=text,
                data={"mean_image": nothing},
            ),
            Finding(
                "reconstructions", "gallery", "test", subject.name, {**protocol, "shown": len(shown)},
                title="Images and what is painted of them", text=text, data={"split": test.split},
                arrays={
                    "images": test.index[rows[shown]],
                    "pictures": painted[shown].transpose(0, 2, 3, 1),
                    "score": error[shown].astype(np.float32),
                },
            ),
        ]
        if subject.generate is not None and self.made:
            new = subject.generate(self.made, 0)
            findings.append(Finding(
                "samples", "gallery", "test", subject.name, {**protocol, "made": self.made},
                title="New images", text=f"{self.made} images painted from latents drawn at random.",
                arrays={"pictures": new.transpose(0, 2, 3, 1)},
            ))
        return findings


def each_error(painted: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Mean squared error (n,) of images (n, 3, S, S) with values from 0 to 255, in units of 255."""
    difference = (painted.astype(np.float64) - wanted) / 255
    error: np.ndarray = (difference**2).mean((1, 2, 3))
    return error
