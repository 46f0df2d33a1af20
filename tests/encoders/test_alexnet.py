"""AlexNet: torchvision's names, shapes and count; small images; batch norm."""

from __future__ import annotations

import pytest
import torch

from kinfolk.encoders.alexnet import AlexNet

CONVOLUTIONS = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}


def test_names_shapes_and_count_are_torchvisions():
    encoder = AlexNet(224, head="layers")
    expected = {f"features.{n}.weight": (o, i, k, k) for n, (o, i, k) in CONVOLUTIONS.items()}
    expected |= {f"features.{n}.bias": (o,) for n, (o, _, _) in CONVOLUTIONS.items()}
    expected |= {"classifier.1.weight": (4096, 9216), "classifier.4.weight": (4096, 4096)}
    expected |= {"classifier.1.bias": (4096,), "classifier.4.bias": (4096,)}
    assert {k: tuple(v.shape) for k, v in encoder.state_dict().items()} == expected
    assert sum(p.numel() for p in encoder.parameters()) + 4096 * 1000 + 1000 == 61_100_840


@pytest.mark.parametrize(("size", "sides"), [(224, [27, 13, 6]), (96, [11, 5, 2]), (32, [15, 7, 3]), (15, [7, 3, 1])])
def test_the_stem_goes_by_the_image_size(size, sides):
    encoder = AlexNet(size)
    maps = encoder.stages(torch.randn(1, 3, size, size))
    assert [(m.shape[1], m.shape[3]) for m in maps] == list(zip([64, 192, 256], sides, strict=True))
    assert encoder(torch.randn(2, 3, size, size)).shape == (2, 256)


def test_batch_norm_keeps_the_names_of_the_convolutions():
    plain, norm = (AlexNet(32, norm=n).state_dict() for n in ("none", "batch"))
    assert set(plain) < set(norm)
    assert {k.split(".")[1] for k in set(norm) - set(plain)} == {f"norm{n}" for n in CONVOLUTIONS}


def test_signals_keep_their_size():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = AlexNet(32, head="layers")
    out = encoder(torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert 0.1 < float(out.detach().std()) < 10
