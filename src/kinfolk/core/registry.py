"""The catalogues: finds leaves by file name, entry point or path, and opens them on demand."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from kinfolk.core import config
from kinfolk.core.errors import RequestError, unknown

PACKAGE = Path(__file__).resolve().parent.parent
CATALOGUES = {
    "datasets": "dataset",
    "augmentations": "augmentation",
    "encoders": "encoder",
    "methods": "method",
    "positives": "positive",
    "auxiliaries": "auxiliary",
    "evaluations": "evaluation",
    "diagnostics": "diagnostic",
}


@dataclass(frozen=True)
class Leaf:
    """One thing of a catalogue: known from its source alone until ``open`` imports it."""

    kind: str
    name: str
    source: Path
    module: str

    @property
    def summary(self) -> str:
        """The first line of the module's docstring."""
        return config.summary(self.source)

    @property
    def settings(self) -> tuple[config.Setting, ...]:
        """The settings of the leaf's class, read from the source."""
        return config.settings_of(self.source, config.find_class(self.source, self.source.stem))

    def declares(self, name: str) -> Any:
        """The literal value of a class variable that the leaf's class itself sets, or None."""
        return config.declared(self.source, config.find_class(self.source, self.source.stem), name)

    def resolve(self, given: dict[str, Any]) -> dict[str, Any]:
        """All settings with ``given`` applied; unknown names and wrong values are refused."""
        return config.resolve(self.settings, given, f"{CATALOGUES[self.kind]} '{self.name}'")

    def open(self) -> Any:
        """Import the leaf and return its class."""
        if self.module in sys.modules:
            module = sys.modules[self.module]
        elif self.module.startswith("kinfolk_leaf_"):
            spec = importlib.util.spec_from_file_location(self.module, self.source)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            sys.modules[self.module] = module
        else:
            module = importlib.import_module(self.module)
        return getattr(module, config.find_class(self.source, self.source.stem))


@cache
def leaves(kind: str) -> dict[str, Leaf]:
    """All leaves of a catalogue by name: the package's own files and the installed entry points."""
    if kind not in CATALOGUES:
        raise unknown("catalogue", kind, CATALOGUES)
    found = {
        f.stem: Leaf(kind, f.stem, f, f"kinfolk.{kind}.{f.stem}")
        for f in sorted((PACKAGE / kind).glob("*.py"))
        if f.stem != "__init__"
    }
    for point in entry_points(group=f"kinfolk.{kind}"):
        spec = importlib.util.find_spec(point.value)
        if spec is not None and spec.origin is not None:
            found[point.name] = Leaf(kind, point.name, Path(spec.origin), point.value)
    return found


def leaf(kind: str, name: str) -> Leaf:
    """Return the leaf called ``name``, which may also be the path of a Python file."""
    if name.endswith(".py"):
        source = Path(name).resolve()
        if not source.is_file():
            raise RequestError(f"no file '{name}' for the {CATALOGUES[kind]}.")
        digest = hashlib.blake2b(str(source).encode(), digest_size=4).hexdigest()
        return Leaf(kind, str(source), source, f"kinfolk_leaf_{source.stem}_{digest}")
    known = leaves(kind)
    if name not in known:
        raise unknown(CATALOGUES[kind], name, known, _meant(kind, name))
    return known[name]


def _meant(kind: str, name: str) -> str:
    """``'resnet' with --set encoder.depth=50`` for resnet50: a leaf, then a value of a setting; or nothing."""
    for leaf in leaves(kind).values():
        value = name.lower().removeprefix(leaf.name).strip("_-")
        if name.lower().startswith(leaf.name) and value:
            for setting in leaf.settings:
                if setting.takes(value) and "inf" not in setting.interval and setting.kind in ("", "int"):
                    return f"'{leaf.name}' with --set {CATALOGUES[kind]}.{setting.name}={value}"
    return ""


def build(kind: str, name: str, *args: Any, **settings: Any) -> Any:
    """Open a leaf and construct it with resolved settings; ``args`` are its positional arguments."""
    found = leaf(kind, name)
    return found.open()(*args, **found.resolve(settings))
