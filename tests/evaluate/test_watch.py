"""The watch: it says what the formulas say, names collapse as the verdict does, and leaves the run as it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import made_subjects
import numpy as np
import pytest

from kinfolk.core import registry
from kinfolk.core.errors import RequestError
from kinfolk.evaluate import evaluate, watch
from kinfolk.evaluate.watch import Look, Watch, alarm, knn, similarity, spectrum
from kinfolk.methods import Method
from kinfolk.numerics.collapse import Extent
from kinfolk.records.images import Images
from kinfolk.records.recipe import Recipe
from kinfolk.records.run import Run
from kinfolk.records.subject import Subject
from kinfolk.train import train

ALL = ("knn", "spectrum", "similarity")


def recipe(**train_settings) -> Recipe:
    return Recipe.of({
        "data": {"name": "digits", "limit": 96},
        "encoder": {"name": "convnet", "channels": [8, 16]},
        "train": {"epochs": 3, "batch": 32, "threads": 1, **train_settings},
    })


def images(count: int, split: str) -> Images:
    return Images(np.zeros((count, 3, 8, 8), dtype=np.uint8), np.arange(count) % 3, ("a", "b", "c"), np.arange(count),
                  [str(i) for i in range(count)], "made", split, "made")


def look(h: np.ndarray, bank: np.ndarray, z: np.ndarray | None = None) -> Look:
    seen = images(len(h), "test"), images(len(bank), "train")
    return Look(h.astype(np.float32), z, bank.astype(np.float32), *seen, step=1000)


def state(method: Method) -> str:
    """Every parameter and buffer, and whether each part trains."""
    parts = [value.detach().contiguous().numpy().tobytes() for value in method.state_dict().values()]
    parts.append(str([part.training for part in method.modules()]).encode())
    return hashlib.blake2b(b"".join(parts)).hexdigest()


class Checked(Watch):
    """A watch that compares the network before and after each look."""

    def epoch_ended(self, epoch: int, method: Method, row: dict) -> dict:
        before = state(method)
        found = super().epoch_ended(epoch, method, row)
        assert state(method) == before
        return found


def rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]


def test_a_watched_run_is_the_same_run(tmp_path: Path) -> None:
    train(recipe(), tmp_path / "alone")
    train(recipe(), tmp_path / "watched", [Checked(ALL, every=2)])
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("alone", "watched")]
    assert weights[0] == weights[1]
    texts = [(tmp_path / name / "recipe.toml").read_text("utf-8") for name in ("alone", "watched")]
    assert texts[0] == texts[1]
    watched = rows(tmp_path / "watched")
    seen = {row["epoch"]: row.pop("watch") for row in watched if "watch" in row}
    assert watched == rows(tmp_path / "alone")
    assert list(seen) == [2, 3]
    assert {"knn", "rankme", "rankme_z", "similarity_nearest", "similarity_random"} <= set(seen[2])
    assert 0 <= seen[3]["knn"] <= 1
    assert 1 <= seen[3]["rankme"] <= 16


@pytest.mark.parametrize(("names", "every", "said"), [
    (("spectrm",), 1, "Did you mean 'spectrum'"), (("knn",), 0, "every = 0 is not accepted"),
])
def test_a_wrong_watch_is_refused(names: tuple[str, ...], every: int, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        Watch(names, every)


def test_labels_that_are_not_there_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (80, 16, 16, 3)).astype(np.uint8)
    np.savez(tmp_path / "bare.npz", images=pixels)
    asked = recipe()
    asked = replace(asked, data=replace(asked.data, name=str(tmp_path / "bare.npz"), settings={}, limit="all"))
    with pytest.raises(RequestError, match="--watch knn needs labels, and bare has none"):
        train(asked, tmp_path / "run", [Watch(ALL)])
    assert not (tmp_path / "run" / "recipe.toml").exists()


def test_the_watch_names_collapse_and_agrees_with_the_verdict() -> None:
    random = np.random.default_rng(1)
    healthy = random.normal(size=(900, 64))
    spaces = {
        "": healthy,
        "COMPLETE COLLAPSE": 1 + 1e-3 * healthy,
        "DIMENSIONAL COLLAPSE": random.normal(size=(900, 2)) @ random.normal(size=(2, 64)),
    }
    for name, vectors in spaces.items():
        vectors = vectors.astype(np.float32)
        assert alarm("h", Extent.of(vectors, "h")).startswith(name)
        bad_z = spectrum(look(healthy, healthy, vectors))
        assert bad_z.get("alarm", "").startswith(f"{name} of z" if name else "")
        made = {
            (role, "h"): made_subjects.features(vectors, np.full(900, -1), role) for role in ("train", "test")
        }
        verdict = registry.build("diagnostics", "verdict").measure(Subject("made", made))[0].data["verdict"]
        assert (verdict == name.lower()) or not name


def test_both_layers_can_be_named_at_once() -> None:
    flat = np.ones((300, 8), dtype=np.float32)
    text = spectrum(look(flat, flat, flat))["alarm"]
    assert "COMPLETE COLLAPSE of h" in text
    assert "COMPLETE COLLAPSE of z" in text


def test_the_watched_neighbours_and_similarities_are_their_formulas() -> None:
    random = np.random.default_rng(2)
    centres = 6 * np.eye(3)
    seen = look(centres[np.arange(60) % 3] + random.normal(size=(60, 3)),
                centres[np.arange(90) % 3] + random.normal(size=(90, 3)))
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (seen.h, seen.bank)]
    cosines = unit[0] @ unit[1].T
    right = 0
    for row, label in zip(cosines, np.arange(60) % 3, strict=True):
        nearest = np.argsort(-row)[:20]
        votes = np.bincount(nearest % 3, np.exp(row[nearest] / 0.1), 3)
        right += votes.argmax() == label
    assert knn(seen)["knn"] == pytest.approx(right / 60)
    found = similarity(seen)
    best = cosines.max(1)
    assert found["similarity_nearest"]["mean"] == pytest.approx(best.mean(), abs=1e-5)
    assert found["similarity_nearest"]["std"] == pytest.approx(best.std(), abs=1e-5)
    assert found["similarity_nearest"]["p5"] == pytest.approx(np.percentile(best, 5), abs=1e-5)
    assert found["similarity_random"]["mean"] == pytest.approx(cosines.mean(), abs=0.15)
    assert found["similarity_random"]["p5"] < found["similarity_random"]["p95"]


def test_a_run_that_collapses_says_so_in_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "EARLY", 1)
    asked = replace(recipe(epochs=2, lr=0.01), method=Recipe.of({"method": {"name": "vicreg", "variance": 0.0}}).method)
    train(asked, tmp_path / "run", [Watch()])
    last = [row["watch"] for row in rows(Run(tmp_path / "run").folder) if "watch" in row][-1]
    assert "COLLAPSE of z" in last["alarm"]


def test_nothing_has_collapsed_in_the_first_steps() -> None:
    flat = np.ones((300, 8), dtype=np.float32)
    assert spectrum(replace(look(flat, flat, flat), step=99)).keys() == {"rankme", "rankme_z"}
    assert "alarm" in spectrum(replace(look(flat, flat, flat), step=100))


def test_the_verdict_of_a_run_knows_its_steps_where_there_is_a_log(tmp_path: Path) -> None:
    asked = replace(recipe(epochs=1), data=replace(recipe().data, limit=120))
    run = train(asked, tmp_path / "run")
    log = (run.folder / "log.jsonl").read_text()
    seen = []
    for text in (log, log.replace('"step": 3', '"step": 100'), ""):
        (run.folder / "log.jsonl").write_text(text)
        verdict = evaluate(run, only=("verdict",), floors=False, say=lambda _: None)[-1]
        assert ("z not judged before step 100, here after 3" in verdict.text) == (text == log and bool(text))
        seen.append({row["name"].split()[-1] for row in verdict.data["evidence"]})
    assert "z" not in seen[0]
    assert "z" in seen[1] & seen[2]


def test_projections_share_one_vector_long_before_features_do() -> None:
    """As those of VICReg without its variance term do after some hundred steps: a common mean and noise around it."""
    vectors = (4 + np.random.default_rng(3).normal(size=(900, 64))).astype(np.float32)
    assert "COMPLETE COLLAPSE of z: variance is 0.058" in spectrum(look(vectors, vectors, vectors))["alarm"]
    assert "of h" not in spectrum(look(vectors, vectors, vectors))["alarm"]
