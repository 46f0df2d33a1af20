"""Verdicts beside what was done to each run: `python benchmarks/verdicts.py --data CIFAR10 --nette IMAGENETTE`.

Small runs (a convnet of 32-64-128, some 25,000 images seen unless more are needed, seed 0) of which it is known
beforehand what ails them, because it was done to them. A verdict is right if it is one of those named. `not better
than floor`, which is their scores' comparison, is right too if no fault was to be found, or if that is named beside it.
The first six were used to look at thresholds; the others were not.

A call that was killed goes on: what is recorded for the committed source is not run again, and runs stay in `--out`.
`--table` prints the newest verdict of each run as Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from record import RESULTS, environment, record

HERE = Path(__file__).parent
PLAIN = ["encoder.channels=32,64,128", "encoder.stem=stride4", "train.batch=128", "train.threads=1"]
TEST = 1000
SEEN = {  # training images and epochs
    "cifar10": (5000, 5), "digits": (2000, 12), "shapes": (2000, 10), "imagenette": (3000, 8), "pasted": (4000, 6),
    "framed": (4000, 6),
}
COLOUR = "views.augmentations=crop,flip"
LONGER = ["train.epochs=24", "encoder.stem=stride2"]  # pixels solve digits well: more is needed to be above them
COLLAPSE = {"complete collapse", "dimensional collapse"}
HEALTHY = {"healthy"}
LOOKED_AT = 6
RUNS: dict[str, tuple[str, str, list[str], set[str]]] = {
    "vicreg, no variance term": ("cifar10", "vicreg", ["method.variance=0"], COLLAPSE),
    "byol, no predictor": ("cifar10", "unguarded", [], COLLAPSE),
    "byol, no stop-gradient": ("cifar10", "unguarded", ["method.without=stop_gradient"], COLLAPSE),
    "simclr": ("cifar10", "simclr", [], HEALTHY),
    "vicreg": ("cifar10", "vicreg", [], HEALTHY),
    "simclr, crop and flip only": ("cifar10", "simclr", [COLOUR], {"colour shortcut"}),
    "digits: simclr": ("digits", "simclr", LONGER, HEALTHY),
    "digits: vicreg": ("digits", "vicreg", LONGER, HEALTHY),
    "digits: barlow_twins": ("digits", "barlow_twins", LONGER, HEALTHY),
    "digits: byol": ("digits", "byol", [], HEALTHY),
    "digits: moco": ("digits", "moco", LONGER, HEALTHY),
    "digits: supervised": ("digits", "supervised", [], HEALTHY),
    "digits: vicreg, no variance term": ("digits", "vicreg", ["method.variance=0"], COLLAPSE),
    "digits: vicreg, invariance only": ("digits", "vicreg", ["method.variance=0", "method.covariance=0"], COLLAPSE),
    "digits: byol, no predictor": ("digits", "unguarded", [], COLLAPSE),
    "digits: byol, no stop-gradient": ("digits", "unguarded", ["method.without=stop_gradient"], COLLAPSE),
    "digits: barlow_twins, no redundancy term": ("digits", "barlow_twins", ["method.redundancy=0"], COLLAPSE),
    "digits: simclr, learning rate 1e-7": ("digits", "simclr", ["train.lr=1e-7"], {"not better than floor"}),
    "shapes: simclr": ("shapes", "simclr", [], HEALTHY),
    "shapes: vicreg, no variance term": ("shapes", "vicreg", ["method.variance=0"], COLLAPSE),
    "shapes: byol, no stop-gradient": ("shapes", "unguarded", ["method.without=stop_gradient"], COLLAPSE),
    "barlow_twins": ("cifar10", "barlow_twins", [], HEALTHY),
    "moco": ("cifar10", "moco", [], HEALTHY),
    "vicreg, invariance only": ("cifar10", "vicreg", ["method.variance=0", "method.covariance=0"], COLLAPSE),
    "vicreg, crop and flip only": ("cifar10", "vicreg", [COLOUR], {"colour shortcut"}),
    "moco, crop and flip only": ("cifar10", "moco", [COLOUR], {"colour shortcut"}),
    "imagenette: simclr": ("imagenette", "simclr", [], HEALTHY),
    "imagenette: simclr, crop and flip only": ("imagenette", "simclr", [COLOUR], {"colour shortcut"}),
    "digits on photographs: simclr": ("pasted", "simclr", [], {"background shortcut"}),
    "photographs framed in grey: simclr": ("framed", "simclr", [], HEALTHY),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="CIFAR-10")
    parser.add_argument("--nette", help="Imagenette")
    parser.add_argument("--only", default="", help="runs whose name holds this text")
    parser.add_argument("--out", default="runs/verdicts", help="where images and runs are kept")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, of one thread each")
    parser.add_argument("--table", action="store_true", help="print what is recorded as Markdown, and run nothing")
    arguments = parser.parse_args()
    if arguments.table:
        print("\n".join(table(recorded())))
        return
    if not (arguments.data and arguments.nette):
        parser.error("--data and --nette are needed")
    here, code = environment(), source()
    out = Path(arguments.out) / code
    done = [(row["source"], row["run"], row["settings"]) for row in recorded()]
    asked = [name for name in RUNS if arguments.only in name and (code, name, settings_of(name)) not in done]
    places = {data: images(data, arguments.data, arguments.nette, out) for data in {RUNS[name][0] for name in asked}}
    with ThreadPoolExecutor(arguments.jobs) as pool:
        running = {pool.submit(judged, name, places[RUNS[name][0]], out): name for name in asked}
        for ended in as_completed(running):
            name = running[ended]
            try:
                found = ended.result()
            except RuntimeError as error:
                print(f"{name:<42} FAILED {error}", flush=True)
                continue
            expected = RUNS[name][3]
            right = is_right(expected, found["verdict"], found["also"])
            told = {"source": code, "run": name, "settings": settings_of(name), "expected": sorted(expected)}
            record("verdicts", {**here, **told, "right": right, **found})
            also = f"also: {', '.join(found['also'])}"
            print(f"{name:<42} {'right' if right else 'WRONG':<6} {found['verdict']:<22} {also}", flush=True)


def is_right(expected: set[str], verdict: str, also: list[str]) -> bool:
    """Whether a verdict says what was to be found (see the module)."""
    low = verdict == "not better than floor" and (expected == HEALTHY or not expected.isdisjoint(also))
    return verdict in expected or low


def source() -> str:
    """What git calls the committed source of the package."""
    call = ["git", "rev-parse", "--short", "HEAD:./src/kinfolk"]
    return subprocess.run(call, capture_output=True, text=True, cwd=HERE.parent, check=True).stdout.strip()


def settings_of(name: str) -> list[str]:
    """The settings of a run."""
    dataset, _, settings, _ = RUNS[name]
    return [*PLAIN, f"train.epochs={SEEN[dataset][1]}", *settings]


def recorded() -> list[dict[str, Any]]:
    """All rows of the results, oldest first."""
    path = RESULTS / "verdicts.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else []


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The newest row of each run as lines of Markdown, with the counts for those that set thresholds and the others."""
    newest = {row["run"]: row for row in rows}
    yield from ("| run | to be found | verdict | also | k-NN | |", "|---|---|---|---|---|---|")
    for name in RUNS:
        if row := newest.get(name):
            cells = [
                name, " or ".join(row["expected"]), row["verdict"], ", ".join(row["also"]), f"{100 * row['knn']:.1f}",
                "right" if row["right"] else "**wrong**",
            ]
            yield f"| {' | '.join(cells)} |"
    names = list(RUNS)
    for what, part in (("looked at for thresholds", names[:LOOKED_AT]), ("the others", names[LOOKED_AT:])):
        there = [newest[name]["right"] for name in part if name in newest]
        yield f"\nRight, {what}: {sum(there)} of {len(there)}."
    yield f"\nCommits: {', '.join(sorted({row['commit'] for row in newest.values()}))}."


def judged(name: str, data: Path, out: Path) -> dict[str, Any]:
    """Train, and return the verdict with its evidence and the k-NN accuracy."""
    method = RUNS[name][1]
    run = out / "".join(c if c.isalnum() else "-" for c in name)
    method = str(HERE / "unguarded.py") if method == "unguarded" else method
    pairs = [f"--set={pair}" for pair in settings_of(name)]
    kinfolk("train", "--data", str(data), "--method", method, "--out", str(run), *pairs)
    found = json.loads(kinfolk("evaluate", str(run), "--no-floors", "--only", "knn,verdict", "--json"))
    verdict = next(f["data"] for f in found if f["kind"] == "verdict")
    knn = next(f["value"] for f in found if f["name"] == "knn" and f["protocol"]["k"] == 20)
    evidence = {row["name"]: [round(row["value"], 4), row["threshold"]] for row in verdict["evidence"]}
    return {"verdict": verdict["verdict"], "also": verdict["also"], "knn": knn, "evidence": evidence}


def kinfolk(*arguments: str) -> str:
    """What a command writes to its standard output, on one thread.

    Raises:
        RuntimeError: it failed; with what it wrote to its standard error.
    """
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    call = [sys.executable, "-m", "kinfolk", *arguments]
    done = subprocess.run(call, capture_output=True, text=True, env={**os.environ, **threads})
    if done.returncode:
        raise RuntimeError(f"{' '.join(call)}\n{done.stderr}")
    return done.stdout


def images(name: str, cifar10: str, imagenette: str, out: Path) -> Path:
    """A file of a dataset's images to train on and of ``TEST`` others, for all its runs; made if it is not there."""
    from kinfolk.load.images import load

    path = out / f"{name}.npz"
    if path.exists():
        return path
    arrays = {}
    for prefix, split in (("", "train"), ("test_", "test")):
        count = SEEN[name][0] if split == "train" else TEST
        if name in PASTES:
            digits, photos = load("digits", split, limit=count), load(cifar10, split, limit=count)
            owner, pairs = (digits if name == "pasted" else photos), zip(digits.pixels, photos.pixels, strict=False)
            pixels = np.stack([PASTES[name](digit, photo) for digit, photo in pairs])
        else:
            place, size = {"cifar10": (cifar10, 32), "imagenette": (imagenette, 48)}.get(name, (name, 32))
            owner = load(place, split, limit=count, size=size)
            pixels = owner.pixels
        arrays |= {f"{prefix}images": pixels.transpose(0, 2, 3, 1), f"{prefix}labels": owner.labels[: len(pixels)]}
    out.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"partial-{path.name}")
    np.savez(partial, **arrays)
    partial.replace(path)
    return path


def pasted(digit: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """The digit, at half its size, over the middle of the photograph."""
    image = photo.copy()
    small = digit.reshape(3, 16, 2, 16, 2).mean((2, 4))
    image[:, 8:24, 8:24] = np.maximum(image[:, 8:24, 8:24] // 4, small.astype(np.uint8))
    return image


def framed(digit: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """The photograph, at three quarters of its side cut from its middle, in a grey frame."""
    image = np.full_like(photo, 128)
    image[:, 4:28, 4:28] = photo[:, 4:28, 4:28]
    return image


PASTES = {"pasted": pasted, "framed": framed}


if __name__ == "__main__":
    main()
