"""DINO's center, temperature and teacher, SwAV's prototypes: what is seen, when each moves, which encoder is kept."""

from __future__ import annotations

import pytest
import torch

from kinfolk.encoders.convnet import ConvNet
from kinfolk.methods import Method, Views
from kinfolk.methods.dino import DINO, dino_terms
from kinfolk.methods.swav import SwAV


def build(kind: type[Method] = DINO, **settings: float) -> Method:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        chosen = {"center_momentum": 0.75, **settings} if kind is DINO else settings
        return kind(ConvNet(16, channels=(8, 12)), hidden=16, bottleneck=8, out=6, **chosen)


def views(sides: tuple[int, ...] = (16, 16, 8)) -> Views:
    draw = torch.Generator().manual_seed(0)
    pixels = [torch.randn(4, 3, side, side, generator=draw) for side in sides]
    return Views(pixels, [{} for _ in sides], torch.zeros(4, 3, 16, 16, dtype=torch.uint8), torch.arange(4), small=1)


def test_small_crops_are_no_targets():
    encoded = build().encode(views())
    assert encoded.z.shape == (3, 4, 6)
    assert encoded.teacher.shape == (2, 4, 6)


def test_the_center_moves_after_the_step_and_not_in_evaluation():
    method = build()
    given = views()
    encoded = method.encode(given)
    method.terms(encoded, given)
    assert torch.equal(method.center, torch.zeros(6))
    method.after_step(0.5)
    torch.testing.assert_close(method.center, 0.25 * encoded.teacher.mean((0, 1)))
    method.eval()
    seen = method.seen
    method(views())
    assert method.seen is seen


def test_the_teachers_encoder_is_kept():
    method = build()
    assert method.embedder() is method.teacher.encoder
    assert {n.split(".")[1] for n, _ in method.named_parameters() if n.startswith("teacher")} == {
        "encoder", "projector", "prototypes",
    }


@pytest.mark.parametrize("kind", [DINO, SwAV])
@pytest.mark.parametrize("rule", ["sgd", "adamw"])
def test_frozen_prototypes_keep_their_directions_and_let_the_gradient_through(kind, rule):
    method, given = build(kind, freeze=0.2), views()
    optimizer = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1),
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1),
    }[rule]([p for p in method.parameters() if p.requires_grad])
    moved = []
    for step in range(4):
        before = torch.nn.functional.normalize(method.prototypes.weight.detach().clone(), dim=1)
        optimizer.zero_grad()
        method(given)["cross_entropy"].backward()
        assert all(p.grad.abs().sum() > 0 for p in method.projector.parameters() if p.ndim > 1)
        optimizer.step()
        method.after_step((step + 1) / 10)
        after = torch.nn.functional.normalize(method.prototypes.weight.detach(), dim=1)
        moved.append(not torch.allclose(after, before, atol=1e-6))
    assert moved == [False, False, True, True]


@pytest.mark.parametrize(
    ("progress", "temperature"), [(0.0, 0.04), (0.05, 0.05), (0.1, 0.06), (0.2, 0.08), (0.6, 0.08)]
)
def test_the_teachers_temperature_rises_to_its_end_and_stays(progress, temperature):
    method, given = build(start_temperature=0.04, teacher_temperature=0.08, warmup=0.2), views()
    encoded = method.encode(given)
    method.progress.fill_(progress)
    expected = dino_terms(
        encoded.z, encoded.teacher, method.center, student_temperature=0.1, teacher_temperature=temperature
    )
    torch.testing.assert_close(method.terms(encoded, given), expected)


def test_without_a_warm_up_the_temperature_is_the_last_one_at_once():
    assert build(start_temperature=0.01, teacher_temperature=0.5, warmup=0.0)._temperature() == 0.5
