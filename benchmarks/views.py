"""Views a second: crop, flip, jitter and greyscale, beside kornia's and torchvision's: `python benchmarks/views.py`.

Two views of each image, as a step makes them. Ours: parameters drawn and applied to a batch, normalised. kornia: the
same four as an `AugmentationSequential` on a batch of floats. torchvision: its transforms on one image after another,
as its loaders do. Peers that do not import are left out. Rounds alternate in one process; medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from importlib import metadata

import numpy as np
import torch
from peers import import_torchvision
from record import environment, record

from kinfolk.core import device, registry
from kinfolk.core.seeds import generator
from kinfolk.load import kernel
from kinfolk.load.views import Pipeline

NAMES = ("crop", "flip", "jitter", "grayscale")
VIEWS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=32, help="image side in pixels")
    parser.add_argument("--view", type=int, default=32, help="view side in pixels")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--blur", action="store_true", help="Gaussian blur too")
    parser.add_argument("--no-kernel", action="store_true", help="by torch, as where there was no C compiler")
    arguments = parser.parse_args()
    if arguments.no_kernel:
        kernel.library = lambda: None
    device.keep_freed_memory()
    shape = (arguments.batch, 3, arguments.size, arguments.size)
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    names = (*NAMES, "blur") if arguments.blur else NAMES
    makers = {"kinfolk": ours(pixels, arguments.view, names)}
    for name, maker in (("kornia", kornias), ("torchvision", torchvisions)):
        try:
            makers[name] = maker(pixels, arguments.view, arguments.blur)
        except (ImportError, RuntimeError) as error:
            print(f"{name} is left out: {str(error).splitlines()[0]}")
    seconds: dict[str, list[float]] = {name: [] for name in makers}
    for round_ in range(arguments.rounds + 2):
        for name, make in makers.items():
            began = time.perf_counter()
            make()
            if round_ >= 2:
                seconds[name].append(time.perf_counter() - began)
    speed = {name: VIEWS * arguments.batch / statistics.median(taken) for name, taken in seconds.items()}
    print(f"{', '.join(names)}: {arguments.size} px to {arguments.view} px, batch {arguments.batch}")
    for name, value in speed.items():
        print(f"{name:<12} {value:10,.0f} views/s   {speed['kinfolk'] / value:6.1f}")
    settings = {k: v for k, v in vars(arguments).items() if k != "no_kernel"}
    peers = {name: metadata.version(name) for name in speed if name != "kinfolk"}
    record("views", {**settings, "views_per_second": speed, "peers": peers, **environment()})


def ours(pixels: torch.Tensor, size: int, names: tuple[str, ...]) -> Callable[[], object]:
    """Draw and apply by the loop's own pipeline."""
    pipeline = Pipeline([(name, registry.build("augmentations", name)) for name in names], size)
    draws = iter(range(10**9))

    def make() -> object:
        drawn = [pipeline.draw(len(pixels), generator(0, "views", next(draws))) for _ in range(VIEWS)]
        return pipeline.views([pixels] * VIEWS, drawn)

    return make


def kornias(pixels: torch.Tensor, size: int, blur: bool) -> Callable[[], object]:
    """The same by kornia."""
    import kornia.augmentation as K

    steps = [
        K.RandomResizedCrop((size, size), scale=(0.2, 1.0)), K.RandomHorizontalFlip(),
        K.ColorJitter(0.4, 0.4, 0.4, 0.1, p=0.8), K.RandomGrayscale(p=0.2),
    ]
    steps += [K.RandomGaussianBlur((5, 5), (0.1, 2.0), p=0.5)] * blur
    whole = K.AugmentationSequential(*steps, data_keys=["input"])

    def make() -> object:
        floats = pixels.float() / 255
        return [(whole(floats) - 0.5) / 0.25 for _ in range(VIEWS)]

    return make


def torchvisions(pixels: torch.Tensor, size: int, blur: bool) -> Callable[[], object]:
    """The same by torchvision, one image after another."""
    import_torchvision()
    from torchvision.transforms import v2

    steps = [
        v2.RandomResizedCrop(size, scale=(0.2, 1.0)), v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8), v2.RandomGrayscale(0.2),
    ]
    steps += [v2.RandomApply([v2.GaussianBlur(5, (0.1, 2.0))], 0.5)] * blur
    whole = v2.Compose([*steps, v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.25] * 3)])
    return lambda: [torch.stack([whole(image) for image in pixels]) for _ in range(VIEWS)]


if __name__ == "__main__":
    main()
