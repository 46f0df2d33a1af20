"""The contract of datasets, held by every leaf: those that generate, and those that read what lies at a path."""

from __future__ import annotations

import inspect
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import samples

from kinfolk.core import registry
from kinfolk.core.errors import RequestError
from kinfolk.records import shipped

LEAVES = sorted(registry.leaves("datasets"))
SMALL = {"train": 30, "test": 12}


def positional(cls: type) -> list[str]:
    parameters = list(inspect.signature(cls).parameters.values())
    return [p.name for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]


def made(name: str, folder: Path) -> tuple[Any, Path | None]:
    """A tiny dataset of one leaf, and the path it reads, if it reads one."""
    cls = registry.leaf("datasets", name).open()
    if positional(cls):
        assert name in samples.PATHS, f"tests/samples.py makes no sample of '{name}'"
        path = samples.PATHS[name](folder / name)
        return registry.build("datasets", name, path), path
    return registry.build("datasets", name, **SMALL), None


@pytest.mark.parametrize("name", LEAVES)
def test_every_split_gives_labelled_rgb_images_with_names_and_factors(name: str, tmp_path: Path) -> None:
    dataset, _ = made(name, tmp_path)
    splits = dataset.splits()
    assert splits
    assert splits[0] == "train"
    assert len(set(splits)) == len(splits)
    for split in splits:
        source = dataset.open(split)
        count = len(source)
        assert count > 0
        assert source.labels.shape == (count,)
        assert source.labels.dtype == np.int64
        assert source.labels.min() >= -1
        assert source.labels.max() < len(source.classes)
        assert len(source.origins) == count
        assert len(set(source.origins)) == count
        assert all(v.shape == (count,) and v.dtype == np.float64 for v in source.factors.values())
        for position in (0, count // 2, count - 1):
            image = source.decode(position)
            assert image.dtype == np.uint8
            assert image.ndim == 3
            assert image.shape[2] == 3
            assert image.shape[:2] == source.shape(position)


@pytest.mark.parametrize("name", LEAVES)
def test_class_names_are_the_same_in_every_split(name: str, tmp_path: Path) -> None:
    dataset, _ = made(name, tmp_path)
    assert len({dataset.open(s).classes for s in dataset.splits()}) == 1
    assert len(set(dataset.open("train").classes)) == len(dataset.open("train").classes)


@pytest.mark.parametrize("name", LEAVES)
def test_opened_twice_and_from_many_threads_it_is_the_same(name: str, tmp_path: Path) -> None:
    dataset, _ = made(name, tmp_path)
    first, second = dataset.open("train"), dataset.open("train")
    assert first.fingerprint == second.fingerprint
    np.testing.assert_array_equal(first.labels, second.labels)
    alone = [first.decode(i) for i in range(len(first))]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(second.decode, range(len(second))))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", LEAVES)
def test_splits_have_different_fingerprints_and_unknown_ones_are_refused(name: str, tmp_path: Path) -> None:
    dataset, _ = made(name, tmp_path)
    prints = [dataset.open(s).fingerprint for s in dataset.splits()]
    assert len(set(prints)) == len(prints)
    with pytest.raises(RequestError, match="trian.*Did you mean 'train'"):
        dataset.open("trian")


@pytest.mark.parametrize("name", [n for n in LEAVES if positional(registry.leaf("datasets", n).open())])
def test_a_leaf_that_reads_a_path_recognises_its_own_and_nothing_else(name: str, tmp_path: Path) -> None:
    cls = registry.leaf("datasets", name).open()
    assert positional(cls) == ["path"]
    _, path = made(name, tmp_path)
    assert path is not None
    assert cls.recognises(path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").write_text("no images")
    if name != "folder":
        assert not cls.recognises(tmp_path / "empty")
    assert not cls.recognises(tmp_path / "absent")
    assert not cls.recognises(tmp_path / "note.txt")


@pytest.mark.parametrize("name", [n for n in LEAVES if not positional(registry.leaf("datasets", n).open())])
def test_every_setting_of_a_generated_dataset_changes_its_fingerprint(name: str) -> None:
    plain = registry.build("datasets", name, **SMALL)
    for setting in registry.leaf("datasets", name).settings:
        value = SMALL.get(setting.name, setting.default) + 1
        other = registry.build("datasets", name, **{**SMALL, setting.name: value})
        changed = [s for s in plain.splits() if plain.open(s).fingerprint != other.open(s).fingerprint]
        assert changed, setting.name
        if setting.name in SMALL:
            assert changed == [setting.name]


@pytest.mark.parametrize("name", [n for n in LEAVES if hasattr(registry.leaf("datasets", n).open(), "downloads")])
def test_a_published_dataset_says_where_it_comes_from(name: str) -> None:
    cls = registry.leaf("datasets", name).open()
    assert {"images", "classes", "size", "source", "licence"} <= set(cls.card)
    assert shipped.card(registry.leaf("datasets", name)) == {**cls.card, "files": [vars(d) for d in cls.downloads]}
    for published in cls.downloads:
        assert re.match(r"https?://", published.url)
        assert re.fullmatch(r"[\w.-]+", published.name)
        assert re.fullmatch(r"[0-9a-f]{32}", published.md5)
        assert re.fullmatch(r"[0-9a-f]{64}|", published.sha256)
