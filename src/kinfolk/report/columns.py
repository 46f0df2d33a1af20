"""Columns: who stands beside whom, runs first, then floors and ceilings, and which findings answer one question."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from kinfolk.records.findings import Finding
from kinfolk.report import figures
from kinfolk.report.markup import Markup, join, tag
from kinfolk.report.material import CEILING, FLOORS, Material


@dataclass(eq=False)
class Column:
    """One subject: a run, or a floor or ceiling measured with it."""

    label: str
    run: Material
    subject: str
    floor: bool
    findings: list[Finding] = field(default_factory=list)

    @property
    def ceiling(self) -> bool:
        """Whether it is the supervised run beside which others are shown."""
        return self.subject.startswith(CEILING)

    @property
    def own(self) -> bool:
        """Whether it is one of the runs that the report is about."""
        return not self.floor and not self.ceiling


@dataclass(frozen=True)
class Question:
    """Findings of one name, split and setting: the answers of several columns to one question.

    ``detail`` names the protocol's entries that tell it from its siblings, such as ``k = 20``.
    """

    name: str
    split: str
    detail: str
    answers: dict[Column, Finding]

    @property
    def first(self) -> Finding:
        """The answer of the first column that has one."""
        return next(iter(self.answers.values()))

    @property
    def title(self) -> str:
        """The finding's title, or its name in words, with what tells it from its siblings."""
        title = self.first.title or words(self.name)
        return f"{title} ({self.detail})" if self.detail else title

    @property
    def runs(self) -> dict[Column, Finding]:
        """The answers of runs."""
        return {c: f for c, f in self.answers.items() if c.own}

    def who(self, column: Column) -> Markup:
        """The column's label where several answer, else nothing."""
        return tag("strong", column.label, " ") if len(self.answers) > 1 else join([])

    @property
    def place(self) -> str:
        """The split's own name, where the finding's is the role it plays, such as validation for test."""
        return str(self.first.protocol.get(self.split, self.split))

    def best_floor(self, run: Material) -> tuple[Column, Finding] | None:
        """The floor that ``run`` has to beat: the best of those on the same data, or None."""
        floors = [(c, f) for c, f in self.answers.items() if c.floor and c.run.dataset == run.dataset]
        floors = [(c, f) for c, f in floors if f.value is not None and f.higher_is_better is not None]
        return max(floors, key=lambda pair: _goodness(pair[1])) if floors else None


def _goodness(finding: Finding) -> float:
    value = finding.value if finding.value is not None else float("-inf")
    return value if finding.higher_is_better else -value


def words(name: str) -> str:
    """``linear_probe`` -> ``Linear probe``."""
    text = name.replace("_", " ").strip()
    for written, said in (("knn", "k-NN"), ("rankme", "RankMe"), ("k-NN", "k-NN")):
        if text.startswith(written):
            return said + text.removeprefix(written)
    return text[:1].upper() + text[1:]


def columns(runs: Sequence[Material]) -> list[Column]:
    """A column for every run, then one for each floor and ceiling; those that agree between runs are shown once."""
    found = [Column(run.name, run, run.subject, False, _of(run, run.subject)) for run in runs]
    floors: list[Column] = []
    for run in runs:
        others = {f.subject for f in run.findings} - {run.subject}
        for subject in sorted(others, key=lambda s: (FLOORS.index(s) if s in FLOORS else len(FLOORS), s)):
            column = Column(subject, run, subject, not subject.startswith(CEILING), _of(run, subject))
            twin = next((c for c in floors if c.subject == subject and _agree(c, column)), None)
            if twin:
                known = {f.identity for f in twin.findings}
                twin.findings += [f for f in column.findings if f.identity not in known]
            else:
                floors.append(column)
    for column in floors:
        if sum(c.subject == column.subject for c in floors) > 1:
            column.label = f"{column.subject} (with {column.run.name})"
    return found + floors


def _of(run: Material, subject: str) -> list[Finding]:
    return [f for f in run.findings if f.subject == subject and "epoch" not in f.protocol]


def _agree(one: Column, two: Column) -> bool:
    known = {f.identity: f for f in one.findings}
    shared = [(known[f.identity], f) for f in two.findings if f.identity in known]
    same = all((a.value, a.low, a.high) == (b.value, b.low, b.high) for a, b in shared)
    return one.run.dataset == two.run.dataset and bool(shared) and same


def questions(shown: Sequence[Column], kind: str) -> list[Question]:
    """The findings of one kind, gathered into questions in the order in which they were first answered."""
    names: dict[tuple[str, str], list[tuple[Column, Finding]]] = {}
    for column in shown:
        for finding in column.findings:
            if finding.kind == kind:
                names.setdefault((finding.name, finding.split), []).append((column, finding))
    return [question for (name, split), answers in names.items() for question in _split(name, split, answers)]


def _split(name: str, split: str, answers: list[tuple[Column, Finding]]) -> Iterator[Question]:
    varying = _varying(answers)
    gathered: dict[str, dict[Column, Finding]] = {}
    for column, finding in answers:
        detail = ", ".join(f"{words(k).lower()} = {_entry(finding.protocol.get(k))}" for k in varying)
        gathered.setdefault(detail, {})[column] = finding
    titles = [next(iter(found.values())).title for found in gathered.values()]
    for detail, found in gathered.items():
        told_by_title = titles.count(next(iter(found.values())).title) == 1 and all(titles)
        yield Question(name, split, "" if told_by_title else detail, found)


def _varying(answers: list[tuple[Column, Finding]]) -> list[str]:
    """The protocol's keys in which findings of one column differ."""
    keys: list[str] = []
    for column in {c for c, _ in answers}:
        protocols = [f.protocol for c, f in answers if c is column]
        for key in dict.fromkeys(k for p in protocols for k in p):
            if len({json.dumps(p.get(key), sort_keys=True) for p in protocols}) > 1 and key not in keys:
                keys.append(key)
    return keys


def _entry(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_entry(v)}" for k, v in value.items())
    if isinstance(value, list):
        return " ".join(map(_entry, value))
    return figures.plain(value)
