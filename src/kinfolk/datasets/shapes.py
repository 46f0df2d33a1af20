"""Ten shapes rendered from signed distances, every factor of variation drawn independently and recorded.

Made for diagnosis: what an embedding keeps of position, size, rotation and colour can be read against the
truth. Colour and background are independent of the class, so a colour shortcut scores at chance. The
generator is frozen: a change of any pixel would need a new name.

Factors (float64, length N): ``x``, ``y`` (centre, as a part of the side, from the left and from the top), ``radius``
(of the circle around the shape, as a part of the side), ``rotation`` (degrees in [0, 360), anticlockwise;
circle and ring do not show it, square, cross, hexagon, triangle and star only up to their symmetry),
``hue``, ``saturation``, ``value`` (of the shape), ``ground_hue``, ``ground_saturation``, ``ground_value``, and
the background's stripes: ``texture_waves`` (periods across the side), ``texture_angle`` (degrees in [0, 180)),
``texture_phase`` (degrees), ``texture_contrast``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np

from kinfolk.core import seeds
from kinfolk.core.errors import unknown
from kinfolk.datasets import Source

RANGES = {
    "x": (0.3, 0.7), "y": (0.3, 0.7), "radius": (0.15, 0.3), "rotation": (0, 360),
    "hue": (0, 1), "saturation": (0.5, 1), "value": (0.6, 1),
    "ground_hue": (0, 1), "ground_saturation": (0, 0.6), "ground_value": (0.1, 0.45),
    "texture_waves": (1, 6), "texture_angle": (0, 180), "texture_phase": (0, 360), "texture_contrast": (0, 0.3),
}
PERIODS = {"rotation": 360, "hue": 1, "ground_hue": 1, "texture_angle": 180, "texture_phase": 360}
TURNING = ("crescent", "heart", "arrow")
"""The shapes without any symmetry but of a full turn."""
BATCH = 256


class Shapes:
    """Rendered shapes: any number, any size, exactly reproducible."""

    def __init__(
        self,
        *,
        seed: Annotated[int, "[0, inf)", "what the images are drawn from"] = 0,
        size: Annotated[int, "[8, 512]", "side of the images in pixels"] = 32,
        train: Annotated[int, "[1, inf)", "number of training images"] = 10000,
        test: Annotated[int, "[1, inf)", "number of test images"] = 2000,
    ) -> None:
        self.seed, self.size = seed, size
        self.counts = {"train": train, "test": test}

    def splits(self) -> tuple[str, ...]:
        """``train`` and ``test``, drawn independently."""
        return tuple(self.counts)

    def open(self, split: str) -> Source:
        """Draw the factors of one split; images are rendered when asked for, a batch at a time."""
        if split not in self.counts:
            raise unknown("split of shapes", split, self.counts)
        return Renderings(self.seed, split, self.counts[split], self.size)


class Renderings:
    """One split of the shapes."""

    def __init__(self, seed: int, split: str, count: int, size: int) -> None:
        random = np.random.Generator(np.random.PCG64(seeds.key(seed, f"shapes {split}")))
        drawn = random.random((count, 1 + len(RANGES)))
        self.classes = tuple(SHAPES)
        self.labels = (drawn[:, 0] * len(SHAPES)).astype(np.int64)
        self.factors = {
            name: low + drawn[:, i] * (high - low) for i, (name, (low, high)) in enumerate(RANGES.items(), 1)
        }
        self.origins = [f"shapes {split} {i}" for i in range(count)]
        self.fingerprint = f"shapes-1-{split}-{seed}-{count}-{size}"
        self.card: dict[str, Any] = {
            "source": "rendered by kinfolk", "licence": "CC0", "periods": PERIODS, "shown_by": {"rotation": TURNING},
        }
        self._size = size
        self._lock = threading.Lock()
        self._batches: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.labels)

    def decode(self, position: int, at_least: int = 0) -> np.ndarray:
        """Return image ``position`` as RGB uint8 (size, size, 3)."""
        batch = position // BATCH
        with self._lock:
            if batch not in self._batches:
                rows = slice(batch * BATCH, (batch + 1) * BATCH)
                factors = {name: values[rows] for name, values in self.factors.items()}
                self._batches = dict(list(self._batches.items())[-2:])
                self._batches[batch] = render(self.labels[rows], factors, self._size)
            image: np.ndarray = self._batches[batch][position % BATCH]
            return image

    def shape(self, position: int) -> tuple[int, int]:
        """Return (height, width)."""
        return self._size, self._size


def render(labels: np.ndarray, factors: dict[str, np.ndarray], size: int) -> np.ndarray:
    """Render images: class numbers (B,) and factors (B,) -> uint8 (B, size, size, 3).

    A pixel is covered by the part of it within the shape, taken as linear in the distance of its centre to
    the outline; the shape is laid over the background with that part.
    """
    f = {name: values.astype(np.float32)[:, None, None] for name, values in factors.items()}
    middle = (np.arange(size, dtype=np.float32) + 0.5) / size
    across, down = np.meshgrid(middle, middle)
    cosine, sine = np.cos(np.radians(f["rotation"])), np.sin(np.radians(f["rotation"]))
    right, up = (across - f["x"]) / f["radius"], (f["y"] - down) / f["radius"]
    x, y = cosine * right + sine * up, cosine * up - sine * right
    distance = np.empty_like(x)
    for number, outline in enumerate(SHAPES.values()):
        rows = labels == number
        distance[rows] = outline(x[rows], y[rows])
    cover = np.clip(0.5 - distance * f["radius"] * size, 0, 1)[..., None]
    angle = np.radians(f["texture_angle"])
    wave = np.sin(2 * np.pi * f["texture_waves"] * (np.cos(angle) * across + np.sin(angle) * down)
                  + np.radians(f["texture_phase"]))
    ground = rgb(f["ground_hue"], f["ground_saturation"], f["ground_value"] + f["texture_contrast"] * wave)
    shape = rgb(f["hue"], f["saturation"], f["value"])
    pixels: np.ndarray = np.rint(255 * np.clip(ground + cover * (shape - ground), 0, 1)).astype(np.uint8)
    return pixels


def rgb(hue: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Colour of hue, saturation and value, each (...) in [0, 1], as RGB (..., 3)."""
    turned = (hue[..., None] * 6 + np.array([5, 3, 1], dtype=np.float32)) % 6
    part = np.clip(np.minimum(turned, 4 - turned), 0, 1)
    return np.asarray(value[..., None] * (1 - saturation[..., None] * part))


def circle(x: np.ndarray, y: np.ndarray, radius: float = 1.0) -> np.ndarray:
    """Signed distance to a circle around the origin; as all of these: negative within."""
    return np.asarray(np.hypot(x, y) - radius)


def polygon(corners: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Signed distance to a closed polygon of corners (n, 2): the nearest edge, inside by the parity of crossings."""

    def distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        nearest = np.full(x.shape, np.inf, dtype=np.float32)
        inside = np.zeros(x.shape, dtype=bool)
        for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            ex, ey = bx - ax, by - ay
            along = np.clip(((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey), 0, 1)
            nearest = np.minimum(nearest, (x - ax - along * ex) ** 2 + (y - ay - along * ey) ** 2)
            if ey:
                inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * ex / ey)
        return np.asarray(np.where(inside, -1, 1) * np.sqrt(nearest))

    return distance


def star_corners(points: int, inner: float) -> np.ndarray:
    """Corners of a star on the unit circle, its notches on a circle of radius ``inner``: (2 points, 2)."""
    angle = np.pi / 2 + np.pi * np.arange(2 * points) / points
    reach = np.where(np.arange(2 * points) % 2, inner, 1.0)
    return np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1).astype(np.float32)


def regular(n: int) -> np.ndarray:
    """Corners of a regular polygon on the unit circle: (n, 2)."""
    return star_corners(n, 1.0)[::2]


def ring(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A circle with a round hole of half its radius."""
    return np.asarray(np.abs(np.hypot(x, y) - 0.75) - 0.25)


def crescent(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A circle without a smaller one that overlaps it."""
    return np.asarray(np.maximum(circle(x, y), -circle(x - 0.5, y, 0.75)))


def heart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A square standing on its corner with half a circle on each of its two upper sides."""
    half = 0.5
    u, v = np.abs(x), y + 0.1
    qx, qy = np.abs(u + v) / np.sqrt(2) - half, np.abs(u - v) / np.sqrt(2) - half
    square = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0)
    return np.asarray(np.minimum(square, circle(u - half / np.sqrt(2), v - half / np.sqrt(2), half)))


CROSS = np.array([(1, .3), (.3, .3), (.3, 1), (-.3, 1), (-.3, .3), (-1, .3),
                  (-1, -.3), (-.3, -.3), (-.3, -1), (.3, -1), (.3, -.3), (1, -.3)], dtype=np.float32) * 0.95
ARROW = np.array([(1, 0), (.2, .8), (.2, .3), (-.9, .3), (-.9, -.3), (.2, -.3), (.2, -.8)], dtype=np.float32)
SHAPES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "circle": circle, "ring": ring, "crescent": crescent, "heart": heart, "triangle": polygon(regular(3)),
    "square": polygon(regular(4)), "hexagon": polygon(regular(6)), "star": polygon(star_corners(5, 0.45)),
    "cross": polygon(CROSS), "arrow": polygon(ARROW),
}
