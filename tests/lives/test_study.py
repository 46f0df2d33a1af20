"""A study from its file to its tables: killed again and again it ends with the same table; what fails is reported."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(900)

STUDY = """
question = "Does a second stage help on digits?"
seeds = [0, 1]

[base]
data = { name = "digits", limit = 256 }
encoder = { name = "convnet", channels = [8] }
train = { epochs = 1, batch = 64, threads = 1 }

[evaluate]
only = ["knn", "spectrum"]
floors = false

[[variants]]
name = "one"
says = "one stage"
reported.knn = 0.5

[[variants]]
name = "two"
set.encoder.channels = [8, 16]

[[variants]]
name = "twice"
set.train.batch = 32
equal = "steps"
to = "one"
seeds = 1

[[variants]]
name = "hot"
set.train = { optimizer = "sgd", lr = 1e30, epochs = 2 }
seeds = 1

[[variants]]
name = "vast"
set.train.batch = 512
seeds = 1

[[claims]]
claim = "two.knn > one.knn"
by = "nobody"
"""
MOMENTS = ("[1/6]", "epoch 1/1", "two-seed0: knn", "[4/6]")


def command(file: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "kinfolk", "study", str(file), "--out", str(out), *more]


def run(file: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(file, out, *more), capture_output=True, text=True, timeout=900)


def kill_at(file: Path, out: Path, moment: str) -> None:
    """Start the study and kill it, with SIGKILL, as soon as it says ``moment``."""
    with subprocess.Popen(command(file, out), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while moment not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL


def scores(out: Path) -> list[dict]:
    """The table without what a clock says."""
    rows = json.loads((out / "table.json").read_text())["scores"]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "stages.toml"
    path.write_text(STUDY)
    return path


@pytest.fixture(scope="module")
def whole(file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    out = tmp_path_factory.mktemp("whole") / "out"
    return out, run(file, out)


def test_a_study_with_failures_has_the_rest_in_its_table(whole: tuple[Path, subprocess.CompletedProcess]) -> None:
    out, done = whole
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "failed: vast: train.batch = 512 is more than the 256 images" in done.stderr
    assert "failed: hot-seed0: the term" in done.stderr
    assert "failed: vast, hot-seed0" in done.stderr
    table = json.loads((out / "table.json").read_text())
    assert table["variants"] == ["one", "two", "twice"]
    assert table["question"].startswith("Does a second stage")
    assert [c["verdict"] for c in table["claims"]] in (["held"], ["not held"], ["undecided"])
    knn = {row["variant"]: row for row in table["scores"] if row["score"] == "knn[k=20]"}
    assert knn["one"]["reported"] == 0.5
    assert set(knn["two"]["by_seed"]) == {"0", "1"}
    for variant, seeds in (("one", (0, 1)), ("two", (0, 1)), ("twice", (0,))):
        for seed in seeds:
            rows = (out / f"runs/{variant}-seed{seed}/findings.jsonl").read_text().splitlines()
            found = [r for r in map(json.loads, rows) if r["name"] == "knn" and r["protocol"]["k"] == 20]
            assert knn[variant]["by_seed"][str(seed)] == found[0]["value"]
    assert knn["one"]["images"] == 256
    assert knn["twice"]["images"] == 256, "half an epoch would do: but at least one"


def test_killed_again_and_again_it_ends_with_the_same_table(
    file: Path, whole: tuple[Path, subprocess.CompletedProcess], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for moment in MOMENTS:
        kill_at(file, out, moment)
        assert not (out / "table.json").exists()
    done = run(file, out)
    assert done.returncode == 1, done.stderr
    assert scores(out) == scores(whole[0])


def test_two_runs_at_once_give_the_same_table_and_each_line_says_whose_it_is(
    file: Path, whole: tuple[Path, subprocess.CompletedProcess], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run(file, out, "--jobs", "2")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert scores(out) == scores(whole[0])
    lines = done.stderr.splitlines()
    assert any(line.startswith("one-seed1: epoch 1/1") for line in lines)
    first = [i for i, line in enumerate(lines) if line.startswith("[")]
    ended = next(i for i, line in enumerate(lines) if ": knn" in line)
    assert sum(i < ended for i in first) >= 2, "the second began before the first had ended"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the worker by /proc")
def test_a_run_whose_process_is_killed_is_reported_and_the_rest_goes_on(file: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "out", ""
    arguments = ["--only", "one,two", "--seeds", "0", "--set", "train.epochs=6", "--jobs", "2"]
    with subprocess.Popen(command(file, out, *arguments), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "one-seed0: epoch 1/6" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        os.kill(holder(process.pid, "one-seed0"), signal.SIGKILL)
        said += process.stderr.read()
    assert process.returncode == 1, said
    assert "failed: one-seed0: the process died (SIGKILL" in said
    assert json.loads((out / "table.json").read_text())["variants"] == ["two"]
    again = run(file, out, *arguments)
    assert again.returncode == 0, again.stderr
    assert "1 of them finished" in again.stderr


def holder(parent: int, name: str) -> int:
    """The child that holds a file open whose path has ``name`` in it."""
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        for link in Path(f"/proc/{child}/fd").iterdir():
            with contextlib.suppress(OSError):
                if name in os.readlink(link):
                    return int(child)
    raise AssertionError(f"no process works on {name}")


def test_what_is_finished_is_never_done_again(file: Path, whole: tuple[Path, subprocess.CompletedProcess]) -> None:
    out = whole[0]
    kept = [p for v in ("one-seed0", "two-seed1") for p in (out / "runs" / v).rglob("*") if p.is_file()]
    before = {p: p.stat().st_mtime_ns for p in kept}
    again = run(file, out, "--only", "one,two")
    assert again.returncode == 0, again.stderr
    assert before == {p: p.stat().st_mtime_ns for p in kept}
    assert "2 variants, 4 runs, 4 of them finished" in again.stderr
    other = run(file, out, "--only", "one", "--set", "train.lr=0.5")
    assert other.returncode == 2
    assert "train.lr: asked 0.5, found 0.002" in other.stderr


def test_a_study_and_single_runs_can_be_compared(
    whole: tuple[Path, subprocess.CompletedProcess], tmp_path: Path
) -> None:
    out = whole[0]
    kinfolk = [sys.executable, "-m", "kinfolk", "compare"]
    by_study = subprocess.run([*kinfolk, str(out), "--json"], capture_output=True, text=True)
    assert json.loads(by_study.stdout) == json.loads((out / "table.json").read_text())
    runs = [str(out / "runs" / f"{v}-seed{s}") for v in ("two", "one") for s in (0, 1)]
    written = subprocess.run(
        [*kinfolk, *runs, "--base", "one", "--out", str(tmp_path / "t.md")], capture_output=True, text=True
    )
    assert written.returncode == 0, written.stderr
    assert "| two | 2 |" in (tmp_path / "t.md").read_text()
    for arguments, said in (
        ([*runs, "--base", "tow"], "Did you mean 'two'"),
        ([str(tmp_path)], "is not a run folder"),
        ([*runs, "--only", "kn"], "Did you mean 'knn"),
        ([*runs, "--out", str(tmp_path / "t.xlsx")], ".csv, .md or .json"),
    ):
        done = subprocess.run([*kinfolk, *arguments], capture_output=True, text=True)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
        assert said in done.stderr


def test_the_plan_alone_writes_nothing(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    text = run(file, out, "--dry-run", "--seeds", "3", "--only", "two,twice")
    assert text.returncode == 0, text.stderr
    assert "2 variants, 2 runs" in text.stdout
    assert f"kinfolk study {file} --out {out} --only two --seeds 3" in text.stdout
    rows = json.loads(run(file, out, "--json", "--only", "two", "--set", "train.epochs=3").stdout)
    assert [(r["run"], r["state"], r["needs"], r["epochs"]) for r in rows] == [
        ("two-seed0", "missing", [], 3), ("two-seed1", "missing", [], 3)
    ]
    assert rows[0]["seconds"] > 0
    assert rows[1]["recipe"]["seed"] == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["vicreg-anatomi", "--out", "x"], "Did you mean 'vicreg-anatomy'"),
        (["gone.toml", "--out", "x"], "no study 'gone.toml'"),
        (["vicreg-anatomy", "--out", "x", "--scale", "author"], "Did you mean 'authors'"),
        (["vicreg-anatomy", "--out", "x", "--only", "no-varianc"], "Did you mean 'no-variance'"),
        (["vicreg-anatomy", "--out", "x", "--only", "vicreg", "--seeds", "0,0"], "take each seed once"),
        (["vicreg-anatomy", "--out", "x", "--only", "vicreg", "--seeds", "-1"], "seeds = '-1' is not accepted"),
        (["vicreg-anatomy", "--out", "x", "--only", "vicreg", "--set", "train.epoch=1"], "Did you mean 'epochs'"),
        (["vicreg-anatomy", "--out", "x", "--jobs", "0"], "--jobs = '0' is not accepted"),
    ],
)
def test_a_wrong_request_gets_one_message_and_no_folder(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kinfolk", "study", *arguments], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert said in done.stderr
    assert not list(tmp_path.iterdir())
