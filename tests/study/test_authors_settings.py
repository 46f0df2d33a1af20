"""The authors' settings start: three steps of every variant at their image size, on a few images of random pixels.

Only batch and images are smaller (2 in a step, 6 in all): encoders, heads, sizes, views, optimisers are the authors'.
Variants that bring no encoder, size, number of views, method, kind of positives, auxiliary or optimiser of their own
are left out: they start as another one does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import samples
import torch

from kinfolk.load.images import images_of
from kinfolk.load.sources import opened_once
from kinfolk.neighbours import find
from kinfolk.records.features import Features
from kinfolk.records.run import Run
from kinfolk.study import plan
from kinfolk.study.definition import changed, read, shipped
from kinfolk.train.loop import Trainer
from kinfolk.train.prepare import prepare

pytestmark = pytest.mark.timeout(120)
SIDES = {"cifar10": 32, "imagenette": 160, "stl10": 96, "caltech101": 300, "tiny_imagenet": 64}
STEPS, BATCH = 3, 2
COST = {"epoch": 3, "steps": 3, "batch": BATCH, "views": 2, "seconds": 1.0}


def cases() -> list[tuple[str, str]]:
    """Variants of every study until each choice that changes the network, its views or its optimiser has come once."""
    found: list[tuple[str, str]] = []
    seen: set[tuple] = set()
    for name in shipped():
        study = read(name, "authors")
        for variant in study.variants:
            recipe = plan.probe(study, variant)
            positives = changed(study.base, variant.changes).get("positives", {})
            choices = {
                (name, recipe.data.name, recipe.data.size, str(recipe.views), str(recipe.encoder)),
                (name, recipe.method.name), (name, recipe.train.optimizer),
                (name, positives.get("name"), positives.get("augment"), "weight" in positives),
                *((name, a.name, a.settings.get("split"), a.settings.get("mode")) for a in recipe.auxiliaries),
            }
            if choices - seen:
                found.append((name, variant.name))
            seen |= choices
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of class folders for each data set that the authors used, at its own size."""
    root = tmp_path_factory.mktemp("home")
    labels = np.arange(STEPS * BATCH) % 2
    for k, (name, side) in enumerate(SIDES.items()):
        for split, count in (("train", len(labels)), ("test", 4)):
            pixels = samples.pixels(count, side, seed=2 * k + (split == "test"))
            samples.class_folders(root / name / split, pixels, labels[:count], ("one", "two"))
    with pytest.MonkeyPatch.context() as patched, opened_once():
        patched.setenv("KINFOLK_DATA", str(root))
        yield root


@pytest.mark.parametrize(("name", "variant"), cases())
def test_three_steps(name: str, variant: str, home: Path, tmp_path: Path) -> None:
    study = read(name, "authors", [f"train.batch={BATCH}", "train.device=cpu", "train.threads=1"])
    known = {v.name: COST for v in study.variants}
    job = plan.job(study, study.variant(variant), 0, tmp_path, known)
    assert job.recipe.train.lr > 0
    if job.index:
        images = images_of(job.recipe.data, "train", 0)
        vectors = np.random.default_rng(0).normal(size=(len(images), 8)).astype(np.float32)
        features = Features(
            vectors, images.labels, images.index, images.origins, images.classes, images.split, images.name,
            images.fingerprint, "h", "noise",
        )
        job.index.file.parent.mkdir()
        find(features, k=job.index.k, metric="cosine").save(job.index.file)
    material = prepare(job.recipe)
    trainer = Trainer(material, Run(""), (), frozenset())
    assert trainer.per_epoch == STEPS * trainer.rounds
    trainer.objective.train()
    for step in range(STEPS):
        trainer.step(step, 0)
    assert len(trainer.pending) == STEPS
    for terms in trainer.pending:
        assert all(torch.isfinite(value).all() for value in terms.values()), terms
    for value in trainer.objective.state_dict().values():
        assert torch.isfinite(value).all()
