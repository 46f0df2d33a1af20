"""Shortcuts: what of the neighbour graph colour alone explains, and what a change of colour or border does to it.

Colour share: the mean share of an image's k neighbours that lie among the nearest 1 % by colour histogram (chance
1 %; k is lowered to the number of images in that 1 %); within a class, bank and 1 % are those of the query's class.
Where images were generated, the same is asked of each factor: neighbours among the nearest 1 % by its value.
Cost: O(queries x train x D), and four passes of the queries through the encoder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

import numpy as np

from kinfolk.numerics import draws, pixels, ranking
from kinfolk.numerics.histogram import colour_histogram
from kinfolk.numerics.nearest import nearest
from kinfolk.numerics.stats import bootstrap_mean
from kinfolk.records.features import Features
from kinfolk.records.findings import Finding
from kinfolk.records.images import Images
from kinfolk.records.subject import Subject

CLOSEST = 0.01
ALTERATIONS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "hue": ("a quarter turn of the hue", pixels.hue_shifted),
    "greyscale": ("taking the colour away", pixels.greyscaled),
    "border": ("blurring the border", pixels.border_blurred),
    "centre": ("blurring the centre", pixels.centre_blurred),
}


class Shortcut:
    """Shares of neighbours explained by colour and by known factors, and shares kept under alterations."""

    needs: ClassVar[frozenset[str]] = frozenset({"train", "test", "images"})
    floors: ClassVar[bool] = True

    def __init__(
        self,
        *,
        k: Annotated[int, "[1, inf)", "neighbours of an image"] = 20,
        queries: Annotated[int, "[10, inf)", "test images at most"] = 2000,
    ) -> None:
        self.k, self.queries = k, queries

    def measure(self, subject: Subject) -> list[Finding]:
        """Scores; a table of factors where they are known; nothing where the bank is too small for a 1 %."""
        train, test = subject.get("train"), subject.get("test")
        rows = draws.subset(test.index, self.queries)
        if len(train) < 1 / CLOSEST:
            return []
        test, k = test.take(rows), min(self.k, round(CLOSEST * len(train)))
        bank_images, query_images = subject.images["train"], subject.images["test"].take(rows)
        protocol = {**subject.conditions(train=train, test=test), "k": k, "closest": CLOSEST}
        found, _ = nearest(test.vectors, train.vectors, k)
        colours = colour_histogram(query_images.pixels), colour_histogram(bank_images.pixels)
        share = ranking.among_closest(found, *colours, CLOSEST)
        findings = [_score(
            "colour_share", "neighbours that colour explains", subject, protocol, share,
            f"{share.mean():.1%} of an image's {k} neighbours are among its nearest 1 % by colour histogram alone.",
        )]
        if "labels" in subject.offers:
            within = within_classes(test, train, *colours, k)
            if len(within):
                findings.append(_score(
                    "colour_share_within_class", "neighbours that colour explains within a class", subject,
                    protocol, within,
                    f"Within the query's class, {within.mean():.1%} of its neighbours are among the nearest 1 % of the "
                    "class by colour.",
                ))
        findings += self._factors(subject, protocol, found, query_images, bank_images)
        if subject.encode is not None and not subject.floor:
            findings += self._altered(subject, protocol, found, query_images, train)
        return findings

    def _factors(
        self,
        subject: Subject,
        protocol: dict[str, object],
        found: np.ndarray,
        queries: Images,
        bank: Images,
    ) -> list[Finding]:
        rows = []
        for name in sorted(set(queries.factors) & set(bank.factors)):
            share = factor_share(found, queries.factors[name], bank.factors[name])
            if share is not None:
                rows.append((name, float(share.mean()), *bootstrap_mean(share), float(share.mean()) / CLOSEST))
        rows.sort(key=lambda row: -row[4])
        if not rows:
            return []
        return [Finding(
            "factor_share", "table", "test", subject.name, protocol, title="Neighbours that each factor explains",
            text=f"Neighbours follow {rows[0][0]} most: {rows[0][1]:.1%} are among the nearest 1 % by it.",
            data={"columns": ["factor", "share", "low", "high", "times chance"], "rows": [list(row) for row in rows]},
        )]

    def _altered(
        self,
        subject: Subject,
        protocol: dict[str, object],
        found: np.ndarray,
        queries: Images,
        train: Features,
    ) -> list[Finding]:
        assert subject.encode is not None
        findings = []
        for name, (words, change) in ALTERATIONS.items():
            moved, _ = nearest(subject.encode(change(queries.pixels)), train.vectors, found.shape[1])
            kept = ranking.shared(found, moved)
            findings.append(_score(
                f"kept_under_{name}", f"neighbours kept under {words}", subject, protocol, kept,
                f"After {words}, {kept.mean():.1%} of an image's neighbours are the same.",
            ))
        return findings


def within_classes(
    test: Features, train: Features, query_colours: np.ndarray, bank_colours: np.ndarray, k: int
) -> np.ndarray:
    """The colour share with the bank restricted to each query's class, over classes of 100 images or more."""
    shares = []
    for label in np.unique(test.labels[test.labels >= 0]):
        rows, bank = np.flatnonzero(test.labels == label), np.flatnonzero(train.labels == label)
        if len(bank) < 1 / CLOSEST:
            continue
        found, _ = nearest(test.vectors[rows], train.vectors[bank], min(k, round(CLOSEST * len(bank))))
        shares.append(ranking.among_closest(found, query_colours[rows], bank_colours[bank], CLOSEST))
    return np.concatenate(shares) if shares else np.zeros(0)


def factor_share(found: np.ndarray, queries: np.ndarray, bank: np.ndarray) -> np.ndarray | None:
    """Share (M,) of each query's neighbours (M, k) within the nearest 1 % of the bank by a factor's value.

    A factor of few values has more than 1 % at no distance; it is then scaled to a chance of 1 %. None if the
    factor does not vary.
    """
    if np.ptp(bank) == 0:
        return None
    ordered = np.sort(bank)
    share = np.empty(len(found))
    count = max(1, round(CLOSEST * len(bank)))
    for row, value in enumerate(queries):
        gap = np.abs(ordered - value)
        reach = np.partition(gap, count - 1)[count - 1]
        inside = (gap <= reach).mean()
        share[row] = (np.abs(bank[found[row]] - value) <= reach).mean() * min(1.0, CLOSEST / inside)
    return share


def _score(
    name: str, what: str, subject: Subject, protocol: dict[str, object], each: np.ndarray, text: str
) -> Finding:
    low, high = bootstrap_mean(each)
    return Finding(
        name, "score", "test", subject.name, protocol, float(each.mean()), low, high, "share of neighbours",
        title=what[0].upper() + what[1:], text=text,
    )
