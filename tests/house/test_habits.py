"""Habits of the house: first lines, names, sizes, exported names, and pages that say what the code says."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import kinfolk
from kinfolk.core import registry

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "src").rglob("*.py"))
LEAVES = [leaf for kind in registry.CATALOGUES for leaf in registry.leaves(kind).values()]
MOST_LINES = 300


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT / "src")))
def test_a_file_says_its_job_in_its_first_line_and_stays_small(file: Path) -> None:
    text = file.read_text("utf-8")
    first = (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]
    assert first.endswith((".", ":", "?")), f"{file}: {first!r}"
    assert text.count("\n") <= MOST_LINES
    assert file.stem not in ("utils", "util", "helpers", "common", "misc", "base", "manager")


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: f"{leaf.kind}/{leaf.name}")
def test_settings_read_from_the_source_are_those_of_the_class(leaf: registry.Leaf) -> None:
    signature = inspect.signature(leaf.open())
    real = {p.name: p.default for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY}
    assert {s.name: s.default for s in leaf.settings} == real
    assert None not in real.values()
    assert leaf.resolve({}) == real
    for setting in leaf.settings:
        assert setting.help, f"{leaf.name}.{setting.name} has no help"
        assert setting.check(setting.default) == setting.default
    assert get_type_hints(leaf.open().__init__) is not None


def test_every_public_name_is_there() -> None:
    for name in kinfolk.__all__:
        assert getattr(kinfolk, name) is not None
    with pytest.raises(AttributeError):
        _ = kinfolk.nothing


def test_the_catalogue_pages_are_up_to_date() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "docs/catalogue.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
