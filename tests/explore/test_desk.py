"""The desk: a computation that fails says why and harms no other; results are kept for the next server."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from kinfolk.core.errors import RequestError
from kinfolk.explore.desk import Desk, Job, Progress
from kinfolk.explore.part import Part
from kinfolk.records.features import Features


def part(vectors: np.ndarray) -> Part:
    """Vectors without labels or images."""
    count = len(vectors)
    numbers = np.arange(count)
    origins = [str(i) for i in range(count)]
    return Part("train", Features(vectors, np.full(count, -1), numbers, origins, (), "train", "made", "made"), None)


@pytest.fixture
def desk() -> Iterator[Desk]:
    found = Desk()
    yield found
    found.close()


def ended(progress: Progress) -> Progress:
    """Wait for a computation."""
    for _ in range(2400):
        if progress.state in ("ready", "failed"):
            return progress
        time.sleep(0.1)
    pytest.fail("the computation did not end within four minutes")


def test_a_failed_computation_says_why_and_the_next_one_is_done(desk: Desk) -> None:
    alone = Job("lists", part(np.ones((1, 4), np.float32)), part(np.ones((1, 4), np.float32)))
    failed = ended(desk.ask(alone))
    assert failed.state == "failed"
    assert "to choose from" in failed.problem
    assert desk.ask(alone) is failed
    some = part(np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32))
    found = ended(desk.ask(Job("lists", some, some)))
    assert found.state == "ready"
    assert found.arrays["nearest"].shape == (30, 20)
    assert "prediction" not in found.arrays
    other = Desk()
    try:
        kept = other.look(Job("lists", some, some))
        assert kept is not None
        np.testing.assert_array_equal(kept.arrays["nearest"], found.arrays["nearest"])
    finally:
        other.close()


def test_vectors_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(RequestError, match="not all finite"):
        part(np.array([[1.0, np.nan], [1.0, 2.0]], np.float32))
