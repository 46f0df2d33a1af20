"""A tiny encoder and tiny views on which every method can be tried, in one process or in two."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from kinfolk.core import registry
from kinfolk.encoders import Encoder
from kinfolk.methods import Method, Views

SIZE = 16
CLASSES = 4
# What cannot be left at its default: the classes of the labels and the number of images; a teacher that moves within
# forty steps.
SETTINGS: dict[str, dict[str, Any]] = {
    "supervised": {"classes": CLASSES}, "dino": {"momentum": 0.9}, "autodecoder": {"images": 16, "steps": 5},
}


class Toy(Encoder):
    """Two convolutions with batch norm: (B, 3, H, W) -> (B, 24)."""

    width = 24

    def __init__(self, image_size: int = SIZE) -> None:
        super().__init__(image_size)
        self.first = nn.Sequential(nn.Conv2d(3, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(12, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())

    def stages(self, images: Tensor) -> list[Tensor]:
        first = self.first(images)
        return [first, self.second(first)]


def names() -> list[str]:
    """Every method of the catalogue."""
    return list(registry.leaves("methods"))


def using(thing: str) -> list[str]:
    """The methods that use a teacher, or small crops."""
    return [n for n in names() if thing in registry.leaf("methods", n).open().uses]


def mixtures(name: str) -> dict[str, dict[str, Any]]:
    """The kinds of views that a method takes, as arguments of ``views``."""
    found: dict[str, dict[str, Any]] = {"two views": {}, "three views": {"count": 3}}
    if name in using("teacher"):
        found["partners"] = {"partners": True}
    if name in using("small"):
        found["small crops"] = {"small": 2}
    return found


def build(name: str, seed: int = 0, **settings: Any) -> Method:
    """The method with weights drawn from ``seed``; narrow heads where it has such settings."""
    leaf = registry.leaf("methods", name)
    known = {s.name for s in leaf.settings}
    narrow = {k: v for k, v in {"hidden": 32, "out": 16}.items() if k in known}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = Toy() if "encoder" in leaf.open().uses else Encoder(SIZE)
        return registry.build("methods", name, encoder, **{**narrow, **SETTINGS.get(name, {}), **settings})


def views(
    count: int = 2,
    images: int = 8,
    *,
    seed: int = 0,
    rows: slice = slice(None),
    dtype: torch.dtype = torch.float32,
    partners: bool = False,
    small: int = 0,
) -> Views:
    """``count`` noisy views of random images, then ``small`` crops; ``rows`` takes a process's part of the batch.

    With ``partners`` each image has views of the next one beside its own, a third of each target.
    """
    draw = torch.Generator().manual_seed(seed)
    originals = torch.randint(0, 256, (images, 3, SIZE, SIZE), generator=draw, dtype=torch.uint8)
    plain = (originals.to(dtype) - 127.5) / 64
    pixels = [plain + 0.5 * torch.randn(plain.shape, generator=draw, dtype=dtype) for _ in range(count + small)]
    pixels[count:] = [p[:, :, 4:12, 4:12] for p in pixels[count:]]
    return Views(
        partners=[(p.roll(1, 0) * 0.9)[rows] for p in pixels] if partners else [],
        weight=2 / 3 if partners else 1.0,
        pixels=[p[rows] for p in pixels],
        parameters=[{} for _ in range(count + small)],
        originals=originals[rows],
        index=torch.arange(images)[rows],
        labels=(torch.arange(images) % CLASSES)[rows],
        generator=torch.Generator().manual_seed(seed),
        small=small,
    )


def gradients(method: Method) -> dict[str, Tensor]:
    """The gradients of the parameters that are trained, by name."""
    return {n: p.grad for n, p in method.named_parameters() if p.requires_grad and p.grad is not None}
