"""The contract of an encoder, over every leaf of the catalogue, found by itself."""

from __future__ import annotations

import copy
import inspect

import pytest
import torch
from torch import nn

from kinfolk.core import registry
from kinfolk.core.errors import RequestError
from kinfolk.encoders import Encoder, mean_over_positions

every = pytest.mark.parametrize("name", list(registry.leaves("encoders")))
trained = pytest.mark.parametrize(
    "name", [n for n in registry.leaves("encoders") if n not in ("pixels", "histogram")]
)


def build(name: str, size: int, **settings: object) -> Encoder:
    """The encoder with its defaults and weights from a seed; skipped where its extra cannot be imported."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            encoder: Encoder = registry.build("encoders", name, size, **settings)
        except RequestError as error:
            if name != "timm":
                raise
            pytest.skip(str(error))
    return encoder.eval()


def images(size: int, count: int = 2) -> torch.Tensor:
    """Random images, at least 32 pixels for those that stride much."""
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [32, 96])
@every
def test_the_declared_width_is_the_real_one(name, size):
    encoder = build(name, size)
    with torch.no_grad():
        features = encoder(images(size))
    assert features.shape == (2, encoder.width)
    assert torch.isfinite(features).all()
    assert not torch.equal(features[0], features[1])


@trained
def test_an_image_of_another_size_is_taken_as_well(name):
    """Trained on crops of 24 pixels, evaluated at 32."""
    encoder = build(name, 24)
    with torch.no_grad():
        assert encoder(images(32)).shape == (2, encoder.width)


@trained
def test_a_last_linear_layer_gives_any_width_and_nothing_else_changes(name):
    plain, wide = build(name, 32), build(name, 32, out=7)
    assert wide.width == 7
    with torch.no_grad():
        expected = wide.fc(plain(images(32)))
        wide.load_state_dict(plain.state_dict(), strict=False)
        torch.testing.assert_close(wide(images(32)), expected)
    extra = wide.state_dict().keys() - plain.state_dict().keys()
    assert extra == {"fc.weight", "fc.bias"}


@trained
def test_frozen_it_stays_as_it_is_while_the_rest_trains(name):
    encoder = build(name, 32)
    encoder.freeze()
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    whole = nn.Sequential(encoder, nn.Linear(encoder.width, 2)).train()
    whole(images(32, 4)).square().sum().backward()
    assert whole[1].weight.grad is not None
    assert all(p.grad is None for p in encoder.parameters())
    assert all(torch.equal(v, before[k]) for k, v in encoder.state_dict().items())


@trained
def test_stages_are_maps_and_the_last_has_what_the_output_is_made_from(name):
    encoder = build(name, 32)
    with torch.no_grad():
        maps = encoder.stages(images(32))
    assert len(maps) >= 2
    assert all(m.dim() == 4 and len(m) == 2 for m in maps)
    sides = [m.shape[3] for m in maps]
    assert sides == sorted(sides, reverse=True)


@trained
def test_the_middle_is_the_last_but_one_stage_and_half_of_it_can_branch_off(name):
    encoder, batch, seen = build(name, 32), images(32), []
    inner, channels = encoder.middle()
    assert build(name, 32, out=7).middle() == (inner, channels)
    encoder.get_submodule(inner).register_forward_hook(lambda module, inputs, output: seen.append(output.clone()))
    keys = list(encoder.state_dict())
    with torch.no_grad():
        stage, plain = encoder.stages(batch)[-2], encoder(batch)
        width, extra = encoder.width, encoder.branch_off()
        divided = encoder(batch)
        again = copy.deepcopy(encoder)(batch)
    assert channels == stage.shape[1]
    whole = seen[0] if seen[0].dim() == 4 else seen[0].transpose(1, 2)[:, :, -stage[0, 0].numel() :]
    torch.testing.assert_close(whole.reshape(stage.shape), stage)
    assert divided.shape == (2, encoder.width) == (2, width + extra)
    expected = seen[0].mean((2, 3)) if seen[0].dim() == 4 else seen[0].mean(1)
    torch.testing.assert_close(divided[:, width:], expected[:, channels - extra :])
    assert not torch.allclose(divided[:, :width], plain)
    assert torch.equal(again, divided)
    assert encoder.middle() == (inner, channels)
    assert list(encoder.state_dict()) == keys


@trained
def test_gradient_reaches_every_parameter(name):
    encoder = build(name, 32).train()
    encoder(images(32, 4)).square().sum().backward()
    for key, p in encoder.named_parameters():
        assert p.grad is not None, key
        assert torch.isfinite(p.grad).all(), key


@trained
def test_channels_last_and_one_by_one_give_the_same(name):
    encoder, batch = build(name, 32), images(32, 3)
    with torch.no_grad():
        plain = encoder(batch)
        apart = torch.cat([encoder(image[None]) for image in batch])
        encoder.to(memory_format=torch.channels_last)
        other = encoder(batch.to(memory_format=torch.channels_last))
    torch.testing.assert_close(other, plain, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(apart, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("half", [False, True])
def test_the_mean_over_positions_has_a_gradient_that_lies_as_the_maps_do(layout, half):
    whole = torch.randn(4, 6, 5, 3).contiguous(memory_format=layout).requires_grad_()
    maps = whole.split(3, 1)[1] if half else whole
    found = mean_over_positions(maps)
    torch.testing.assert_close(found, maps.mean((2, 3)))
    (gradient,) = torch.autograd.grad(found.square().sum(), maps)
    torch.testing.assert_close(gradient, (2 / 15 * maps.mean((2, 3)))[:, :, None, None].expand(maps.shape))
    assert gradient.is_contiguous(memory_format=layout)


@trained
def test_state_goes_into_another_one_and_evaluation_leaves_it(name):
    encoder, batch = build(name, 32), images(32)
    with torch.no_grad():
        expected = encoder(batch)
    other = build(name, 32)
    other.load_state_dict(encoder.state_dict())
    before = {k: v.clone() for k, v in other.state_dict().items()}
    with torch.no_grad():
        assert torch.equal(other.eval()(batch), expected)
    assert all(torch.equal(v, before[k]) for k, v in other.state_dict().items())


@every
def test_settings_are_the_same_read_from_source_and_by_inspection(name):
    leaf = registry.leaf("encoders", name)
    parameters = list(inspect.signature(leaf.open().__init__).parameters.values())[1:]
    assert [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD] == ["image_size"]
    assert {s.name: s.default for s in leaf.settings} == {
        p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY
    }
    assert all(s.help for s in leaf.settings)
    assert issubclass(leaf.open(), Encoder)
    assert isinstance(build(name, 32), nn.Module)
