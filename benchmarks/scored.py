"""Scored: k-NN and linear probe by the command that a user would give."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn


def scored(encoder: nn.Module, name: str, settings: dict[str, Any], data: str) -> dict[str, float]:
    """The scores on ``data`` of an encoder that was built of ``name`` and ``settings``."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.safetensors"
        save_file({k: v.contiguous() for k, v in encoder.state_dict().items()}, weights)
        given = ["--encoder", name, "--data", data, "--out", str(Path(folder) / "findings")]
        for key, value in settings.items():
            listed = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
            given += ["--set", f"encoder.{key}={listed}"]
        return scores(weights, *given)


def scores(subject: Path, *given: str) -> dict[str, float]:
    """k-NN (k = 20) and linear probe of what ``kinfolk evaluate`` takes, without floors."""
    command = [sys.executable, "-m", "kinfolk", "evaluate", str(subject), *given, "--no-floors", "--json"]
    done = subprocess.run([*command, "--only", "knn,linear_probe"], check=True, capture_output=True, text=True)
    return {row["name"]: row["value"] for row in json.loads(done.stdout) if row["protocol"].get("k", 20) == 20}
