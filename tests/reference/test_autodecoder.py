"""Auto-decoder: terms against their sums, each row's Adam against torch's, latents of evaluation against training's."""

from __future__ import annotations

from functools import partial

import method_toys as toys
import pytest
import torch
from torch import Tensor

from kinfolk.core import registry
from kinfolk.core.errors import RequestError
from kinfolk.encoders import Encoder
from kinfolk.methods.autodecoder import adam, autodecoder_terms, falling
from kinfolk.records.recipe import Recipe


def reference(z: Tensor, pixels: Tensor, latents: Tensor, *, averaged: bool = False) -> dict[str, Tensor]:
    views, images, width = z.shape
    error = sum((a - b) ** 2 for a, b in zip(z.flatten(), pixels.flatten(), strict=True))
    length = sum(a**2 for a in latents.flatten())
    return {
        "reconstruction": error / (views * images * (width if averaged else 1)),
        "prior": length / (views * images),
    }


def test_equals_the_sums(agree, draw, shape):
    agree(autodecoder_terms, reference, draw(shape), draw(shape, 1), draw((*shape[:2], 3), 2), by=3)


def test_the_error_is_summed_over_pixels(agree, draw):
    with pytest.raises(AssertionError, match="reconstruction"):
        agree(autodecoder_terms, partial(reference, averaged=True), *(draw((2, 5, 4), s) for s in range(3)), by=3)


def test_each_row_has_an_adam_of_its_own(draw):
    slopes, present = draw((6, 5, 3)), [[0, 1, 2, 3, 4], [0, 2], [2], [1, 2, 4], [0], [3, 4]]
    start = draw((5, 3), 1)
    rows = [torch.nn.Parameter(row.clone()) for row in start]
    optimizers = [torch.optim.Adam([row], lr=0.1) for row in rows]
    table = [start.clone(), torch.zeros(5, 3), torch.zeros(5, 3), torch.zeros(5, 1)]
    table = [t.double() for t in table]
    for slope, there in zip(slopes, present, strict=True):
        for i in there:
            rows[i].grad = slope[i].clone()
            optimizers[i].step()
        held = [t[there] for t in table]
        adam(held, slope[there], rate=0.1)
        for whole, part in zip(table, held, strict=True):
            whole[there] = part
    torch.testing.assert_close(table[0], torch.stack([row.detach() for row in rows]))


def test_a_step_moves_the_images_of_the_batch_and_no_others():
    method = toys.build("autodecoder")
    before, loss = method.latents.clone(), method(toys.views(1))
    method.total(loss).backward()
    method.after_step(0.1)
    moved = (method.latents != before).any(1)
    assert moved.tolist() == [True] * 8 + [False] * 8
    assert method.visits.flatten().tolist() == [1.0] * 8 + [0.0] * 8


def test_latents_of_evaluation_are_lower_than_as_many_steps_of_adam_find():
    method = toys.build("autodecoder", steps=12).eval().double()
    pixels = toys.views(1, dtype=torch.float64).pixels[0]

    def loss(latents: Tensor) -> Tensor:
        error = (method.decoder(latents) - pixels).square().sum((1, 2, 3))
        return error + method.weights["prior"] * latents.square().sum(1)

    latent = torch.nn.Parameter(torch.zeros(len(pixels), 128, dtype=torch.float64))
    optimizer = torch.optim.Adam([latent], lr=1.0)
    for step in range(12):
        optimizer.param_groups[0]["lr"] = method.rate * falling(step / 12)
        optimizer.zero_grad()
        loss(latent).sum().backward()
        optimizer.step()
    found = method.embedder()(pixels)
    assert (loss(found) < loss(torch.zeros_like(found))).all()
    assert loss(found).mean() < loss(latent).mean()
    torch.testing.assert_close(method.embedder()(pixels[2:3]), found[2:3], rtol=1e-6, atol=1e-8)


def test_finding_latents_leaves_no_gradient_and_no_trace():
    method = toys.build("autodecoder").eval()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    with torch.no_grad():
        method.embedder()(toys.views(1).pixels[0])
    assert all(p.grad is None for p in method.parameters())
    assert all(torch.equal(before[name], value) for name, value in method.state_dict().items())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"encoder": {"name": "convnet"}}, "has no encoder, and 'convnet' was asked for"),
        ({"encoder": {"channels": [8, 16]}}, "has no encoder, and 'channels' was asked for"),
        ({"views": {"augmentations": "flip"}}, "takes it as it is"),
        ({"views": {"count": 2}}, "takes it as it is"),
    ],
)
def test_what_it_cannot_use_is_refused(more: dict, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        Recipe.of({"method": {"name": "autodecoder"}, **more})


def test_its_recipe_survives_and_the_number_of_images_must_be_known() -> None:
    made = Recipe.of({"method": {"name": "autodecoder"}})
    assert made.encoder.name == "none"
    assert Recipe.of(made.plain()) == made
    with pytest.raises(RequestError, match="needs data"):
        registry.build("methods", "autodecoder", Encoder(16))
