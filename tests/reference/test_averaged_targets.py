"""Targets averaged with a partner's: w u + (1 - w) v of unit vectors, brought to length one again, in float64 loops."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from kinfolk.core import registry
from kinfolk.encoders.convnet import ConvNet
from kinfolk.methods import Method, Views
from kinfolk.methods.byol import byol_terms
from kinfolk.methods.dino import dino_terms
from kinfolk.methods.moco import moco_terms
from kinfolk.nn.teacher import blend

NAMES = [n for n, leaf in registry.leaves("methods").items() if "teacher" in leaf.open().uses]
every = pytest.mark.parametrize("name", NAMES)


def reference(one: Tensor, other: Tensor, weight: float, *, unit: bool = True, swapped: bool = False) -> Tensor:
    """One target (P,) at a time; ``unit`` and ``swapped`` make it wrong."""
    found = torch.empty_like(one)
    share = 1 - weight if swapped else weight
    for v in range(one.shape[0]):
        for i in range(one.shape[1]):
            a, b = one[v, i], other[v, i]
            if unit:
                a, b = a / (a * a).sum().sqrt(), b / (b * b).sum().sqrt()
            mean = share * a + (1 - share) * b
            found[v, i] = mean / (mean * mean).sum().sqrt()
    return found


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
def test_equals_the_formula(draw, shape, weight):
    one, other = draw(shape, 1), draw(shape, 2) * 5
    torch.testing.assert_close(blend(one, other, weight), reference(one, other, weight), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("wrong", [{"unit": False}, {"swapped": True}])
def test_lengths_and_shares_matter(draw, wrong):
    one, other = draw((2, 6, 4), 1), draw((2, 6, 4), 2) * 5
    with pytest.raises(AssertionError):
        torch.testing.assert_close(blend(one, other, 0.3), reference(one, other, 0.3, **wrong))


def build(name: str) -> Method:
    narrow = {"bottleneck": 8} if name == "dino" else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        method = registry.build("methods", name, ConvNet(16, channels=(6, 8)), hidden=16, out=8, **narrow)
    method, noise = method.double(), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in method.teacher.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=noise))
    return method


def views(weight: float) -> Views:
    draw = torch.Generator().manual_seed(0)
    pixels, partners = ([torch.randn(5, 3, 16, 16, generator=draw).double() for _ in range(2)] for _ in range(2))
    originals = torch.zeros(5, 3, 16, 16, dtype=torch.uint8)
    return Views(pixels, [{}, {}], originals, torch.arange(5), partners=partners, weight=weight)


def own(method: Method, pixels: list[Tensor]) -> Tensor:
    """What the teacher makes of each view, as a batch of its own, where targets are averaged."""
    return torch.stack([method.teacher.projector(method.teacher.encoder(view)) for view in pixels])


def terms(name: str, method: Method, z: Tensor, targets: Tensor) -> dict[str, Tensor]:
    if name == "byol":
        return byol_terms(z, targets)
    if name == "moco":
        return moco_terms(z, targets, temperature=method.temperature)
    scores = method.teacher.prototypes(targets.flatten(0, 1)).view(2, 5, -1)
    return dino_terms(
        z, scores, method.center, student_temperature=method.student_temperature,
        teacher_temperature=method.temperatures[0],
    )


@every
@torch.no_grad()
def test_every_view_is_held_against_the_average_of_the_other(name):
    method, given = build(name).eval(), views(0.3)
    encoded = method.encode(given)
    targets = reference(own(method, given.pixels), own(method, given.partners), 0.3)
    found, expected = method.terms(encoded, given), terms(name, method, encoded.z, targets)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=1e-9, atol=1e-9)
    swapped = reference(own(method, given.pixels), own(method, given.partners), 0.3, swapped=True)
    wrong = terms(name, method, encoded.z, swapped)
    assert any(abs(float(found[key] - wrong[key])) > 1e-4 for key in found)


@every
@torch.no_grad()
def test_the_whole_weight_on_its_own_target_is_the_plain_method(name):
    method = build(name).eval()
    plain, whole = method(replace(views(1.0), partners=[])), method(views(1.0))
    for key, value in plain.items():
        torch.testing.assert_close(whole[key], value, rtol=1e-9, atol=1e-9)
    assert any(abs(float(method(views(0.5))[key] - plain[key])) > 1e-4 for key in plain)


@every
def test_no_gradient_reaches_the_partners(name):
    method, given = build(name), views(0.5)
    for view in given.partners:
        view.requires_grad_()
    method.total(method(given)).backward()
    assert all(view.grad is None for view in given.partners)
