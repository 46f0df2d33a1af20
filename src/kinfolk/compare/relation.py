"""Relation: does a lower validation loss go with a better probe, over variants and over epochs?

Losses of different methods, and of one method with other weights, are different quantities: over variants the ranks
mean something only where the loss is the same one, so they are given for each objective and set of terms apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinfolk.compare.members import Member
from kinfolk.compare.seeds import Comparison, Quantity
from kinfolk.numerics.stats import NORMAL_95

FEWEST = 4


@dataclass(frozen=True)
class Point:
    """The validation loss and the probe's score of one run after one epoch; ``last`` marks the end of a run.

    ``objective`` says what the loss is of (see ``Member``).
    """

    variant: str
    seed: int
    epoch: int
    terms: tuple[str, ...]
    loss: float
    score: float
    last: bool
    objective: str = ""


@dataclass(frozen=True)
class Link:
    """Spearman's rank correlation of loss and score over ``n`` points, with a 95 % interval.

    ``over`` is ``variants`` (the means of their last points, within one loss) or a variant's name (over its
    epochs and seeds: no interval, epochs of one run are not independent). Interval: Fisher's z with the variance
    (1 + r^2 / 2) / (n - 3) of Bonett and Wright (2000).
    """

    over: str
    terms: tuple[str, ...]
    correlation: float
    low: float | None
    high: float | None
    n: int


def points(comparison: Comparison, score: Quantity, watched: str = "knn") -> list[Point]:
    """One point for every epoch at which ``watched`` was logged, and one for every finished run, with ``score``."""
    found = []
    for member in comparison.members:
        rows = [row for row in member.epochs if "test" in row["validation"]]
        seen = {int(row["epoch"]): row for row in rows}
        for epoch, row in seen.items():
            value = row.get("watch", {}).get(watched)
            if isinstance(value, float):
                found.append(point(member, epoch, row["validation"]["test"], value, last=False))
        final = comparison.cells.get((member.variant, score))
        if seen and final and member.seed in final.values:
            end = max(seen)
            found.append(point(member, end, seen[end]["validation"]["test"], final.values[member.seed], last=True))
    return found


def point(member: Member, epoch: int, loss: dict[str, float], score: float, *, last: bool) -> Point:
    """One point; the terms' names say which loss it is."""
    terms = tuple(sorted(name for name in loss if name != "total"))
    return Point(member.variant, member.seed, epoch, terms, loss["total"], score, last, member.objective)


def links(found: Sequence[Point]) -> list[Link]:
    """The rank correlations that have at least four points: over variants for each loss, and within each variant."""
    made = []
    for loss in dict.fromkeys((p.objective, p.terms) for p in found):
        ends = [p for p in found if p.last and (p.objective, p.terms) == loss]
        means = [
            np.mean([(p.loss, p.score) for p in ends if p.variant == variant], axis=0)
            for variant in dict.fromkeys(p.variant for p in ends)
        ]
        made.append(link("variants", loss[1], np.array(means)))
    for variant in dict.fromkeys(p.variant for p in found):
        within = [p for p in found if p.variant == variant and not p.last]
        if within:
            pairs = np.array([(p.loss, p.score) for p in within])
            made.append(link(variant, within[0].terms, pairs, independent=False))
    return [item for item in made if item is not None]


def link(over: str, terms: tuple[str, ...], pairs: np.ndarray, *, independent: bool = True) -> Link | None:
    """Spearman's correlation of pairs (n, 2), with an interval where they are independent.

    None with fewer than four, or where one side never changes.
    """
    from scipy.stats import spearmanr

    if len(pairs) < FEWEST or (np.ptp(pairs, axis=0) == 0).any():
        return None
    r = float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic)
    if not independent:
        return Link(over, terms, r, None, None, len(pairs))
    z = np.arctanh(np.clip(r, -1 + 1e-9, 1 - 1e-9))
    half = NORMAL_95 * np.sqrt((1 + r * r / 2) / (len(pairs) - 3))
    return Link(over, terms, r, float(np.tanh(z - half)), float(np.tanh(z + half)), len(pairs))


def sentences(items: Sequence[Link], score: Quantity, watched: str = "knn") -> list[str]:
    """What the links say: one sentence for each over variants, one for all those over epochs."""
    within = [item for item in items if item.over != "variants"]
    told = [over_variants(item, score) for item in items if item.over == "variants"]
    return [*told, over_epochs(within, watched)] if within else told


def over_variants(item: Link, score: Quantity) -> str:
    """What a link over variants says, no more than its interval carries."""
    where = f"Over {item.n} variants with the loss {' + '.join(item.terms)}"
    assert item.low is not None
    assert item.high is not None
    name, figures = score.name, f"rank correlation {item.correlation:+.2f} [{item.low:+.2f}, {item.high:+.2f}]"
    if item.low <= 0 <= item.high:
        return f"{where}, it is not known whether a lower validation loss goes with a better score ({name}): {figures}."
    better = "a better" if (item.low > 0) != (score.higher_is_better is not False) else "a worse"
    return f"{where}, a lower validation loss goes with {better} score ({name}): {figures}."


def over_epochs(items: Sequence[Link], watched: str) -> str:
    """In which variants the watched score rises from epoch to epoch as the validation loss falls."""
    ranked = sorted(items, key=lambda item: item.correlation)
    falling, others = [i for i in ranked if i.correlation < 0], [i for i in ranked if i.correlation >= 0]

    def named(item: Link) -> str:
        return f"{item.over} ({item.correlation:+.2f})"

    text = f"From epoch to epoch the rank correlation of validation loss and watched {watched} is negative (the score "
    text += f"rises as the loss falls) in {len(falling)} of {len(items)} variants"
    if falling:
        ends = dict.fromkeys((named(falling[0]), named(falling[-1])))
        text += f": {' to '.join(ends)}"
    return f"{text}; not in {', '.join(map(named, others))}." if others else f"{text}."
