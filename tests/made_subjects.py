"""Subjects made from arrays: perfect, random or clustered features, with images and an encoder that go with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from kinfolk.records.features import Features
from kinfolk.records.images import Images
from kinfolk.records.subject import Subject

CLASSES = ("ant", "bee", "cat", "dog", "elk")
SIZE = 12


def features(vectors: np.ndarray, labels: np.ndarray, split: str, dataset: str = "made") -> Features:
    """Features of one split, numbered from 0."""
    return Features(
        np.ascontiguousarray(vectors, dtype=np.float32), labels.astype(np.int64), np.arange(len(labels)),
        [f"{split}/{i}" for i in range(len(labels))], CLASSES, split, dataset, f"{dataset}-fingerprint",
    )


def perfect(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One far corner for each class, and a little noise."""
    return 10 * np.eye(8)[labels] + random.normal(scale=0.05, size=(len(labels), 8))


def meaningless(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Vectors that know nothing of the labels."""
    return random.normal(size=(len(labels), 8))


def subject(make=perfect, train: int = 500, test: int = 300, seed: int = 0, odd_shift: float = 40.0) -> Subject:
    """A subject with every role; anomalies are meaningless vectors moved away by ``odd_shift``.

    Its images are single black pixels that know their factors.
    """
    random = np.random.default_rng(seed)
    found, images = {}, {}
    for role, split, count, dataset in (
        ("train", "train", train, "made"), ("test", "test", test, "made"),
        ("ood_train", "train", train, "unseen"), ("ood_test", "test", test, "unseen"),
    ):
        labels = random.permutation(np.arange(count) % len(CLASSES))
        found[role, "h"] = features(make(labels, random), labels, split, dataset)
        if dataset == "made":
            f = found[role, "h"]
            known = {"first": f.vectors[:, 0].astype(np.float64), "none": np.random.default_rng(7).random(count)}
            pixels = np.zeros((count, 3, 1, 1), np.uint8)
            images[role] = Images(pixels, f.labels, CLASSES, f.index, f.origins, "made", role, f.fingerprint, known)
    labels = np.arange(test) % len(CLASSES)
    odd = make(labels, random) if odd_shift == 0 else meaningless(labels, random) - odd_shift
    found["anomalies", "h"] = features(odd, labels, "test", "odd")
    return Subject("made", found, images, protocol={"size": SIZE})


def turned(of: Subject, matrix: np.ndarray) -> Subject:
    """The subject with every vector multiplied by ``matrix``."""
    moved = {key: replace(f, vectors=(f.vectors @ matrix).astype(np.float32)) for key, f in of.features.items()}
    return replace(of, features=moved)


class Network(nn.Module):
    """A small encoder with batch norm: uint8 pixels -> (n, 8)."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.body = nn.Sequential(nn.Conv2d(3, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU())
            self.head = nn.Linear(16 * 25, 8)
        self.eval()

    @torch.no_grad()
    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        return self.head(self.body(torch.from_numpy(np.array(pixels)).float() / 255).flatten(1)).numpy()


def darker(pixels: np.ndarray, name: str, strength: float, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Views whatever their name: each image darkened by its own factor."""
    factor = 1 - strength * np.random.default_rng([seed, len(name)]).random(len(pixels))
    altered = (pixels * factor[:, None, None, None]).astype(np.uint8)
    return altered, {"factor": factor, "order": np.zeros((len(pixels), 2))}


def as_trained(pixels: np.ndarray, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Views as a run was trained on: darkened by a factor, some of them grey."""
    random = np.random.default_rng(seed)
    factor, grey = random.uniform(0.2, 1, len(pixels)), random.random(len(pixels)) < 0.3
    seen = np.where(grey[:, None, None, None], pixels.mean(1, keepdims=True), pixels) * factor[:, None, None, None]
    return seen.astype(np.uint8), {"dark.factor": factor[:, None], "grey.flag": grey[:, None].astype(np.float64)}


def coarser(pixels: np.ndarray) -> np.ndarray:
    """What a painter might make of images: one of every 2 x 2 pixels, half the side."""
    return pixels[:, :, ::2, ::2].copy()


def invented(count: int, seed: int) -> np.ndarray:
    """New images from a seed."""
    return np.random.default_rng(seed).integers(0, 256, (count, 3, SIZE, SIZE), dtype=np.uint8)


def seeing(train: int = 400, test: int = 200, seed: int = 0) -> tuple[Subject, Network]:
    """A subject whose features come from an encoder over images; each class has its own pattern and random hue."""
    random = np.random.default_rng(seed)
    network = Network()
    patterns = random.random((len(CLASSES), 1, SIZE, SIZE))
    images, found = {}, {}
    for role, count in (("train", train), ("test", test)):
        labels = random.permutation(np.arange(count) % len(CLASSES))
        hue = random.random(count)
        tint = 0.5 + 0.5 * np.cos(2 * np.pi * (hue[:, None] + np.array([0, 1 / 3, 2 / 3])))
        values = patterns[labels] * tint[:, :, None, None] * 230 + random.random((count, 3, SIZE, SIZE)) * 25
        pixels = values.astype(np.uint8)
        found[role, "h"] = features(network(pixels), labels, role)
        found[role, "z"] = replace(found[role, "h"], vectors=found[role, "h"].vectors[:, :4].copy(), layer="z")
        images[role] = Images(
            pixels, labels, CLASSES, np.arange(count), [str(i) for i in range(count)], "made", role,
            "made-fingerprint", factors={"hue": hue, "noise": random.random(count)},
        )
    subject = Subject(
        "seen", found, images, network, darker, as_trained,
        {"augmentation_prediction.online.R2.dark.factor": 0.5}, coarser, invented, protocol={"size": SIZE},
    )
    return subject, network
