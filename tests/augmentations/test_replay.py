"""Replay: recorded parameters, kept in a file or moved to another device, give the very same view."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kinfolk.augmentations import Parameters
from kinfolk.core import registry
from kinfolk.load.views import Pipeline

NAMES = sorted(registry.leaves("augmentations"))
SIZE, BATCH = 20, 24
CHAINS = [(name,) for name in NAMES] + [tuple(NAMES), ("crop", "flip", "jitter", "grayscale"), ("blur", "crop", "blur")]


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randint(0, 256, (BATCH, 3, SIZE, SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


def pipeline(chain: tuple[str, ...]) -> Pipeline:
    return Pipeline([(name, registry.build("augmentations", name)) for name in chain], 16 if "crop" in chain else SIZE)


def kept(parameters: dict[str, Parameters], path: Path) -> dict[str, Parameters]:
    """The parameters after a way through a file, every tensor under its own name."""
    save_file({f"{a}.{key}": value.contiguous() for a, p in parameters.items() for key, value in p.items()}, path)
    found: dict[str, Parameters] = {name: {} for name in parameters}
    for name, value in load_file(path).items():
        step, _, key = name.partition(".")
        found[step][key] = value
    return found


@pytest.mark.parametrize("chain", CHAINS, ids="-".join)
def test_parameters_kept_in_a_file_replay_the_view_to_the_bit(
    chain: tuple[str, ...], images: torch.Tensor, tmp_path: Path
) -> None:
    maker = pipeline(chain)
    parameters = maker.draw(BATCH, torch.Generator().manual_seed(3))
    view = maker.view(images, parameters)
    again = kept(parameters, tmp_path / "parameters.safetensors")
    assert {a: set(p) for a, p in again.items()} == {a: set(p) for a, p in parameters.items()}
    assert torch.equal(pipeline(chain).view(images, again), view)
    changed = {a: {key: value.roll(1, 0) for key, value in p.items()} for a, p in again.items()}
    assert not torch.equal(maker.view(images, changed), view)


@pytest.mark.parametrize("chain", CHAINS, ids="-".join)
def test_applying_leaves_images_and_parameters_as_they_were(chain: tuple[str, ...], images: torch.Tensor) -> None:
    maker = pipeline(chain)
    parameters = maker.draw(BATCH, torch.Generator().manual_seed(4))
    before = {a: {key: value.clone() for key, value in p.items()} for a, p in parameters.items()}
    pixels = images.to(torch.float32)
    maker.view(pixels, parameters)
    assert torch.equal(pixels, images.to(torch.float32))
    for name, values in before.items():
        assert all(torch.equal(parameters[name][key], value) for key, value in values.items())


@pytest.mark.parametrize("chain", CHAINS, ids="-".join)
def test_floats_and_bytes_of_an_image_give_the_same_view(chain: tuple[str, ...], images: torch.Tensor) -> None:
    maker = pipeline(chain)
    parameters = maker.draw(BATCH, torch.Generator().manual_seed(5))
    floats = maker.view(images.to(torch.float32), parameters)
    torch.testing.assert_close(maker.view(images, parameters), floats, atol=2e-5, rtol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("chain", CHAINS, ids="-".join)
def test_another_device_gives_the_view_within_rounding(chain: tuple[str, ...], images: torch.Tensor) -> None:
    maker = pipeline(chain)
    parameters = maker.draw(BATCH, torch.Generator().manual_seed(6))
    there = {a: {key: value.cuda() for key, value in p.items()} for a, p in parameters.items()}
    view = maker.view(images.cuda(), there)
    assert torch.equal(view, maker.view(images.cuda(), there))
    torch.testing.assert_close(view.cpu(), maker.view(images, parameters), atol=1e-3, rtol=0)
