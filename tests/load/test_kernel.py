"""The compiled kernel of views beside torch, which the pixel-by-pixel reference checks as well."""

from __future__ import annotations

import math
import platform
import re
import shutil

import pytest
import torch

from kinfolk.augmentations import Mirrored
from kinfolk.core import registry
from kinfolk.load import kernel
from kinfolk.load.views import Pipeline

built = pytest.mark.skipif(kernel.library() is None, reason="no compiled kernel: no C compiler, or not Linux")
CHAINS = [("crop",), ("flip",), ("crop", "flip"), ("crop", "jitter", "grayscale"), ("crop", "flip", "jitter")]


def pipeline(*names: str, size: int) -> Pipeline:
    return Pipeline([(name, registry.build("augmentations", name)) for name in names], size)


def pictures(count: int, side: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(side)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=draw)


def drawn(maker: Pipeline, count: int, seed: int = 0) -> dict:
    return maker.draw(count, torch.Generator().manual_seed(seed))


def test_it_is_built_where_there_is_a_compiler() -> None:
    if platform.system() != "Linux" or not shutil.which("cc"):
        pytest.skip("no C compiler, or not Linux")
    assert kernel.library(), "kinfolk was installed without its kernel: install it again (pip install -e .)"


@built
@pytest.mark.parametrize(("side", "size"), [(1, 1), (3, 5), (5, 3), (16, 16), (31, 6), (40, 33), (97, 70), (130, 9)])
@pytest.mark.parametrize("names", CHAINS)
def test_it_gives_the_views_of_torch(side: int, size: int, names: tuple[str, ...]) -> None:
    maker = pipeline(*names, size=size if "crop" in names else side)
    images = pictures(9, side)
    parameters = [drawn(maker, 9, seed) for seed in range(2)]
    found = maker.views([images] * 2, parameters)
    expected = maker.views([images.float()] * 2, parameters)
    for a, b in zip(found, expected, strict=True):
        assert a.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(a, b, atol=2e-4, rtol=0)


@built
def test_boxes_beyond_the_image_blends_and_what_is_not_a_number_are_those_of_torch() -> None:
    maker, images = pipeline("crop", "flip", "jitter", size=10), pictures(6, 12)
    parameters = drawn(maker, 6)
    parameters["flip"]["flag"] = torch.tensor([0, 1, 0.3, 0.5, 0.9, 1.0])
    parameters["crop"]["centre"] = torch.tensor([[0.5, 0.5], [-3, 0.2], [2, 2], [0.1, 0.9], [math.nan, 0.5], [0.5, 0]])
    parameters["crop"]["extent"] = torch.tensor([[1, 1], [0.5, 40.0], [9, 0.0], [-0.5, 0.3], [1, 1], [1e-6, math.inf]])
    found, expected = maker.view(images, parameters), maker.view(images.float(), parameters)
    assert torch.equal(found.isnan(), expected.isnan())
    torch.testing.assert_close(found.nan_to_num(), expected.nan_to_num(), atol=2e-4, rtol=0)


@built
def test_threads_and_the_rest_of_the_batch_change_nothing() -> None:
    maker, images = pipeline("crop", "flip", "jitter", size=20), pictures(150, 24)
    parameters = drawn(maker, 150)
    whole, threads = maker.view(images, parameters), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert torch.equal(maker.view(images, parameters), whole)
    finally:
        torch.set_num_threads(threads)
    part = {name: {key: value[60:63] for key, value in each.items()} for name, each in parameters.items()}
    assert torch.equal(maker.view(images[60:63], part), whole[60:63])


@built
@pytest.mark.parametrize("left", ["floats", "blur", "gradient", "strides", "crop of a crop"])
def test_what_it_does_not_take_is_left_to_torch(left: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"blur": ("crop", "blur"), "crop of a crop": ("crop", "flip", "crop")}.get(left, ("crop", "jitter"))
    maker, images = pipeline(*names, size=8), pictures(4, 12)
    parameters = drawn(maker, 4)
    if left == "floats":
        images = images.float()
    if left == "gradient":
        parameters["jitter"]["hue"].requires_grad_()
    if left == "strides":
        images = images.to(memory_format=torch.channels_last)
    monkeypatch.setattr(kernel, "Sample", None)
    assert maker.view(images, parameters).shape == (4, 3, 8, 8)


@built
@pytest.mark.parametrize("short", ["another batch", "parameters"])
def test_batches_and_parameters_of_unlike_lengths_are_not_read_beyond_their_end(short: str) -> None:
    maker, images = pipeline("crop", "flip", size=8), pictures(4, 12)
    second = images[:3] if short == "another batch" else images
    with pytest.raises((RuntimeError, IndexError)):
        maker.views([images, second], [drawn(maker, 4), drawn(maker, 3)])


@built
@pytest.mark.parametrize("shape", [(4, 3, 4), (3, 3, 7), (4, 7, 3)])
def test_colours_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    sample = kernel.Sample([pictures(4, 12)], [], [(Mirrored(torch.zeros(4)), 12)], 12)
    with pytest.raises(ValueError, match=re.escape(f"4 images are (.., 3, 7), not {shape}")):
        sample.coloured(torch.zeros(shape), 1.0, 0.0, 1.0)


@built
def test_the_dtype_of_new_tensors_changes_nothing() -> None:
    maker, images = pipeline("crop", "flip", size=8), pictures(4, 12)
    parameters = drawn(maker, 4)
    expected = maker.view(images, parameters)
    try:
        torch.set_default_dtype(torch.float64)
        torch.testing.assert_close(maker.view(images, parameters), expected)
    finally:
        torch.set_default_dtype(torch.float32)


@built
def test_a_kernel_of_another_source_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Longer(kernel.Job):
        _fields_ = [("more", kernel.WHOLE)]

    monkeypatch.setattr(kernel, "Job", Longer)
    assert kernel.library.__wrapped__() is None
