"""Teachers of methods: what they copy, when they move, and by how much."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kinfolk.encoders.convnet import ConvNet
from kinfolk.methods import Method, Views
from kinfolk.methods.byol import BYOL
from kinfolk.methods.moco import MoCo
from kinfolk.methods.simsiam import SimSiam

both = pytest.mark.parametrize("kind", [BYOL, MoCo])


def build(kind: type[Method], **settings: float) -> Method:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(ConvNet(16, channels=(8, 12)), hidden=16, out=6, **settings)


def views() -> Views:
    draw = torch.Generator().manual_seed(0)
    pixels = [torch.randn(4, 3, 16, 16, generator=draw) for _ in range(2)]
    return Views(pixels, [{}, {}], torch.zeros(4, 3, 16, 16, dtype=torch.uint8), torch.arange(4))


def shift(module: nn.Module, by: float) -> None:
    with torch.no_grad():
        for p in module.parameters():
            if p.requires_grad:
                p.add_(by)


@both
def test_the_teacher_holds_encoder_and_projector_and_no_predictor(kind):
    method = build(kind)
    names = {n.split(".")[1] for n, _ in method.named_parameters() if n.startswith("teacher.")}
    assert names == {"encoder", "projector"}
    assert method.embedder() is method.encoder


@both
@pytest.mark.parametrize(("progress", "share"), [(0.0, 0.04), (0.5, 0.02), (1.0, 0.0)])
def test_it_moves_after_the_step_by_one_minus_the_momentum(kind, progress, share):
    method = build(kind, momentum=0.96)
    before = [p.clone() for p in method.teacher.parameters()]
    shift(method, 1.0)
    method.after_step(progress)
    for old, new in zip(before, method.teacher.parameters(), strict=True):
        torch.testing.assert_close(new, old + share)


@both
def test_the_targets_come_from_the_teacher_not_from_the_online_branch(kind):
    method = build(kind)
    before = method.encode(views())
    shift(method.encoder, 0.3)
    after = method.encode(views())
    assert torch.equal(before.teacher, after.teacher)
    assert torch.equal(before.more["teacher_h"], after.more["teacher_h"])
    assert not torch.allclose(before.z, after.z)
    for p in method.teacher.parameters():
        p.add_(0.3)
    assert not torch.allclose(method.encode(views()).teacher, after.teacher)


@both
def test_while_training_the_teachers_batch_norm_uses_its_own_batch_and_keeps_its_own_statistics(kind):
    method = build(kind)
    method.encode(views())
    online = dict(method.encoder.named_buffers())
    slow = dict(method.teacher.encoder.named_buffers())
    assert all(torch.equal(slow[n], online[n]) for n in online), "the same weights saw the same batches"
    before = {n: b.clone() for n, b in slow.items()}
    method.after_step(0.0)
    assert all(torch.equal(slow[n], before[n]) for n in slow)
    shift(method.encoder, 0.3)
    method.encode(views())
    assert not all(torch.equal(slow[n], online[n]) for n in online)


def test_simsiams_targets_are_the_projections_of_the_same_network():
    method = build(SimSiam)
    encoded = method.encode(views())
    method.projector.eval()
    assert encoded.teacher.shape == encoded.z.shape == (2, 4, 6)
    torch.testing.assert_close(encoded.teacher.mean(1), torch.zeros(2, 6), atol=1e-5, rtol=0)
    assert not any(n.startswith("teacher") for n, _ in method.named_parameters())
