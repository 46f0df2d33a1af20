"""The battery of positives: every leaf with every method that compares views, from batches to terms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import method_toys as toys
import numpy as np
import pytest
import torch

from kinfolk.core import registry
from kinfolk.core.errors import RequestError
from kinfolk.load.pairs import Pairs
from kinfolk.numerics.nearest import nearest
from kinfolk.positives import Positives
from kinfolk.records.images import Images
from kinfolk.records.neighbours import Neighbours
from kinfolk.records.recipe import Recipe
from kinfolk.train.prepare import pairs as prepared
from kinfolk.train.prepare import positives as allowed

COUNT, BATCH = 40, 16
LEAVES = list(registry.leaves("positives"))
WITH_OTHERS = [n for n in LEAVES if n != "views"]
every = pytest.mark.parametrize("name", LEAVES)
others = pytest.mark.parametrize("name", WITH_OTHERS)
JOINT = [n for n in toys.names() if not registry.leaf("methods", n).open().uses & {"labels", "originals", "index"}]


@pytest.fixture(scope="module")
def images() -> Images:
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 3, toys.SIZE, toys.SIZE), dtype=np.uint8)
    index = np.arange(COUNT) * 2
    return Images(pixels, np.arange(COUNT) % 5, tuple("abcde"), index, [str(i) for i in index], "x", "train", "f")


@pytest.fixture(scope="module")
def index(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Path:
    vectors = images.pixels.reshape(COUNT, -1).astype(np.float32)
    rows, similarity = nearest(vectors, vectors, 3, exclude=np.arange(COUNT))
    place = tmp_path_factory.mktemp("index") / "near.npz"
    Neighbours(images.index, images.index[rows], similarity, "cosine", "x", "train", "f", "pixels").save(place)
    return place


def settings(name: str, index: Path, **given: Any) -> dict[str, Any]:
    """What a leaf cannot do without, and what is given."""
    return {**({"index": str(index), "k": 3} if name == "neighbours" else {}), **given}


def recipe(name: str, index: Path, method: str = "byol", views: dict[str, Any] | None = None, **given: Any) -> Recipe:
    return Recipe.of({
        "positives": {"name": name, **settings(name, index, **given)},
        "method": {"name": method},
        "views": {"size": toys.SIZE, **(views or {})},
        "data": {"size": toys.SIZE},
        "train": {"batch": BATCH, "device": "cpu"},
    })


def maker(name: str, images: Images, index: Path, method: str = "byol", views: Any = None, **given: Any) -> Pairs:
    asked = recipe(name, index, method, views, **given)
    built = toys.build(method)
    asked = replace(asked, views=replace(asked.views, count=max(2, asked.views.count)))
    chosen = allowed(asked, built)
    chosen.bind(images)
    return prepared(asked, images, built, chosen)


@pytest.mark.parametrize("method", JOINT)
@every
def test_every_leaf_gives_every_method_views_it_can_learn_from(
    name: str, method: str, images: Images, index: Path
) -> None:
    pairs = maker(name, images, index, method)
    built = toys.build(method)
    terms = built(pairs.views(pairs.batches.rows(0, 0, 0), (0, 0, 0), slice(None)))
    built.total(terms).backward()
    assert all(torch.isfinite(t) for t in terms.values())
    assert all(torch.isfinite(g).all() for g in toys.gradients(built).values())


@pytest.mark.parametrize("method", [n for n in JOINT if "teacher" in registry.leaf("methods", n).open().uses])
@others
def test_targets_are_averaged_where_there_is_a_teacher(name: str, method: str, images: Images, index: Path) -> None:
    pairs = maker(name, images, index, method, weight=0.5)
    given = pairs.views(pairs.batches.rows(0, 0, 0), (0, 0, 0), slice(None))
    assert len(given.partners) == len(given.pixels) == 2
    assert given.weight == 0.5
    assert all(torch.equal(source, given.originals) for source in given.sources)
    built = toys.build(method)
    terms = built(given)
    built.total(terms).backward()
    assert all(torch.isfinite(t) for t in terms.values())
    given.partners = []
    plain = toys.build(method)(given)
    assert any(not torch.equal(plain[k], terms[k]) for k in terms)


@pytest.mark.parametrize("method", [n for n in toys.names() if n not in JOINT])
@others
def test_methods_that_hold_an_image_against_itself_refuse(
    name: str, method: str, images: Images, index: Path
) -> None:
    with pytest.raises(RequestError, match=f"method '{method}' compares each with its own"):
        maker(name, images, index, method)


@pytest.mark.parametrize("method", [n for n in JOINT if "teacher" not in registry.leaf("methods", n).open().uses])
def test_methods_without_a_teacher_refuse_a_weight(method: str, images: Images, index: Path) -> None:
    with pytest.raises(RequestError, match=f"method '{method}' has none; methods with one: .*byol"):
        maker("neighbours", images, index, method, weight=0.5)


@pytest.mark.parametrize("weight", ["off", 0.5])
@pytest.mark.parametrize("views", [{}, {"fixed": True}, {"count": 4}, {"count": 4, "pairing": "turns"}], ids=str)
@others
def test_two_processes_see_the_views_of_one(
    name: str, views: dict[str, Any], weight: Any, images: Images, index: Path
) -> None:
    pairs = maker(name, images, index, views=views, weight=weight, probability=0.6)
    rows, position = pairs.batches.rows(1, 0, 1), (1, 0, 1)
    whole = pairs.views(rows, position, slice(None), first=2)
    halves = [pairs.views(rows, position, part, first=2) for part in (slice(0, 8), slice(8, 16))]
    assert len(whole.pixels) == (4 if views == {"count": 4} else 2)
    assert len(whole.partners) == (0 if weight == "off" else len(whole.pixels))
    for kind in ("pixels", "partners", "sources"):
        for v, view in enumerate(getattr(whole, kind)):
            joined = torch.cat([getattr(half, kind)[v] for half in halves])
            torch.testing.assert_close(joined, view, atol=1e-5, rtol=0)


@others
def test_the_first_view_is_the_images_own_and_the_others_are_the_partners(
    name: str, images: Images, index: Path
) -> None:
    pairs = maker(name, images, index, views={"count": 4})
    rows = pairs.batches.rows(0, 0, 0)
    given = pairs.views(rows, (0, 0, 0), slice(None))
    assert torch.equal(given.sources[0], given.originals)
    for v in (1, 2, 3):
        same = (given.sources[v] == given.originals).flatten(1).all(1)
        assert not same.any()
    assert not torch.equal(given.sources[1], given.sources[2]), "every further view draws for itself"
    later = pairs.views(rows, (1, 0, 0), slice(None))
    assert not torch.equal(given.sources[1], later.sources[1])


@others
def test_the_recorded_parameters_replay_a_partners_view_to_the_bit(name: str, images: Images, index: Path) -> None:
    for views in ({}, {"fixed": True}):
        pairs = maker(name, images, index, views=views, probability=0.5)
        given = pairs.views(pairs.batches.rows(0, 0, 0), (0, 0, 0), slice(None))
        for source, parameters, view in zip(given.sources, given.parameters, given.pixels, strict=True):
            assert torch.equal(pairs.pipeline.view(source, parameters), view)


@others
def test_without_augmentation_both_are_only_resized(name: str, images: Images, index: Path) -> None:
    pairs = maker(name, images, index, augment="none")
    given = pairs.views(pairs.batches.rows(0, 0, 0), (0, 0, 0), slice(None))
    for source, view in zip(given.sources, given.pixels, strict=True):
        torch.testing.assert_close(view, (source / 255 - 0.5) / 0.25, atol=1e-5, rtol=0)
    assert not torch.equal(given.sources[0], given.sources[1])
    small = maker(name, images, index, augment="none", views={"size": 8})
    view = small.views(pairs.batches.rows(0, 0, 0), (0, 0, 0), slice(None)).pixels[1]
    whole = torch.nn.functional.interpolate(
        given.sources[1] / 255, size=(8, 8), mode="bilinear", antialias=True, align_corners=False
    )
    torch.testing.assert_close(view * 0.25 + 0.5, whole, atol=2e-3, rtol=0)


@others
def test_kept_views_stay_with_their_image_as_anchor_and_as_partner(name: str, images: Images, index: Path) -> None:
    pairs = maker(name, images, index, views={"fixed": True})
    seen: dict[bytes, torch.Tensor] = {}
    for epoch in range(4):
        given = pairs.views(torch.arange(COUNT), (epoch, 0, 0), slice(None))
        for source, view in zip(given.sources[1], given.pixels[1], strict=True):
            kept = seen.setdefault(source.numpy().tobytes(), view)
            torch.testing.assert_close(view, kept, atol=1e-5, rtol=0)
    assert len(seen) > COUNT / 2


@others
def test_validation_is_the_same_in_every_variant(name: str, images: Images, index: Path) -> None:
    asked = recipe(name, index, augment="none")
    plain = recipe("views", index)
    built = toys.build("byol")
    found = [
        prepared(r, images, built, validation=True).views(torch.arange(BATCH), (0, 0, 0), slice(None))
        for r in (asked, plain)
    ]
    assert all(torch.equal(a, b) for a, b in zip(found[0].pixels, found[1].pixels, strict=True))


@every
def test_a_leaf_that_draws_says_so_to_the_user(name: str, images: Images, index: Path) -> None:
    positives: Positives = registry.build("positives", name, **settings(name, index))
    positives.bind(images)
    assert bool(positives.note) == (name != "views")
    assert ("labels" in positives.uses) == ("oracle" in positives.note)
