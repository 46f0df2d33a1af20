"""What augmentations are predicted by, against one image and one parameter at a time in float64; and the way back."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kinfolk.auxiliaries.augmentation_prediction import augmentation_prediction_terms
from kinfolk.auxiliaries.reconstruction import reconstruction_terms
from kinfolk.core import registry
from kinfolk.load.views import Pipeline
from kinfolk.nn.targets import Drawn, Targets

STEPS = ("crop", "flip", "jitter", "grayscale", "blur", "solarize")
NUMBERS = [
    ("crop", "centre", 0), ("crop", "centre", 1), ("crop", "extent", 0), ("crop", "extent", 1),
    ("jitter", "brightness", None), ("jitter", "contrast", None), ("jitter", "saturation", None),
    ("blur", "sigma", None),
]
FLAGS = ("flip", "grayscale", "solarize")


def pipeline(size: int = 8) -> Pipeline:
    return Pipeline([(name, registry.build("augmentations", name)) for name in STEPS], size)


def draw(count: int, seed: int) -> Drawn:
    drawn = pipeline().draw(count, torch.Generator().manual_seed(seed))
    return {s: {k: v.double() if v.is_floating_point() else v for k, v in d.items()} for s, d in drawn.items()}


def value(drawn: Drawn, step: str, key: str, at: int | None, image: int) -> float:
    found = drawn[step][key][image]
    return float(found if at is None else found[at])


def moments(values: list[float]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, sum((v - mean) ** 2 for v in values) / len(values)


def reference(outputs: Tensor, drawn: Drawn, example: Drawn, *, circle: bool = True) -> Tensor:
    """The mean error of outputs laid out as numbers, cosine and sine of hue, flags; autograd runs through it."""
    images, total = len(outputs), torch.zeros((), dtype=outputs.dtype)
    many = range(len(example["flip"]["flag"]))
    hue = [2 * math.pi * value(example, "jitter", "hue", None, i) for i in many]
    (c, cos), (s, sin) = moments([math.cos(a) for a in hue]), moments([math.sin(a) for a in hue])
    around = math.sqrt(cos + sin) if circle else math.sqrt(sin)
    for i in range(images):
        errors = []
        for n, (step, key, at) in enumerate(NUMBERS):
            mean, variance = moments([value(example, step, key, at, k) for k in many])
            errors.append((outputs[i, n] - (value(drawn, step, key, at, i) - mean) / math.sqrt(variance)) ** 2)
        angle = 2 * math.pi * value(drawn, "jitter", "hue", None, i)
        errors.append((outputs[i, 8] - (math.cos(angle) - c) / around) ** 2
                      + (outputs[i, 9] - (math.sin(angle) - s) / around) ** 2)
        for n, step in enumerate(FLAGS):
            p = 1 / (1 + torch.exp(-outputs[i, 10 + n]))
            errors.append(-torch.log(p) if value(drawn, step, "flag", None, i) > 0.5 else -torch.log(1 - p))
        total = total + sum(errors) / len(errors) / images
    return total


def targets(example: Drawn, **settings) -> Targets:
    return Targets(example, {"jitter.hue"}, **settings).double()


def outputs(count: int, width: int = 13) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(5), dtype=torch.float64).requires_grad_()


def test_the_error_is_that_of_one_parameter_at_a_time():
    example, drawn, found = draw(64, 0), draw(5, 1), outputs(5)
    made = targets(example)
    assert made.width == 13
    term = augmentation_prediction_terms(found, made(drawn), made)["parameters"]
    expected = reference(found, drawn, example)
    torch.testing.assert_close(term, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(*(torch.autograd.grad(t, found, retain_graph=True)[0] for t in (term, expected)))
    other = reference(found, drawn, example, circle=False)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(term, other, rtol=1e-9, atol=1e-9)


def test_predicting_the_mean_has_error_one_and_r2_zero():
    example = draw(3000, 0)
    made = targets(example)
    measures = made.measures(torch.zeros(3000, 13, dtype=torch.float64), made(example))
    r2 = [float(v) for k, v in measures.items() if k.startswith("R2.")]
    assert len(r2) == 9
    assert r2 == pytest.approx([0.0] * 9, abs=1e-9)
    perfect = made.measures(made(example) * 2 - torch.eye(13, dtype=torch.float64)[10:].sum(0), made(example))
    assert all(float(v) == 1.0 for k, v in perfect.items() if k.startswith("accuracy."))
    share = float(example["grayscale"]["flag"].mean())
    assert float(measures["chance.grayscale.flag"]) == pytest.approx(max(share, 1 - share))


def test_differences_are_those_of_two_draws_and_flags_tell_whether_they_differ():
    one, other = draw(6, 1), draw(6, 2)
    made = targets(draw(4000, 0), difference=True)
    apart = made.difference(one, other)
    assert torch.equal(apart["crop"]["centre"], one["crop"]["centre"] - other["crop"]["centre"])
    assert torch.equal(apart["flip"]["flag"], (one["flip"]["flag"] != other["flip"]["flag"]).double())
    wanted = made(made.difference(draw(4000, 3), draw(4000, 4)))
    assert float(wanted[:, :8].mean().abs()) < 0.05
    assert wanted[:, :8].std(0).tolist() == pytest.approx([1.0] * 8, rel=0.05)


def test_the_way_back_gives_the_parameters_and_the_same_view():
    example, drawn = draw(64, 0), draw(5, 1)
    made = targets(example)
    exact = made(drawn)
    exact[:, 10:] = (exact[:, 10:] - 0.5) * 80
    back = made.parameters_of(exact, drawn)
    low, high = made.low, made.high
    for n, (step, key, at) in enumerate(NUMBERS):
        wanted, found = (d[step][key] if at is None else d[step][key][:, at] for d in (drawn, back))
        torch.testing.assert_close(found, wanted.clamp(low[n], high[n]))
    torch.testing.assert_close(back["jitter"]["hue"], drawn["jitter"]["hue"])
    torch.testing.assert_close(back["flip"]["flag"], drawn["flip"]["flag"])


def test_gradient_of_the_view_is_that_of_small_steps():
    """Clipping and solarising have kinks and jumps, so colours stay away from the ends and nothing is solarised."""
    maker, drawn = pipeline(), pipeline().draw(2, torch.Generator().manual_seed(1))
    drawn["solarize"]["flag"][:] = 0
    made = Targets(pipeline().draw(500, torch.Generator().manual_seed(0)), {"jitter.hue"})
    draw = torch.Generator().manual_seed(2)
    originals = torch.randint(90, 150, (2, 3, 12, 12), generator=draw, dtype=torch.uint8)
    fed = maker.view(originals, drawn)
    found = 0.3 * torch.randn(2, 13, generator=draw)
    found[:, 12] = -40
    found.requires_grad_()

    def error(x: Tensor) -> Tensor:
        return reconstruction_terms(maker.view(originals, made.parameters_of(x, drawn))[None], fed[None])["view"]

    (slope,) = torch.autograd.grad(error(found), found)
    for n in range(12):
        step = torch.zeros_like(found)
        width = 1e-3 if n < 4 else 5e-3  # a box meets a kink wherever it passes the middle of a pixel
        step[:, n] = width
        with torch.no_grad():
            small = (error(found + step) - error(found - step)) / (2 * width)
        torch.testing.assert_close(slope[:, n].sum(), small, rtol=0.02, atol=2e-5)
    assert bool((slope[:, :12].abs().sum(0) > 0).all())


def test_true_parameters_make_the_very_view_and_wild_ones_stay_finite():
    maker, drawn = pipeline(), pipeline().draw(4, torch.Generator().manual_seed(1))
    made = Targets(pipeline().draw(500, torch.Generator().manual_seed(0)), {"jitter.hue"})
    originals = torch.randint(0, 256, (4, 3, 12, 12), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)
    assert float(reconstruction_terms(maker.view(originals, drawn), maker.view(originals, drawn))["view"]) == 0.0
    wild = (50 * torch.randn(4, 13, generator=torch.Generator().manual_seed(3))).requires_grad_()
    kept = made.parameters_of(wild, drawn)
    assert bool((kept["crop"]["extent"] > 0).all())
    assert bool((kept["blur"]["sigma"] >= 0).all())
    view = maker.view(originals, kept)
    assert torch.isfinite(view).all()
    view.square().sum().backward()
    assert torch.isfinite(wild.grad).all()


def test_nothing_that_varies_is_an_error():
    still = {"flip": {"flag": torch.ones(10)}, "jitter": {"hue": torch.zeros(10)}}
    with pytest.raises(ValueError, match="no parameter varies"):
        Targets(still)
