"""Frame: what a folder of runs is about: a study's question, its base, reported figures and claims."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinfolk.compare import written
from kinfolk.compare.claims import Claim, Judgement, judge
from kinfolk.compare.members import folders_of, members, variants_of
from kinfolk.compare.seeds import Comparison, Quantity, compare
from kinfolk.core import files
from kinfolk.core.errors import RequestError

FILE = "study.json"
RUNS = "runs"


@dataclass(frozen=True)
class Frame:
    """What is compared, and what was said of it before.

    Attributes:
        about: name, question, scale and substitutes of a study; empty for runs that are no study.
        variants: names in the study's order with a sentence on each, the base first.
        reported: figures from the literature by (variant, score).
        claims: to be judged.
    """

    about: Mapping[str, Any] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)
    reported: written.Reported = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()

    def save(self, folder: Path) -> None:
        """Write ``study.json``, beside the runs, so that the folder can be compared without the study's file."""
        claims = [
            {"claim": c.text, "by": c.by, "figure": c.figure, "says": c.says} for c in self.claims
        ]
        reported = [[variant, score, value] for (variant, score), value in self.reported.items()]
        plain = {**self.about, "variants": dict(self.variants), "reported": reported, "claims": claims}
        files.write_text(folder / FILE, json.dumps(plain, indent=1) + "\n")

    @classmethod
    def of(cls, folder: Path) -> Frame:
        """Read what ``save`` wrote; a folder without it has an empty frame."""
        if not (folder / FILE).is_file():
            return cls()
        plain = json.loads((folder / FILE).read_text("utf-8"))
        return cls(
            variants=plain.pop("variants"),
            reported={(variant, score): value for variant, score, value in plain.pop("reported")},
            claims=tuple(Claim.of(row) for row in plain.pop("claims")),
            about=plain,
        )

    def runs(self, folder: Path) -> list[tuple[str, Path]]:
        """The study's runs that have been measured, variant by variant, seeds in order."""
        found = []
        for variant in self.variants:
            places = [p for p in (folder / RUNS).glob(f"{variant}-seed*") if p.name[len(variant) + 5 :].isdigit()]
            places = [p for p in places if (p / "findings.jsonl").is_file()]
            found += [(variant, p) for p in sorted(places, key=lambda p: int(p.name[len(variant) + 5 :]))]
        return found


@dataclass(frozen=True)
class Outcome:
    """A comparison with its frame: judged, and ready to be shown or written."""

    frame: Frame
    comparison: Comparison
    judged: tuple[Judgement, ...]
    quantities: tuple[Quantity, ...]

    def grid(self) -> list[list[str]]:
        """The main table, its header first."""
        return written.grid(self.comparison, self.quantities, self.frame.reported)

    def remarks(self) -> list[str]:
        """What goes under the table: what the intervals cover, loss against score, and the claims' verdicts."""
        first = written.reading(self.comparison)
        return [first, *written.sentences(self.comparison), *written.verdicts(self.judged)]

    def text(self, suffix: str) -> str:
        """The whole as ``.csv``, ``.md`` or ``.json``.

        Raises:
            RequestError: another suffix.
        """
        if suffix == ".csv":
            return written.as_csv(self.comparison, self.frame.reported)
        if suffix == ".json":
            return written.as_json(self.comparison, self.frame.reported, self.judged, self.frame.about)
        if suffix != ".md":
            raise RequestError(f"a comparison is written as .csv, .md or .json, not '{suffix}'.")
        return written.as_markdown(
            self.comparison, self.quantities, self.frame.reported, self.judged, self.headings()
        )

    def headings(self) -> list[str]:
        """Title, question, what this scale puts in the place of what, and what each variant is."""
        about = self.frame.about
        title = about.get("name", "Comparison")
        scale = f"Scale: {about['scale']}. {' '.join(about['substitutes'])}".strip() if about.get("scale") else ""
        said = [f"- **{name}**: {says}" for name, says in self.frame.variants.items() if says]
        return [text for text in (f"# {title}", about.get("question", ""), scale, "\n".join(said)) if text]


def compared(named: Sequence[Path], base: str = "", only: Sequence[str] = ()) -> Outcome:
    """Compare runs, folders of runs, or one study's folder.

    Args:
        named: run folders, folders that hold them, or the folder of a study.
        base: the variant that the others are compared to; a study's own by default, else the first.
        only: scores to show first; the headlines and those reported by default.

    Raises:
        RequestError: no runs, none measured, or an unknown variant or score.
    """
    frame = Frame.of(named[0]) if len(named) == 1 else Frame()
    runs = frame.runs(named[0]) if frame.variants else variants_of(folders_of(named))
    found = members(runs)
    if not any(m.scores for m in found):
        raise RequestError(f"no scores in {', '.join(map(str, named))} yet: kinfolk evaluate RUN measures them.")
    comparison = compare(found, base)
    missing = [name for name in frame.variants if name not in comparison.variants]
    judged = tuple(judge(claim, comparison, missing) for claim in frame.claims)
    wanted = [score for _, score in frame.reported]
    chosen = [comparison.find(label) for label in only] or comparison.main(wanted)
    return Outcome(frame, comparison, judged, tuple(chosen))
