"""Reading run folders: names told apart, and broken files refused with one message."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made import write_run

from kinfolk.core.errors import RequestError
from kinfolk.report.material import read, read_all


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    found = read_all([write_run(tmp_path / "a" / "run"), write_run(tmp_path / "b" / "run")])
    assert [run.name for run in found] == ["a/run", "b/run"]
    assert [run.subject for run in found] == ["run", "run"]


def test_log_is_told_into_steps_and_epochs(one_run: Path) -> None:
    run = read(one_run)
    assert [len(run.steps), len(run.epochs), len(run.speed)] == [18, 3, 3]
    assert run.data_name == "cifar10"
    assert run.thumbnails["test"].rows[3] == 1


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("recipe.toml", b"seed = = 0", "is not a recipe"),
        ("environment.json", b"{", "is not JSON"),
        ("thumbnails/test.json", b'{"index": [1]}', "must hold uint8"),
        ("thumbnails/test.npy", b"no array", "cannot be read as thumbnails"),
    ],
)
def test_broken_files_are_named(file: str, content: bytes, message: str, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / file).write_bytes(content)
    with pytest.raises(RequestError, match=message) as raised:
        read(folder)
    assert Path(file).stem in str(raised.value)


def test_pickled_thumbnails_are_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    np.save(folder / "thumbnails" / "test.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(RequestError, match="cannot be read as thumbnails"):
        read(folder)
