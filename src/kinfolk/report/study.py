"""Study: the question, and what the comparison over seeds answers; nothing is said that no interval carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kinfolk.compare.claims import apart, shown
from kinfolk.compare.frame import Outcome
from kinfolk.compare.scores import HEADLINES
from kinfolk.compare.seeds import Cell, Estimate, Quantity
from kinfolk.compare.written import known, legend
from kinfolk.report import figures
from kinfolk.report.columns import words
from kinfolk.report.forest import Mark, drawn
from kinfolk.report.markup import Markup, grid, join, tag
from kinfolk.report.verdict import HEALTHY

FEW = 6  # variants whose differences fit into a sentence
LEADS = {
    "sheets": ("precision_at_k", "colour_share"),
    "roc": ("anomaly_auc", "anomaly_excess_likeness"),
    "clusters": ("clustering_nmi",),
    "invariance": ("way",),
}
"""Whose scores say in words what a section shows."""


def answer(outcome: Outcome, verdicts: Mapping[str, str]) -> Markup:
    """The question, the answer in one paragraph, and the main figure of every variant.

    Args:
        outcome: the comparison.
        verdicts: what each variant was diagnosed with.
    """
    main, frame = foremost(outcome), outcome.frame
    ill = {name: found for name, found in verdicts.items() if found != HEALTHY}
    healthy = "Every variant's embedding was found healthy." if verdicts and not ill else ""
    parts = [said(outcome, main, ill), healthy, counted(outcome)]
    absent = [name for name in frame.variants if name not in outcome.comparison.variants]
    return join(
        [
            tag("p", frame.about.get("question", ""), class_="question"),
            tag("p", " ".join(filter(None, parts))),
            picture(outcome, main),
            tag("p", f"Not in this report, since no run of it was measured: {', '.join(absent)}.") if absent else None,
            tag("p", legend(outcome.comparison), " Verdicts are of the first seed's runs." if verdicts else None,
                class_="hint"),
        ]
    )


def foremost(outcome: Outcome) -> Quantity:
    """The main figure: the first share that the literature reports, else the headline that claims name most."""
    named = [side[1].partition("[")[0] for claim in outcome.frame.claims for side in (claim.left, claim.right) if side]
    wanted = [*(score for _, score in outcome.frame.reported), *sorted(HEADLINES, key=named.count, reverse=True)]
    shares = [q for q in outcome.comparison.quantities if q.unit in figures.SHARES]
    return next((q for label in wanted for q in shares if q.answers(label)), outcome.quantities[0])


def title(outcome: Outcome, quantity: Quantity) -> str:
    """A quantity in words, as its findings are called."""
    details = [part.partition("=") for part in quantity.detail.split(",") if part]
    for member in outcome.comparison.members:
        for f in member.scores:
            same = (f.name, f.split) == (quantity.name, quantity.split)
            if same and f.title and all(str(f.protocol.get(key)) == value for key, _, value in details):
                return f.title
    return words(quantity.name) + (f" ({quantity.detail.replace('=', ' ')})" if quantity.detail else "")


def said(outcome: Outcome, quantity: Quantity, ill: Mapping[str, str] | None = None) -> str:
    """The base's figure, then which variants lie apart from it by more than noise, which do not, and which may."""
    comparison = outcome.comparison
    base = comparison.cells.get((comparison.base, quantity))
    if base is None:
        return f"{title(outcome, quantity)} was not measured for {comparison.base}."
    ill, whole = ill or {}, ill is not None
    inline = ill if len(ill) <= FEW // 2 else {}
    own = inline.get(comparison.base, "")
    text = f"{title(outcome, quantity)}: {shown(base.estimate.mean, quantity)}{interval(base.estimate, quantity)} "
    text += f"for {comparison.base}{f' ({own})' if own else ''}{floor(outcome, quantity, base)}."
    groups: dict[str, list[str]] = {}
    single: dict[str, Estimate] = {}
    for variant in comparison.variants:
        cell = comparison.cells.get((variant, quantity))
        if cell is None or cell.difference is None:
            continue
        if cell.difference.beyond_noise is None:
            single[variant] = cell.difference
            continue
        found = inline.get(variant, "")
        label = f"{variant} ({apart(cell.difference, quantity)}{f'; {found}' if found else ''})"
        groups.setdefault(group(cell.difference), []).append(label)
    order = ("higher by more than noise", "lower by more than noise", "equal to it within noise")
    told = [f"{name[0].upper()}{name[1:]}: {', '.join(groups[name])}." for name in order if name in groups]
    rest = {v: ill[v] for v in comparison.variants if v in ill and (v in single or not inline)}
    return " ".join([text, *told, *by_one_seed(single, quantity, whole), *faults(rest)])


def by_one_seed(single: Mapping[str, Estimate], quantity: Quantity, whole: bool) -> list[str]:
    """The variants that share one seed with the base: with ``whole`` all if they are few, else lowest and highest."""
    ranked = sorted(single, key=lambda variant: single[variant].mean)
    ends = not whole or len(single) > FEW
    told = [f"{v} ({apart(single[v], quantity)})" for v in ([ranked[0], ranked[-1]] if ranked and ends else single)]
    listed = (" to " if ends else ", ").join(dict.fromkeys(told))
    return [f"By one seed, of whose noise nothing is known: {listed}."] if told else []


def faults(ill: Mapping[str, str]) -> list[str]:
    """A sentence for every verdict with the variants that got it."""
    ailing: dict[str, list[str]] = {}
    for variant, found in ill.items():
        ailing.setdefault(found.partition(",")[0], []).append(variant)
    return [f"{name[0].upper()}{name[1:]}: {', '.join(variants)}." for name, variants in ailing.items()]


def group(difference: Estimate) -> str:
    """What the interval of a difference to the base allows to say."""
    if not difference.beyond_noise:
        return "equal to it within noise"
    return "higher by more than noise" if difference.mean > 0 else "lower by more than noise"


def interval(estimate: Estimate, quantity: Quantity) -> str:
    """`` [44.1, 46.3]``, or nothing."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f" [{shown(estimate.low, quantity)}, {shown(estimate.high, quantity)}]".replace(" %", "")


def floor(outcome: Outcome, quantity: Quantity, cell: Cell) -> str:
    """``, above the best floor, pixels (45.6 %)``, as far as the intervals carry it."""
    cells, base = outcome.comparison.cells, outcome.comparison.base
    own = [f for f in outcome.comparison.floors if f.partition(" (")[2] in ("", f"{base})")]
    found = {f: cells[f, quantity] for f in own if (f, quantity) in cells}
    if not found or quantity.higher_is_better is None:
        return ""
    sign = 1 if quantity.higher_is_better else -1
    name, best = max(found.items(), key=lambda item: sign * item[1].estimate.mean)
    told = f"the best floor, {name} ({shown(best.estimate.mean, quantity)})"
    mine, other = cell.estimate, best.estimate
    if mine.low is None or mine.high is None or other.low is None or other.high is None:
        return f", beside {told}"
    if mine.low <= other.high and other.low <= mine.high:
        return f", equal within noise to {told}"
    if mine.n < 2:
        return f", {'above' if mine.mean > other.mean else 'below'} {told} on this test set"
    return f", {'better' if sign * (mine.mean - other.mean) > 0 else 'worse'} than {told}"


def counted(outcome: Outcome) -> str:
    """How many claims held."""
    found = [judgement.verdict for judgement in outcome.judged]
    if not found:
        return ""
    parts = [f"{found.count(v)} {v}" for v in ("held", "not held", "undecided") if v in found]
    if len(found) > 1 and len(parts) == 1:
        return f"All {len(found)} claims are {found[0]}."
    return f"Of {len(found)} claim{'s' * (len(found) > 1)}, {', '.join(parts)}."


def picture(outcome: Outcome, quantity: Quantity) -> Markup:
    """Every variant and floor with its interval, and the literature's figure."""
    comparison, reported = outcome.comparison, known(outcome.frame.reported, outcome.comparison)
    if quantity.unit not in figures.SHARES:
        return join([])
    marks = [
        Mark(name, name in comparison.variants, cell.estimate.mean, cell.estimate.low, cell.estimate.high,
             reported.get((name, quantity)))
        for name in (*comparison.variants, *comparison.floors)
        if (cell := comparison.cells.get((name, quantity)))
    ]
    diamond = " Diamond: what the literature reports." if any(m.reported is not None for m in marks) else ""
    caption = f"Filled: trained. Open: floors, which learned nothing. The line is the 95% interval.{diamond}"
    return drawn([(title(outcome, quantity), marks)], caption)


def claims(outcome: Outcome) -> Markup:
    """What somebody said of it, and whether it holds here."""
    if not outcome.judged:
        return join([])
    rows = []
    for judgement in outcome.judged:
        claim = judgement.claim
        source = ", ".join(filter(None, [claim.by, claim.figure]))
        sort = {"held": "held", "not held": "broken"}.get(judgement.verdict, "open")
        verdict = tag("span", judgement.verdict, class_=f"judged {sort}")
        rows.append([join([claim.says or claim.text, tag("small", f" {claim.text}")]), verdict, source, judgement.why])
    text = (
        "A claim is held where the 95% interval of the difference over seeds lies wholly on the claimed side, not "
        "held where it lies wholly on the other, undecided otherwise and always with one seed."
    )
    table = grid(["claim", "here", "who said so", "why"], rows, "Claims", class_="plain claims")
    return join([tag("p", counted(outcome)), table, tag("p", text, class_="hint")])


def lead(outcome: Outcome, section: str) -> Markup:
    """What a section's scores say, a sentence or two for each; nothing for a section without scores."""
    found = [q for name in LEADS.get(section, ()) for q in outcome.comparison.quantities if q.name == name]
    return tag("ul", [tag("li", said(outcome, quantity)) for quantity in found]) if found else join([])


def substitutes(outcome: Outcome) -> Sequence[str]:
    """What this scale puts in the place of what the authors used."""
    found: Sequence[str] = outcome.frame.about.get("substitutes", ())
    return found
