"""Settings: read from a class's source without importing it, checked, and converted from text."""

from __future__ import annotations

import ast
import contextlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kinfolk.core.errors import RequestError, unknown

SCALARS = ("int", "float", "bool", "str")


@dataclass(frozen=True)
class Setting:
    """One keyword-only constructor argument (or dataclass field) that a user may set.

    ``kind`` is int, float, bool, str or the same with ``[]`` for a tuple, or empty where only
    ``choices`` are accepted; ``interval`` is written as in mathematics, ``[0, 1)`` or ``(0, inf)``.
    """

    name: str
    kind: str
    default: Any
    choices: tuple[str, ...] = ()
    interval: str = ""
    help: str = ""

    @property
    def accepts(self) -> str:
        """What the setting takes, in words for a message or a help page."""
        parts = [f"'{c}'" for c in self.choices]
        if self.kind.endswith("[]"):
            parts.append(f"a list of {self.kind[:-2]}")
        elif self.kind:
            parts.append(f"{self.kind} in {self.interval}" if self.interval else self.kind)
        return " or ".join(parts)

    def check(self, value: Any, where: str = "") -> Any:
        """Return ``value`` in the setting's own type, or raise RequestError naming ``where``.

        Text (from a command line) is converted; a number is never silently truncated.
        """
        key = f"{where}.{self.name}" if where else self.name
        try:
            return self._convert(value)
        except (TypeError, ValueError, OverflowError):
            raise RequestError(f"{key} = {value!r} is not accepted: it takes {self.accepts}.") from None

    def takes(self, value: Any) -> bool:
        """Whether ``check`` would accept ``value``."""
        with contextlib.suppress(RequestError):
            self.check(value)
            return True
        return False

    def _convert(self, value: Any) -> Any:
        if isinstance(value, str) and value in self.choices:
            return value
        if not self.kind:
            raise ValueError
        if not self.kind.endswith("[]"):
            return self._scalar(value, self.kind)
        if isinstance(value, str):
            value = [v for v in value.strip("[]() ").replace(";", ",").split(",") if v.strip()]
        if not isinstance(value, (list, tuple)):
            raise TypeError
        items = tuple(self._scalar(v, self.kind[:-2]) for v in value)
        if isinstance(self.default, tuple) and self.default and self.kind != "str[]" and not items:
            raise ValueError
        return items

    def _scalar(self, value: Any, kind: str) -> Any:
        if kind == "bool":
            if isinstance(value, str):
                value = {"true": True, "yes": True, "false": False, "no": False}.get(value.lower())
            if not isinstance(value, bool):
                raise TypeError
            return value
        if kind == "str":
            if not isinstance(value, str):
                raise TypeError
            return value.strip()
        if isinstance(value, bool):
            raise TypeError
        number = float(value)
        if kind == "int":
            if number != int(number):
                raise ValueError
            number = int(number)
        if math.isnan(number) or not within(number, self.interval):
            raise ValueError
        return number


def within(number: float, interval: str) -> bool:
    """Whether ``number`` lies in an interval written like ``[0, 1)``; an empty text accepts all."""
    if not interval:
        return True
    low, high = (float(part) for part in interval[1:-1].split(","))
    above = number >= low if interval[0] == "[" else number > low
    below = number <= high if interval[-1] == "]" else number < high
    return above and below


def summary(source: Path) -> str:
    """Return the first line of a module's docstring, read from its source."""
    return (ast.get_docstring(parsed(source)) or "").strip().split("\n")[0]


def parsed(source: Path) -> ast.Module:
    """Parse a source file, or raise RequestError where it is not Python."""
    try:
        return _tree(source.read_text("utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise RequestError(f"{source} is not a Python file that can be read: {error}.") from None


@cache
def _tree(text: str) -> ast.Module:
    return ast.parse(text)


def find_class(source: Path, name: str) -> str:
    """Return the top-level class of ``source`` whose name spells ``name`` (case and underscores ignored)."""
    classes = [n.name for n in parsed(source).body if isinstance(n, ast.ClassDef)]
    wanted = name.replace("_", "").replace("-", "").lower()
    for found in classes:
        if found.lower() == wanted:
            return found
    raise RequestError(
        f"{source} holds no class named like its file ('{name}'); classes found: {', '.join(classes) or 'none'}."
    )


def settings_of(source: Path, class_name: str) -> tuple[Setting, ...]:
    """Read a class's settings from its source: dataclass fields or keyword-only ``__init__`` arguments."""
    body = next(
        n.body for n in parsed(source).body
        if isinstance(n, ast.ClassDef) and n.name == class_name
    )
    init = next((n for n in body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    if init is not None:
        pairs = zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True)
        return tuple(_setting(a.arg, a.annotation, d) for a, d in pairs)
    return tuple(
        _setting(n.target.id, n.annotation, n.value)
        for n in body
        if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name) and n.value is not None
        and not isinstance(n.value, ast.Call) and ast.unparse(n.annotation).split("[")[0] != "ClassVar"
    )


def declared(source: Path, class_name: str, name: str) -> Any:
    """The value of a class variable written as a literal (also within ``frozenset(...)``), or None if absent."""
    body = next(n.body for n in parsed(source).body if isinstance(n, ast.ClassDef) and n.name == class_name)
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            value = node.value
            if isinstance(value, ast.Call) and ast.unparse(value.func) == "frozenset":
                return frozenset(ast.literal_eval(value.args[0]) if value.args else ())
            return ast.literal_eval(value) if value else None
    return None


def _setting(name: str, annotation: ast.expr | None, default: ast.expr | None) -> Setting:
    interval, text = "", ""
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Annotated":
        assert isinstance(annotation.slice, ast.Tuple)
        annotation, *notes = annotation.slice.elts
        for note in (ast.literal_eval(n) for n in notes):
            if note[:1] in "([" and note[-1:] in ")]":
                interval = note
            else:
                text = note
    kind, choices = _type(annotation)
    value = ast.literal_eval(default) if default is not None else None
    return Setting(name, kind, value, choices, interval, text)


def _type(node: ast.expr | None) -> tuple[str, tuple[str, ...]]:
    if isinstance(node, ast.BinOp):
        (kind, choices), (other, more) = _type(node.left), _type(node.right)
        return kind + other, choices + more
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
        value = ast.literal_eval(node.slice)
        return "", tuple(value) if isinstance(value, tuple) else (value,)
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "tuple":
        assert isinstance(node.slice, ast.Tuple)
        return ast.unparse(node.slice.elts[0]) + "[]", ()
    if isinstance(node, ast.Name) and node.id in SCALARS:
        return node.id, ()
    raise RequestError(
        f"a setting is annotated {ast.unparse(node) if node else 'with nothing'}; known: int, float, bool, str, "
        "Literal, tuple[..., ...] and unions of one of them with a Literal, each also in Annotated."
    )


def resolve(settings: Iterable[Setting], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return every setting's value, defaults included, refusing unknown keys and wrong values."""
    known = {s.name: s for s in settings}
    for key in given:
        if key not in known:
            raise unknown(f"setting of {where}", key, known)
    return {name: s.check(given[name], where) if name in given else s.default for name, s in known.items()}
