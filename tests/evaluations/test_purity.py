"""Purity against a count by hand, and of an auto-decoder's own latents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import made_subjects
import numpy as np
import pytest

from kinfolk.core import registry
from kinfolk.evaluate import evaluate
from kinfolk.neighbours import find
from kinfolk.records.recipe import Recipe
from kinfolk.train import train


def blurred(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.eye(8)[labels] + random.normal(scale=0.5, size=(len(labels), 8))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_it_is_what_the_lists_of_neighbours_say(metric: str) -> None:
    subject = made_subjects.subject(blurred, 200)
    train = subject.get("train")
    lists = find(train, 20, metric)
    found = registry.build("evaluations", "purity", metric=metric).measure(subject)
    assert [f.protocol["k"] for f in found] == [1, 5, 20]
    for f in found:
        near = lists.nearest[:, : f.protocol["k"]]
        share = [np.mean(train.labels[row] == own) for row, own in zip(near, train.labels, strict=True)]
        assert f.value == pytest.approx(np.mean(share))
        assert f.low < f.value < f.high


def test_images_without_a_label_are_left_out_and_counted() -> None:
    subject = made_subjects.subject(blurred, 200)
    train = subject.get("train")
    some = replace(train, labels=np.where(np.arange(200) < 50, -1, train.labels))
    found = registry.build("evaluations", "purity").measure(replace(subject, features={("train", "h"): some}))
    labelled = registry.build("evaluations", "purity").measure(
        replace(subject, features={("train", "h"): train.take(np.arange(50, 200))})
    )
    assert [f.value for f in found] == [f.value for f in labelled]
    assert all(f.protocol["without_label"] == 50 and "50 images without a label" in f.text for f in found)
    assert all("without_label" not in f.protocol for f in labelled)


def test_trained_latents_are_measured_beside_those_that_are_inferred(tmp_path: Path) -> None:
    run = train(Recipe.of({
        "data": {"name": "digits", "limit": 96, "settings": {"train": 200, "test": 100}},
        "method": {"name": "autodecoder", "channels": 4, "latent": 8, "steps": 3},
        "train": {"epochs": 2, "batch": 32, "threads": 1},
    }), tmp_path / "run")
    found = {(f.protocol["layer"], f.protocol["k"]): f for f in evaluate(run, only=("purity",), floors=False)}
    assert {layer for layer, _ in found} == {"h", "latents"}
    assert found["h", 5].value != found["latents", 5].value
