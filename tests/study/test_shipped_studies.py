"""Every shipped study reads at each of its scales, and every variant is a recipe whose settings are all known."""

from __future__ import annotations

from pathlib import Path

import pytest

from kinfolk.core import registry
from kinfolk.study import plan
from kinfolk.study.definition import STUDIES, Study, changed, read, shipped

SCALES = ("laptop", "authors")
CASES = [(name, scale, v.name) for name in shipped() for scale in SCALES for v in read(name, scale).variants]


@pytest.fixture(autouse=True)
def home_of_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Studies name data by $KINFOLK_DATA; nothing of it is read here."""
    monkeypatch.setenv("KINFOLK_DATA", str(tmp_path))


def leaves(study: Study, name: str) -> list[tuple[str, str]]:
    """The leaves that a variant names."""
    values = changed(study.base, study.variant(name).changes)
    sections = {"method": "methods", "encoder": "encoders", "positives": "positives"}
    found = [(kind, values[s]["name"]) for s, kind in sections.items() if "name" in values.get(s, {})]
    return found + [("auxiliaries", item["name"]) for item in values.get("auxiliaries", [])]


def test_all_five_are_there_with_both_scales() -> None:
    assert shipped() == sorted(
        ["vicreg-anatomy", "neighbour-positives", "more-views", "augmentation-aware", "nearest-sheets"]
    )
    for name in shipped():
        for scale in SCALES:
            study = read(name, scale)
            assert study.question.endswith("?")
            assert study.substitutes, f"{name} names no substitutes at the scale {scale}"
            assert (STUDIES / f"{name}.toml").read_text("utf-8").startswith("# ")


@pytest.mark.parametrize(("name", "scale", "variant"), CASES)
def test_a_variant_resolves(name: str, scale: str, variant: str) -> None:
    study = read(name, scale)
    absent = [f"{kind}/{leaf}" for kind, leaf in leaves(study, variant) if leaf not in registry.leaves(kind)]
    if absent:
        pytest.skip(f"not there yet: {', '.join(absent)}")
    recipe = plan.probe(study, study.variant(variant))
    assert recipe.plain() == type(recipe).of(recipe.plain()).plain()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", shipped())
def test_claims_and_order_speak_of_variants_that_are_there(name: str, scale: str) -> None:
    study = read(name, scale)
    names = [v.name for v in study.variants]
    assert study.variants[0].changes.get("method.name") != "supervised", "the first is the base, not the ceiling"
    for claim in study.claims:
        for variant in claim.variants:
            assert variant in (*names, "base", "pixels", "histogram", "random"), claim.text
    order = plan.ordered(study, names)
    assert sorted(order) == sorted(names)
    for variant in study.variants:
        needed = plan.reference(study, variant)
        if needed:
            assert order.index(needed["subject"]) < order.index(variant.name)
        if variant.equal:
            assert not study.variant(variant.to or "base").equal


def test_the_authors_views_are_as_large_as_their_images() -> None:
    sides = {"cifar10": 32, "imagenette": 128, "stl10": 96, "caltech101": 200, "tiny_imagenet": 64}
    for name in shipped():
        study = read(name, "authors")
        for variant in study.variants:
            values = changed(study.base, variant.changes)
            size = 224 if values["data"].get("size") == 256 else sides[values["data"]["name"]]
            assert values["views"]["size"] == size, f"{name}: {variant.name}"


def test_no_laptop_run_has_more_than_ten_thousand_images() -> None:
    for name in shipped():
        study = read(name, "laptop")
        for variant in study.variants:
            data = changed(study.base, variant.changes)["data"]
            small = "imagenette-96" in data["name"]
            assert small or data["limit"] <= 10_000, f"{name}: {variant.name}"
