"""Means, intervals, paired differences, ranks and claims against SciPy's own."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from made_members import knn, member, score
from scipy import stats

from kinfolk.compare import relation, written
from kinfolk.compare.claims import Claim, digits, judge, signed
from kinfolk.compare.members import entangled
from kinfolk.compare.seeds import compare
from kinfolk.core.errors import RequestError
from kinfolk.records.findings import Finding

TABLE = {
    "base": {0: 0.50, 1: 0.54, 2: 0.49},
    "better": {0: 0.60, 1: 0.65, 2: 0.58},
    "same": {0: 0.51, 1: 0.53, 2: 0.495},
    "partly": {1: 0.30, 2: 0.20},
    "once": {0: 0.9},
}


@pytest.fixture
def made():
    return compare(knn(TABLE))


def test_means_and_intervals_are_scipys(made) -> None:
    first = made.quantities[0]
    assert first.label == "knn[k=20]"
    for variant in ("base", "better", "same", "partly"):
        values = list(TABLE[variant].values())
        found = made.cells[variant, first].estimate
        expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert found.mean == pytest.approx(np.mean(values))
        assert (found.low, found.high) == pytest.approx((max(expected.low, 0), min(expected.high, 1)))
    assert made.cells["partly", first].estimate.low == 0, "two seeds so far apart that the line would go below 0 %"
    alone = made.cells["once", first]
    assert (alone.estimate.low, alone.estimate.high) == pytest.approx((0.89, 0.91))
    assert alone.noise == "test set"


def test_differences_are_paired_by_seed(made) -> None:
    first = made.quantities[0]
    for variant in ("better", "same", "partly"):
        seeds = sorted(TABLE[variant])
        pairs = [TABLE[variant][s] for s in seeds], [TABLE["base"][s] for s in seeds]
        expected = stats.ttest_rel(*pairs).confidence_interval(0.95)
        found = made.cells[variant, first].difference
        assert (found.low, found.high, found.n) == pytest.approx((expected.low, expected.high, len(seeds)))
        assert found.beyond_noise is bool(stats.ttest_rel(*pairs).pvalue < 0.05)
    assert made.cells["base", first].difference is None
    assert made.cells["once", first].difference.beyond_noise is None
    unpaired = compare(knn({"a": {0: 0.1}, "b": {1: 0.2}}))
    assert unpaired.cells["b", unpaired.quantities[0]].difference is None


def test_ranks_follow_the_better_direction() -> None:
    rows = {"a": (0.3, 9.0), "b": (0.1, 5.0), "c": (0.3, 7.0)}
    found = compare([
        member(v, s, score(v, "knn", x), score(v, "hubs", y, "skewness", False), score(v, "slope", y, "", None))
        for v, (x, y) in rows.items() for s in (0, 1)
    ])
    ranks = {q.name: [found.cells[v, q].rank for v in rows] for q in found.quantities}
    assert ranks == {"knn": [1, 3, 1], "hubs": [3, 1, 2], "slope": [None] * 3}
    alone = compare(knn({"a": {0: 0.1}, "b": {0: 0.2}}))
    assert [alone.cells[v, alone.quantities[0]].rank for v in ("a", "b")] == [None, None]


def test_a_unit_that_differs_between_runs_makes_no_two_scores() -> None:
    found = compare([member("a", 0, score("a", "rank", 3, "of 8")), member("b", 0, score("b", "rank", 4, "of 16"))])
    assert [(q.name, q.unit) for q in found.quantities] == [("rank", "")]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("better.knn > base.knn", "held"),
        ("better.knn < base.knn", "not held"),
        ("same.knn > base.knn", "undecided"),
        ("same.knn[k=20] ~ base.knn within 0.1", "held"),
        ("better.knn ~ base.knn within 0.02", "not held"),
        ("same.knn ~ base.knn within 0.001", "undecided"),
        ("base.knn > 0.3", "held"),
        ("base.knn > .9e0", "not held"),
        ("base.knn > 0.5", "undecided"),
        ("once.knn > base.knn", "undecided"),
        ("gone.knn > base.knn", "undecided"),
        ("better.probe > base.probe", "undecided"),
    ],
)
def test_claims(made, text: str, verdict: str) -> None:
    assert judge(Claim.of({"claim": text, "by": "somebody"}), made, missing=("gone",)).verdict == verdict


def test_a_claim_agrees_with_a_paired_t_test_on_many_draws() -> None:
    draw = np.random.default_rng(0)
    verdicts = set()
    for _ in range(200):
        shift, n = draw.normal(0, 0.02), int(draw.integers(2, 6))
        base = draw.normal(0.5, 0.02, n)
        other = base + shift + draw.normal(0, 0.01, n)
        made = compare(knn({"base": dict(enumerate(base)), "other": dict(enumerate(other))}))
        found = judge(Claim.of({"claim": "other.knn < base.knn"}), made).verdict
        test = stats.ttest_rel(other, base)
        side = "held" if test.statistic < 0 else "not held"
        assert found == (side if test.pvalue < 0.05 else "undecided")
        verdicts.add(found)
    assert verdicts == {"held", "not held", "undecided"}


def test_a_floor_that_was_measured_once_stands_for_every_seed() -> None:
    runs = knn({"first": {0: 0.6, 1: 0.65, 2: 0.58}, "weak": {0: 0.3, 1: 0.5, 2: 0.4}})
    floors = [member(f"pixels ({v})", 0, score("pixels", "knn", x, k=20), cost=None) for v, x in (("first", 0.4),
              ("weak", 0.9))]
    made = compare([*runs, *floors])
    over = judge(Claim.of({"claim": "first.knn > pixels.knn"}), made)
    test = stats.ttest_1samp([0.6, 0.65, 0.58], 0.4).confidence_interval(0.95)
    assert over.verdict == "held"
    assert over.estimate is not None
    assert (over.estimate.low, over.estimate.high) == pytest.approx((test.low - 0.4, test.high - 0.4))
    assert judge(Claim.of({"claim": "pixels.knn < weak.knn"}), made).verdict == "undecided"


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.0001, "-0.0001"), (0.0, "0"), (-0.0, "0"), (1013.4, "1,013"), (6.3e-5, "6.3e-05"), (-2.5, "-2.50")],
)
def test_numbers_have_no_exponent_unless_tiny_and_no_minus_zero(value: float, text: str) -> None:
    assert digits(value) == text


def test_a_share_that_rounds_to_nothing_has_no_sign(made) -> None:
    assert signed(-0.0001, made.quantities[0]) == signed(0.0001, made.quantities[0]) == "0.0"


def test_reasons_are_told(made) -> None:
    one = judge(Claim.of({"claim": "once.knn > base.knn"}), made)
    assert one.why == "90.0 % against 50.0 %, one seed: nothing is known of the noise of training."
    several = judge(Claim.of({"claim": "better.knn > base.knn"}), made)
    assert "61.0 % against 51.0 %: a difference of +10.0 points [" in several.why
    assert judge(Claim.of({"claim": "gone.knn > 0"}), made, ("gone",)).why == "'gone' has not been run."
    assert "Did you mean 'better'" in judge(Claim.of({"claim": "beter.knn > 0"}), made).why


def test_a_score_told_by_a_name_with_brackets_is_claimed_as_it_is_written() -> None:
    names = ["crop.extent[0]", "crop.extent[1]"]
    runs = [
        member(variant, seed, *(score(variant, "read", value + k, parameter=name) for k, name in enumerate(names)))
        for variant, value in (("a", 0.1), ("b", 0.3)) for seed in (0, 1)
    ]
    claim = Claim.of({"claim": "b.read[parameter=crop.extent[1]]>a.read[parameter=crop.extent[0]]"})
    assert claim.left == ("b", "read[parameter=crop.extent[1]]")
    assert claim.right == ("a", "read[parameter=crop.extent[0]]")
    found = judge(claim, compare(runs)).estimate
    assert found is not None
    assert found.mean == pytest.approx(1.2)


def test_written_forms_agree(made) -> None:
    reported = {("base", "knn"): 0.6268, ("better", "gone"): 1.0}
    judged = [judge(Claim.of({"claim": "better.knn > base.knn"}), made)]
    rows = list(csv.DictReader(io.StringIO(written.as_csv(made, reported))))
    whole = json.loads(written.as_json(made, reported, judged, {"name": "x"}))
    assert len(rows) == len(whole["scores"]) == 2 * len(TABLE)
    for flat, full in zip(rows, whole["scores"], strict=True):
        assert float(flat["mean"]) == full["mean"] == pytest.approx(np.mean(list(full["by_seed"].values())))
        assert flat["more_than_noise"] == str(full["more_than_noise"]).replace("None", "")
    assert whole["claims"][0]["verdict"] == "held"
    text = written.as_markdown(made, made.main(), reported, judged, ["# x"])
    assert "| base | 3 | 51.0 [44.4, 57.6] (4) |  | 62.7 |" in text
    assert "*" in next(line for line in text.splitlines() if line.startswith("| better"))
    assert "Variants with one seed" in text


def test_each_pair_of_few_classes_is_a_score_from_the_matrix_of_neighbours() -> None:
    values = [[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.0, 0.3, 0.7]]
    names = ["ant", "bee", "cow"]
    matrix = Finding("neighbour_classes", "matrix", "test", "run", {"k": 20}, data={"columns": names, "values": values})
    found = {f.protocol["pair"]: f.value for f in entangled([matrix])}
    assert found == {"ant/bee": pytest.approx(0.3), "ant/cow": pytest.approx(0.05), "bee/cow": pytest.approx(0.2)}
    many = Finding("neighbour_classes", "matrix", "test", "run", {}, data={"columns": list(range(20)), "values": []})
    assert not entangled([many])


def test_other_data_and_what_is_not_measured_are_told() -> None:
    loss = score("c0", "loss_test", 3.0, "loss", None, term="total")
    one = member("a", 0, score("a0", "knn", 0.5, k=20), data="cifar10")
    other = member("b", 0, score("b0", "knn", 0.9, k=20), data="digits")
    empty = member("c", 0, loss, data="cifar10")
    told = written.reading(compare([one, other, empty]))
    assert "Of different data (a of cifar10, b of digits): their scores do not compare." in told
    assert told.endswith("Not measured yet: c (kinfolk evaluate RUN).")
    assert written.cautions(compare([one, member("d", 0, score("d0", "knn", 0.6, k=20), data="cifar10")])) == []


def test_an_unknown_base_is_refused_with_the_nearest(made) -> None:
    with pytest.raises(RequestError, match="Did you mean 'better'"):
        compare(knn(TABLE), "beter")


def test_loss_and_score_are_related_by_rank_within_one_kind_of_loss() -> None:
    draw = np.random.default_rng(1)
    members, pairs = [], []
    for i in range(6):
        loss, value = float(draw.normal(4, 1)), float(draw.random())
        pairs.append((loss, value))
        rows = [
            {
                "epoch": e,
                "validation": {"test": {"total": loss + 3 - e, "attraction": 0.0}},
                "watch": {"knn": value * e},
            }
            for e in (1, 2, 3, 4)
        ]
        members.append(member(f"v{i}", 0, score(f"v{i}", "knn", value), epochs=rows))
    members.append(member("other", 0, score("other", "knn", 0.5), epochs=[
        {"epoch": 4, "validation": {"test": {"total": 9.0, "kl": 9.0}}}
    ]))
    members.append(member("weighed", 0, score("weighed", "knn", 0.9), epochs=[
        {"epoch": 4, "validation": {"test": {"total": 99.0, "attraction": 9.0}}}
    ], objective="simclr (temperature 9)"))
    made = compare(members)
    found = relation.links(relation.points(made, made.quantities[0]))
    over = [item for item in found if item.over == "variants"]
    assert [(item.n, item.terms) for item in over] == [(6, ("attraction",))]
    assert over[0].correlation == pytest.approx(stats.spearmanr(*zip(*pairs, strict=True)).statistic)
    within = [item for item in found if item.over == "v0"]
    assert within[0].correlation == pytest.approx(-1)
    assert within[0].low is None
    rising = [replace(item, over="vq_vae", correlation=0.3) for item in within]
    first, told = relation.sentences([*over, *within, *rising], made.quantities[0])
    assert first.startswith("Over 6 variants with the loss attraction, ")
    assert "watched knn is negative (the score rises as the loss falls) in 1 of 2 variants: v0 (-1.00)" in told
    assert told.endswith("; not in vq_vae (+0.30).")
