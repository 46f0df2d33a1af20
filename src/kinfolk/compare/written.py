"""Written: a comparison as rows for a terminal, as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from kinfolk.compare import relation
from kinfolk.compare.claims import Judgement, shown, signed
from kinfolk.compare.seeds import Cell, Comparison, Estimate, Quantity

Reported = Mapping[tuple[str, str], float]
"""What the literature reports: {(variant, score as written): value}."""

RANKS = "(n) is a rank among the variants."
COLUMNS = (
    "variant", "score", "split", "unit", "seeds", "mean", "low", "high", "interval_covers", "difference",
    "difference_low", "difference_high", "difference_seeds", "more_than_noise", "rank", "reported",
    "seconds", "images", "views", "parameters", "encoder_parameters",
)


def grid(comparison: Comparison, quantities: Sequence[Quantity], reported: Reported) -> list[list[str]]:
    """A header and one row a variant: each quantity with its interval and difference to the base, then the cost.

    ``*`` marks a difference that is more than noise (its 95 % interval leaves out zero).
    """
    found = known(reported, comparison)
    given = [q for q in quantities if any(key[1] == q for key in found)]
    header = ["variant", "seeds"]
    for quantity in quantities:
        header += [quantity.label, "to base"] + ["reported"] * (quantity in given)
    rows = [[*header, "train s", "images", "M param."]]
    for variant in (*comparison.variants, *comparison.floors):
        cells = [comparison.cells.get((variant, q)) for q in quantities]
        row = [variant, str(max((c.estimate.n for c in cells if c), default=0))]
        for quantity, cell in zip(quantities, cells, strict=True):
            row += [interval(cell, quantity) + place(cell), difference(cell, quantity)]
            if quantity in given:
                value = found.get((variant, quantity))
                row.append("" if value is None else ranged(Estimate(value, None, None, 0), quantity))
        cost = comparison.costs.get(variant)
        counts = (f"{cost.images:,}", f"{cost.parameters / 1e6:.2f}") if cost else ("", "")
        rows.append([*row, f"{cost.seconds:,.0f}" if cost else "", *counts])
    return rows


def interval(cell: Cell | None, quantity: Quantity) -> str:
    """``54.4 [53.5, 55.4]``, in per cent for shares."""
    return ranged(cell.estimate, quantity) if cell else ""


def place(cell: Cell | None) -> str:
    """`` (2)``, the rank among the variants; nothing where neither direction is better."""
    return f" ({cell.rank})" if cell and cell.rank else ""


def difference(cell: Cell | None, quantity: Quantity) -> str:
    """``-3.1 [-4.0, -2.2] *``; no interval with one seed in common."""
    if cell is None or cell.difference is None:
        return ""
    return ranged(cell.difference, quantity, signed) + " *" * bool(cell.difference.beyond_noise)


def ranged(estimate: Estimate, quantity: Quantity, form: Callable[[float, Quantity], str] = shown) -> str:
    """A mean with its interval, if it has one."""
    ends = (estimate.mean, estimate.low, estimate.high)
    mean, *rest = [form(end, quantity).removesuffix(" %") for end in ends if end is not None]
    return f"{mean} [{', '.join(rest)}]" if len(rest) == 2 else mean


def known(reported: Reported, comparison: Comparison) -> dict[tuple[str, Quantity], float]:
    """The reported figures of scores that were measured."""
    return {
        (variant, comparison.find(score)): value
        for (variant, score), value in reported.items()
        if any(q.answers(score) for q in comparison.quantities)
    }


def records(comparison: Comparison, reported: Reported) -> list[dict[str, Any]]:
    """One flat record for every variant and quantity."""
    rows, found = [], known(reported, comparison)
    for (variant, quantity), cell in comparison.cells.items():
        apart, cost = cell.difference, comparison.costs.get(variant)
        values = (
            variant, quantity.label, quantity.split, quantity.unit, cell.estimate.n, cell.estimate.mean,
            cell.estimate.low, cell.estimate.high, cell.noise,
            *((apart.mean, apart.low, apart.high, apart.n, apart.beyond_noise) if apart else (None,) * 5),
            cell.rank, found.get((variant, quantity)),
            *((cost.seconds, cost.images, cost.views, cost.parameters, cost.encoder) if cost else (None,) * 5),
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def as_csv(comparison: Comparison, reported: Reported) -> str:
    """All records, one line each; what is not known is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records(comparison, reported))
    return out.getvalue()


def as_json(comparison: Comparison, reported: Reported, judged: Sequence[Judgement], about: Mapping[str, Any]) -> str:
    """Everything: what it is about, records with the values by seed, claims, and loss against score."""
    rows = records(comparison, reported)
    for row, cell in zip(rows, comparison.cells.values(), strict=True):
        row["by_seed"] = {str(seed): value for seed, value in cell.values.items()}
    score = comparison.main()[0]
    pairs = relation.points(comparison, score)
    whole = {
        **about,
        "base": comparison.base,
        "variants": list(comparison.variants),
        "floors": list(comparison.floors),
        "scores": rows,
        "claims": [
            {**asdict(j.claim), "verdict": j.verdict, "why": j.why, "estimate": j.estimate and asdict(j.estimate)}
            for j in judged
        ],
        "loss_and_score": {
            "score": score.label,
            "points": [asdict(p) for p in pairs],
            "rank_correlations": [asdict(item) for item in relation.links(pairs)],
        },
    }
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def as_markdown(
    comparison: Comparison, quantities: Sequence[Quantity], reported: Reported, judged: Sequence[Judgement],
    about: Sequence[str],
) -> str:
    """The main table, claims, what covers what, loss against score, then every other score."""
    rest = [q for q in comparison.quantities if q not in quantities]
    parts = [*about, table(grid(comparison, quantities, reported)), reading(comparison)]
    if judged:
        rows = [["claim", "by", "reported", "verdict", "why"]]
        rows += [[f"`{j.claim.text}`", j.claim.by, j.claim.figure, j.verdict, j.why] for j in judged]
        parts += ["## Claims", table(rows)]
    said = sentences(comparison)
    parts += ["## Validation loss and score", *said] if said else []
    parts += ["## Every other score"] * bool(rest)
    for quantity in rest:
        parts += [f"### {quantity.label} ({quantity.split})", table(single(comparison, quantity))]
    return "\n\n".join(parts) + "\n"


def reading(comparison: Comparison) -> str:
    """How to read the main table: its intervals, its ranks if it has any, and what in it does not compare."""
    ranks = any(cell.rank for cell in comparison.cells.values())
    return " ".join([legend(comparison)] + [RANKS] * ranks + cautions(comparison))


def legend(comparison: Comparison) -> str:
    """What the intervals cover, in a sentence or two."""
    counts = {c.estimate.n for (v, _), c in comparison.cells.items() if v in comparison.variants}
    seeds = "Intervals are 95 %, Student's over seeds; differences are paired by seed, and * marks more than noise."
    alone = "Variants with one seed have the interval of the test set alone: nothing is known of the noise of training."
    return " ".join([seeds] * bool(counts - {1}) + [alone] * (1 in counts))


def cautions(comparison: Comparison) -> list[str]:
    """What keeps the runs from being compared: other data, or that nothing of a run was measured yet."""
    runs = [m for m in comparison.members if m.variant in comparison.variants]
    data: dict[str, str] = {}
    for member in runs:
        data.setdefault(member.data, member.variant)
    empty = dict.fromkeys(m.variant for m in runs if all(f.name.startswith("loss_") for f in m.scores))
    apart = ", ".join(f"{variant} of {name}" for name, variant in data.items())
    return [
        *[f"Of different data ({apart}): their scores do not compare."] * (len(data) > 1),
        *[f"Not measured yet: {', '.join(empty)} (kinfolk evaluate RUN)."] * bool(empty),
    ]


def sentences(comparison: Comparison) -> list[str]:
    """How validation loss and score go together: a sentence for each loss over variants, and one over epochs."""
    score = comparison.main()[0]
    return relation.sentences(relation.links(relation.points(comparison, score)), score)


def single(comparison: Comparison, quantity: Quantity) -> list[list[str]]:
    """One quantity of all variants, with ranks."""
    rows = [["variant", "seeds", quantity.unit or "value", "to base", "rank"]]
    for variant in (*comparison.variants, *comparison.floors):
        cell = comparison.cells.get((variant, quantity))
        if cell:
            place = str(cell.rank) if cell.rank else ""
            values = [interval(cell, quantity), difference(cell, quantity), place]
            rows.append([variant, str(cell.estimate.n), *values])
    return rows


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table, the first being its header."""
    lines = ["| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def verdicts(judged: Sequence[Judgement]) -> list[str]:
    """The claims for a terminal."""
    lines = []
    for j in judged:
        source = ", ".join(filter(None, [j.claim.by, j.claim.figure]))
        lines.append(f"{j.verdict}: {j.claim.text}{f' ({source})' if source else ''}. {j.why}")
    return lines
