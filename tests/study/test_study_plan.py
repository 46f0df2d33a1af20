"""What a study's file may say, what is refused and how, and the order and budgets of the runs it asks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kinfolk.core import files
from kinfolk.core.errors import RequestError
from kinfolk.study import plan
from kinfolk.study.definition import read
from kinfolk.study.run import MEASURED, Prepared, first_of

HEAD = """
question = "Does it?"
seeds = [0, 1]
[base]
data.name = "digits"
data.limit = 256
train.epochs = 4
train.batch = 32
[[variants]]
name = "first"
"""
COSTS = {
    "first": {"epoch": 8, "steps": 32, "batch": 32, "views": 2, "seconds": 0.5},
    "eight": {"epoch": 32, "steps": 128, "batch": 32, "views": 2, "seconds": 0.5},
    "slow": {"epoch": 8, "steps": 32, "batch": 32, "views": 2, "seconds": 1.5},
}


def study(folder: Path, text: str, pairs: tuple[str, ...] = (), scale: str = ""):
    path = folder / "mine.toml"
    path.write_text(HEAD + text, "utf-8")
    return read(str(path), scale, pairs)


def test_changes_by_nested_or_quoted_keys_and_another_leaf_begins_with_its_own_defaults(tmp_path: Path) -> None:
    found = study(tmp_path, """
    [[variants]]
    name = "other"
    set.method.name = "vicreg"
    set.method.variance = 0
    set."train.lr" = 0.01
    [scales.laptop]
    set.method.temperature = 0.3
    """)
    first, other = (plan.job(found, v, 3, tmp_path, {}).recipe for v in found.variants)
    assert (first.method.name, first.method.settings["temperature"], first.seed) == ("simclr", 0.3, 3)
    assert (other.method.name, other.method.settings["variance"], other.train.lr) == ("vicreg", 0, 0.01)


def test_what_the_user_sets_no_variant_changes(tmp_path: Path) -> None:
    text = '[[variants]]\nname = "long"\nset.train.epochs = 30\nset.train.lr = 0.1\n'
    found = study(tmp_path, text, ("train.epochs=1",))
    assert [plan.job(found, v, 0, tmp_path, {}).recipe.train.epochs for v in found.variants] == [1, 1]
    assert plan.job(found, found.variants[1], 0, tmp_path, {}).recipe.train.lr == 0.1


def test_each_item_off_in_turn_and_a_grid(tmp_path: Path) -> None:
    found = study(tmp_path, """
    [[generate]]
    off = ["augmentations"]
    [[variants]]
    name = "vicreg"
    set.method.name = "vicreg"
    [[generate]]
    from = "vicreg"
    off = ["method.variance", "method.covariance"]
    prefix = "vicreg-no-"
    [[generate]]
    grid.views.count = [2, 4]
    grid.train.lr = [0.1, 0.01]
    """)
    made = {v.name: plan.job(found, v, 0, tmp_path, {}).recipe for v in found.variants}
    assert list(made)[2:6] == ["no-crop", "no-flip", "no-jitter", "no-grayscale"]
    assert [a.name for a in made["no-flip"].augmentations] == ["crop", "jitter", "grayscale"]
    assert made["vicreg-no-variance"].method.settings["variance"] == 0
    assert made["vicreg-no-variance"].method.settings["covariance"] == 1
    assert {(r.views.count, r.train.lr) for n, r in made.items() if n.startswith("count")} == {
        (2, 0.1), (2, 0.01), (4, 0.1), (4, 0.01)
    }


def test_equal_budgets_become_epochs(tmp_path: Path) -> None:
    found = study(tmp_path, """
    [[variants]]
    name = "eight"
    set.views.count = 8
    set.views.pairing = "turns"
    [[variants]]
    name = "slow"
    equal = "seconds"
    """)
    for variant, equal, to, epochs in (
        ("slow", "seconds", "first", 1), ("slow", "steps", "eight", 16), ("slow", "views", "eight", 16),
    ):
        asked = found.variant(variant)
        given = type(asked)(**{**vars(asked), "equal": equal, "to": to})
        assert plan.equal_epochs(found, given, COSTS) == epochs
    assert plan.job(found, found.variant("slow"), 0, tmp_path, COSTS).recipe.train.epochs == 1
    begun = plan.job(found, found.variant("slow"), 0, tmp_path, COSTS)
    longer = replace(begun.recipe, train=replace(begun.recipe.train, epochs=3))
    files.write_text(begun.folder / "recipe.toml", longer.text())
    later = plan.job(found, found.variant("slow"), 1, tmp_path, COSTS)
    assert later.recipe.train.epochs == 3, "measured again, the seeds of a variant are trained for as long"


NEEDY = """
[[variants]]
name = "late"
set.positives.index = "@source-euclidean"
set.positives.k = 5
[[variants]]
name = "source"
seeds = 1
[[variants]]
name = "late-too"
set.positives.index = "@source-euclidean"
set.positives.k = 2
[neighbours.source-euclidean]
subject = "source"
metric = "euclidean"
"""


def test_a_variant_that_names_anothers_run_comes_after_it_and_brings_it_along(tmp_path: Path) -> None:
    found = study(tmp_path, NEEDY)
    assert plan.ordered(found, ["late", "first"]) == ["source", "late", "first"]
    index = plan.index(found, found.variant("late-too"), 1, tmp_path)
    assert index is not None
    assert index == plan.Index("source", tmp_path / "neighbours/source-euclidean-seed1.npz", 5, "euclidean", "")


def test_runs_come_seed_by_seed(tmp_path: Path) -> None:
    found = study(tmp_path, '[[variants]]\nname = "once"\nseeds = 1\n')
    assert [j.name for j in plan.jobs(found, tmp_path, [0, 7], (), {})] == ["first-seed0", "once-seed0", "first-seed7"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[variants]]\nname = "x"\nsett.a = 1', "Did you mean 'set'"),
        ('[[variants]]\nname = "x"\nequal = "view"', "Did you mean 'views'"),
        ('[[variants]]\nname = "first"', "two variants are called 'first'"),
        ('[[variants]]\nname = "a/b"', "a variant is called 'a/b'"),
        ('[[variants]]\nset.train.lr = 1', "a variant is called ''"),
        ('[[variants]]\nname = "x"\nseeds = 0', "x.seeds = 0 is not accepted"),
        ('[[variants]]\nname = "x"\nreported.knn = "high"', "reported.knn = 'high' is not a number"),
        ('[[generate]]\nprefix = "x"', "either off = [...] or grid = {...}"),
        ('[[generate]]\nfrom = "frst"\noff = ["method.temperature"]', "Did you mean 'first'"),
        ('[[claims]]\nclaim = "first.knn is good"', "is not a claim"),
        ('[[claims]]\nclaim = "first.knn ~ first.knn"', "is not a claim"),
        ('[[claims]]\nclaim = "first.knn < 1"\nsaid = "me"', "unknown key of a claim 'said'"),
        ('[evaluate]\nonly = ["kn"]', "Did you mean 'knn'"),
        ("[evaluate]\nonly = 3", "evaluate.only = 3 is not a list of str"),
        ("claims = 3", "must be a list of tables"),
    ],
)
def test_a_wrong_file_gets_one_message(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=None) as raised:
        study(tmp_path, text) if "claims = 3" not in text else read_text(tmp_path, text)
    assert said in str(raised.value)


def read_text(folder: Path, text: str):
    path = folder / "mine.toml"
    path.write_text(text + HEAD, "utf-8")
    return read(str(path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[variants]]\nname = "x"\nset.train.epoch = 3', "x: unknown setting of train 'epoch'. Did you mean 'epochs'"),
        ('[[variants]]\nname = "x"\nset.positives.index = "@y"', "unknown variant of the study 'mine' 'y'"),
        ('[[variants]]\nname = "x"\nset.positives.index = "@x"', "x -> x"),
        ('[[variants]]\nname = "x"\nset.data.name = "$NO_SUCH_HOME/x"', "the variable $NO_SUCH_HOME"),
    ],
)
def test_a_wrong_variant_gets_one_message(text: str, said: str, tmp_path: Path) -> None:
    found = study(tmp_path, text)
    with pytest.raises(RequestError) as raised:
        plan.jobs(found, tmp_path, [0], (), {})
    assert said in str(raised.value)


def test_floors_and_what_is_drawn_go_with_the_first_seed_alone(tmp_path: Path) -> None:
    found = study(tmp_path, '[evaluate]\nonly = ["knn"]\nonce = ["map"]\nood = "mnist"\n')
    prepared = Prepared(found, tmp_path, [], {}, {}, 0)
    assert prepared.asked(0) == {"only": ["knn", "map"], "floors": True, "ood": "mnist", "anomalies": ""}
    assert prepared.asked(1) == {"only": ["knn"], "floors": False, "ood": "mnist", "anomalies": ""}
    whole = Prepared(study(tmp_path, '[evaluate]\nonce = ["map"]\n'), tmp_path, [], {}, {}, 0)
    assert set(whole.asked(0)["only"]) - set(whole.asked(1)["only"]) == {"map"}
    with pytest.raises(RequestError, match="Did you mean 'map'"):
        study(tmp_path, '[evaluate]\nonce = ["maps"]\n')


def test_the_first_seed_is_the_studys_own_where_it_is_asked_for_or_was_measured(tmp_path: Path) -> None:
    found = study(tmp_path, "")
    assert [first_of(found, tmp_path, seeds) for seeds in ([1, 0], [1, 2], [7])] == [0, 1, 7]
    files.write_text(tmp_path / "runs" / "base-seed0" / MEASURED, "{}")
    assert first_of(found, tmp_path, [1, 2]) == 0


def test_unknown_names_are_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="Did you mean 'vicreg-anatomy'"):
        read("vicreg-anatomie")
    with pytest.raises(RequestError, match="no study"):
        read(str(tmp_path / "gone.toml"))
    found = study(tmp_path, "[scales.laptop]\nset.train.epochs = 1\n")
    assert found.scale == "laptop"
    with pytest.raises(RequestError, match="Did you mean 'laptop'"):
        study(tmp_path, "[scales.laptop]\n", scale="labtop")
    with pytest.raises(RequestError, match="Did you mean 'first'"):
        plan.jobs(found, tmp_path, [0], ["furst"], {})


def test_the_file_in_the_docs_is_a_study(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "studies.md").read_text("utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(page.split("```toml\n")[1].split("```")[0], "utf-8")
    found = read(str(path))
    costs = {v.name: COSTS["slow"] for v in found.variants}
    jobs = plan.jobs(found, tmp_path, found.seeds, (), costs)
    assert [j.name for j in jobs[:3]] == ["one-seed0", "two-seed0", "two-same-time-seed0"]
    assert {"no-crop", "lr0.01"} <= {j.variant.name for j in jobs}
    assert next(j for j in jobs if j.name == "neighbours-seed2").needs == "one-seed2"
