"""Embedding in pieces: killed and started again it writes the same file, and computes nothing twice."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kinfolk import embed as embed_module
from kinfolk.core import files
from kinfolk.core.errors import RequestError
from kinfolk.embed import described, embed_to, kept
from kinfolk.load.images import load
from kinfolk.records.features import Features
from kinfolk.records.images import Images
from kinfolk.records.recipe import Recipe
from kinfolk.train import train

COUNT = 47


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed_module, "PIECE", 10)


def numbered(count: int = COUNT) -> Images:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, 8, 8)).astype(np.uint8)
    names = [f"photo {i}.jpg" for i in range(count)]
    return Images(pixels, np.arange(count) % 3, ("a", "b", "c"), np.arange(count), names, "made", "train", "print")


def means(pixels: np.ndarray) -> np.ndarray:
    return pixels.reshape(len(pixels), 12, 16).mean(2).astype(np.float32)


def broken_off(after: int):
    """An embedder that is interrupted after so many pieces, and the sizes of those it was given."""
    seen: list[int] = []

    def make(pixels: np.ndarray) -> np.ndarray:
        if len(seen) == after:
            raise KeyboardInterrupt
        seen.append(len(pixels))
        return means(pixels)

    return make, seen


def test_killed_at_every_piece_it_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    images, place = numbered(), tmp_path / "v.npy"
    for pieces in range(4):
        make, seen = broken_off(1)
        with pytest.raises(KeyboardInterrupt):
            kept(make, images, place)
        assert seen == [10], pieces
        assert not place.exists()
        with open(tmp_path / ".v.npy.partial", "ab") as handle:
            handle.write(b"half a row" * (pieces % 2))
    make, seen = broken_off(9)
    np.testing.assert_array_equal(kept(make, images, place), means(images.pixels))
    assert seen == [7]
    make, seen = broken_off(0)
    kept(make, images, place)
    assert [p.name for p in tmp_path.iterdir()] == ["v.npy"]


@pytest.mark.parametrize("before", [b"", b"no array at all", b"\x93NUMPY\x01"])
def test_what_is_no_beginning_of_it_is_written_over(tmp_path: Path, before: bytes) -> None:
    (tmp_path / ".v.npy.partial").write_bytes(before)
    np.testing.assert_array_equal(kept(means, numbered(), tmp_path / "v.npy"), means(numbered().pixels))


def test_a_file_of_another_length_is_not_gone_on_with(tmp_path: Path) -> None:
    make, _ = broken_off(2)
    with pytest.raises(KeyboardInterrupt):
        kept(make, numbered(60), tmp_path / "v.npy")
    np.testing.assert_array_equal(kept(means, numbered(), tmp_path / "v.npy"), means(numbered().pixels))


@pytest.mark.parametrize("suffix", [".parquet", ".npz"])
def test_features_survive_their_file_in_pieces(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinfolk.records.features.ROWS", 20)
    images = numbered()
    whole = described(means(images.pixels), images, "run", "z")
    whole.save(tmp_path / f"f{suffix}")
    read = Features.load(tmp_path / f"f{suffix}")
    for name in ("vectors", "labels", "index"):
        np.testing.assert_array_equal(getattr(read, name), getattr(whole, name))
    assert list(read.origins) == list(whole.origins)
    assert read.card == whole.card


MEMORY = '''
import sys
from pathlib import Path
import numpy as np
from kinfolk.records import features
from kinfolk.records.features import Features

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024

folder, count, width = Path(sys.argv[1]), 100_000, 256
parts = []
for number, split in enumerate(("train", "test")):
    np.lib.format.open_memmap(folder / f"{split}.npy", "w+", np.float32, (count, width))[::1000] = number + 1
    vectors = np.load(folder / f"{split}.npy", mmap_mode="r")
    origins = [f"photo {i}" for i in range(count)]
    parts.append(Features(vectors, np.arange(count) % 3, np.arange(count), origins, ("a", "b", "c"), split, "d", "f"))
Path("/proc/self/clear_refs").write_text("5")
before = peak()
features.save(folder / "f.npz", parts)
print(peak() - before)
'''


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_two_splits_are_written_to_npz_in_memory_that_does_not_grow_with_them(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY, tmp_path], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 80, "MB, where the vectors of both are 205"
    with np.load(tmp_path / "f.npz") as data:
        assert data["vectors"].shape == (200_000, 256)
        assert data["vectors"][[0, 1, 99_000, 100_000, 199_000], 7].tolist() == [1, 0, 1, 2, 2]
        assert data["origins"][[5, 199_999]].tolist() == ["photo 5", "photo 99999"]
        assert data["split"][[99_999, 100_000]].tolist() == ["train", "test"]
        assert data["labels"][[4, 100_004]].tolist() == [1, 1]


@pytest.mark.parametrize("compressed", [False, True])
def test_a_features_file_with_damaged_bytes_is_refused(tmp_path: Path, compressed: bool) -> None:
    vectors, place = means(numbered().pixels), tmp_path / "f.npz"
    (np.savez_compressed if compressed else np.savez)(place, vectors=vectors, labels=np.arange(COUNT))
    whole, refused = place.read_bytes(), 0
    for i in range(0, len(whole), 11):
        place.write_bytes(whole[:i] + bytes([whole[i] ^ 255]) + whole[i + 1 :])
        try:
            np.testing.assert_array_equal(Features.load(place).vectors, vectors)
        except RequestError as error:
            refused += "is not a features file: " in str(error)
    assert refused > 50


def test_pages_of_a_memory_map_are_let_go_and_come_back(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(10_000))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert isinstance(mapped.base, mmap.mmap)
    assert mapped.sum() == 49_995_000
    files.release(mapped)
    assert mapped.sum() == 49_995_000
    files.release(np.zeros(3))


def test_a_run_embeds_to_a_file_in_both_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Recipe.of({
        "data": {"name": "digits", "limit": 64}, "encoder": {"name": "convnet", "channels": [8, 16]},
        "method": {"name": "simclr", "hidden": 8, "out": 4}, "train": {"epochs": 1, "batch": 32, "threads": 1},
        "evaluate": {"size": 16},
    })
    run = train(asked, tmp_path / "run")
    monkeypatch.setattr(embed_module, "PIECE", 1000)
    test, maker = load("digits", "test", size=16), embed_module.embedder(run)
    count, width = embed_to(maker, [test], tmp_path / "h.parquet")
    h = Features.load(tmp_path / "h.parquet")
    assert (count, width) == h.vectors.shape == (len(h), 16)
    assert h.labelled
    embed_to(maker, [test], tmp_path / "z.npz", "z")
    z = Features.load(tmp_path / "z.npz")
    assert z.layer == "z"
    np.testing.assert_allclose(z.vectors, maker.projected(h).vectors, rtol=1e-4, atol=1e-5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["h.parquet", "run", "z.npz"]
    with pytest.raises(RequestError, match=r"npz or \.parquet"):
        embed_to(maker, [test], tmp_path / "f.csv")
