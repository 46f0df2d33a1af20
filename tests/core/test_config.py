"""Settings read from a source: every annotation, every refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from kinfolk.core import config
from kinfolk.core.errors import RequestError

SOURCE = '''
"""A leaf."""
from typing import Annotated, Literal

class MyLeaf:
    def __init__(self, encoder, *, a: int = 1, b: Annotated[float, "[0, 1)", "a share"] = 0.5, c: bool = False,
                 d: Literal["x", "y"] = "x", e: tuple[int, ...] = (1, 2), f: int | Literal["auto"] = "auto",
                 g: Annotated[tuple[float, ...], "(0, inf)"] = (0.5,), h: str = "s", i: tuple[str, ...] = ()):
        pass
'''


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, config.Setting]:
    source = tmp_path / "my_leaf.py"
    source.write_text(SOURCE)
    return {s.name: s for s in config.settings_of(source, config.find_class(source, "my_leaf"))}


def test_kinds_choices_ranges_and_help(settings: dict[str, config.Setting]) -> None:
    assert list(settings) == list("abcdefghi")
    assert settings["b"] == config.Setting("b", "float", 0.5, (), "[0, 1)", "a share")
    assert settings["d"].choices == ("x", "y")
    assert (settings["f"].kind, settings["f"].choices, settings["f"].default) == ("int", ("auto",), "auto")
    assert (settings["e"].kind, settings["e"].default) == ("int[]", (1, 2))


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("a", "3", 3), ("a", 3.0, 3), ("b", "0", 0.0), ("b", 0.99, 0.99), ("c", "true", True), ("c", False, False),
        ("d", "y", "y"), ("e", "3,4", (3, 4)), ("e", [5], (5,)), ("e", "[1, 2]", (1, 2)), ("f", "auto", "auto"),
        ("f", "7", 7), ("g", "0.5,2", (0.5, 2.0)), ("h", "text", "text"), ("i", "", ()),
        ("i", "cat,dog", ("cat", "dog")),
    ],
)
def test_values_are_converted(settings: dict, name: str, given: object, expected: object) -> None:
    found = settings[name].check(given)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("a", "2.5"), ("a", "many"), ("a", True), ("b", 1.0), ("b", "nan"), ("b", -0.1), ("c", "maybe"), ("c", 1),
        ("d", "z"), ("e", "a,b"), ("e", ""), ("e", 3), ("f", "autos"), ("g", "0"), ("h", 3), ("a", None),
    ],
)
def test_wrong_values_are_refused_by_name(settings: dict, name: str, given: object) -> None:
    with pytest.raises(RequestError, match=rf"where\.{name} = .* is not accepted: it takes "):
        settings[name].check(given, "where")


def test_unknown_settings_name_the_nearest(settings: dict) -> None:
    chosen = [config.Setting("temperature", "float", 0.5), config.Setting("hidden", "int", 3)]
    with pytest.raises(RequestError, match="Did you mean 'temperature'"):
        config.resolve(chosen, {"temprature": 1}, "method 'x'")
    assert config.resolve(chosen, {"hidden": "4"}, "x") == {"temperature": 0.5, "hidden": 4}


def test_a_class_must_spell_its_file(tmp_path: Path) -> None:
    source = tmp_path / "barlow_twins.py"
    source.write_text("class BarlowTwins: pass\nclass Other: pass\n")
    assert config.find_class(source, "barlow_twins") == "BarlowTwins"
    with pytest.raises(RequestError, match="classes found: BarlowTwins, Other"):
        config.find_class(source, "twins")


def test_class_variables_are_read_from_the_source(tmp_path: Path) -> None:
    source = tmp_path / "leaf.py"
    source.write_text(
        "class Leaf:\n    uses: ClassVar[frozenset[str]] = frozenset({'labels'})\n"
        "    defaults: ClassVar[dict] = {'views': {'count': 1}}\n"
    )
    assert config.declared(source, "Leaf", "uses") == {"labels"}
    assert config.declared(source, "Leaf", "defaults") == {"views": {"count": 1}}
    assert config.declared(source, "Leaf", "absent") is None
