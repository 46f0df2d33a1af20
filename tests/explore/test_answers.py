"""What the addresses answer, against independent computations on the same features."""

from __future__ import annotations

import csv
import io
import json
import os
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from explored import CLASSES, SIDE, TEST, TRAIN
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors


@pytest.fixture
def vectors(ask):
    """Directions of the features of a run's split."""

    def unit(run: str, split: str) -> np.ndarray:
        found = np.array(ask.explorer.shelf.get(run).part(split).vectors)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    return unit


def binary(answer) -> dict[str, np.ndarray]:
    """A table from its bytes, as its headers describe them."""
    count = int(answer.headers["x-count"])
    names = [column.split(":") for column in answer.headers["x-columns"].split(",")]
    assert len(answer.body) == 4 * count * len(names)
    return {
        name: np.frombuffer(answer.body, f"<{kind}", count, 4 * count * k) for k, (name, kind) in enumerate(names)
    }


def test_the_list_says_where_runs_stand_and_how_they_score_beside_floors(ask) -> None:
    runs = {row["key"]: row for row in ask("/api/runs").json["runs"]}
    assert list(runs) == ["first", "second", "other", "begun", "vectors"]
    first, begun = runs["first"], runs["begun"]
    about = [first[name] for name in ("state", "method", "encoder", "data")]
    assert about == ["finished", "simclr", "convnet", "bright"]
    splits = [(s["split"], s["images"], s["size"]) for s in first["splits"]]
    assert splits == [("train", TRAIN, SIDE), ("test", TEST, SIDE)]
    assert [(c["subject"], c["kind"], c["value"], c["low"]) for c in first["scores"][0]["cells"]] == [
        ("first", "run", 0.5, 0.4), ("pixels", "floor", 0.3, 0.2),
    ]
    assert first["verdicts"][0]["text"] == "Healthy."
    assert (begun["state"], begun["splits"], begun["can_search"]) == ("training", [], False)
    assert "not finished" in begun["problem"]
    assert runs["vectors"]["state"] == "findings"


def test_the_log_is_followed_while_a_run_trains(ask, made) -> None:
    found = ask("/api/runs/begun/log").json
    assert [row["step"] for row in found["rows"]] == [1, 2]
    assert found["validation"] == [{"epoch": 1, "step": 2, "train": {"total": 2.5}, "test": {"total": 2.6}}]
    with open(made / "begun" / "log.jsonl", "a") as log:
        log.write(json.dumps({"epoch": 2, "step": 3, "total": 2.0, "terms": {"attraction": -0.3}}) + "\n")
    again = ask("/api/runs/begun/log", after=found["step"]).json
    assert [row["terms"] for row in again["rows"]] == [{"attraction": -0.3}]
    assert again["step"] == 3
    old = time.time() - 600
    os.utime(made / "begun" / "log.jsonl", (old, old))
    assert ask("/api/runs/begun/log").json["state"] == "unfinished"


@pytest.mark.parametrize(("split", "count"), [("train", TRAIN), ("test", TEST), ("all", TRAIN + TEST)])
def test_tables_say_the_same_as_json_and_as_bytes(ask, split: str, count: int) -> None:
    for path in ("images", "map/pca", "columns/class"):
        plain = ask(f"/api/runs/first/{path}", split=split).json
        packed = binary(ask(f"/api/runs/first/{path}", split=split, format="binary"))
        assert plain["count"] == count
        assert list(packed) == list(plain["columns"])
        for name, values in packed.items():
            np.testing.assert_array_equal(values, np.array(plain["columns"][name], values.dtype))
    labels = ask("/api/runs/first/images", split=split).json["columns"]["label"]
    assert labels[:6] == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("split", ["train", "test"])
def test_neighbours_are_those_of_a_plain_search_without_the_image_itself(ask, vectors, split: str) -> None:
    unit = vectors("first", split)
    found = NearestNeighbors(n_neighbors=len(unit), metric="cosine", algorithm="brute").fit(unit).kneighbors(unit)
    for index in (0, 7, 41):
        answer = ask("/api/runs/first/neighbours", split=split, index=index, k=6).json["runs"][0]
        order = [i for i in found[1][index].tolist() if i != index]
        similarity = unit @ unit[index]
        assert index not in {image["index"] for image in (*answer["nearest"], *answer["farthest"])}
        for side, wanted in (("nearest", order[:6]), ("farthest", order[::-1][:6])):
            got = [image["index"] for image in answer[side]]
            np.testing.assert_allclose(similarity[got], similarity[wanted], atol=1e-6)
            np.testing.assert_allclose([image["similarity"] for image in answer[side]], similarity[got], atol=1e-6)
            assert [image["label"] for image in answer[side]] == [i % 3 for i in got]


def test_exact_copies_are_each_others_nearest_with_similarity_one(ask) -> None:
    answer = ask("/api/runs/first/neighbours", split="train", index=2, k=1).json["runs"][0]["nearest"][0]
    assert answer["index"] == TRAIN - 3
    assert answer["similarity"] == pytest.approx(1, abs=1e-6)


def test_a_second_run_is_shown_beside_with_what_both_have_marked(ask) -> None:
    found = ask("/api/runs/first/neighbours", split="test", bank="train", index=3, k=15, second="second").json
    one, two = ({image["index"] for image in run["nearest"]} for run in found["runs"])
    assert [run["run"] for run in found["runs"]] == ["first", "second"]
    for run in found["runs"]:
        assert {image["index"] for image in run["nearest"] if image["shared"]} == one & two
    assert found["agreement"]["nearest"] == pytest.approx(len(one & two) / 15)
    elsewhere = ask("/api/runs/first/neighbours", split="test", index=3, second="other").json
    assert "other images" in elsewhere["runs"][1]["problem"]
    assert (elsewhere["runs"][1]["nearest"], elsewhere["agreement"]) == ([], None)


def test_the_mean_of_a_selection_has_neighbours_among_the_others(ask, vectors) -> None:
    chosen = [0, 3, 6, 9]
    found = ask.post("/api/runs/first/mean", {"split": "test", "index": chosen}, k=4).json
    unit = vectors("first", "test")
    mean = unit[chosen].mean(0)
    similarity = unit @ mean / np.linalg.norm(mean)
    similarity[chosen] = -2
    assert found["query"] == {"split": "test", "count": 4}
    got = [image["index"] for image in found["runs"][0]["nearest"]]
    np.testing.assert_allclose(similarity[got], np.sort(similarity)[::-1][:4], atol=1e-6)
    everything = ask.post("/api/runs/first/mean", {"split": "test", "index": list(range(TEST))}).json
    assert everything["runs"][0]["nearest"] == []


def test_an_uploaded_image_is_embedded_by_each_runs_own_encoder(ask) -> None:
    file = ask("/api/runs/first/thumbnails/train/7").body
    assert Image.open(io.BytesIO(file)).size == (SIDE, SIDE)
    found = ask("/api/runs/first/search", "POST", file, k=3, second="second").json
    assert found["query"] == {"upload": {"width": SIDE, "height": SIDE}}
    for run in found["runs"]:
        assert run["nearest"][0]["index"] == 7
        assert run["nearest"][0]["similarity"] == pytest.approx(1, abs=1e-4)
    assert "no encoder" in ask("/api/runs/vectors/search", "POST", file).json["error"]


def test_pictures_are_those_of_the_data(ask, made) -> None:
    stored = np.load(made / "bright.npz")["test_images"]
    shown = np.asarray(Image.open(io.BytesIO(ask("/api/runs/first/thumbnails/test/4").body)))
    np.testing.assert_array_equal(shown, stored[4])
    sheet = np.asarray(Image.open(io.BytesIO(ask("/api/runs/first/sheet/test", index="0,1,2", size=8).body)), float)
    assert sheet.shape == (8, 24, 3)
    assert np.diff([sheet[:, 8 * k : 8 * k + 8].mean() for k in range(3)]).min() > 30
    wide = Image.open(io.BytesIO(ask("/api/runs/first/sheet/test", index=",".join(map(str, range(40))), size=8).body))
    assert wide.size == (256, 16)


def test_pca_has_the_axes_of_the_training_images(ask) -> None:
    train = np.array(ask.explorer.shelf.get("first").part("train").vectors)
    reference = PCA(2).fit(train)
    for split in ("train", "test"):
        found = ask("/api/runs/first/map/pca", split=split).json["columns"]
        wanted = reference.transform(np.array(ask.explorer.shelf.get("first").part(split).vectors))
        xy = np.stack([found["x"], found["y"]], 1)
        signs = np.sign((xy * wanted).sum(0))
        np.testing.assert_allclose(xy * signs, wanted, atol=1e-4 * np.abs(wanted).max())


def test_another_map_is_made_when_it_is_asked_for(ask) -> None:
    path = "/api/runs/first/map/laplacian"
    assert ask(path, split="test").status == 404
    assert ask(path, "POST", b"", split="test", images=40).status == 202
    for _ in range(2400):
        if (answer := ask(path, split="test", images=40)).status != 202:
            break
        time.sleep(0.1)
    assert (answer.status, answer.json["count"], answer.json["of"], answer.json["source"]) == (200, 40, TEST, "explore")
    assert np.isfinite(answer.json["columns"]["x"]).all()


def test_columns_say_what_brute_force_says(ask, vectors) -> None:
    ask.until_ready("/api/runs/first/columns", split="test")
    ask.until_ready("/api/runs/first/columns", split="train")
    test, train = vectors("first", "test"), vectors("first", "train")
    among = test @ test.T
    own = 3 * np.eye(TEST)
    near, far = (np.argsort(-s, axis=1, kind="stable")[:, :10] for s in (among - own, -among - own))
    column = {
        name: np.array(ask(f"/api/runs/first/columns/{name}", split="test").json["columns"]["value"])
        for name in ("hub_nearest", "hub_farthest", "anomaly", "similarity", "right", "prediction", "cluster")
    }
    np.testing.assert_array_equal(column["hub_nearest"], np.bincount(near.ravel(), minlength=TEST))
    np.testing.assert_array_equal(column["hub_farthest"], np.bincount(far.ravel(), minlength=TEST))
    likeness = -np.sort(-(test @ train.T), axis=1)[:, :20]
    np.testing.assert_allclose(column["anomaly"], 1 - likeness.mean(1), atol=1e-5)
    np.testing.assert_allclose(column["similarity"], (among - own).max(1), atol=1e-5)
    np.testing.assert_array_equal(column["right"], column["prediction"] == np.arange(TEST) % 3)
    assert column["right"].mean() > 0.5
    votes = KNeighborsClassifier(20, metric="cosine", algorithm="brute", weights=lambda d: np.exp((1 - d) / 0.1))
    guess = votes.fit(train, np.arange(TRAIN) % 3).predict(test)
    assert (column["prediction"] == guess).mean() > 0.97
    assert set(column["cluster"]) <= {0, 1, 2}
    whole = ask("/api/runs/first/columns/anomaly", split="all").json["columns"]["value"]
    np.testing.assert_allclose(whole[TRAIN:], column["anomaly"])
    one = ask("/api/runs/first/images/test/5").json
    assert (one["class"], one["values"]["hub_nearest"]) == (CLASSES[2], column["hub_nearest"][5])


def test_odd_ones_are_ranked_and_walked_through(ask) -> None:
    ask.until_ready("/api/runs/first/columns", split="train")
    hubs = np.array(ask("/api/runs/first/columns/hub_nearest", split="train").json["columns"]["value"])
    first, rest = (ask("/api/runs/first/odd/hubs", split="train", count=5, offset=at).json for at in (0, 5))
    scores = [image["score"] for part in (first, rest) for image in part["groups"][0]["images"]]
    np.testing.assert_array_equal(scores, np.sort(hubs)[::-1][:10])
    assert first["total"] == TRAIN
    copies = ask("/api/runs/first/odd/duplicates", split="train", count=1000).json
    together = [{image["index"] for image in group["images"]} for group in copies["groups"]]
    for i in range(5):
        assert any({i, TRAIN - 5 + i} <= group for group in together)
    pairs = ask("/api/runs/first/odd/confusions", split="test").json["groups"]
    assert [pair["score"] for pair in pairs] == sorted((pair["score"] for pair in pairs), reverse=True)
    worst = pairs[0]
    assert {CLASSES[image["label"]] for image in worst["images"]} <= set(worst["title"].split(" and "))


def test_two_runs_share_a_part_of_every_list(ask, vectors) -> None:
    for run in ("first", "second"):
        ask.until_ready(f"/api/runs/{run}/columns", split="test")
    found = ask("/api/compare", one="first", two="second", split="test", k=10, count=5).json
    lists = []
    for run in ("first", "second"):
        similarity = vectors(run, "test") @ vectors(run, "test").T - 3 * np.eye(TEST)
        lists.append(np.argsort(-similarity, axis=1, kind="stable")[:, :10])
    share = np.array([len(set(a) & set(b)) / 10 for a, b in zip(lists[0].tolist(), lists[1].tolist(), strict=True)])
    assert found["overlap"] == pytest.approx(share.mean(), abs=1e-6)
    np.testing.assert_allclose([image["overlap"] for image in found["changed"]], np.sort(share)[:5], atol=1e-6)
    column = ask("/api/runs/first/columns/overlap", split="test", second="second").json["columns"]["value"]
    np.testing.assert_allclose(column, share, atol=1e-6)
    score = found["scores"][0]
    assert (score["name"], score["one"]["value"], score["two"]["value"]) == ("knn", 0.5, 0.6)
    assert "other images" in ask("/api/compare", one="first", two="other").json["problem"]


def test_a_selection_leaves_as_csv_and_parquet(ask) -> None:
    ask.until_ready("/api/runs/first/columns", split="test")
    asked = {"split": "test", "index": [4, 2, 0]}
    rows = list(csv.DictReader(io.StringIO(ask.post("/api/runs/first/export", asked).body.decode())))
    assert [row["index"] for row in rows] == ["4", "2", "0"]
    assert [row["label"] for row in rows] == [CLASSES[1], f"'{CLASSES[2]}", CLASSES[0]]
    table = pq.read_table(io.BytesIO(ask.post("/api/runs/first/export", asked, format="parquet").body)).to_pylist()
    origins = [ask(f"/api/runs/first/images/test/{i}").json["origin"] for i in (4, 2, 0)]
    assert [row["path"] for row in table] == origins
    for plain, typed in zip(rows, table, strict=True):
        assert float(plain["anomaly"]) == typed["anomaly"]


def test_images_are_found_by_text(ask) -> None:
    found = ask("/api/runs/first/find", split="all", text="BEE").json["columns"]
    assert found["index"] == [*range(1, TRAIN, 3), *range(1, TEST, 3)]
    assert ask("/api/runs/first/find", text="no such thing").json["count"] == 0


def test_a_features_file_has_all_but_pictures(ask) -> None:
    assert ask("/api/runs/vectors/map/pca", split="train").json["count"] == TRAIN - round(TRAIN / 10)
    index = ask("/api/runs/vectors/images", split="train").json["columns"]["index"][0]
    assert len(ask("/api/runs/vectors/neighbours", split="train", index=index).json["runs"][0]["nearest"]) == 12
    assert "vectors alone" in ask(f"/api/runs/vectors/thumbnails/train/{index}").json["error"]


def test_a_run_that_trains_has_no_neighbours_yet(ask) -> None:
    answer = ask("/api/runs/begun/neighbours", index=0)
    assert (answer.status, "not finished" in answer.json["error"]) == (409, True)


@pytest.mark.parametrize(("name", "text"), [
    ("recipe.toml", "seed = ["), ("findings.jsonl", '{"nothing": 1}\n'), ("environment.json", "{"),
    ("log.jsonl", "{\n[]\n"),
])
def test_damaged_files_of_a_run_break_nothing_else(ask, made, name: str, text: str) -> None:
    place = made / "begun" / name
    before = place.read_text() if place.exists() else None
    place.write_text(text)
    try:
        for path in ("/api/runs", "/api/runs/begun", "/api/runs/begun/log", "/api/runs/begun/findings"):
            assert ask(path).status == 200
    finally:
        place.unlink()
        if before is not None:
            place.write_text(before)


def test_openapi_tells_the_truth(ask) -> None:
    """Every address is described, and answers have exactly the described keys."""
    described = ask("/openapi.json").json
    schemas = described["components"]["schemas"]
    ask.until_ready("/api/runs/first/columns", split="test")
    fill = {"{run}": "first", "{split}": "test", "{index}": "3", "{kind}": "anomalies", "{name}": "anomaly"}
    queries = {"/api/compare": {"one": "first", "two": "second"}, "/api/runs/{run}/neighbours": {"index": 1},
               "/api/runs/{run}/find": {"text": "a"}}
    checked = 0
    for path, methods in described["paths"].items():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if "application/json" not in content:
            continue
        address = path.replace("{kind}", "pca") if "/map/" in path else path
        for name, value in fill.items():
            address = address.replace(name, value)
        answer = ask(address, **queries.get(path, {}))
        assert answer.status == 200, (address, answer.body)
        schema = schemas[content["application/json"]["schema"]["$ref"].rpartition("/")[2]]
        assert set(answer.json) == set(schema["properties"]) == set(schema["required"]), path
        checked += 1
    assert checked >= 13
