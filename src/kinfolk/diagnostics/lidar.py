"""LiDAR: the effective rank of what tells images apart, over what changes between views of one image.

Paper: Thilak et al. 2024 (ICLR), "LiDAR: Sensing linear probing performance in joint embedding SSL
architectures", equations 1 to 3. Theirs takes 1,000 images in 50 views each; ours 400 in 5, so that it is bounded by
399 and comparable only within this protocol. The interval is the jackknife's, up to 1,024 dimensions.
Cost: images x views passes through the encoder, O(images x views x D^2 + D^3).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws, linalg
from kinfolk.numerics.stats import GROUPS, groups, jackknife
from kinfolk.records.findings import Finding
from kinfolk.records.subject import Subject

WIDEST = 1024


class Lidar:
    """One score, from fresh views of training images."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "images", "encode", "views"})
    floors: ClassVar[bool] = False

    def __init__(
        self,
        *,
        augmentations: Annotated[tuple[str, ...], "applied one after the other"] = (
            "crop", "flip", "jitter", "grayscale",
        ),
        strength: Annotated[float, "[0, 1]", "of each augmentation"] = 0.5,
        images: Annotated[int, "[2, inf)", "training images at most"] = 400,
        views: Annotated[int, "[2, 1000]", "of each image"] = 5,
    ) -> None:
        self.augmentations, self.strength, self.images, self.views = augmentations, strength, images, views

    def measure(self, subject: Subject) -> list[Finding]:
        """One score."""
        assert subject.views is not None
        assert subject.encode is not None
        train = subject.get("train")
        rows = draws.subset(train.index, self.images)
        original = np.asarray(subject.images["train"].pixels[rows])
        seen = []
        for view in range(self.views):
            pixels = original
            for step, name in enumerate(self.augmentations):
                pixels, _ = subject.views(pixels, name, self.strength, 100 * view + step)
            seen.append(subject.encode(pixels))
        views = np.stack(seen, axis=1)
        rank, group = linalg.lidar(views), groups(train.index[rows])
        low, high = jackknife(rank, lambda g: linalg.lidar(views[group != g])) if enough(views) else (None, None)
        protocol = {
            **subject.conditions(train=train.take(rows)), "views": self.views,
            "augmentations": list(self.augmentations), "strength": self.strength,
        }
        most = min(len(rows) - 1, train.vectors.shape[1])
        return [Finding(
            "lidar", "score", "train", subject.name, protocol, rank, low, high, f"of {most} dimensions", True,
            title="LiDAR",
            text=f"{rank:.1f} of at most {most} dimensions tell images apart beyond their views.",
        )]


def enough(views: np.ndarray) -> bool:
    """Whether (n, views, D) has the images for an interval, and not too many dimensions."""
    return len(views) >= 2 * GROUPS and views.shape[2] <= WIDEST
