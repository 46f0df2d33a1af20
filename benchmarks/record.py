"""Record: append a benchmark's figures to `benchmarks/results/NAME.json`, with hardware, versions, commit and date."""

from __future__ import annotations

import datetime
import json
import subprocess
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def environment(device: str = "cpu") -> dict[str, Any]:
    """Hardware, versions, what makes the views, commit, whether the source differs from it, and date."""
    from kinfolk.core import device as hardware
    from kinfolk.load import kernel

    commit = _git("rev-parse", "--short", "HEAD")
    changed = {"changed": True} if _git("status", "--porcelain", "--", ":/src", ":/benchmarks/*.py") else {}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    made = {**hardware.environment(device), "views": kernel.maker(device)}
    return {**made, "commit": commit, **changed, "date": now}


def _git(*asked: str) -> str:
    return subprocess.run(["git", *asked], capture_output=True, text=True, cwd=RESULTS.parent).stdout.strip()


def record(name: str, row: dict[str, Any]) -> None:
    """Append one row to the results of a benchmark."""
    path = RESULTS / f"{name}.json"
    rows = json.loads(path.read_text("utf-8")) if path.exists() else []
    path.write_text(json.dumps([*rows, row], indent=1) + "\n", "utf-8")
