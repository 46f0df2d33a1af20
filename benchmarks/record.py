"""Record: append a benchmark's figures to `benchmarks/results/NAME.json`, with hardware, versions, commit and date."""

from __future__ import annotations

import datetime
import json
import subprocess
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def environment(device: str = "cpu") -> dict[str, Any]:
    """Hardware, versions, what makes the views, commit and date."""
    from kinfolk.core import device as hardware
    from kinfolk.load import kernel

    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=RESULTS.parent)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    made = {**hardware.environment(device), "views": kernel.maker(device)}
    return {**made, "commit": done.stdout.strip(), "date": now}


def record(name: str, row: dict[str, Any]) -> None:
    """Append one row to the results of a benchmark."""
    path = RESULTS / f"{name}.json"
    rows = json.loads(path.read_text("utf-8")) if path.exists() else []
    path.write_text(json.dumps([*rows, row], indent=1) + "\n", "utf-8")
