"""The image cache under stress: killed builds, two processes at once, no room on the disk, JPEG at reduced scale."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import samples
from PIL import Image

from kinfolk.core.errors import WorkError
from kinfolk.evaluate.measure import evaluate
from kinfolk.load import cache, workers
from kinfolk.load.images import load
from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.train import train


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINFOLK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path: Path) -> str:
    """300 images as a flat folder, one of them broken."""
    for number, image in enumerate(samples.pixels(300, 16)):
        samples.png(tmp_path / "photos" / f"{number:03d}.png", image)
    (tmp_path / "photos" / "077.png").write_bytes(b"broken")
    return str(tmp_path / "photos")


def check(photos: str, **options: bool) -> None:
    images = load(photos, "train", hold_out=False, **options)
    assert images.index.tolist() == [i for i in range(300) if i != 77]
    np.testing.assert_array_equal(images.pixels[:], samples.pixels(300, 16)[images.index].transpose(0, 3, 1, 2))
    assert images.card["skipped"]["count"] == 1


SLOW = """
import sys, time
from kinfolk.load import cache, images, workers
cache.SECONDS_BETWEEN_SAVES = 0.0
plain = workers.decoded
def slow(source, positions, pixels):
    time.sleep(0.1)
    print("block", flush=True)
    return plain(source, positions, pixels)
workers.decoded, workers.BLOCK, workers.available_cores = slow, 16, lambda: 1
images.load(sys.argv[1], "train", hold_out=False)
print("done", flush=True)
"""


def begun(photos: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", SLOW, photos], stdout=subprocess.PIPE, text=True, env=os.environ)


def decoded_from_now(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Positions of the images that are decoded, in this process alone, as they come."""
    plain, seen = workers.decoded, []

    def counted(source, positions, pixels):  # type: ignore[no-untyped-def]
        seen.extend(positions.tolist())
        return plain(source, positions, pixels)

    monkeypatch.setattr(workers, "decoded", counted)
    monkeypatch.setattr(workers, "available_cores", lambda: 1)
    return seen


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL needs POSIX")
@pytest.mark.parametrize("blocks", [1, 9])
def test_a_killed_build_goes_on_where_it_stopped(photos: str, blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    process = begun(photos)
    assert process.stdout is not None
    for _ in range(blocks):
        assert process.stdout.readline() == "block\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    home = next((cache.files.cache_folder() / "images").iterdir())
    assert not (home / "entry.json").exists()
    state = json.loads((home / "progress.json").read_text()) if (home / "progress.json").exists() else {"position": 0}
    assert (state["position"] > 0) == (blocks == 9)
    with open(home / "pixels.npy", "ab") as handle:
        handle.write(b"half a row")
    seen = decoded_from_now(monkeypatch)
    check(photos)
    assert sorted(seen) == list(range(state["position"], 300))
    assert not (home / "progress.json").exists()


def test_two_processes_build_one_entry_together(photos: str) -> None:
    first, second = begun(photos), begun(photos)
    outputs = [p.communicate(timeout=60)[0].splitlines() for p in (first, second)]
    assert [p.returncode for p in (first, second)] == [0, 0]
    assert sorted(len(o) for o in outputs) == [1, 20]
    check(photos)


def test_without_room_on_the_disk_images_are_decoded_as_asked_for(photos: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "free_bytes", lambda path: cache.RESERVE + 1000)
    images = load(photos, "train", hold_out=False)
    assert isinstance(images.pixels, workers.Decoded)
    check(photos)
    expected = samples.pixels(300, 16)[images.index].transpose(0, 3, 1, 2)
    rows = np.array([200, 3, 3, 77])
    np.testing.assert_array_equal(images.pixels[rows], expected[rows])
    np.testing.assert_array_equal(images.pixels[5], expected[5])
    np.testing.assert_array_equal(np.array(images.pixels), expected)
    assert images.pixels[:0].shape == (0, 3, 16, 16)
    assert images.pixels.shape == expected.shape
    assert images.pixels.nbytes == expected.nbytes
    assert images.size == 16
    assert not list((cache.files.cache_folder() / "images").rglob("pixels.npy"))
    np.testing.assert_array_equal(images.take(rows).pixels, expected[rows])


def test_when_there_is_room_again_the_pixels_are_stored(photos: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as tight:
        tight.setattr(cache, "free_bytes", lambda path: 0)
        before = load(photos, "train", hold_out=False)
    after = load(photos, "train", hold_out=False)
    assert isinstance(after.pixels, np.memmap)
    assert before.fingerprint == after.fingerprint
    check(photos)


def test_an_image_that_broke_after_it_was_counted_is_told(photos: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "free_bytes", lambda path: 0)
    images = load(photos, "train", hold_out=False)
    Path(images.origins[4]).write_bytes(b"broken")
    with pytest.raises(WorkError, match="has changed since it was first read: .*004.png"):
        images.pixels[:10]


def test_a_cache_in_the_place_of_a_file_is_told(photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("KINFOLK_CACHE", str(tmp_path / "taken"))
    with pytest.raises(WorkError, match="cannot be written.*KINFOLK_CACHE"):
        load(photos, "train")


def test_a_full_disk_is_told_and_what_was_decoded_is_kept(photos: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = cache._synced

    def full(handle, state):  # type: ignore[no-untyped-def]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "_synced", full)
    with pytest.raises(WorkError, match="No space left on device"):
        load(photos, "train", hold_out=False)
    monkeypatch.setattr(cache, "_synced", plain)
    check(photos)


def test_the_header_is_equally_long_for_any_number_of_rows() -> None:
    lengths = {len(cache._header(rows, (3, size, size))) for rows in (0, 7, 10**9) for size in (4, 224)}
    assert lengths == {128}


def test_large_jpegs_are_decoded_at_reduced_scale_and_look_the_same(tmp_path: Path) -> None:
    y, x = np.mgrid[0:400, 0:600]
    picture = Image.fromarray(np.stack([x / 3, y / 2, (x + y) / 5], axis=2).clip(0, 255).astype(np.uint8))
    (tmp_path / "d").mkdir()
    picture.save(tmp_path / "d" / "a.jpg", quality=95)
    picture.save(tmp_path / "d" / "b.png")
    images = load(str(tmp_path / "d"), "train", size=32, hold_out=False)
    assert np.abs(images.pixels[0].astype(int) - images.pixels[1]).max() <= 4


def test_entries_do_not_depend_on_where_the_data_lie(photos: str, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "moved")
    assert load(photos, "train").fingerprint == load(str(tmp_path / "moved"), "train").fingerprint
    assert len(list((cache.files.cache_folder() / "images").iterdir())) == 1


def test_what_nothing_opened_for_two_months_is_removed_when_another_is_built(photos: str) -> None:
    first, second = (load(photos, "train", size=size, hold_out=False) for size in (16, 24))
    homes = {p.name: p for p in cache.folder("").iterdir()}
    assert len(homes) == 2
    old = time.time() - 61 * 86_400
    for home in homes.values():
        for path in (*home.iterdir(), home):
            os.utime(path, (old, old))
    load(photos, "train", size=16, hold_out=False)
    expected = np.array(second.pixels)
    load(photos, "train", size=32, hold_out=False)
    left = {p.name for p in cache.folder("").iterdir()}
    assert len(left & homes.keys()) == 1
    assert len(left) == 2
    np.testing.assert_array_equal(load(photos, "train", size=16, hold_out=False).pixels, first.pixels)
    np.testing.assert_array_equal(load(photos, "train", size=24, hold_out=False).pixels, expected)


def trained(photos: str, place: Path, epochs: int = 2) -> Run:
    """A small run on the 300 photographs."""
    return train(Recipe.of({
        "data": {"name": photos}, "encoder": {"name": "convnet", "channels": [8, 16]},
        "method": {"hidden": 8, "out": 4}, "train": {"epochs": epochs, "batch": 64, "threads": 1},
    }), place)


def test_neither_the_second_epoch_nor_the_second_command_decodes_again(
    photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = decoded_from_now(monkeypatch)
    run = trained(photos, tmp_path / "one")
    assert sorted(seen) == list(range(300))
    trained(photos, tmp_path / "two", epochs=1)
    evaluate(run, only=("spectrum",))
    assert len(seen) == 300


def test_training_on_images_that_are_decoded_as_asked_for_gives_the_same_network(
    photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = trained(photos, tmp_path / "stored").weights.read_bytes()
    shutil.rmtree(tmp_path / "cache")
    monkeypatch.setattr(cache, "free_bytes", lambda path: 0)
    run = trained(photos, tmp_path / "decoded")
    assert not list((tmp_path / "cache").rglob("pixels.npy"))
    assert run.weights.read_bytes() == stored
