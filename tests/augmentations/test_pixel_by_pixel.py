"""Every augmentation against a slow reference that visits one output pixel at a time, in float64."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from kinfolk.augmentations import Augmentation
from kinfolk.core import registry
from kinfolk.core.errors import RequestError
from kinfolk.load import kernel, sampling, views
from kinfolk.load.views import Pipeline

LUMA = np.array([0.299, 0.587, 0.114])
SIZE, OUT, BATCH = 12, 8, 6


@pytest.fixture(autouse=True, params=["compiled", "torch"])
def made_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test with the compiled kernel, where it takes the steps, and without it."""
    if request.param == "torch":
        monkeypatch.setattr(kernel, "library", lambda: None)
    return request.param


@pytest.fixture
def images() -> torch.Tensor:
    draw = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (BATCH, 3, SIZE, SIZE), dtype=torch.uint8, generator=draw)


def make(name: str, **settings):
    return registry.build("augmentations", name, **settings)


def pipeline(*steps: tuple[str, dict], size: int = OUT) -> Pipeline:
    return Pipeline([(name, make(name, **settings)) for name, settings in steps], size)


def drawn(maker: Pipeline, seed: int = 0) -> dict:
    return maker.draw(BATCH, torch.Generator().manual_seed(seed))


def crop(image: np.ndarray, centre, extent, size: int) -> np.ndarray:
    """Triangle filter over a box, one output pixel at a time."""
    _, height, width = image.shape
    result = np.zeros((3, size, size))
    for y in range(size):
        for x in range(size):
            total, weight = np.zeros(3), 0.0
            at = [(centre[a] + extent[a] * ((p + 0.5) / size - 0.5)) * n for a, p, n in ((0, y, height), (1, x, width))]
            reach = [max(1.0, extent[a] * n / size) for a, n in ((0, height), (1, width))]
            for v in range(height):
                for u in range(width):
                    w = max(0.0, 1 - abs(at[0] - v - 0.5) / reach[0]) * max(0.0, 1 - abs(at[1] - u - 0.5) / reach[1])
                    total, weight = total + w * image[:, v, u], weight + w
            result[:, y, x] = total / weight
    return result


def test_crop_is_a_triangle_filter_over_the_box(images: torch.Tensor) -> None:
    maker = pipeline(("crop", {"scale": (0.1, 1.0)}))
    parameters = drawn(maker)
    found = maker.apply(images, parameters).numpy()
    for i in range(BATCH):
        box = {k: v[i].double().numpy() for k, v in parameters["crop"].items()}
        expected = crop(images[i].double().numpy() / 255, box["centre"], box["extent"], OUT)
        np.testing.assert_allclose(found[i], expected, atol=2e-5)


def test_crop_agrees_with_pillow_away_from_the_border(images: torch.Tensor) -> None:
    from PIL import Image

    maker = pipeline(("crop", {}), size=5)
    box = (1, 2, 11, 12)
    parameters = {
        "crop": {
            "centre": torch.tensor([[(box[1] + box[3]) / 2, (box[0] + box[2]) / 2]] * BATCH) / SIZE,
            "extent": torch.full((BATCH, 2), 10 / SIZE),
        }
    }
    found = maker.apply(images, parameters).numpy() * 255
    for i in range(BATCH):
        picture = Image.fromarray(images[i].permute(1, 2, 0).numpy()).crop(box)
        resized = np.asarray(picture.resize((5, 5), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
        inside = np.s_[:, 1:-1, 1:-1]
        assert np.abs(found[i][inside] - resized[inside]).max() < 1.0


def test_crop_areas_are_uniform_and_boxes_lie_inside() -> None:
    maker = make("crop", scale=(0.2, 1.0))
    parameters = maker.draw(20_000, torch.Generator().manual_seed(1))
    extent, centre = parameters["extent"], parameters["centre"]
    assert (centre - extent / 2).min() >= -1e-6
    assert (centre + extent / 2).max() <= 1 + 1e-6
    quantiles = torch.quantile(extent.prod(1), torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]))
    torch.testing.assert_close(quantiles, torch.tensor([0.2, 0.4, 0.6, 0.8, 1.0]), atol=0.02, rtol=0)
    ratio = extent[:, 1] / extent[:, 0]
    assert ratio.min() >= 0.75 - 1e-4
    assert ratio.max() <= 4 / 3 + 1e-3


def test_flip_mirrors_columns(images: torch.Tensor) -> None:
    maker = pipeline(("flip", {"p": 0.5}), size=SIZE)
    parameters = drawn(maker)
    found = maker.apply(images, parameters)
    flags = parameters["flip"]["flag"]
    assert 0 < flags.sum() < BATCH
    for i in range(BATCH):
        expected = images[i].flip(2) if flags[i] else images[i]
        torch.testing.assert_close(found[i], expected / 255)


def jitter(image: np.ndarray, p: dict[str, float], order: tuple[int, ...]) -> np.ndarray:
    """The four colour steps one after another on every pixel, without clipping in between."""
    yiq = np.array([LUMA, [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
    for step in order:
        grey = np.tensordot(LUMA, image, 1)
        if step == 0:
            image = image * p["brightness"]
        elif step == 1:
            image = p["contrast"] * image + (1 - p["contrast"]) * grey.mean()
        elif step == 2:
            image = p["saturation"] * image + (1 - p["saturation"]) * grey[None]
        else:
            y, i, q = np.tensordot(yiq, image, 1)
            angle = 2 * math.pi * p["hue"]
            turned = np.stack([y, i * math.cos(angle) - q * math.sin(angle), i * math.sin(angle) + q * math.cos(angle)])
            image = np.tensordot(np.linalg.inv(yiq), turned, 1)
    return image


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_jitter_and_grayscale_fuse_to_the_steps_one_by_one_in_any_order(images: torch.Tensor, order) -> None:
    maker = pipeline(("jitter", {"hue": 0.2, "p": 1.0}), ("grayscale", {"p": 0.5}), size=SIZE)
    parameters = drawn(maker)
    found = maker.apply(images, parameters).numpy()
    for i in range(BATCH):
        values = {k: float(v[i]) for k, v in parameters["jitter"].items()}
        expected = jitter(images[i].double().numpy() / 255, values, order)
        if parameters["grayscale"]["flag"][i]:
            expected = np.tensordot(LUMA, expected, 1)[None].repeat(3, 0)
        np.testing.assert_allclose(found[i], expected.clip(0, 1), atol=1e-4)


def test_a_hue_of_half_a_turn_keeps_luma_and_reverses_chroma(images: torch.Tensor) -> None:
    from kinfolk.augmentations.jitter import chroma

    matrix = chroma(torch.tensor([1.0]), torch.tensor([0.5]))[0].double().numpy()
    rgb = np.array([0.8, 0.3, 0.4])
    assert LUMA @ matrix @ rgb == pytest.approx(LUMA @ rgb, abs=1e-4)
    np.testing.assert_allclose(matrix @ matrix, np.eye(3), atol=1e-4)


def test_blur_is_a_renormalised_gaussian(images: torch.Tensor) -> None:
    maker = pipeline(("blur", {"sigma": (0.5, 2.0), "p": 0.7}), size=SIZE)
    parameters = drawn(maker)
    found = maker.apply(images, parameters).numpy()
    at = np.arange(SIZE)
    for i in range(BATCH):
        sigma, image = float(parameters["blur"]["sigma"][i]), images[i].double().numpy() / 255
        if sigma == 0:
            np.testing.assert_allclose(found[i], image, atol=1e-6)
            continue
        kernel = np.exp(-((at[:, None] - at) ** 2) / (2 * sigma**2))
        both = np.einsum("yv,xu->yxvu", kernel, kernel)
        expected = np.einsum("yxvu,cvu->cyx", both, image) / both.sum((2, 3))
        np.testing.assert_allclose(found[i], expected, atol=1e-5)


def test_solarize_inverts_above_the_threshold(images: torch.Tensor) -> None:
    maker = pipeline(("solarize", {"threshold": 0.4, "p": 0.5}), size=SIZE)
    parameters = drawn(maker)
    found = maker.apply(images, parameters)
    plain = images / 255
    for i in range(BATCH):
        inverted = torch.where(plain[i] >= 0.4, 1 - plain[i], plain[i])
        expected = inverted if parameters["solarize"]["flag"][i] else plain[i]
        torch.testing.assert_close(found[i], expected)


class Toned(Augmentation):
    """A colour step with every part of its matrix at work."""

    form = "colour"

    def draw(self, batch: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        return {"weights": torch.rand(batch, 3, 7, generator=generator) / 7 - 0.03}

    def matrix(self, parameters: dict[str, torch.Tensor]) -> torch.Tensor:
        return parameters["weights"]


@pytest.mark.parametrize("names", [
    ("jitter", "jitter"), ("grayscale", "jitter"), ("toned", "toned"), ("toned", "jitter", "toned", "grayscale"),
])
def test_colour_steps_see_the_mean_that_those_before_them_left(images: torch.Tensor, names: tuple[str, ...]) -> None:
    """One step after another on all pixels, each with the mean as it is then, in float64."""
    steps = [("crop", make("crop")), *((name, Toned() if name == "toned" else make(name)) for name in names)]
    maker = Pipeline(steps, OUT)
    parameters = drawn(maker)
    found = maker.apply(images, parameters).numpy()
    for i in range(BATCH):
        centre, extent = (parameters["crop"][key][i].double().numpy() for key in ("centre", "extent"))
        image = crop(images[i].double().numpy() / 255, centre, extent, OUT)
        for key, step in maker.steps[1:]:
            weights = step.matrix({k: v[i : i + 1] for k, v in parameters[key].items()})[0].double().numpy()
            mean = image.mean((1, 2), keepdims=True)
            seen = np.concatenate([image, np.broadcast_to(mean, image.shape), np.ones((1, OUT, OUT))])
            image = np.einsum("cd,dyx->cyx", weights, seen)
        np.testing.assert_allclose(found[i], image.clip(0, 1), atol=2e-6)


def test_blur_between_colour_steps_equals_the_steps_in_turn(images: torch.Tensor) -> None:
    together = pipeline(("crop", {}), ("flip", {}), ("blur", {"p": 1.0}), ("grayscale", {"p": 0.5}))
    parameters = drawn(together)
    found = together.apply(images, parameters)
    image = images
    for name in ("crop", "flip", "blur", "grayscale"):
        image = pipeline((name, {})).apply(image, {name: parameters[name]}) * 255
    torch.testing.assert_close(found, image / 255, atol=1e-5, rtol=0)


def test_parameters_carry_gradients(images: torch.Tensor) -> None:
    maker = pipeline(("crop", {}), ("jitter", {"p": 1.0}), ("blur", {"p": 1.0}))
    parameters = drawn(maker)
    leaves = [parameters["crop"]["centre"], parameters["crop"]["extent"], parameters["jitter"]["hue"],
              parameters["jitter"]["contrast"], parameters["blur"]["sigma"]]
    for leaf in leaves:
        leaf.requires_grad_()
    maker.apply(images, parameters).square().mean().backward()
    assert all(leaf.grad is not None and leaf.grad.abs().sum() > 0 for leaf in leaves)


def test_a_predicted_box_may_reach_beyond_the_image_or_not_be_finite(images: torch.Tensor) -> None:
    maker = pipeline(("crop", {}))
    whole = {"centre": torch.full((BATCH, 2), 0.5), "extent": torch.ones(BATCH, 2)}
    wide = {"centre": torch.full((BATCH, 2), 0.5), "extent": torch.full((BATCH, 2), 100.0)}
    found = maker.apply(images, {"crop": wide})
    for i, (row, column) in enumerate(itertools.product((0, -1), repeat=2)):
        edge = images[i][:, row, column] / 255
        torch.testing.assert_close(found[i][:, row, column], edge, atol=1e-5, rtol=0)
    lost = {**whole, "extent": whole["extent"] * torch.tensor([[math.nan]] + [[1.0]] * (BATCH - 1))}
    found = maker.apply(images, {"crop": lost})
    assert found[0].isnan().all()
    torch.testing.assert_close(found[1:], maker.apply(images, {"crop": whole})[1:])


ORDERS = [
    ("blur", "crop", "flip"), ("crop", "flip", "jitter"), ("solarize", "flip", "crop"), ("crop", "blur", "flip"),
    ("flip",), ("jitter",), (),
]


@pytest.mark.parametrize("order", ORDERS)
def test_views_are_the_same_within_autocast_and_from_floats(
    images: torch.Tensor, order: tuple[str, ...], made_by: str
) -> None:
    maker = pipeline(*((name, {}) for name in order), size=OUT if "crop" in order else SIZE)
    parameters = drawn(maker)
    found = maker.view(images, parameters)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(maker.view(images, parameters), found, atol=0, rtol=0)
    rounding = 1e-5 if made_by == "compiled" else 0
    torch.testing.assert_close(maker.view(images.float(), parameters), found, atol=rounding, rtol=0)


@pytest.mark.parametrize("order", ORDERS)
def test_several_views_at_once_whole_or_in_pieces_are_those_one_by_one(
    images: torch.Tensor, order: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = pipeline(*((name, {}) for name in order), size=OUT if "crop" in order else SIZE)
    sources = [images, images, images.flip(0), images]
    parameters = [drawn(maker, seed) for seed in range(4)]
    alone = [maker.view(*each) for each in zip(sources, parameters, strict=True)]
    for view, expected in zip(maker.views(sources, parameters), alone, strict=True):
        torch.testing.assert_close(view, expected, atol=0, rtol=0)
    monkeypatch.setattr(sampling, "PIECE", 4 * 3 * SIZE * maker.size * 1.5)
    assert sampling.pieces(images, maker.size) == [2, 2, 1, 1]
    for view, expected in zip(maker.views(sources, parameters), alone, strict=True):
        torch.testing.assert_close(view, expected, atol=1e-6, rtol=0)


def test_a_share_of_the_mirror_image_blends_and_carries_a_gradient(images: torch.Tensor) -> None:
    maker = pipeline(("crop", {}), ("flip", {}))
    flag = torch.linspace(0.1, 0.9, BATCH).requires_grad_()
    crop, share = drawn(maker)["crop"], flag.detach()[:, None, None, None]
    found = maker.apply(images, {"crop": crop, "flip": {"flag": flag}})
    plain = maker.apply(images, {"crop": crop, "flip": {"flag": torch.zeros(BATCH)}})
    torch.testing.assert_close(found, (1 - share) * plain + share * plain.flip(3))
    found.square().sum().backward()
    expected = 2 * ((plain.flip(3) - plain) * found.detach()).sum((1, 2, 3))
    torch.testing.assert_close(flag.grad, expected, rtol=1e-4, atol=1e-4)


def test_gradients_in_pieces_and_groups_of_views_are_those_of_the_whole(
    images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = pipeline(("crop", {}), ("flip", {}), ("jitter", {"p": 1.0}))
    chosen = (("crop", "centre"), ("jitter", "hue"))

    def gradients() -> list[torch.Tensor]:
        parameters = [drawn(maker, seed) for seed in range(3)]
        leaves = [p[step][key].requires_grad_() for p in parameters for step, key in chosen]
        sum(view.square().mean() for view in maker.views([images] * 3, parameters)).backward()
        return [leaf.grad for leaf in leaves]

    whole = gradients()
    monkeypatch.setattr(sampling, "PIECE", 4 * 3 * SIZE * OUT * 2)
    monkeypatch.setattr(views, "TOGETHER", 2 * 12 * BATCH * OUT**2)
    for found, expected in zip(gradients(), whole, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)


def test_images_that_are_not_square_or_not_of_one_size_are_refused(images: torch.Tensor) -> None:
    maker = pipeline(("crop", {}))
    with pytest.raises(RequestError, match="not of 12 x 10 pixels"):
        maker.apply(images[..., :10], drawn(maker))
    with pytest.raises(RequestError, match="of one size"):
        maker.views([images, images[..., :10, :10]], [drawn(maker)] * 2)
