"""Partners: drawn from the lists or the class in the shares asked for, and refused where they cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kinfolk.core import registry
from kinfolk.core.errors import RequestError
from kinfolk.records.images import Images
from kinfolk.records.neighbours import Neighbours

COUNT, CLASSES = 60, 4


@pytest.fixture
def images() -> Images:
    """Sixty images numbered 0, 3, 6 and so on, of four classes of unequal size."""
    index = np.arange(COUNT) * 3
    labels = np.minimum(np.arange(COUNT) % 7, CLASSES - 1)
    pixels = np.zeros((COUNT, 3, 4, 4), np.uint8)
    return Images(pixels, labels, tuple("abcd"), index, [str(i) for i in index], "made", "train", "f00d")


@pytest.fixture
def index(images: Images, tmp_path: Path) -> Path:
    """A file in which the neighbours of row i are the rows i + 1, i + 2, i + 3 and i + 4."""
    rows = (np.arange(COUNT)[:, None] + np.arange(1, 5)) % COUNT
    lists = Neighbours(
        images.index, images.index[rows], np.zeros(rows.shape, np.float32), "cosine", "made", "train", "f00d", "run"
    )
    lists.save(tmp_path / "near.npz")
    return tmp_path / "near.npz"


def drawn(name: str, images: Images, rows: torch.Tensor, seed: int = 0, **settings) -> torch.Tensor:
    positives = registry.build("positives", name, **settings)
    positives.bind(images)
    return positives.partners(rows, torch.Generator().manual_seed(seed))


def test_views_are_their_own_partners(images: Images) -> None:
    rows = torch.tensor([5, 2, 9])
    assert torch.equal(drawn("views", images, rows), rows)


@pytest.mark.parametrize("k", [1, 3])
def test_neighbours_come_from_the_first_k_all_equally_likely(images: Images, index: Path, k: int) -> None:
    rows = torch.arange(COUNT).repeat(500)
    step = (drawn("neighbours", images, rows, index=str(index), k=k) - rows) % COUNT
    shares = torch.bincount(step, minlength=COUNT) / len(rows)
    torch.testing.assert_close(shares[1 : k + 1], torch.full((k,), 1 / k), atol=0.01, rtol=0)
    assert int((shares > 0).sum()) == k


@pytest.mark.parametrize("name", ["neighbours", "same_class"])
def test_an_image_takes_another_with_the_probability_set(images: Images, index: Path, name: str) -> None:
    rows = torch.arange(COUNT).repeat(500)
    given = {"index": str(index)} if name == "neighbours" else {}
    for probability in (0.0, 0.3, 1.0):
        other = drawn(name, images, rows, probability=probability, **given) != rows
        assert float(other.double().mean()) == pytest.approx(probability, abs=0.01)
        by_image = other.view(500, COUNT).double().mean(0)
        assert (by_image - probability).abs().max() < 0.1, "each image draws for itself"


@pytest.mark.parametrize("purity", [0.0, 0.25, 1.0])
def test_the_oracle_keeps_its_purity_and_never_picks_the_image_itself(images: Images, purity: float) -> None:
    rows = torch.arange(COUNT).repeat(2000)
    found = drawn("same_class", images, rows, purity=purity)
    labels = torch.from_numpy(images.labels)
    same = labels[found] == labels[rows]
    assert not (found == rows).any()
    assert float(same.double().mean()) == pytest.approx(purity, abs=0.01)
    for row in (0, 3, COUNT - 1):
        mine, alike = found[rows == row], labels == labels[row]
        for share, candidates in ((purity, alike & (torch.arange(COUNT) != row)), (1 - purity, ~alike)):
            counts = torch.bincount(mine, minlength=COUNT)[candidates].double() / len(mine)
            expected = torch.full_like(counts, share / int(candidates.sum()))
            torch.testing.assert_close(counts, expected, atol=0.025, rtol=0)


def test_the_same_generator_draws_the_same_partners(images: Images, index: Path) -> None:
    rows = torch.arange(COUNT)
    given = {"index": str(index), "k": 4, "probability": 0.5}
    assert torch.equal(drawn("neighbours", images, rows, 1, **given), drawn("neighbours", images, rows, 1, **given))
    assert not torch.equal(drawn("neighbours", images, rows, 1, **given), drawn("neighbours", images, rows, 2, **given))


def test_lists_that_changed_or_do_not_fit_are_refused(images: Images, index: Path) -> None:
    known = registry.build("positives", "neighbours", index=str(index)).bind(images)
    registry.build("positives", "neighbours", index=str(index), **known).bind(images)
    for settings, said in (
        ({"index": ""}, "need positives.index"),
        ({"index": str(index.with_name("gone.npz"))}, "no file of neighbours"),
        ({"k": 5}, r"positives.k = 5, but .* holds 4 neighbours"),
        ({"fingerprint": "0123"}, "other neighbours .* than this run began with"),
    ):
        with pytest.raises(RequestError, match=said):
            registry.build("positives", "neighbours", **{"index": str(index), **settings}).bind(images)
    with pytest.raises(RequestError, match="do not fit made"):
        registry.build("positives", "neighbours", index=str(index)).bind(replace(images, fingerprint="beef"))


def test_the_oracle_says_what_it_lacks(images: Images) -> None:
    def bind(labels: np.ndarray, **settings) -> None:
        registry.build("positives", "same_class", **settings).bind(replace(images, labels=labels))

    half = np.where(np.arange(COUNT) < 30, -1, images.labels)
    with pytest.raises(RequestError, match="30 of the 60 images of made"):
        bind(half)
    alone = np.where(np.arange(COUNT) == 7, 2, 0)
    with pytest.raises(RequestError, match="class 'c' has only one image"):
        bind(alone)
    bind(alone, purity=0.0)
    with pytest.raises(RequestError, match="there is one class"):
        bind(np.zeros(COUNT, dtype=np.int64), purity=0.5)
