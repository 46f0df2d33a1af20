"""Made members: runs with chosen scores, for the arithmetic of comparisons."""

from __future__ import annotations

from kinfolk.compare.members import Cost, Member
from kinfolk.records.findings import Finding

COST = Cost(seconds=10.0, images=1000, views=2000, parameters=50, encoder=20)


def score(subject: str, name: str, value: float, unit: str = "accuracy", better: bool | None = True, **protocol):
    return Finding(name, "score", "test", subject, protocol, value, value - 0.01, value + 0.01, unit, better)


def member(
    variant: str, seed: int, *scores: Finding, cost: Cost | None = COST, epochs=(), objective: str = "", data: str = ""
) -> Member:
    return Member(variant, seed, scores, cost, tuple(epochs), objective, data)


def knn(table: dict[str, dict[int, float]]) -> list[Member]:
    """Members from {variant: {seed: accuracy}}, with two values of k."""
    return [
        member(v, s, score(f"{v}{s}", "knn", x, k=20), score(f"{v}{s}", "knn", x / 2, k=1))
        for v, row in table.items() for s, x in row.items()
    ]
