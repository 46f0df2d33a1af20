"""The battery that every augmentation passes, found by itself."""

from __future__ import annotations

import pytest
import torch

from kinfolk.core import registry
from kinfolk.load.views import Pipeline

NAMES = sorted(registry.leaves("augmentations"))
SIZE, BATCH = 16, 32


def drawn(name: str, seed: int = 0, **settings):
    maker = Pipeline([(name, registry.build("augmentations", name, **settings))], SIZE)
    return maker, maker.draw(BATCH, torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randint(0, 256, (BATCH, 3, SIZE, SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("name", NAMES)
def test_p_zero_is_the_identity(name: str, images: torch.Tensor) -> None:
    maker, parameters = drawn(name, p=0.0)
    torch.testing.assert_close(maker.apply(images, parameters), images / 255, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_p_one_changes_images_and_stays_in_range(name: str, images: torch.Tensor) -> None:
    maker, parameters = drawn(name, p=1.0)
    found = maker.apply(images, parameters)
    assert found.shape == images.shape
    assert found.min() >= 0
    assert found.max() <= 1
    assert (found - images / 255).abs().mean() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_the_same_parameters_replay_to_the_bit(name: str, images: torch.Tensor) -> None:
    maker, parameters = drawn(name, seed=1)
    _, again = drawn(name, seed=1)
    assert torch.equal(maker.apply(images, parameters), maker.apply(images, again))
    _, other = drawn(name, seed=2)
    assert any(not torch.equal(parameters[name][k], other[name][k]) for k in other[name])


@pytest.mark.parametrize("name", NAMES)
def test_rows_can_be_taken_apart(name: str, images: torch.Tensor) -> None:
    maker, parameters = drawn(name)
    assert all(len(value) == BATCH for value in parameters[name].values())
    half = {name: {k: v[10:20] for k, v in parameters[name].items()}}
    whole = maker.apply(images, parameters)[10:20]
    torch.testing.assert_close(maker.apply(images[10:20], half), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_the_global_generator_is_not_used(name: str) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    drawn(name)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", NAMES)
def test_strength_runs_from_the_identity_upwards(name: str, images: torch.Tensor) -> None:
    moved = []
    for strength in (0.0, 0.5, 1.0):
        maker = Pipeline([(name, registry.leaf("augmentations", name).open().at(strength))], SIZE)
        found = maker.apply(images, maker.draw(BATCH, torch.Generator().manual_seed(0)))
        moved.append(float((found - images / 255).abs().mean()))
    assert moved[0] < 1e-5
    assert moved[0] < moved[1] < moved[2]
