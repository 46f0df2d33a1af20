"""Seeds: every score of every variant over its seeds, and its difference to the base, paired by seed.

Intervals are Student's, 95 %, over seeds: they cover the noise of training and of the test set together. With one
seed nothing is known of the noise of training; the interval of the score itself, which covers the test set alone,
is then given and named so. Where the unit has a range, as shares have, an interval ends where the range does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kinfolk.compare.members import Cost, Member
from kinfolk.compare.scores import HEADLINES, telling
from kinfolk.core.errors import unknown
from kinfolk.numerics.stats import student

RANGES = {
    **dict.fromkeys(
        ("accuracy", "precision", "share", "share of neighbours", "AUC", "false positive rate", "NMI",
         "variance over mean square"), (0.0, 1.0),
    ),
    **dict.fromkeys(("cosine", "ARI", "silhouette"), (-1.0, 1.0)),
}


@dataclass(frozen=True)
class Quantity:
    """What is compared: a score under one protocol; ``detail`` names what tells it from others of its name.

    ``unit`` is empty where runs give it differently, as with ``of 16 dimensions``.
    """

    name: str
    detail: str
    split: str
    unit: str
    higher_is_better: bool | None

    @property
    def label(self) -> str:
        """``knn[k=20]``, as claims and reported figures write it."""
        return f"{self.name}[{self.detail}]" if self.detail else self.name

    def answers(self, label: str) -> bool:
        """Whether it is what a claim or a reported figure writes so."""
        name, _, details = label.removesuffix("]").partition("[")
        return name == self.name and set(filter(None, details.split(","))) <= set(self.detail.split(","))


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` seeds with its 95 % interval; without one (one seed, no interval) both ends are None."""

    mean: float
    low: float | None
    high: float | None
    n: int

    @classmethod
    def over(cls, values: Sequence[float]) -> Estimate:
        """Student's interval of the mean of some values; none with one value."""
        low, high = student(np.array(values)) if len(values) > 1 else (None, None)
        return cls(float(np.mean(values)), low, high, len(values))

    def within(self, unit: str) -> Estimate:
        """The same without what of its interval lies outside the unit's range."""
        if unit not in RANGES or self.low is None or self.high is None:
            return self
        least, most = RANGES[unit]
        return replace(self, low=max(self.low, least), high=min(self.high, most))

    @property
    def beyond_noise(self) -> bool | None:
        """Whether the interval leaves out zero; None where there is none."""
        return None if self.low is None or self.high is None else not self.low <= 0 <= self.high


@dataclass(frozen=True)
class Cell:
    """One quantity of one variant.

    Attributes:
        values: by seed.
        estimate: over seeds; with one seed the interval is the finding's own.
        noise: what the interval covers: ``seeds``, or ``test set`` with one seed, or nothing.
        difference: to the base, paired by seed; None for the base and where no seed is shared.
        rank: 1 is the best mean among the variants; None where neither direction is better, where all have one seed,
            and for floors.
    """

    values: Mapping[int, float]
    estimate: Estimate
    noise: str
    difference: Estimate | None = None
    rank: int | None = None


@dataclass(frozen=True)
class Comparison:
    """Variants x quantities. ``base`` is the variant the others are compared to; ``floors`` come last."""

    base: str
    variants: tuple[str, ...]
    floors: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    cells: Mapping[tuple[str, Quantity], Cell]
    costs: Mapping[str, Cost]
    members: tuple[Member, ...]

    def find(self, label: str) -> Quantity:
        """The first quantity of a name that has the details written: ``knn`` (the headline), or ``knn[k=1]``.

        Raises:
            RequestError: there is none.
        """
        for quantity in self.quantities:
            if quantity.answers(label):
                return quantity
        raise unknown("score", label, {q.label.partition("[")[0] for q in self.quantities})

    def main(self, wanted: Sequence[str] = ()) -> list[Quantity]:
        """The quantities to show first: the wanted ones and the headlines that are there, else the first four."""
        wanted = [label for label in (*HEADLINES, *wanted) if any(q.answers(label) for q in self.quantities)]
        return list(dict.fromkeys(map(self.find, wanted))) or list(self.quantities[:4])


def compare(members: Sequence[Member], base: str = "") -> Comparison:
    """Lay out all scores of all members; the base is the first variant unless another is named.

    Raises:
        RequestError: no variant is called ``base``.
    """
    variants = tuple(dict.fromkeys(m.variant for m in members if m.cost))
    floors = tuple(dict.fromkeys(m.variant for m in members if not m.cost))
    if base and base not in variants:
        raise unknown("variant", base, variants)
    base = base or variants[0]
    values, intervals = collect(members)
    cells: dict[tuple[str, Quantity], Cell] = {}
    quantities = order(values)
    for quantity in quantities:
        rows = values[quantity]
        means = {v: float(np.mean(list(rows[v].values()))) for v in variants if v in rows}
        several = any(len(rows[v]) > 1 for v in means)
        ranks = ranked(means, quantity) if several else {}
        for variant in (*variants, *floors):
            if variant not in rows:
                continue
            shared = [seed for seed in rows[variant] if seed in rows.get(base, {})]
            apart = [rows[variant][seed] - rows[base][seed] for seed in shared]
            cells[variant, quantity] = Cell(
                rows[variant],
                *estimate(rows[variant], intervals[quantity][variant], quantity.unit),
                Estimate.over(apart) if apart and variant != base else None,
                ranks.get(variant),
            )
    costs = {v: mean([m.cost for m in members if m.variant == v and m.cost]) for v in variants}
    return Comparison(base, variants, floors, tuple(quantities), cells, costs, tuple(members))


Values = dict[Quantity, dict[str, dict[int, float]]]
Intervals = dict[Quantity, dict[str, tuple[float | None, float | None]]]


def collect(members: Sequence[Member]) -> tuple[Values, Intervals]:
    """Every score by quantity, variant and seed; and the last interval of its own that each variant has."""
    keys: dict[str, dict[str, None]] = {}
    units: dict[str, set[str]] = {}
    for member in members:
        for name in {f.name for f in member.scores}:
            same = [f for f in member.scores if f.name == name]
            keys.setdefault(name, {}).update(dict.fromkeys(telling(same)))
            units.setdefault(name, set()).update(f.unit for f in same)
    values: Values = {}
    intervals: Intervals = {}
    for member in members:
        for f in member.scores:
            if f.value is None:
                continue
            detail = ",".join(f"{k}={f.protocol[k]}" for k in keys[f.name] if k in f.protocol)
            unit = f.unit if len(units[f.name]) == 1 else ""
            quantity = Quantity(f.name, detail, f.split, unit, f.higher_is_better)
            values.setdefault(quantity, {}).setdefault(member.variant, {})[member.seed] = f.value
            intervals.setdefault(quantity, {})[member.variant] = (f.low, f.high)
    return values, intervals


def order(values: Values) -> list[Quantity]:
    """Headlines first, the rest in the order they were measured."""
    return sorted(values, key=lambda q: HEADLINES.index(q.name) if q.name in HEADLINES else len(HEADLINES))


def estimate(
    by_seed: Mapping[int, float], own: tuple[float | None, float | None], unit: str
) -> tuple[Estimate, str]:
    """The estimate of a cell, and what its interval covers."""
    found = Estimate.over(list(by_seed.values()))
    if found.n > 1:
        return found.within(unit), "seeds"
    return Estimate(found.mean, *own, n=1), "test set" if own[0] is not None else ""


def ranked(means: Mapping[str, float], quantity: Quantity) -> dict[str, int]:
    """Rank of every variant by its mean, 1 the best, equal means sharing the better rank."""
    if quantity.higher_is_better is None:
        return {}
    sign = 1 if quantity.higher_is_better else -1
    return {v: 1 + sum(sign * other > sign * mean for other in means.values()) for v, mean in means.items()}


def mean(costs: Sequence[Cost]) -> Cost:
    """The mean cost of a variant's runs."""
    return Cost(
        seconds=float(np.mean([c.seconds for c in costs])),
        images=round(float(np.mean([c.images for c in costs]))),
        views=round(float(np.mean([c.views for c in costs]))),
        parameters=costs[0].parameters,
        encoder=costs[0].encoder,
    )
