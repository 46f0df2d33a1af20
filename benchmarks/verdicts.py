"""Verdicts beside what was done to each run: `python benchmarks/verdicts.py --data CIFAR10 --nette IMAGENETTE`.

Small runs (a convnet of 32-64-128, seed 0) of which it is known beforehand what ails them, because it was done to
them. A verdict is right if it is one of those named; `not better than floor` is right wherever the scores say so,
since it is their comparison. The first six were used to look at thresholds; the others were not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from record import environment, record

HERE = Path(__file__).parent
PLAIN = ["train.epochs=6", "encoder.channels=32,64,128"]
COLOUR = 'views.augmentations=crop,flip'
COLLAPSE = {"complete collapse", "dimensional collapse"}
HEALTHY = {"healthy"}
RUNS: dict[str, tuple[str, str, list[str], set[str]]] = {
    "vicreg, no variance term": ("cifar10", "vicreg", ["method.variance=0"], COLLAPSE),
    "byol, no predictor": ("cifar10", "unguarded", [], COLLAPSE),
    "byol, no stop-gradient": ("cifar10", "unguarded", ["method.without=stop_gradient"], COLLAPSE),
    "simclr": ("cifar10", "simclr", [], HEALTHY),
    "vicreg": ("cifar10", "vicreg", [], HEALTHY),
    "simclr, crop and flip only": ("cifar10", "simclr", [COLOUR], {"colour shortcut"}),
    "digits: simclr": ("digits", "simclr", [], HEALTHY),
    "digits: vicreg": ("digits", "vicreg", [], HEALTHY),
    "digits: barlow_twins": ("digits", "barlow_twins", [], HEALTHY),
    "digits: byol": ("digits", "byol", [], HEALTHY),
    "digits: moco": ("digits", "moco", [], HEALTHY),
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="CIFAR-10")
    parser.add_argument("--nette", required=True, help="a folder of Imagenette")
    parser.add_argument("--only", default="", help="runs whose name holds this text")
    arguments = parser.parse_args()
    right = []
    with tempfile.TemporaryDirectory() as scratch:
        places = {"cifar10": [arguments.data, "data.limit=5000"], "imagenette": [arguments.nette, "data.size=48"],
                  "digits": ["digits"], "shapes": ["shapes", "data.limit=5000"]}
        for name, paste in (("pasted", pasted), ("framed", framed)):
            places[name] = [str(composed(arguments.data, paste, Path(scratch) / f"{name}.npz"))]
        for name, (data, method, settings, expected) in RUNS.items():
            if arguments.only in name:
                found = judged(places[data], method, settings, Path(scratch) / "".join(filter(str.isalnum, name)))
                said = found["verdict"]
                fine = said in expected or said == "not better than floor"
                right.append(fine)
                record("verdicts", {**environment(), "run": name, "expected": sorted(expected), "right": fine, **found})
                also = f"also: {', '.join(found['also'])}"
                print(f"{name:<42} {'right' if fine else 'WRONG':<6} {said:<22} {also}", flush=True)
    print(f"{sum(right)} of {len(right)} right")


def judged(place: list[str], method: str, settings: list[str], run: Path) -> dict[str, object]:
    """Train, and return the verdict with its evidence and the two main scores."""
    data, *limits = place
    kinfolk = [sys.executable, "-m", "kinfolk"]
    method = str(HERE / "unguarded.py") if method == "unguarded" else method
    threads = f"train.threads={os.environ.get('OMP_NUM_THREADS', 'auto')}"
    pairs = [f"--set={s}" for s in [*PLAIN, *limits, threads, *settings]]
    subprocess.run(
        [*kinfolk, "train", "--data", data, "--method", method, "--out", str(run), *pairs], check=True,
        capture_output=True,
    )
    measure = [*kinfolk, "evaluate", str(run), "--no-floors", "--only", "knn,verdict", "--json"]
    found = json.loads(subprocess.run(measure, check=True, capture_output=True, text=True).stdout)
    verdict = next(f["data"] for f in found if f["kind"] == "verdict")
    knn = next(f["value"] for f in found if f["name"] == "knn" and f["protocol"]["k"] == 20)
    evidence = {row["name"]: [round(row["value"], 4), row["threshold"]] for row in verdict["evidence"]}
    return {"verdict": verdict["verdict"], "also": verdict["also"], "knn": knn, "evidence": evidence}


def composed(cifar10: str, paste: object, path: Path) -> Path:
    """Digits and photographs in one image, with the class of the digit or of the photograph."""
    from kinfolk.load.images import load

    arrays = {}
    for prefix, split, count in (("", "train", 4000), ("test_", "test", 2000)):
        digits, photos = load("digits", split), load(cifar10, split)
        pixels = np.stack([paste(d, p) for d, p in zip(digits.pixels[:count], photos.pixels[:count], strict=True)])  # type: ignore[operator]
        owner = digits if paste is pasted else photos
        arrays |= {f"{prefix}images": pixels.transpose(0, 2, 3, 1), f"{prefix}labels": owner.labels[:count]}
    np.savez(path, **arrays)
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


if __name__ == "__main__":
    main()
