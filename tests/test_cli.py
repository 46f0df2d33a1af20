"""The command line as a user meets it: real processes, exit codes, and messages that name the nearest."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SMALL = ["--encoder", "convnet", "--set", "encoder.channels=8,16", "--set", "train.threads=1", "--batch", "32"]


def kinfolk(*arguments: object, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kinfolk", *map(str, arguments)]
    environment = {**os.environ, **variables}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=cwd, env=environment)


def test_on_a_terminal_it_says_what_it_opens_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "kinfolk", "embed", "nowhere", "--out", "x.npz"]
    terminal, end = os.openpty()
    said = []
    with subprocess.Popen(command, cwd=tmp_path, stderr=end), os.fdopen(terminal) as stream:
        os.close(end)
        with contextlib.suppress(OSError):
            for line in stream:
                said.append(line.split("|")[-1].strip())
    assert "opening nowhere" in said
    assert not {"torch", "numpy"} & set(said[: said.index("opening nowhere")])
    piped = kinfolk("embed", "nowhere", "--out", "x.npz", cwd=tmp_path)
    assert piped.stderr.startswith("kinfolk: 'nowhere' does not exist")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--method", "simclar"], "Did you mean 'simclr'"),
        (["train", "--encoder", "convnt"], "Did you mean 'convnet'"),
        (["train", "--encoder", "resnet50"], "Did you mean 'resnet' with --set encoder.depth=50?"),
        (["train", "--encoder", "resnet101"], "Did you mean 'resnet'?"),
        (["train", "--encoder", "ViT_small"], "Did you mean 'vit' with --set encoder.size=small?"),
        (["train", "--epochs", "-3"], "train.epochs = '-3' is not accepted: it takes int in [1, inf)"),
        (["train", "--epochs", "2.5"], "train.epochs"),
        (["train", "--epochs", "inf"], "train.epochs"),
        (["train", "--set", "method.temprature=1"], "Did you mean 'temperature'"),
        (["train", "--lr", "0.1"], "'--lr' is no option but a setting of the recipe: --set train.lr=0.1."),
        (["train", "--weight-decay"], "--set train.weight_decay=VALUE."),
        (["train", "--scale=0.1"], "--set views.augmentations.crop.scale=0.1."),
        (["views", "--out", "x.png", "--size", "9"], "--set data.size=9 or --set views.size=9"),
        (["train", "--batchsize", "2"], "No such option: --batchsize"),
        (["train", "--set", "train.lr"], "KEY=VALUE"),
        (["train", "--set", "trian.lr=1"], "Did you mean 'train'"),
        (["train", "--set", "train.optimizer=adam"], "'sgd' or 'adamw' or 'lars'"),
        (["train", "--set", "views.augmentations.jiter.p=1"], "Did you mean 'jitter'"),
        (["train", "dmo"], "Did you mean 'demo'"),
        (["train", "nothing.toml"], "no recipe 'nothing.toml'"),
        (["train", "--method", "nothing.py"], "no file 'nothing.py'"),
        (["list", "method"], "Did you mean 'methods'"),
        (["evaluate", "nowhere"], "'nowhere' does not exist"),
        (["report", "nowhere"], "'nowhere' does not exist"),
        (["embed", "nowhere", "--out", "x.npz"], "'nowhere' does not exist"),
    ],
)
def test_a_wrong_request_gets_one_message_and_writes_nothing(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    done = kinfolk(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_wrong_data_gets_one_message_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    for i in range(30):
        (tmp_path / "text" / f"{i:02}.jpg").write_text("no image")
    for data, said in (("cifr10", "cifar10"), ("./gone", "gone"), ("empty", "empty"), ("text", "00.jpg")):
        done = kinfolk("train", "--data", data, "--out", "run", cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "run").exists()


def test_list_as_json_has_kind_name_summary_and_settings() -> None:
    rows = json.loads(kinfolk("list", "--json").stdout)
    assert {"methods", "datasets", "evaluations"} <= {row["kind"] for row in rows}
    simclr = next(row for row in rows if row["name"] == "simclr")
    assert simclr["summary"].startswith("SimCLR")
    assert "temperature" in [s["name"] for s in simclr["settings"]]
    cards = {row["name"]: row["card"] for row in rows if "card" in row}
    assert len(cards) == 9
    assert (cards["cifar10"]["classes"], cards["cifar10"]["images"]["train"]) == (10, 50_000)
    assert len(cards["mnist"]["files"]) == 4
    assert all(file["url"] and file["md5"] for card in cards.values() for file in card["files"])
    assert all(card["licence"] and card["source"] for card in cards.values())


def test_the_help_of_a_method_shows_its_settings() -> None:
    done = kinfolk("train", "--method", "vicreg", "--help")
    assert done.returncode == 0
    assert "--epochs" in done.stdout
    assert "method.variance" in done.stdout


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flat folder of eighty photographs without labels, one of them broken."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for i in range(80):
        colour = draw.integers(0, 256, 3)
        picture = np.clip(colour + draw.normal(0, 30, (40, 52, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{i:02}.jpg")
    (folder / "broken.jpg").write_bytes((folder / "00.jpg").read_bytes()[:200])
    return folder


def test_from_a_folder_of_photos_to_a_report(photos: Path, tmp_path: Path) -> None:
    train = ["train", "--data", photos, *SMALL, "--epochs", 2, "--out", "runs/photos"]
    dry = kinfolk(*train, "--dry-run", cwd=tmp_path)
    assert dry.returncode == 0, dry.stderr
    assert "parameters" in dry.stdout
    assert not (tmp_path / "runs").exists()

    done = kinfolk(*train, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "epoch 2/2" in done.stderr
    assert "rankme" in done.stderr
    skipped = [line for line in done.stderr.splitlines() if "could not be read" in line]
    assert len(skipped) == 1
    said = r"train: 1 image could not be read and was skipped \(all: (.*skipped\.txt)\), first: broken\.jpg: .+"
    place = re.fullmatch(said, skipped[0])
    assert place
    assert "broken.jpg" in Path(place[1]).read_text("utf-8")
    again = kinfolk(*train, cwd=tmp_path)
    assert again.returncode == 0
    assert "already finished" in again.stdout
    other = kinfolk(*train, "--set", "train.lr=0.5", cwd=tmp_path)
    assert other.returncode == 2
    assert "train.lr: asked 0.5, found 0.002" in other.stderr
    assert "encoder.weights" not in other.stderr
    longer = kinfolk("train", "--data", photos, *SMALL, "--epochs", 3, "--out", "runs/photos", cwd=tmp_path)
    assert longer.returncode == 2
    assert longer.stderr.rstrip().endswith("add --set encoder.weights=runs/photos.")

    measured = kinfolk("evaluate", "runs/photos", "--json", cwd=tmp_path)
    assert measured.returncode == 0, measured.stderr
    findings = json.loads(measured.stdout)
    names = {f["name"] for f in findings}
    assert "rank_me" in names
    assert "knn" not in names
    refused = kinfolk("evaluate", "runs/photos", "--only", "knn", cwd=tmp_path)
    assert refused.returncode == 2
    assert "labels" in refused.stderr

    page = kinfolk("report", "runs/photos", cwd=tmp_path)
    assert page.returncode == 0, page.stderr
    assert (tmp_path / "runs/photos/report.html").stat().st_size > 10_000

    written = kinfolk("embed", "runs/photos", "--data", photos, "--out", "f.parquet", cwd=tmp_path)
    assert written.returncode == 0, written.stderr
    from kinfolk import Features

    features = Features.load(tmp_path / "f.parquet")
    assert features.vectors.shape == (80, 16)
    assert not any("broken" in str(origin) for origin in features.origins)


def test_a_method_of_your_own_trains_by_path(tmp_path: Path) -> None:
    mine = Path(__file__).resolve().parents[1] / "examples" / "my_method.py"
    done = kinfolk(
        "train", "--data", "digits", "--limit", 128, "--method", mine, "--set", "method.uniformity=0.5", *SMALL,
        "--epochs", 1, "--out", "mine", cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "mine/log.jsonl").read_text().splitlines()]
    assert set(rows[0]["terms"]) == {"alignment", "uniformity"}
    assert rows[0]["total"] == pytest.approx(rows[0]["terms"]["alignment"] + 0.5 * rows[0]["terms"]["uniformity"])


def test_a_loss_that_is_not_finite_stops_with_the_step_and_the_term(tmp_path: Path) -> None:
    done = kinfolk(
        "train", "--data", "digits", "--limit", 128, "--set", "train.optimizer=sgd", "--set", "train.lr=1e30",
        *SMALL, "--epochs", 3, "--out", "hot", cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "is not finite at step" in done.stderr
    assert "Kept" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_told(tmp_path: Path) -> None:
    from importlib.metadata import version

    done = kinfolk("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"kinfolk {version('kinfolk')}\n")


def test_features_go_into_a_known_kind_of_file_or_nothing_is_read(tmp_path: Path) -> None:
    done = kinfolk("embed", "pixels", "--data", "digits", "--out", "features.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "kinfolk: features are written as .npz or .parquet, not 'features.csv'.\n"
    assert not list(tmp_path.iterdir())
