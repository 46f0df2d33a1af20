"""Settings of the recipes, chosen on a part of the training split: `python benchmarks/tune.py --data CIFAR10`.

Every method has the same budget: three tries (the defaults; twice the learning rate; one setting of its own), each
with 40,000 views of 10,000 images out of the first 45,000 of the training split, one seed, judged by k-NN and linear
probe on the last 5,000 of it. The test split is never opened.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from record import environment, record
from scored import scores

HELD_OUT = 5000
FEW_VIEWS = ["data.limit=10000", "train.epochs=2"]
BASE = {
    "emp_ssl": ["data.limit=6667", "train.epochs=1", "views.count=6", "train.batch=64"],
    "supervised": ["data.limit=10000", "train.epochs=4", "views.count=1"],
}
OWN = {
    "simclr": "method.temperature=0.5", "vicreg": "method.covariance=4", "byol": "method.momentum=0.9",
    "simsiam": "train.batch=128", "barlow_twins": "method.redundancy=0.02", "moco": "method.momentum=0.9",
    "emp_ssl": "train.batch=128", "dino": "method.momentum=0.9", "swav": "method.temperature=0.2",
    "supervised": "method.smoothing=0.1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="CIFAR-10, with a training split of 50,000")
    parser.add_argument("--methods", default=",".join(OWN), help="which methods, in order")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        part = split(arguments.data, Path(scratch))
        for method in arguments.methods.split(","):
            for number, setting in enumerate(("", "train.lr=0.004", OWN[method])):
                scores = tried(part, method, [setting] if setting else [], Path(scratch) / f"{method}{number}")
                record("tune", {**environment(), "method": method, "setting": setting or "defaults", **scores})
                line = f"{method:<13} {setting or 'defaults':<25} knn {scores['knn']:.3f} linear {scores['linear']:.3f}"
                print(line, flush=True)


def split(data: str, folder: Path) -> Path:
    """Write the first images of the training split as ``train`` and the last as ``test``."""
    from kinfolk.load.images import load

    images = load(data, "train")
    pixels, path = np.asarray(images.pixels), folder / "part.npz"
    np.savez(
        path, images=pixels[:-HELD_OUT], labels=images.labels[:-HELD_OUT],
        test_images=pixels[-HELD_OUT:], test_labels=images.labels[-HELD_OUT:],
    )
    return path


def tried(part: Path, method: str, settings: list[str], run: Path) -> dict[str, float]:
    """Train and measure once."""
    kinfolk = [sys.executable, "-m", "kinfolk"]
    threads = f"train.threads={os.environ.get('OMP_NUM_THREADS', 'auto')}"
    pairs = [f"--set={s}" for s in [*BASE.get(method, FEW_VIEWS), threads, *settings]]
    train = [*kinfolk, "train", "--data", str(part), "--method", method, "--out", str(run), *pairs]
    subprocess.run(train, check=True, capture_output=True)
    found = scores(run)
    return {"knn": found["knn"], "linear": found["linear_probe"]}


if __name__ == "__main__":
    main()
