"""Names and paths become datasets: what is found where, what is fetched, and what is refused."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import samples

from kinfolk.core import download, registry
from kinfolk.core.download import Download
from kinfolk.core.errors import RequestError, WorkError
from kinfolk.load.sources import open_dataset, opened_once


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINFOLK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KINFOLK_DATA", raising=False)
    monkeypatch.setattr(download, "PAUSE", 0.001)


@pytest.mark.parametrize("name", sorted(samples.PATHS))
def test_every_layout_is_recognised_by_its_path(name: str, tmp_path: Path) -> None:
    path = samples.PATHS[name](tmp_path / "given")
    plain = registry.build("datasets", name, path).open("train")
    found = open_dataset(str(path)).open("train")
    assert found.fingerprint == plain.fingerprint
    assert found.classes == plain.classes


def test_a_name_is_looked_for_under_kinfolk_data_in_any_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINFOLK_DATA", str(tmp_path / "home"))
    home = tmp_path / "home" / "cifar10"
    for make in (samples.cifar10, samples.parquet, samples.folder):
        make(home)
        assert len(open_dataset("cifar10").open("train")) in (6, 20)
        shutil.rmtree(home)
    shutil.move(samples.npz(tmp_path / "made"), tmp_path / "home" / "cifar10.npz")
    assert open_dataset("cifar10").open("train").classes == ("0", "1")


def test_a_name_wins_over_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    samples.png(tmp_path / "digits" / "1.png", samples.pixels(1)[0])
    assert open_dataset("digits").splits() == ("train", "test")
    assert len(open_dataset("./digits").open("train")) == 1


def test_settings_reach_a_generated_dataset_and_wrong_ones_are_refused() -> None:
    assert len(open_dataset("shapes", {"train": 7}).open("train")) == 7
    with pytest.raises(RequestError, match="setting of dataset 'shapes' 'trian'.*Did you mean 'train'"):
        open_dataset("shapes", {"trian": 7})
    with pytest.raises(RequestError, match=r"train = 0 is not accepted: it takes int in \[1, inf\)"):
        open_dataset("shapes", {"train": 0})


def test_a_leaf_in_a_file_of_ones_own_is_opened_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        '"""Two grey images."""\n'
        "import numpy as np\n"
        "from kinfolk.datasets import ArraySource\n"
        "class Mine:\n"
        "    def splits(self):\n"
        "        return ('train',)\n"
        "    def open(self, split):\n"
        "        pixels = np.full((2, 8, 8, 3), 9, dtype=np.uint8)\n"
        "        return ArraySource(pixels, np.array([-1, -1]), (), ['a', 'b'], 'mine-1')\n"
    )
    source = open_dataset(str(tmp_path / "mine.py")).open("train")
    np.testing.assert_array_equal(source.decode(1), np.full((8, 8, 3), 9))


@pytest.mark.parametrize(("asked", "message"), [
    ("cifra10", "unknown dataset .*'cifra10'. Did you mean 'cifar10'"), ("./gone", "no data at './gone'"),
    ("gone/away", "no data at 'gone/away'"), ("gone.npz", "no data at 'gone.npz'"),
    ("folder", "'folder' is a layout, not data: give the path"), ("gone.py", "no file 'gone.py'"),
])
def test_what_is_not_there_is_refused(asked: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        open_dataset(asked)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(RequestError, match=r"a.csv' is not data that can be read: it takes a folder of images"):
        open_dataset(str(tmp_path / "a.csv"))


def test_imagenet_must_be_put_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError, match=r"downloaded freely: put .*\$KINFOLK_DATA/imagenet', the variable"):
        open_dataset("imagenet")
    monkeypatch.setenv("KINFOLK_DATA", str(tmp_path))
    with pytest.raises(RequestError, match=f"into '{tmp_path}/imagenet'"):
        open_dataset("imagenet")


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a word."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address where its files are served."""
    folder = tmp_path / "served"
    folder.mkdir()
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield folder, f"http://127.0.0.1:{http.server_port}/"
    http.shutdown()
    thread.join()
    http.server_close()


def offered(name: str, folder: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the leaf's downloads come from the local server, with the checksums of what lies there."""
    cls = registry.leaf("datasets", name).open()
    files = tuple(
        Download(address + d.name, md5=hashlib.md5((folder / d.name).read_bytes()).hexdigest()) for d in cls.downloads
    )
    monkeypatch.setattr(cls, "downloads", files)


def test_an_archive_is_downloaded_unpacked_and_then_at_hand(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, address = served
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as tar:
        tar.add(samples.cifar10(tmp_path / "made") / "cifar-10-batches-bin", "cifar-10-batches-bin")
    offered("cifar10", folder, address, monkeypatch)
    assert len(open_dataset("cifar10").open("train")) == 20
    size = (folder / "cifar-10-binary.tar.gz").stat().st_size / 1e6
    assert f"downloading cifar-10-binary.tar.gz: {size:.1f} of {size:.1f} MB" in capsys.readouterr().err
    kept = tmp_path / "cache" / "downloads" / "cifar10"
    assert sorted(p.name for p in kept.iterdir() if not p.name.startswith(".")) == ["cifar-10-batches-bin"]
    (folder / "cifar-10-binary.tar.gz").unlink()
    assert len(open_dataset("cifar10").open("test")) == 4


def test_several_files_count_only_when_all_are_there(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    samples.idx_folder(folder)
    offered("mnist", folder, address, monkeypatch)
    last = folder / "t10k-labels-idx1-ubyte.gz"
    data = last.read_bytes()
    last.unlink()
    with pytest.raises(WorkError, match=r"'mnist' is not on .*t10k-labels.* answered 404.*Or put train-images"):
        open_dataset("mnist")
    last.write_bytes(data)
    source = open_dataset("mnist").open("test")
    assert len(source) == 10
    assert source.classes == tuple("0123456789")


def test_without_a_network_it_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unreachable = (Download("http://127.0.0.1:9/a.zip"),)
    monkeypatch.setattr(registry.leaf("datasets", "stl10").open(), "downloads", unreachable)
    monkeypatch.setenv("KINFOLK_DATA", str(tmp_path))
    with pytest.raises(WorkError, match=rf"'stl10' is not on .*refused.*Or put a.zip .*into '{tmp_path}/stl10'"):
        open_dataset("stl10")


def test_within_a_command_a_folder_is_walked_once(tmp_path: Path) -> None:
    samples.png(tmp_path / "d" / "a.png", samples.pixels(1)[0])
    with opened_once():
        first = open_dataset(str(tmp_path / "d"))
        assert open_dataset(str(tmp_path / "d")) is first
        with opened_once():
            assert open_dataset(str(tmp_path / "d")) is first
        assert open_dataset("shapes", {"train": 7}) is not open_dataset("shapes", {"train": 8})
    assert open_dataset(str(tmp_path / "d")) is not first


def test_a_setting_that_the_layout_has_not_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINFOLK_DATA", str(tmp_path))
    pixels = np.zeros((4, 32, 32, 3), dtype=np.uint8)
    np.savez(tmp_path / "cifar100.npz", images=pixels, labels=np.arange(4))
    assert len(open_dataset("cifar100", {"labels": "fine"}).open("train")) == 4
    with pytest.raises(RequestError, match="is read as npz, which has no setting labels of 'cifar100'"):
        open_dataset("cifar100", {"labels": "coarse"})
