"""Views taken two by two in turn: V / 2 steps an image and epoch, other batches each time, two views held at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from kinfolk.load.pairs import Pairs
from kinfolk.records.recipe import Recipe
from kinfolk.train import train

IMAGES, BATCH, EPOCHS = 64, 16, 2


@pytest.mark.parametrize("count", [2, 6])
def test_turns_make_more_steps_and_never_more_views_at_once(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, plain = [], Pairs.views

    def recorded(self, rows, position, *rest, **more):
        views = plain(self, rows, position, *rest, **more)
        if self.stream == "views":
            seen.append((position[:2], views.index.tolist(), [p.clone() for p in views.pixels]))
        return views

    monkeypatch.setattr(Pairs, "views", recorded)
    asked = {
        "data": {"name": "digits", "limit": IMAGES},
        "views": {"count": count, "pairing": "turns"},
        "encoder": {"name": "convnet", "channels": [8]},
        "train": {"epochs": EPOCHS, "batch": BATCH, "threads": 1, "device": "cpu", "precision": "fp32"},
    }
    run = train(Recipe.of(asked), tmp_path / "run")
    rows = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    steps = EPOCHS * count // 2 * IMAGES // BATCH
    assert rows[-1]["step"] == len(seen) == steps
    rates = [row["lr"] for row in rows if "lr" in row]
    assert rates[-1] < 0.2 * max(rates), "the schedule ends with the last of all turns"
    assert all(len(pixels) == 2 for _, _, pixels in seen)
    of_turn: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for turn, index, _ in seen:
        of_turn.setdefault(turn, []).append(tuple(index))
    assert len(of_turn) == EPOCHS * count // 2
    assert all(len({i for batch in batches for i in batch}) == IMAGES for batches in of_turn.values())
    assert len({tuple(batches) for batches in of_turn.values()}) == len(of_turn), "each turn has an order of its own"
    image = seen[0][1][0]
    views = torch.stack([pixels[k][index.index(image)] for (epoch, _), index, pixels in seen
                         if epoch == 0 and image in index for k in range(2)])
    assert len(torch.unique(views, dim=0)) == len(views) == count
