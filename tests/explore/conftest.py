"""Fixtures of the explorer's tests: made runs, and servers of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from explored import Asker, images, run, served

from kinfolk.evaluate.look import look


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs on the same images, one on others, and one that has not finished."""
    folder = tmp_path_factory.mktemp("explored")
    data, other = images(folder / "bright.npz"), images(folder / "elsewhere.npz", seed=1)
    for name, place, seed in (("first", data, 0), ("second", data, 1), ("other", other, 0), ("begun", data, 2)):
        run(folder / name, place, seed)
    (folder / "begun" / "weights.safetensors").unlink()
    (folder / "begun" / "resume").mkdir()
    return folder


@pytest.fixture(scope="session")
def ask(made: Path) -> Iterator[Asker]:
    """A server of all four runs and of a features file of the first."""
    subject = look(made / "first", True)
    subject.get("train").save(made / "vectors.npz")
    yield from served([*(made / name for name in ("first", "second", "other", "begun")), made / "vectors.npz"])


@pytest.fixture(scope="session")
def guarded(made: Path) -> Iterator[Asker]:
    """A server that wants a token."""
    yield from served([made / "first"], token="a token")
