"""Decoding by forked processes: the same as by threads, in order, and no process is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import samples

from kinfolk.core.errors import WorkError
from kinfolk.datasets.folder import Folder
from kinfolk.datasets.npz import Npz
from kinfolk.load import workers

pytestmark = pytest.mark.skipif(not workers.FORKS, reason="processes are forked on Linux only")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """45 images, four of them broken, one the very first."""
    for number, image in enumerate(samples.pixels(45, 16)):
        samples.png(tmp_path / "photos" / f"{number:02d}.png", image)
    for number in (0, 7, 8, 44):
        (tmp_path / "photos" / f"{number:02d}.png").write_bytes(b"broken")
    return tmp_path / "photos"


def collected(source) -> tuple[list[int], np.ndarray, dict[int, str]]:  # type: ignore[no-untyped-def]
    positions, pixels, bad = [], [], {}
    for part, block, reasons in workers.blocks(source, np.arange(len(source)), 16):
        positions += part.tolist()
        pixels.append(block.copy())
        bad |= reasons
    return positions, np.concatenate(pixels), bad


@pytest.mark.parametrize("cores", [2, 3, 40])
def test_processes_and_threads_give_the_same_in_order(photos: Path, cores: int, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(workers, "BLOCK", 2)
    monkeypatch.setattr(workers, "available_cores", lambda: cores)
    source = Folder(photos).open("train")
    forked = collected(source)
    monkeypatch.setattr(workers, "FORKS", False)
    threaded = collected(source)
    expected = samples.pixels(45, 16).transpose(0, 3, 1, 2)
    good = [i for i in range(45) if i not in (0, 7, 8, 44)]
    for positions, pixels, bad in (forked, threaded):
        assert positions == list(range(45))
        assert sorted(bad) == [0, 7, 8, 44]
        np.testing.assert_array_equal(pixels, expected[good])
    assert forked[2] == threaded[2]


def test_an_array_that_is_read_once_is_read_before_the_processes_are_forked(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(workers, "BLOCK", 2)
    monkeypatch.setattr(workers, "available_cores", lambda: 2)
    source = Npz(samples.npz(tmp_path / "d")).open("train")
    _, pixels, _ = collected(source)
    assert source._pixels is not None
    np.testing.assert_array_equal(pixels, workers.Decoded(source, np.arange(6), 16)[:])


def test_large_images_come_in_small_blocks(tmp_path: Path) -> None:
    samples.class_folders(tmp_path, samples.pixels(4), np.arange(4) % 2, ("ant", "bee"))
    source = Folder(tmp_path).open("train")
    assert [len(part) for part, _, _ in workers.blocks(source, np.arange(4), 1024)] == [1, 1, 1, 1]
    assert [len(part) for part, _, _ in workers.blocks(source, np.arange(4), 32)] == [4]


def test_a_process_that_dies_is_told_and_the_others_end(photos: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    plain, forked, fork = workers.decoded, [], os.fork

    def dies(source, positions, pixels):  # type: ignore[no-untyped-def]
        if 20 in positions:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(source, positions, pixels)

    def noted() -> int:
        forked.append(fork())
        return forked[-1]

    monkeypatch.setattr(workers, "decoded", dies)
    monkeypatch.setattr(workers, "BLOCK", 2)
    monkeypatch.setattr(workers, "available_cores", lambda: 2)
    monkeypatch.setattr(os, "fork", noted)
    with pytest.raises(WorkError, match="ended early"):
        collected(Folder(photos).open("train"))
    assert len(forked) == 2
    assert not any(alive(child) for child in forked)


SLOW = """
import os, sys, time
from kinfolk.load import images, workers
plain = workers.decoded
def slow(source, positions, pixels):
    os.write(1, f"{os.getpid()}\\n".encode())
    time.sleep(0.2)
    return plain(source, positions, pixels)
workers.decoded, workers.BLOCK, workers.available_cores = slow, 2, lambda: 3
images.load(sys.argv[1], "train", hold_out=False)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_they_end_when_the_process_that_forked_them_ends(photos: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-c", SLOW, str(photos)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert parent.stdout is not None
    children = {int(parent.stdout.readline()) for _ in range(3)}
    assert len(children) == 3
    assert parent.pid not in children
    parent.send_signal(how)
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not any(map(alive, children)):
            break
        time.sleep(0.05)
    assert not any(map(alive, children))


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
