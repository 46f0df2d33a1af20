"""Made runs: small run folders in the true format, with findings of every shape, from a seed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from kinfolk.records import findings
from kinfolk.records.findings import Finding

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
EVIL = "<script>alert('x')</script>"
RECIPE = """seed = {seed}
auxiliaries = []

[data]
name = "/somewhere/cifar10"
split = "train"
limit = "all"

[views]
count = 2
size = 24
pairing = "all"

[[views.augmentations]]
name = "crop"
scale = [0.2, 1.0]

[encoder]
name = "convnet"

[method]
name = "{method}"
temperature = 0.5

[train]
epochs = 3
batch = 256
lr = 0.002
"""


def write_run(folder: Path, *, method: str = "simclr", seed: int = 0, shift: float = 0.0, points: int = 400) -> Path:
    """A finished and evaluated run of three epochs; ``shift`` is added to its accuracies."""
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(RECIPE.format(seed=seed, method=method), "utf-8")
    (folder / "environment.json").write_text(json.dumps({"torch": "2.13.0", "cpu": "a CPU", "threads": 2}), "utf-8")
    _log(folder, seed)
    _thumbnails(folder, points)
    rng = np.random.default_rng(seed)
    for subject, value in (
        (folder.name, 0.55 + shift),
        ("pixels", 0.38),
        ("histogram", 0.25),
        ("random", 0.33),
    ):
        rng_floor = rng if subject == folder.name else np.random.default_rng(99)
        findings.save(folder, _of(subject, value, points, rng_floor, subject == folder.name))
    return folder


def _log(folder: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, speed = [], []
    for epoch in range(1, 4):
        for step in range((epoch - 1) * 60 + 10, epoch * 60 + 1, 10):
            loss = 5.0 + math.exp(-step / 60) + rng.normal(0, 0.03)
            terms = {"attraction": -1.5 - step / 300, "repulsion": loss + 1.5 + step / 300}
            rows.append({"epoch": epoch, "step": step, "terms": terms, "total": loss, "lr": 0.001})
        held = {"attraction": -1.4 - epoch / 20, "repulsion": 6.7 - epoch / 20, "total": 5.3 - epoch / 10}
        train = {name: value - 0.05 for name, value in held.items()}
        watch = {"rankme": 10.0 + 3 * epoch}
        rows.append({"epoch": epoch, "step": 60 * epoch, "validation": {"train": train, "test": held}, "watch": watch})
        speed.append({"epoch": epoch, "seconds": 70.0, "images_per_second": 700.0 + epoch})
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (folder / "speed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in speed), "utf-8")


def _thumbnails(folder: Path, points: int) -> None:
    """Pictures whose colour tells their class, so that a test can see which one is shown."""
    (folder / "thumbnails").mkdir()
    for split, count in (("test", points), ("train", 300)):
        index = np.arange(count) * 3
        labels = index % len(CLASSES)
        rng = np.random.default_rng(7)
        pixels = rng.integers(0, 40, (count, 32, 32, 3)) + colour_of(labels)[:, None, None]
        np.save(folder / "thumbnails" / f"{split}.npy", np.clip(pixels, 0, 255).astype(np.uint8))
        card = {"index": index.tolist(), "labels": labels.tolist(), "classes": CLASSES}
        (folder / "thumbnails" / f"{split}.json").write_text(json.dumps(card), "utf-8")


def colour_of(labels: np.ndarray) -> np.ndarray:
    """A colour (n, 3) for each class, all far apart."""
    return np.stack([labels * 22, 210 - labels * 20, (labels * 97) % 200], 1)


def _of(subject: str, value: float, points: int, rng: np.random.Generator, run: bool) -> list[Finding]:
    protocol = {"size": 32, "dataset": "cifar10", "layer": "h", "train": "train", "test": "test"}
    found = [
        _score("knn", subject, value - 0.03 - 0.01 * (k != 20), {**protocol, "k": k}, f"k-NN accuracy, k = {k}")
        for k in (20, 1, 200)
    ]
    found.append(_score("linear_probe", subject, value, protocol, "Linear probe"))
    found += _maps(subject, points, rng, protocol)
    found.append(_gallery(subject, points, rng, protocol))
    return found + (_of_runs(subject, rng, points, protocol) if run else [])


def _score(name: str, subject: str, value: float, protocol: dict, title: str) -> Finding:
    return Finding(
        name,
        "score",
        "test",
        subject,
        protocol,
        value,
        value - 0.01,
        value + 0.01,
        "accuracy",
        True,
        title=title,
        text=f"{title} names the class of {value:.1%} of 10,000 test images.",
    )


def _maps(subject: str, points: int, rng: np.random.Generator, protocol: dict) -> list[Finding]:
    index = np.arange(points) * 3
    labels = index % len(CLASSES)
    found = []
    for method in ("pca", "tsne"):
        angle = 2 * np.pi * labels / len(CLASSES)
        xy = np.stack([np.cos(angle), np.sin(angle)], 1) * 4 + rng.normal(0, 1, (points, 2))
        found.append(
            Finding(
                f"map_{method}",
                "scatter",
                "test",
                subject,
                {**protocol, "method": method},
                title=f"{method} of the features",
                text="Trustworthiness 0.91.",
                arrays={
                    "xy": xy.astype(np.float32),
                    "index": index,
                    "labels": labels,
                    "cluster": (labels // 2).astype(np.int64),
                    "anomaly_score": rng.random(points).astype(np.float32),
                },
            )
        )
    return found


def _gallery(subject: str, points: int, rng: np.random.Generator, protocol: dict) -> Finding:
    return Finding(
        "retrieval",
        "gallery",
        "test",
        subject,
        {**protocol, "k": 10},
        title="Nearest and farthest images",
        text="The nearest training image has a similarity of 0.93 on average.",
        data={"query_split": "test", "bank_split": "train"},
        arrays={
            "queries": np.arange(6) * 3,
            "nearest": rng.integers(0, 300, (6, 10)) * 3,
            "similarity": np.sort(rng.random((6, 10)).astype(np.float32))[:, ::-1],
            "farthest": rng.integers(0, 300, (6, 10)) * 3,
            "farthest_similarity": -rng.random((6, 10)).astype(np.float32),
        },
    )


def _of_runs(subject: str, rng: np.random.Generator, points: int, protocol: dict) -> list[Finding]:
    confusion = rng.random((10, 10)).round(3).tolist()
    evidence = [{"name": "rank_me", "value": 24.3, "threshold": 10, "says": "many directions are used"}]
    return [
        Finding(
            "rank_me",
            "score",
            "train",
            subject,
            protocol,
            24.3,
            unit="of 192 dimensions",
            higher_is_better=True,
            title="RankMe of h",
            text="The h features use 24.3 of 192 dimensions (RankMe).",
        ),
        Finding(
            "collapse",
            "verdict",
            "train",
            subject,
            protocol,
            title="Collapse",
            text="No sign of collapse.",
            data={"verdict": "none", "evidence": evidence, "advice": "Nothing to do."},
        ),
        Finding(
            "spectrum",
            "curve",
            "train",
            subject,
            protocol,
            title="Eigenvalues of h",
            text="24 directions hold 90 %.",
            data={
                "x": list(range(1, 31)),
                "series": {"eigenvalue": [1 / k for k in range(1, 31)]},
                "x_label": "direction",
                "y_label": "share of variance",
                "log": "xy",
                "lines": {"a tenth": 0.1},
            },
        ),
        Finding(
            "confusion",
            "matrix",
            "test",
            subject,
            protocol,
            title="Confused classes",
            data={"rows": CLASSES, "columns": CLASSES, "values": confusion},
        ),
        Finding(
            "clusters",
            "table",
            "test",
            subject,
            protocol,
            title="Clusters",
            data={"columns": ["cluster", "images", "main class"], "rows": [[0, 120, "cat"], [1, 88, EVIL]]},
        ),
        Finding(
            "anomalies",
            "gallery",
            "test",
            subject,
            {**protocol, "of": "mnist"},
            title="Most anomalous images",
            arrays={"images": np.arange(12) * 3, "score": np.linspace(2, 1, 12).astype(np.float32)},
        ),
    ]
