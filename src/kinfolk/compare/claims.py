"""Claims: a sentence of somebody about two figures, held, not held or undecided by the interval over seeds.

``no-variance.knn < base.knn`` is about the mean difference of the two, paired by seed: held where its 95 % interval
lies wholly on the claimed side of zero, not held where it lies wholly on the other, undecided otherwise.
``wide.knn ~ base.knn within 0.02`` claims that two figures are about equal: held where the whole interval lies within
the margin, not held where it lies wholly outside. ``base.knn > 0.6`` compares a mean with a number. With one seed
nothing is known of the noise of training, and every claim is undecided.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kinfolk.compare.scores import SHARES
from kinfolk.compare.seeds import Comparison, Estimate, Quantity
from kinfolk.core.errors import KinfolkError, RequestError, unknown

Verdict = Literal["held", "not held", "undecided"]
FIGURE = r"(?P<{0}>\S+?\.\w+(?:\[(?:[^\[\]]|\[[^\]]*\])*\])?)"
NUMBER = r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?"
CLAIM = re.compile(
    rf"\s*{FIGURE.format('left')}\s*(?P<sign>[<>~])\s*(?:(?P<number>{NUMBER})|{FIGURE.format('right')})"
    rf"(?:\s+within\s+(?P<within>{NUMBER}))?\s*"
)
KEYS = ("claim", "by", "figure", "says")


@dataclass(frozen=True)
class Claim:
    """A claim as a study's file states it.

    Attributes:
        text: as written.
        left, right: (variant, score); ``right`` is None where the claim is about a number.
        sign: ``<``, ``>`` or ``~``.
        number: what a figure is compared to, where ``right`` is None.
        within: the margin of ``~``, in the unit of the score.
        by: who said so.
        figure: the figures they gave, in their words.
        says: what it means, in a sentence.
    """

    text: str
    left: tuple[str, str]
    sign: str
    right: tuple[str, str] | None
    number: float
    within: float
    by: str = ""
    figure: str = ""
    says: str = ""

    @classmethod
    def of(cls, given: Any) -> Claim:
        """Read one table of ``[[claims]]``.

        Raises:
            RequestError: it is not written as a claim is.
        """
        if not isinstance(given, Mapping) or not isinstance(given.get("claim"), str):
            raise RequestError(f"each of [[claims]] needs claim = 'VARIANT.SCORE < VARIANT.SCORE', found {given!r}.")
        for key in given:
            if key not in KEYS:
                raise unknown("key of a claim", key, KEYS)
        text = given["claim"]
        found = CLAIM.fullmatch(text)
        if not found or (found["sign"] == "~") != bool(found["within"]):
            raise RequestError(
                f"'{text}' is not a claim: it is written VARIANT.SCORE < VARIANT.SCORE (or >), "
                "VARIANT.SCORE ~ VARIANT.SCORE within 0.02, or with a number on the right."
            )
        right = figure(found["right"]) if found["right"] else None
        rest = {key: str(given.get(key, "")) for key in KEYS[1:]}
        number, within = float(found["number"] or 0), float(found["within"] or 0)
        return cls(text.strip(), figure(found["left"]), found["sign"], right, number, within, **rest)

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants it speaks of."""
        return tuple(side[0] for side in (self.left, self.right) if side)


@dataclass(frozen=True)
class Judgement:
    """A claim with its verdict, the estimate it rests on (None where a figure is missing), and why in a sentence."""

    claim: Claim
    verdict: Verdict
    estimate: Estimate | None
    why: str


def figure(text: str) -> tuple[str, str]:
    """``base.knn[k=1]`` as (variant, score); the variant may itself have dots."""
    head, bracket, detail = text.partition("[")
    variant, _, score = head.rpartition(".")
    return variant, score + bracket + detail


def judge(claim: Claim, comparison: Comparison, missing: Collection[str] = ()) -> Judgement:
    """Judge one claim by what was measured; ``missing`` are variants of the study that have no run yet."""
    try:
        sides = [side(item, comparison, missing) for item in (claim.left, claim.right) if item]
    except KinfolkError as error:
        return Judgement(claim, "undecided", None, str(error))
    seeds = [s for s in sides[0][1] if all(s in values for _, values in sides)]
    if not seeds:
        return Judgement(claim, "undecided", None, "The two have no seed in common.")
    left = np.array([sides[0][1][s] for s in seeds])
    right = np.array([sides[1][1][s] for s in seeds]) if claim.right else np.full(len(seeds), claim.number)
    gap = Estimate.over((left - right).tolist())
    words = f"{shown(left.mean(), sides[0][0])} against {shown(right.mean(), sides[0][0])}"
    if gap.low is None or gap.high is None:
        return Judgement(claim, "undecided", gap, f"{words}, one seed: nothing is known of the noise of training.")
    why = f"{words}: a difference of {apart(gap, sides[0][0])} over {gap.n} seeds."
    return Judgement(claim, verdict(claim, gap.low, gap.high), gap, why)


def side(
    item: tuple[str, str], comparison: Comparison, missing: Collection[str]
) -> tuple[Quantity, Mapping[int, float]]:
    """A figure's quantity and its values by seed.

    A floor has no noise of training: its mean stands for every seed. Where there are several of a name, for other
    data or encoders, it is the first variant's.

    Raises:
        RequestError: the variant or the score is not there.
    """
    variant, score = item
    if variant == "base":
        variant = comparison.base
    if variant in missing:
        raise RequestError(f"'{variant}' has not been run.")
    floor = next((f for f in comparison.floors if f.partition(" (")[0] == variant), "")
    if not floor and variant not in comparison.variants:
        raise unknown("variant", variant, [*comparison.variants, *comparison.floors])
    quantity = comparison.find(score)
    cell = comparison.cells.get((floor or variant, quantity))
    if cell is None:
        raise RequestError(f"'{variant}' has no {quantity.label}.")
    if not floor:
        return quantity, cell.values
    return quantity, dict.fromkeys((m.seed for m in comparison.members), cell.estimate.mean)


def verdict(claim: Claim, low: float, high: float) -> Verdict:
    """What an interval of the difference says of a claim."""
    if claim.sign == "~":
        if -claim.within <= low and high <= claim.within:
            return "held"
        return "not held" if low > claim.within or high < -claim.within else "undecided"
    if claim.sign == ">":
        low, high = -high, -low
    return "held" if high < 0 else "not held" if low > 0 else "undecided"


def shown(value: float, quantity: Quantity) -> str:
    """A value in its unit: a share in per cent."""
    return f"{digits(100 * value, 1)} %" if share(quantity) else digits(value)


def apart(gap: Estimate, quantity: Quantity) -> str:
    """A difference with its interval, if it has one: ``+1.2 points [+0.4, +2.0]``."""
    text = f"{signed(gap.mean, quantity)}{' points' if share(quantity) else ''}"
    if gap.low is not None and gap.high is not None:
        text += f" [{signed(gap.low, quantity)}, {signed(gap.high, quantity)}]"
    return re.sub(r"(?<!e)-", "\N{MINUS SIGN}", text)


def signed(value: float, quantity: Quantity) -> str:
    """A difference: percentage points for a share."""
    text = digits(100 * value, 1) if share(quantity) else digits(value)
    return text if text.startswith("-") or not float(text.replace(",", "")) else f"+{text}"


def digits(value: float, places: int | None = None) -> str:
    """A number with so many places, or three digits; never with an exponent where it is not tiny, nor as minus zero."""
    if places is None:
        size = abs(value)
        places = 0 if size >= 100 or not size else 1 if size >= 10 else 2 if size >= 1 else 3
        if 0 < size < 0.001:
            return f"{value:.2g}"
    text = f"{value:,.{places}f}"
    return text.lstrip("-") if not text.strip("-0.,") else text


def share(quantity: Quantity) -> bool:
    """Whether it is told in per cent."""
    return quantity.unit in SHARES
