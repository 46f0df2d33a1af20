"""DINO's center and teacher: what is seen, when it moves, and which encoder is kept."""

from __future__ import annotations

import torch

from kinfolk.encoders.convnet import ConvNet
from kinfolk.methods import Views
from kinfolk.methods.dino import DINO


def build() -> DINO:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return DINO(ConvNet(16, channels=(8, 12)), hidden=16, bottleneck=8, out=6, center_momentum=0.75)


def views(sides: tuple[int, ...] = (16, 16, 8)) -> Views:
    draw = torch.Generator().manual_seed(0)
    pixels = [torch.randn(4, 3, side, side, generator=draw) for side in sides]
    return Views(pixels, [{} for _ in sides], torch.zeros(4, 3, 16, 16, dtype=torch.uint8), torch.arange(4))


def test_only_the_first_views_of_a_size_are_targets():
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
