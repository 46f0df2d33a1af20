"""Each diagnostic on constructed features whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import made_subjects
import numpy as np
import pytest
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from kinfolk.core import registry
from kinfolk.numerics.histogram import colour_histogram
from kinfolk.records.findings import Finding
from kinfolk.records.images import Images
from kinfolk.records.subject import Subject

SIZE = made_subjects.SIZE


def measure(name: str, subject: Subject, **settings) -> dict[str, Finding]:
    return {f.name: f for f in registry.build("diagnostics", name, **settings).measure(subject)}


def pictured(encode, train: int = 800, test: int = 300, factors: dict | None = None) -> Subject:
    """A subject over images of a class pattern in the centre, on a ground and in a tint that know no class."""
    random = np.random.default_rng(0)
    inside = np.zeros((SIZE, SIZE), dtype=bool)
    inside[2:-2, 2:-2] = True
    patterns = random.random((5, SIZE, SIZE)) > 0.5
    images, features = {}, {}
    for role, count in (("train", train), ("test", test)):
        labels = random.permutation(np.arange(count) % 5)
        ground, tint = random.random((count, 3)) * 200, random.random((count, 3)) * 200 + 50
        values = np.where(inside, patterns[labels][:, None] * tint[:, :, None, None], ground[:, :, None, None])
        pixels = (values + random.random((count, 1, SIZE, SIZE)) * 20).clip(0, 255).astype(np.uint8)
        known = {"ground": ground[:, 0], "tint": tint[:, 0]} if factors is None else factors
        images[role] = Images(pixels, labels, made_subjects.CLASSES, np.arange(count), [str(i) for i in range(count)],
                              "made", role, "made-fingerprint", factors=known)
        features[role, "h"] = made_subjects.features(encode(pixels), labels, role)
    return Subject("pictured", features, images, encode, protocol={"size": SIZE})


def by_colour(pixels: np.ndarray) -> np.ndarray:
    return colour_histogram(pixels)


def by_form(pixels: np.ndarray) -> np.ndarray:
    """Which pixels of the centre are lit, relative to the others; no colour, no ground."""
    grey = pixels[:, :, 2:-2, 2:-2].astype(np.float32).mean(1).reshape(len(pixels), -1)
    return (grey - grey.mean(1, keepdims=True)) / (grey.std(1, keepdims=True) + 1)


def by_ground(pixels: np.ndarray) -> np.ndarray:
    """The outermost ring alone, as differences between neighbouring pixels: gone when it is blurred."""
    ring = np.concatenate([pixels[:, 0, 0], pixels[:, 0, -1], pixels[:, 0, :, 0], pixels[:, 0, :, -1]], 1)
    return np.diff(ring.astype(np.float32), axis=1)


def test_features_that_are_histograms_are_explained_by_colour_alone() -> None:
    found = measure("shortcut", pictured(by_colour), k=8)
    assert found["colour_share"].value == pytest.approx(1)
    assert found["colour_share_within_class"].value > 0.12
    assert found["kept_under_hue"].value < 0.4
    form = measure("shortcut", pictured(by_form), k=8)
    assert form["colour_share"].value < 0.05
    assert form["kept_under_greyscale"].value > 0.9
    assert form["kept_under_border"].value > 0.8 > form["kept_under_centre"].value


def test_the_colour_shares_are_their_definition_written_out() -> None:
    subject = pictured(lambda pixels: np.c_[by_form(pixels)[:, :12], 9 * colour_histogram(pixels)[:, :300]])
    found = measure("shortcut", subject, k=8, queries=10_000)
    train, test = subject.get("train"), subject.get("test")
    bank, queries = (colour_histogram(subject.images[role].pixels) for role in ("train", "test"))

    def share(rows: np.ndarray, among: np.ndarray, k: int) -> list[float]:
        close = _unit(test.vectors[rows]) @ _unit(train.vectors[among]).T
        colour = queries[rows] @ bank[among].T
        count = max(1, round(len(among) / 100))
        near, alike = (np.argsort(-c, axis=1)[:, :n] for c, n in ((close, k), (colour, count)))
        return [len(set(a) & set(b)) / k for a, b in zip(near.tolist(), alike.tolist(), strict=True)]

    whole = np.mean(share(np.arange(300), np.arange(800), 8))
    assert 0.05 < whole < 0.95
    assert found["colour_share"].value == pytest.approx(whole, abs=0.004)
    by_class = ((np.flatnonzero(test.labels == c), np.flatnonzero(train.labels == c)) for c in range(5))
    within = np.concatenate([share(rows, among, 2) for rows, among in by_class])
    assert found["colour_share_within_class"].value == pytest.approx(within.mean(), abs=0.006)
    assert found["colour_share"].low < found["colour_share"].value < found["colour_share"].high


def test_features_at_random_share_one_percent_with_colour_and_the_interval_holds_it() -> None:
    random = np.random.default_rng(1)
    subject = pictured(lambda pixels: random.normal(size=(len(pixels), 16)))
    share = measure("shortcut", subject)["colour_share"]
    assert share.low <= 0.01 <= share.high
    assert share.high < 0.015


def test_neighbours_by_one_factor_follow_that_factor() -> None:
    def by_tint(pixels: np.ndarray) -> np.ndarray:
        value = pixels[:, 0, 2:-2, 2:-2].reshape(len(pixels), -1).max(1).astype(np.float64)
        return np.c_[np.cos(value / 300), np.sin(value / 300)]

    table = measure("shortcut", pictured(by_tint), k=5)["factor_share"].data
    assert table["columns"][:2] == ["factor", "share"]
    (first, share, low, high, times), (second, other, *_) = table["rows"]
    assert (first, second) == ("tint", "ground")
    assert low <= share <= high
    assert times == pytest.approx(100 * share)
    assert share > 10 * other


def test_a_factor_of_few_values_has_a_chance_of_one_percent() -> None:
    random = np.random.default_rng(2)
    subject = pictured(lambda pixels: random.normal(size=(len(pixels), 4)))
    kinds = {role: replace(i, factors={"kind": np.arange(len(i)) % 4.0}) for role, i in subject.images.items()}
    row = measure("shortcut", replace(subject, images=kinds))["factor_share"].data["rows"][0]
    assert row[1] == pytest.approx(0.01, abs=0.001)


def test_invariance_tells_what_moves_the_embedding_and_what_can_be_read_out() -> None:
    blind, network = made_subjects.seeing()
    seeing = measure("invariance", blind, augmentations=("jitter",), images=200)
    assert seeing["read_out"].value > 0.5
    assert seeing["invariance"].data["series"]["jitter"][0] == 0
    assert seeing["way"].value > 0.01

    def shape_only(pixels: np.ndarray) -> np.ndarray:
        flat = pixels.reshape(len(pixels), -1).astype(np.float64)
        brighter = pixels * (100 / np.maximum(flat.mean(1), 1))[:, None, None, None]
        return network(np.clip(brighter, 0, 255).astype(np.uint8))

    invariant = measure("invariance", replace(blind, encode=shape_only), augmentations=("jitter",), images=200)
    assert invariant["way"].value < 0.2 * seeing["way"].value
    assert list(seeing["read_out"].data["parameters"]) == ["factor"]


def test_alignment_and_uniformity_are_their_formulas() -> None:
    subject, network = made_subjects.seeing()
    found = measure("alignment", subject, augmentations=("crop", "blur"), strength=0.5, images=60)
    rows = np.sort(np.argsort(_order(subject.get("test").index))[:60])
    first, second = (
        _unit(network(made_subjects.darker(
            made_subjects.darker(subject.images["test"].pixels[rows], "crop", 0.5, 100 * v)[0], "blur", 0.5, 100 * v + 1
        )[0]))
        for v in (0, 1)
    )
    assert found["alignment"].value == pytest.approx(((first - second) ** 2).sum(1).mean(), rel=1e-4)
    pairs = [np.exp(-2 * ((a - b) ** 2).sum()) for i, a in enumerate(first) for j, b in enumerate(first) if i != j]
    assert found["uniformity"].value == pytest.approx(np.log(np.mean(pairs)), abs=1e-4)


def _order(index: np.ndarray) -> np.ndarray:
    from kinfolk.numerics.draws import hashed

    return hashed(index)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_similarities_of_tight_pairs_in_a_wide_space() -> None:
    random = np.random.default_rng(3)
    centres = random.normal(size=(300, 64))
    train = made_subjects.features(centres, np.zeros(300), "train")
    test = made_subjects.features(centres + random.normal(scale=0.01, size=(300, 64)), np.zeros(300), "test")
    found = measure("similarity", Subject("s", {("train", "h"): train, ("test", "h"): test}))
    assert found["similarity_nearest"].value > 0.999
    assert found["similarity_random"].value == pytest.approx(0, abs=0.03)
    assert found["similarity_spread"].value == pytest.approx(1 / 8, rel=0.05)
    assert found["similarity_spread"].low < 1 / 8 < found["similarity_spread"].high
    for share in found["similarities"].data["series"].values():
        assert sum(share) == pytest.approx(1)


def test_a_planted_hub_is_found_and_shown() -> None:
    random = np.random.default_rng(4)
    vectors = _unit(random.normal(size=(400, 60))) + np.eye(60)[0]
    vectors[17] = np.eye(60)[0]
    planted = Subject("s", {("train", "h"): made_subjects.features(vectors, np.zeros(400), "train")})
    found = measure("hubs", planted)
    assert found["hub_images_nearest"].arrays["images"][0] == 17
    assert found["hub_images_nearest"].arrays["score"][0] > 300
    vectors[17] = vectors[18]
    plain = Subject("s", {("train", "h"): made_subjects.features(vectors, np.zeros(400), "train")})
    assert measure("hubs", plain)["hubs_nearest"].value < found["hubs_nearest"].value / 3


def test_the_spectrum_says_both_layers_and_their_width() -> None:
    subject, _ = made_subjects.seeing()
    found = registry.build("diagnostics", "spectrum").measure(subject)
    layers = [(f.name, f.protocol["layer"]) for f in found]
    for score in ("rank_me", "spread"):
        assert {layer for name, layer in layers if name == score} == {"h", "z"}
    for f in found:
        if f.name == "deviations":
            vectors = subject.get("train", f.protocol["layer"]).vectors
            assert f.data["series"]["deviation"] == pytest.approx(sorted(vectors.std(0), reverse=True), rel=1e-4)
        if f.name == "rank_me":
            assert f.low < f.value < f.high
            assert f.value <= (8 if f.protocol["layer"] == "h" else 4)
        if f.name == "spread":
            vectors = subject.get("train", f.protocol["layer"]).vectors.astype(np.float64)
            assert f.value == pytest.approx(vectors.var(0).sum() / (vectors**2).sum(1).mean(), rel=1e-4)
            assert f.low < f.value < f.high
        if f.name == "spectrum":
            assert sum(f.data["series"]["eigenvalue"]) == pytest.approx(1)
            assert f.data["series"]["explained so far"][-1] == pytest.approx(1)


def test_maps_are_of_the_same_images_for_every_subject() -> None:
    one, two = made_subjects.subject(), made_subjects.subject(made_subjects.meaningless, seed=5)
    maps = [measure("map", s, methods=("pca",), images=100)["map_pca"] for s in (one, two)]
    assert np.array_equal(maps[0].arrays["index"], maps[1].arrays["index"])
    assert len(maps[0].arrays["xy"]) == 100
    rows = maps[0].arrays["index"]
    xy, features = maps[0].arrays["xy"], one.get("test")
    trust = trustworthiness(features.vectors[rows], xy, n_neighbors=15)
    assert maps[0].data["trustworthiness"] == pytest.approx(trust)
    near = NearestNeighbors(n_neighbors=15).fit(xy).kneighbors()[1]
    votes = np.array([np.bincount(features.labels[rows][n], minlength=5).argmax() for n in near])
    assert maps[0].data["accuracy_on_map"] == pytest.approx((votes == features.labels[rows]).mean())
    assert maps[0].data["accuracy_on_map"] > maps[1].data["accuracy_on_map"]
    near = NearestNeighbors(n_neighbors=2).fit(one.get("train").vectors).kneighbors(features.vectors[rows])[0]
    assert maps[0].arrays["anomaly_score"] == pytest.approx(near.mean(1), rel=1e-4)


def test_umap_is_drawn_only_where_it_is_installed() -> None:
    found = measure("map", made_subjects.subject(), methods=("pca", "umap"), images=60)
    assert set(found) == {"map_pca"} | ({"map_umap"} if find_spec("umap") else set())


def test_an_unknown_map_is_refused_with_the_nearest() -> None:
    from kinfolk.core.errors import RequestError

    with pytest.raises(RequestError, match="unknown map 'tnse'. Did you mean 'tsne'"):
        registry.build("diagnostics", "map", methods=("tnse",))


def gathered(random: np.random.Generator, count: int) -> np.ndarray:
    """Points along many short lines that point in all directions: full rank, locally of one dimension."""
    centres, ways = random.normal(size=(2, 60, 64))
    which = random.integers(0, 60, count)
    return 3 * centres[which] + random.random((count, 1)) * ways[which]


SPACES = {
    "healthy": lambda random, n: random.normal(size=(n, 64)) * np.arange(1, 65) ** -0.5,
    "complete collapse": lambda random, n: 1 + 1e-3 * random.normal(size=(n, 64)),
    "dimensional collapse": lambda random, n: random.normal(size=(n, 2)) @ np.eye(64)[:2],
    "local collapse": gathered,
    "hubs": lambda random, n: np.r_[_unit(random.normal(size=(n - 1, 64))), np.zeros((1, 64))] + np.eye(64)[0],
}


@pytest.mark.parametrize("true", sorted(SPACES))
@pytest.mark.parametrize("layer", ["h", "z"])
def test_the_verdict_on_constructed_spaces(true: str, layer: str) -> None:
    if true == "hubs" and layer == "z":
        pytest.skip("hubs are judged on h")
    random = np.random.default_rng(6)
    good = {role: SPACES["healthy"](random, n) for role, n in (("train", 1500), ("test", 200))}
    bad = {role: SPACES[true](random, n) for role, n in (("train", 1500), ("test", 200))}
    made = {
        (role, which): replace(
            made_subjects.features(bad[role] if which == layer else good[role], np.full(len(good[role]), -1), role),
            layer=which, classes=(),
        )
        for role in ("train", "test") for which in ("h", "z")
    }
    found = measure("verdict", Subject("made", made))["verdict"]
    assert found.data["verdict"] == true, found.data["evidence"]
    assert found.data["unsure"] == ["no labels to compare with pixels by"]
    for row in found.data["evidence"]:
        assert set(row) == {"name", "value", "threshold", "says"}


@pytest.mark.parametrize(("steps", "true"), [(99, "healthy"), (100, "complete collapse"), (None, "complete collapse")])
def test_projections_are_not_judged_before_the_hundredth_step(steps: int | None, true: str) -> None:
    random = np.random.default_rng(6)
    made = {
        (role, layer): replace(made_subjects.features(SPACES[space](random, n), np.zeros(n, int), role), layer=layer)
        for role, n in (("train", 1500), ("test", 200))
        for layer, space in (("h", "healthy"), ("z", "complete collapse"))
    }
    found = measure("verdict", Subject("made", made, steps=steps))["verdict"]
    assert found.data["verdict"] == true
    assert ("z not judged before step 100, here after 99" in found.text) == (steps == 99)


@pytest.mark.parametrize(
    ("encode", "true"), [(by_colour, "colour shortcut"), (by_form, "healthy"), (by_ground, "not better than floor")]
)
def test_the_verdict_on_shortcuts(encode, true: str) -> None:
    found = measure("verdict", pictured(encode))["verdict"].data
    assert true in (found["verdict"], *found["also"]), found["evidence"]
    if true == "healthy":
        assert found["also"] == []
        assert found["unsure"] == []


def test_a_verdict_on_few_images_says_so() -> None:
    random = np.random.default_rng(6)
    made = {
        (role, "h"): replace(
            made_subjects.features(SPACES["healthy"](random, n), np.full(n, -1), role), layer="h", classes=()
        )
        for role, n in (("train", 300), ("test", 30))
    }
    found = measure("verdict", Subject("made", made))["verdict"]
    assert found.data["unsure"] == ["only 30 test images looked at", "no labels to compare with pixels by"]
    assert found.text.endswith("(only 30 test images looked at, no labels to compare with pixels by).")


def test_the_verdict_on_a_background_shortcut() -> None:
    found = measure("verdict", pictured(by_ground))["verdict"].data
    assert "background shortcut" in (found["verdict"], *found["also"]), found["evidence"]
