"""The import law: imports go down, leaves are opened by the registry alone, and nothing heavy hides in the cellar."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from kinfolk.core import registry

PACKAGE = registry.PACKAGE
LEAF_ROOMS = ("core", "records", "numerics", "nn")
CONTRACTS = set(registry.CATALOGUES)
ALLOWED: dict[str, set[str]] = {
    "core": {"core"},
    "numerics": {"numerics"},
    "nn": {"nn"},
    "records": {"core", "records"},
    **{room: {*LEAF_ROOMS, room} for room in CONTRACTS - {"evaluations", "diagnostics", "methods"}},
    "methods": {*LEAF_ROOMS, "methods", "encoders"},
    "evaluations": {"core", "records", "numerics", "evaluations"},
    "diagnostics": {"core", "records", "numerics", "diagnostics"},
    "load": {"load", "datasets", "augmentations", "positives", "methods", "encoders", "records", "core"},
    "compare": {"compare", "records", "numerics", "core"},
    "train": {"train", "load", "methods", "encoders", "auxiliaries", "positives", "nn", "records", "core"},
    "embed": {"load", "encoders", "methods", "records", "core"},
    "views": {"load", "train", "records", "core"},
    "duplicates": {"embed", "load", "records", "numerics", "core"},
    "evaluate": {"evaluate", "embed", "load", "evaluations", "diagnostics", "methods", "train", "records", "numerics",
                 "core"},
    "neighbours": {"records", "numerics", "core"},
    "study": {"study", "train", "evaluate", "neighbours", "compare", "report", "records", "core"},
    "explore": {"explore", "compare", "records", "numerics", "core"},
    "report": {"report", "compare", "records", "numerics", "core"},
}


def imports(file: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in found if name.split(".")[0] == "kinfolk"]


def room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = [f for f in sorted(PACKAGE.rglob("*.py")) if room(f) not in ("cli", "__init__", "__main__")]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_go_down(file: Path) -> None:
    for name in imports(file):
        parts = name.split(".")[1:]
        assert parts, f"{file.name} imports kinfolk itself"
        if parts == ["__version__"]:
            continue
        assert parts[0] in ALLOWED[room(file)], f"{file} imports {name}"
        if parts[0] in CONTRACTS and len(parts) > 1:
            assert not (PACKAGE / parts[0] / f"{parts[1]}.py").exists(), f"{file} opens the leaf {name} by name"


def test_every_room_has_a_law() -> None:
    assert {room(f) for f in FILES} == set(ALLOWED)


@pytest.mark.parametrize(
    "command", [["--help"], ["list"], ["list", "methods", "--json"], ["train", "--method", "simclr", "--help"]]
)
def test_what_only_talks_imports_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys; sys.argv = ['kinfolk', *sys.argv[1:]]\n"
        "from kinfolk.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'torch', 'scipy', 'sklearn', 'pyarrow', 'PIL', 'plotly', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout
