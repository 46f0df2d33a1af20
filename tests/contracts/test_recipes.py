"""The contract of a shipped recipe: it says what it is and what it gave, resolves, starts and is listed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kinfolk.core import registry
from kinfolk.records import shipped
from kinfolk.records.recipe import Recipe, read
from kinfolk.train import train

every = pytest.mark.parametrize("name", list(shipped.recipes()))
# Side in pixels of the images that a recipe's dataset has, where its `data.size` leaves it to the data.
SIZES = {"mnist": 28, "fashion_mnist": 28, "stl10": 96, "tiny_imagenet": 64}
BATCH = 4


@every
def test_the_header_says_paper_command_cost_and_result(name):
    head = shipped.header(shipped.recipe(name))
    assert head.summary.endswith(".")
    assert len(head.summary) <= 120
    assert list(head.fields) == list(shipped.FIELDS)
    assert all(len(text) > 3 for text in head.fields.values())
    assert f"kinfolk train {name} " in head.fields["Command"]


@every
def test_it_resolves_and_names_nothing_that_is_not_there(name):
    made = Recipe.load(shipped.recipe(name))
    assert Recipe.of(made.plain()) == made
    assert made.data.name in registry.leaves("datasets")


@every
def test_it_starts(name, tmp_path):
    values = read(shipped.recipe(name))
    data = values["data"]
    side = data.get("size", SIZES.get(data["name"], 32))
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (40, side, side, 3), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", images=pixels, labels=np.arange(len(pixels)) % 4)
    values["data"] = {"name": str(tmp_path / "noise.npz"), "limit": 3 * BATCH}
    here = {"epochs": 1, "batch": BATCH, "threads": 1, "device": "cpu", "precision": "fp32", "compile": False}
    values["train"] = {**values.get("train", {}), **here}
    run = train(Recipe.of(values), tmp_path / "run")
    rows = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    turns = run.recipe.views.count // 2 if run.recipe.views.pairing == "turns" else 1
    assert rows[0]["step"] == 3 * turns
    assert np.isfinite(rows[0]["total"])


def test_the_list_has_every_recipe_with_its_line() -> None:
    command = [sys.executable, "-m", "kinfolk", "list", "recipes"]
    said = [subprocess.run([*command, *more], capture_output=True, text=True).stdout for more in ([], ["--json"])]
    for name, path in shipped.recipes().items():
        line = shipped.header(path).summary
        assert [row for row in said[0].splitlines() if row.split()[0] == name and row.endswith(line)]
        assert {"kind": "recipes", "name": name, "summary": line, "settings": []} in json.loads(said[1])


def test_a_header_is_read_up_to_the_first_section(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("# One line.\n# Paper: A and B,\n#   2020: a title.\n# Cost: 1 minute\n\n# Result: below it\n")
    assert shipped.header(path) == shipped.Header("One line.", {"Paper": "A and B, 2020: a title.", "Cost": "1 minute"})
