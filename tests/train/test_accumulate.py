"""A batch in parts: the same views, the mean of the parts' gradients, one step of the optimiser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import kinfolk.train.loop as loop
from kinfolk.core.errors import RequestError
from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.train import train
from kinfolk.train.prepare import prepare


def recipe(**settings: int) -> Recipe:
    return Recipe.of({
        "data": {"name": "digits", "limit": 64},
        "encoder": {"name": "convnet", "channels": [8]},
        "train": {"epochs": 1, "batch": 32, "threads": 1, "device": "cpu", "precision": "fp32", **settings},
    })


def trainer(asked: Recipe) -> loop.Trainer:
    made = loop.Trainer(prepare(asked), Run(""), (), frozenset())
    made.objective.train()
    return made


def test_the_parts_are_the_views_of_the_whole() -> None:
    whole, parted = trainer(recipe()), trainer(recipe(accumulate=4))
    rows, position = whole.pairs.batches.rows(0, 0, 1), (0, 0, 1)
    one = whole.pairs.views(rows, position, whole.parts[0])
    several = [parted.pairs.views(rows, position, mine, 0, part) for part, mine in enumerate(parted.parts)]
    for view in range(2):
        assert torch.equal(one.pixels[view], torch.cat([v.pixels[view] for v in several]))
    assert torch.equal(one.index, torch.cat([v.index for v in several]))


def test_the_gradient_is_the_mean_of_the_parts() -> None:
    made, other = trainer(recipe(accumulate=2)), trainer(recipe())
    found = [made.backward(part, (0, 0, 0), 0)[0]["total"] for part in range(2)]
    rows = other.pairs.batches.rows(0, 0, 0)
    totals = []
    for half in (slice(0, 16), slice(16, 32)):
        terms, _ = other.objective(other.pairs.views(rows, (0, 0, 0), half))
        totals.append(other.objective.total(terms))
    (sum(totals) / 2).backward()
    assert [float(t) for t in found] == pytest.approx([float(t.detach()) for t in totals])
    for mine, theirs in zip(made.objective.parameters(), other.objective.parameters(), strict=True):
        assert torch.allclose(mine.grad, theirs.grad, atol=1e-6)


def test_a_run_has_one_step_a_batch_and_logs_the_mean(tmp_path: Path) -> None:
    run = train(recipe(accumulate=2), tmp_path / "run")
    rows = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 2
    made = trainer(recipe(accumulate=2))
    for step in range(2):
        made.step(step, 0)
    assert rows[0]["total"] == pytest.approx(sum(float(p["total"]) for p in made.pending) / 2)


def test_what_does_not_divide_is_refused() -> None:
    with pytest.raises(RequestError, match="train.batch = 32 does not divide among 1 processes in 3 parts"):
        prepare(recipe(accumulate=3))
    with pytest.raises(RequestError, match="in 32 parts"):
        prepare(recipe(accumulate=32))
