"""Definition: what a study's TOML file says, checked, at one of its scales, with the generated variants written out."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinfolk.compare.claims import Claim
from kinfolk.core import config, registry
from kinfolk.core.errors import RequestError, unknown
from kinfolk.records import recipe as recipes
from kinfolk.records import shipped as library
from kinfolk.records.request import place, put
from kinfolk.study.tables import flat, keys, listed, table, tables

STUDIES = registry.PACKAGE / "studies"
TOP = (
    "question", "base", "seeds", "keep", "watch", "evaluate", "variants", "generate", "claims", "scales", "neighbours",
)
VARIANT = ("name", "says", "set", "reported", "equal", "to", "seeds", "scales")
GENERATE = ("off", "grid", "from", "prefix", "seeds", "equal", "to", "scales")
SCALE = ("substitutes", "seeds", "keep", "set", "evaluate")
EVALUATE = ("only", "once", "ood", "anomalies", "floors")
INDEX = ("subject", "metric", "layer")
EQUAL = ("views", "steps", "seconds")
LISTS = {"augmentations": "views.augmentations", "auxiliaries": "auxiliaries"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True)
class Variant:
    """One variant: the changed settings by dotted key, and what the literature reports of it.

    ``equal`` gives it the views, steps or seconds of the variant ``to`` instead of its own number of epochs.
    ``seeds`` limits it to the first so many seeds.
    """

    name: str
    says: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    reported: Mapping[str, float] = field(default_factory=dict)
    equal: str = ""
    to: str = ""
    seeds: int | None = None


@dataclass(frozen=True)
class Study:
    """A study at one scale.

    Attributes:
        name: the file's name.
        question: in one sentence.
        scale: which of its scales, or empty.
        substitutes: what this scale puts in the place of what the authors used, a sentence each.
        base: nested plain values of the base recipe.
        variants: the first is what the others are compared to, and may be called ``base`` in claims.
        seeds: of every variant.
        keep: epochs whose weights are kept; watch: what is looked at after every epoch.
        evaluate: only, once (with the first seed alone, as floors are), ood, anomalies, floors.
        claims: what somebody said of it.
        indices: neighbour indices by name, for ``positives.index = "@NAME"``: subject, metric, layer.
    """

    name: str
    question: str
    scale: str
    substitutes: tuple[str, ...]
    base: dict[str, Any]
    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    keep: tuple[int, ...]
    watch: tuple[str, ...]
    evaluate: dict[str, Any]
    claims: tuple[Claim, ...]
    indices: dict[str, dict[str, str]]

    def variant(self, name: str) -> Variant:
        """The variant of this name; ``base`` is the first."""
        known = {v.name: v for v in self.variants}
        if name == "base":
            return known.get(name, self.variants[0])
        if name not in known:
            raise unknown(f"variant of the study '{self.name}'", name, known)
        return known[name]


def shipped() -> list[str]:
    """The names of the shipped studies."""
    return sorted(path.stem for path in STUDIES.glob("*.toml"))


def read(name_or_file: str, scale: str = "", pairs: Sequence[str] = ()) -> Study:
    """Read a shipped study by name, or a file.

    Args:
        name_or_file: ``vicreg-anatomy``, or a path that ends in ``.toml``.
        scale: one of its scales; empty is ``laptop`` if it has that, else the first.
        pairs: ``--set`` pairs; they go into the base, and what they set no variant changes any more.

    Raises:
        RequestError: no such study, or the file does not say what a study says.
    """
    path = Path(name_or_file)
    if path.suffix != ".toml":
        path = STUDIES / f"{name_or_file}.toml"
        if not path.is_file():
            raise unknown("study", name_or_file, shipped())
    elif not path.is_file():
        raise RequestError(f"no study '{path}'.")
    given = keys(recipes.read(path), TOP, f"the study '{path.name}'")
    if not isinstance(given.get("question"), str) or not given["question"].strip():
        raise RequestError(f"'{path.name}' needs question = 'one sentence'.")
    name, chosen = scale_of(given, scale)
    base = base_of(given)
    for key, value in flat(chosen.get("set", {})).items():
        change(base, key, value)
    for pair in pairs:
        put(base, pair)
    fixed = {pair.partition("=")[0].strip() for pair in pairs}
    return Study(
        name=path.stem,
        question=given["question"].strip(),
        scale=name,
        substitutes=tuple(listed(chosen.get("substitutes", []), "substitutes", str)),
        base=base,
        variants=variants_of(given, name, base, fixed),
        seeds=tuple(listed(chosen.get("seeds", given.get("seeds", [0])), "seeds", int)),
        keep=tuple(listed(chosen.get("keep", given.get("keep", [])), "keep", int)),
        watch=tuple(listed(given.get("watch", ["spectrum"]), "watch", str)),
        evaluate=evaluate_of({**table(given, "evaluate"), **table(chosen, "evaluate")}),
        claims=tuple(claims_of(given, name)),
        indices={n: dict(keys(i, INDEX, f"[neighbours.{n}]")) for n, i in table(given, "neighbours").items()},
    )


def scale_of(given: Mapping[str, Any], asked: str) -> tuple[str, Mapping[str, Any]]:
    """The chosen scale's name and table; a study may have none."""
    scales = table(given, "scales")
    if asked and asked not in scales:
        raise unknown("scale", asked, scales)
    name = asked or ("laptop" if "laptop" in scales else next(iter(scales), ""))
    return name, keys(table(scales, name), SCALE, f"[scales.{name}]")


def base_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The base recipe's values: inline tables, or a shipped recipe by name."""
    base = given.get("base", {})
    if isinstance(base, str):
        return recipes.read(library.recipe(base))
    return copy.deepcopy(dict(table(given, "base")))


def variants_of(given: Mapping[str, Any], scale: str, base: dict[str, Any], fixed: set[str]) -> tuple[Variant, ...]:
    """The named variants and the generated ones, those of other scales left out."""
    found: list[Variant] = []
    for row in tables(given, "variants"):
        scales = table(given, "scales")
        row = keys(row, (*VARIANT, *scales), f"the variant '{row.get('name', '')}'")
        if scale in row.get("scales", [scale]):
            changes = flat(row.get("set", {})) | flat(row.get(scale, {}) if scale else {})
            found.append(variant(row, str(row.get("name", "")), changes, fixed))
    for row in tables(given, "generate"):
        row = keys(row, GENERATE, "[[generate]]")
        if scale in row.get("scales", [scale]):
            start = next((v.changes for v in found if v.name == row.get("from")), {})
            if row.get("from", "") and row["from"] not in [v.name for v in found]:
                raise unknown("variant to generate from", row["from"], [v.name for v in found])
            found += [variant(row, n, {**start, **c}, fixed) for n, c in generated(row, changed(base, start))]
    names = [v.name for v in found]
    for name in names:
        if not NAME.fullmatch(name):
            raise RequestError(f"a variant is called '{name}': take letters, digits, '.', '_', '+' and '-'.")
        if names.count(name) > 1:
            raise RequestError(f"two variants are called '{name}'.")
    if not found:
        raise RequestError("a study needs [[variants]] or [[generate]].")
    return tuple(found)


def claims_of(given: Mapping[str, Any], scale: str) -> list[Claim]:
    """The claims that hold for this scale."""
    rows = [dict(row) for row in tables(given, "claims")]
    return [Claim.of(row) for row in rows if scale in row.pop("scales", [scale])]


def variant(row: Mapping[str, Any], name: str, changes: Mapping[str, Any], fixed: set[str]) -> Variant:
    """One variant from its table."""
    equal, seeds = row.get("equal", ""), row.get("seeds")
    if equal and equal not in EQUAL:
        raise unknown("budget to make equal", equal, EQUAL)
    reported = table(row, "reported")
    for key, value in reported.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise RequestError(f"{name}: reported.{key} = {value!r} is not a number.")
    if seeds is not None:
        seeds = config.Setting("seeds", "int", 1, interval="[1, inf)").check(seeds, name)
    kept = {key: value for key, value in changes.items() if key not in fixed}
    return Variant(name, str(row.get("says", "")), kept, dict(reported), equal, str(row.get("to", "")), seeds)


def generated(row: Mapping[str, Any], values: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The names and changes of one ``[[generate]]``: each item off in turn, or a grid."""
    if ("off" in row) == ("grid" in row):
        raise RequestError("[[generate]] takes either off = [...] or grid = {...}.")
    prefix = str(row.get("prefix", ""))
    if "grid" in row:
        axes = flat(row["grid"])
        points = itertools.product(*(listed(axis, f"grid.{key}") for key, axis in axes.items()))
        rows: list[dict[str, Any]] = [dict(zip(axes, point, strict=True)) for point in points]
        return [(prefix + "_".join(f"{k.split('.')[-1]}{tidy(v)}" for k, v in r.items()), r) for r in rows]
    found: list[tuple[str, dict[str, Any]]] = []
    for item in listed(row["off"], "off", str):
        if item not in LISTS:
            found.append((f"{prefix or 'no-'}{item.split('.')[-1]}", {item: 0}))
            continue
        key = LISTS[item]
        present = recipes.Recipe.of(values).plain()
        entries = present["views"][item] if key != item else present[item]
        for entry in entries:
            rest = [other for other in entries if other is not entry]
            found.append((f"{prefix or 'no-'}{entry['name']}", {key: rest}))
    return found


def tidy(value: Any) -> str:
    """A value as part of a folder's name."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", str(value)).strip("-")


def changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of nested values with changes by dotted key."""
    values = copy.deepcopy(dict(base))
    for key in sorted(changes, key=lambda key: not key.endswith(".name")):
        change(values, key, copy.deepcopy(changes[key]))
    return values


def change(values: dict[str, Any], key: str, value: Any) -> None:
    """Change one setting; another leaf by name begins with its own defaults."""
    section, _, setting = key.partition(".")
    if setting == "name" and section in recipes.CHOICES and recipes.table(values, section).get("name") != value:
        values[section] = {}
    place(values, key, value)


def evaluate_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """``[evaluate]`` with its defaults, the names of evaluations checked."""
    keys(given, EVALUATE, "[evaluate]")
    known = [*registry.leaves("evaluations"), *registry.leaves("diagnostics")]
    only, once = (tuple(listed(given.get(key, []), f"evaluate.{key}", str)) for key in ("only", "once"))
    for name in (*only, *once):
        if name not in known:
            raise unknown("evaluation or diagnostic", name, known)
    floors = config.Setting("floors", "bool", True).check(given.get("floors", True), "evaluate")
    others = {key: given.get(key, "") for key in ("ood", "anomalies")}
    return {"only": only or tuple(known), "once": once, **others, "floors": floors}
