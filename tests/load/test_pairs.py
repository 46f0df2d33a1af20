"""Batches and views: a function of seed, epoch and step alone, whoever asks and however often."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kinfolk.core import registry, seeds
from kinfolk.core.errors import RequestError
from kinfolk.load import kernel
from kinfolk.load.batches import Batches
from kinfolk.load.pairs import Pairs
from kinfolk.load.views import Pipeline
from kinfolk.records.images import Images


def images(n: int = 50, size: int = 16) -> Images:
    pixels = np.random.default_rng(0).integers(0, 256, (n, 3, size, size), dtype=np.uint8)
    return Images(pixels, np.arange(n) % 5, tuple("abcde"), np.arange(n), [str(i) for i in range(n)], "x", "train", "f")


def pairs(batch: int = 20, seed: int = 0, count: int = 2, **settings) -> Pairs:
    steps = [(name, registry.build("augmentations", name)) for name in ("crop", "flip", "jitter", "grayscale")]
    positives = registry.build("positives", "views")
    return Pairs(Batches(images(), batch, seed), steps, 12, count, positives, **settings)


def test_an_epoch_visits_every_image_at_most_once_in_full_batches() -> None:
    batches = pairs().batches
    rows = torch.cat([batches.rows(3, 0, step) for step in range(batches.steps)])
    assert batches.steps == 2
    assert len(rows) == len(rows.unique()) == 40


def test_the_order_depends_on_seed_epoch_and_round_only() -> None:
    one, two = pairs().batches, pairs().batches
    one.rows(7, 0, 1)
    assert torch.equal(one.rows(3, 0, 1), two.rows(3, 0, 1))
    assert not torch.equal(one.rows(3, 0, 1), one.rows(4, 0, 1))
    assert not torch.equal(one.rows(3, 0, 1), one.rows(3, 1, 1))
    assert not torch.equal(one.rows(3, 0, 1), pairs(seed=1).batches.rows(3, 0, 1))


def test_two_processes_see_the_views_of_one() -> None:
    maker, position = pairs(labels=True), (0, 0, 1)
    rows = maker.batches.rows(*position)
    whole = maker.views(rows, position, slice(0, 20))
    halves = [maker.views(rows, position, part) for part in (slice(0, 10), slice(10, 20))]
    for v in range(2):
        torch.testing.assert_close(torch.cat([h.pixels[v] for h in halves]), whole.pixels[v], atol=1e-5, rtol=0)
    assert torch.equal(torch.cat([h.index for h in halves]), whole.index)
    assert torch.equal(torch.cat([h.labels for h in halves]), whole.labels)


@pytest.mark.parametrize("compiled", [True, False])
def test_the_precision_of_a_network_around_it_changes_nothing(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiled:
        monkeypatch.setattr(kernel, "takes", lambda *given: False)
    rows, position = pairs().batches.rows(0, 0, 0), (0, 0, 0)
    plain = pairs().views(rows, position, slice(None))
    with torch.autocast("cpu", torch.bfloat16):
        around = pairs().views(rows, position, slice(None))
    assert all(torch.equal(a, b) for a, b in zip(plain.pixels, around.pixels, strict=True))


def test_views_differ_from_each_other_and_between_steps() -> None:
    maker = pairs()
    rows = maker.batches.rows(0, 0, 0)
    one, two = maker.views(rows, (0, 0, 0), slice(None)), maker.views(rows, (0, 0, 1), slice(None))
    assert one.labels is None
    assert not torch.equal(one.pixels[0], one.pixels[1])
    assert not torch.equal(one.pixels[0], two.pixels[0])
    assert torch.equal(one.originals, torch.from_numpy(images().pixels[rows.numpy()]))


def test_recorded_parameters_replay_the_view_to_the_bit() -> None:
    maker = pairs()
    views = maker.views(maker.batches.rows(0, 0, 0), (0, 0, 0), slice(None))
    for pixels, parameters in zip(views.pixels, views.parameters, strict=True):
        assert torch.equal(maker.pipeline.view(views.originals, parameters), pixels)


def test_fixed_views_stay_with_their_image() -> None:
    maker = pairs(fixed=True)
    seen = []
    for epoch in (0, 1):
        rows = torch.cat([maker.batches.rows(epoch, 0, s) for s in range(2)])
        views = maker.views(rows, (epoch, 0, 0), slice(None))
        seen.append(dict(zip(views.index.tolist(), views.pixels[1], strict=True)))
    both = seen[0].keys() & seen[1].keys()
    assert len(both) >= 30
    for i in both:
        torch.testing.assert_close(seen[0][i], seen[1][i], atol=1e-5, rtol=0)


def test_a_step_has_its_views_whatever_was_asked_before() -> None:
    rows = pairs().batches.rows(0, 0, 0)
    maker = pairs(batch=5)
    asked = [(0, 0, 3), (0, 0, 4), (0, 0, 0), (0, 0, 9), (1, 0, 9), (1, 1, 9), (0, 0, 2), (0, 0, 3), (0, 0, 30)]
    for position in asked:
        found, alone = (m.views(rows, position, slice(None)) for m in (maker, pairs(batch=5)))
        assert all(torch.equal(a, b) for a, b in zip(found.pixels, alone.pixels, strict=True))
        for one, other in zip(found.parameters, alone.parameters, strict=True):
            for name, values in one.items():
                assert all(torch.equal(value, other[name][key]) for key, value in values.items())
    assert len({float(maker.views(rows, p, slice(None)).parameters[0]["crop"]["extent"][0, 0]) for p in asked}) == 8


def test_views_in_turn_continue_where_the_last_round_ended() -> None:
    whole, turns = pairs(count=4), pairs(count=2)
    rows = whole.batches.rows(0, 0, 0)
    four = whole.views(rows, (0, 0, 0), slice(None))
    second = turns.views(rows, (0, 0, 0), slice(None), first=2)
    assert torch.equal(four.pixels[3], second.pixels[1])


def test_views_lie_channels_first_where_that_is_asked_for() -> None:
    plain, planes = pairs(), pairs(planes=True)
    rows = plain.batches.rows(0, 0, 0)
    for a, b in zip(*(maker.views(rows, (0, 0, 0), slice(None)).pixels for maker in (plain, planes)), strict=True):
        assert b.is_contiguous()
        assert torch.equal(a, b)


def test_small_crops_follow_the_views_and_change_none_of_them() -> None:
    steps = [("crop", registry.build("augmentations", "crop", scale=(0.05, 0.4)))]
    plain, mixed = pairs(), pairs(small=[Pipeline(steps, 8)] * 3)
    rows = plain.batches.rows(0, 0, 0)
    whole = mixed.views(rows, (0, 0, 0), slice(None))
    assert [p.shape[2] for p in whole.pixels] == [12, 12, 8, 8, 8]
    assert (whole.small, len(whole.large), len(whole.parameters)) == (3, 2, 5)
    for a, b in zip(plain.views(rows, (0, 0, 0), slice(None)).pixels, whole.large, strict=True):
        assert torch.equal(a, b)
    area = torch.cat([p["crop"]["extent"].prod(1) for p in whole.parameters[2:]])
    assert 0.049 < area.min() < area.max() < 0.401
    assert not torch.equal(whole.pixels[2], whole.pixels[3])
    half = mixed.views(rows, (0, 0, 0), slice(10, 20))
    torch.testing.assert_close(half.pixels[4], whole.pixels[4][10:], atol=1e-5, rtol=0)


def test_fixed_small_crops_stay_with_their_image() -> None:
    steps = [("crop", registry.build("augmentations", "crop", scale=(0.05, 0.4)))]
    maker = pairs(fixed=True, small=[Pipeline(steps, 8)] * 2)
    rows = maker.batches.rows(0, 0, 0)
    one, two = maker.views(rows, (0, 0, 0), slice(None)), maker.views(rows, (5, 0, 1), slice(None))
    assert all(torch.equal(a, b) for a, b in zip(one.pixels, two.pixels, strict=True))


def test_a_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(RequestError, match="51 is more than the 50 images"):
        Batches(images(), 51, 0)


def test_seeds_do_not_collide_where_a_shift_would() -> None:
    keys = {seeds.key(seed, "views", epoch, step) for seed in range(20) for epoch in range(20) for step in range(20)}
    assert len(keys) == 8000
    assert seeds.key(0, "views", 1) != seeds.key(0, "order", 1)
