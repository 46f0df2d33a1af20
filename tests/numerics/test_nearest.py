"""Nearest neighbours against a full stable sort and scikit-learn, with ties, exclusions and several tiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from kinfolk.numerics import nearest as module
from kinfolk.numerics import rounded as rounding
from kinfolk.numerics.bounds import Bounds
from kinfolk.numerics.leading import Leading
from kinfolk.numerics.nearest import nearest
from kinfolk.numerics.rounded import Rounded


def by_sorting(similarity: np.ndarray, k: int, exclude: np.ndarray | None) -> np.ndarray:
    similarity = similarity.astype(np.float64)
    if exclude is not None:
        rows = np.flatnonzero(exclude >= 0)
        similarity[rows, exclude[rows]] = -np.inf
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("farthest", [False, True])
@pytest.mark.parametrize("excluding", [False, True])
@pytest.mark.parametrize(
    ("queries", "bank", "k"), [(7, 900, 1), (300, 700, 5), (33, 40, 39), (64, 2000, 100), (5, 2, 1)]
)
def test_ties_go_to_the_lowest_position(queries: int, bank: int, k: int, excluding: bool, farthest: bool) -> None:
    random = np.random.default_rng(bank)
    q = random.integers(-1, 2, (queries, 4)).astype(np.float32)
    b = random.integers(-1, 2, (bank, 4)).astype(np.float32)
    exclude = random.integers(-1, bank, queries) if excluding else None
    position, similarity = nearest(q, b, k, metric="dot", exclude=exclude, farthest=farthest)
    exact = q @ b.T
    assert np.array_equal(position, by_sorting(-exact if farthest else exact, k, exclude))
    assert np.array_equal(similarity, np.take_along_axis(exact, position, 1))


def test_several_tiles_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    q, b = (random.integers(-2, 3, (n, 5)).astype(np.float32) for n in (520, 1003))
    exclude = np.arange(520)
    whole = nearest(q, b, 30, metric="dot", exclude=exclude)
    monkeypatch.setattr(module, "TILE_ROWS", 97)
    pieces = nearest(q, b, 30, metric="dot", exclude=exclude)
    assert np.array_equal(whole[0], pieces[0])
    assert np.array_equal(whole[1], pieces[1])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_agrees_with_scikit_learn(metric: str) -> None:
    random = np.random.default_rng(1)
    q, b = random.normal(3, 1, (120, 20)).astype(np.float32), random.normal(3, 1, (1500, 20)).astype(np.float32)
    distance, expected = NearestNeighbors(n_neighbors=17, metric=metric).fit(b).kneighbors(q)
    position, found = nearest(q, b, 17, metric=metric)
    assert (position == expected).mean() > 0.999
    assert np.allclose(1 - found if metric == "cosine" else found, distance, atol=1e-5)


def test_the_distance_to_a_copy_is_zero_far_from_the_origin() -> None:
    b = (np.random.default_rng(2).normal(size=(500, 64)) + 1000).astype(np.float32)
    position, distance = nearest(b[:9], b, 2, metric="euclidean")
    assert np.array_equal(position[:, 0], np.arange(9))
    assert (distance[:, 0] == 0).all()
    assert (distance[:, 1] > 1).all()


def test_read_only_and_other_types_are_taken_and_left_alone() -> None:
    b = np.random.default_rng(3).normal(size=(50, 4))
    b.flags.writeable = False
    before = b.copy()
    assert np.array_equal(nearest(b, b, 1)[0][:, 0], np.arange(50))
    assert np.array_equal(b, before)


def test_too_many_neighbours_and_bad_numbers_are_refused() -> None:
    b = np.eye(4, dtype=np.float32)
    with pytest.raises(ValueError, match="k = 4 .* 3 to choose from"):
        nearest(b, b, 4, exclude=np.arange(4))
    assert nearest(b, b, 4)[0].shape == (4, 4)
    with pytest.raises(ValueError, match="not finite"):
        nearest(b, np.where(b > 0, np.nan, b), 2)


@pytest.fixture(scope="module")
def few_directions() -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers, 9,000 in 96 dimensions, away from 0, most of the variance in 6, some rows three times."""
    random = np.random.default_rng(4)
    spread = np.r_[np.full(6, 30.0), np.full(90, 0.5)]
    vectors = np.round(random.normal(size=(10_100, 96)) * spread + 10).astype(np.float32)
    bank, queries = vectors[:9000], vectors[9000:]
    bank[100:200] = bank[7000:7100] = bank[:100]
    queries[:100] = bank[:100]
    return bank, queries


@pytest.mark.parametrize("kind", [Leading, Rounded])
@pytest.mark.parametrize(("metric", "farthest"), [("cosine", False), ("dot", False), ("dot", True)])
def test_bounds_find_what_full_products_find(
    few_directions, metric: str, farthest: bool, kind: type[Bounds], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounding, "multiplies_in_bf16", lambda: kind is Rounded)
    bank, queries = few_directions
    exclude = np.r_[np.arange(100), np.full(1000, -1)]
    completed = []
    complete = kind.complete

    def watched(*given: object) -> object:
        completed.append(complete(*given))
        return completed[-1]

    monkeypatch.setattr(kind, "complete", watched)
    position, value = nearest(queries, bank, 7, metric=metric, exclude=exclude, farthest=farthest)
    assert completed
    assert all(found is not None for found in completed)
    monkeypatch.setattr(module, "FEWEST_QUERIES", 1 << 30)
    expected, full = nearest(queries, bank, 7, metric=metric, exclude=exclude, farthest=farthest)
    if metric == "dot":
        assert np.array_equal(position, expected)
        assert np.array_equal(value, full)
    else:
        assert np.allclose(value, full, atol=1e-6)
        assert (position == expected).mean() > 0.99
        assert np.array_equal(position[:100, 0], np.arange(100, 200))
        assert np.array_equal(position[:100, 1], np.arange(7000, 7100))


def test_bounds_are_above_what_they_bound_and_are_left_alone_where_they_do_not_pay(few_directions) -> None:
    bank, queries = (torch.from_numpy(rows) for rows in few_directions)
    leading = Leading.of(bank)
    assert leading is not None
    assert leading.columns.shape[1] < 48
    rows, offset = leading.rows(queries)
    exact = queries @ bank.T
    slack = rows @ leading.columns.T + offset[:, None] - exact
    assert float(slack.min()) >= 0
    assert float(slack.mean()) < 0.1 * float(exact.std())
    assert Leading.of(torch.from_numpy(np.random.default_rng(5).normal(size=(9000, 96)).astype(np.float32))) is None
    assert Leading.of(torch.zeros(9000, 96)) is None


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_bounds_from_rounded_products_are_above_what_they_bound(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(8)
    bank, queries = (torch.from_numpy((random.normal(size=(n, 96)) * scale).astype(np.float32)) for n in (9000, 50))
    monkeypatch.setattr(rounding, "multiplies_in_bf16", lambda: False)
    assert Rounded.of(bank) is None
    monkeypatch.setattr(rounding, "multiplies_in_bf16", lambda: True)
    rounded = Rounded.of(bank)
    assert rounded is not None
    rows, offset = rounded.rows(queries)
    exact = queries.double() @ bank.double().T
    slack = (rows @ rounded.columns.T).double() + offset[:, None] - exact
    assert float(slack.min()) >= 0
    assert float(slack.mean()) < 0.2 * float(exact.std())


def test_a_bank_of_copies_falls_back_and_goes_by_position() -> None:
    random = np.random.default_rng(6)
    bank = np.repeat(random.normal(size=(3, 64)), 3000, axis=0).astype(np.float32)
    position, _ = nearest(bank[:1200], bank, 5)
    assert np.array_equal(position, np.tile(np.arange(5), (1200, 1)))
