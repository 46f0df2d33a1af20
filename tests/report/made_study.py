"""Made study: a folder of made runs with seeds, claims and reported figures, as ``kinfolk study`` leaves one."""

from __future__ import annotations

from pathlib import Path

from made import write_run

from kinfolk.compare.claims import Claim
from kinfolk.compare.frame import Frame

SHIFTS = {"first": (0.0, 0.004, 0.011), "worse": (-0.3, -0.29, -0.305), "same": (0.003, -0.002, 0.012), "once": (0.2,)}
CLAIMS = (
    ("worse.linear_probe < first.linear_probe", "Worse is worse."), ("worse.knn > first.knn", ""),
    ("once.knn > first.knn", ""), ("first.knn > pixels.knn", ""),
)


def write_study_folder(out: Path, points: int = 60) -> Path:
    """Four variants, one of them with a single seed, and one that has no run."""
    for name, shifts in SHIFTS.items():
        for seed, shift in enumerate(shifts):
            write_run(out / "runs" / f"{name}-seed{seed}", seed=seed, shift=shift, points=points)
    about = {
        "name": "made", "question": "Which is better?", "scale": "laptop", "substitutes": ["Small images for large."],
        "command": ["kinfolk", "study", "made", "--out", "runs/a b"],
    }
    claims = tuple(
        Claim.of({"claim": text, "by": "somebody", "figure": "their figure", "says": says}) for text, says in CLAIMS
    )
    variants = dict.fromkeys([*SHIFTS, "absent"], "Said of it.")
    Frame(about, variants, {("first", "linear_probe"): 0.7}, claims).save(out)
    return out
