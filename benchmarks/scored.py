"""Scored: k-NN and linear probe of an encoder's weights, by the command that a user would give."""

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
    """k-NN (k = 20) and linear probe on ``data`` of an encoder that was built of ``name`` and ``settings``."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.safetensors"
        save_file({k: v.contiguous() for k, v in encoder.state_dict().items()}, weights)
        command = [sys.executable, "-m", "kinfolk", "evaluate", str(weights), "--encoder", name, "--data", data]
        for key, value in settings.items():
            given = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
            command += ["--set", f"encoder.{key}={given}"]
        command += ["--only", "knn,linear_probe", "--no-floors", "--json", "--out", str(Path(folder) / "findings")]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {row["name"]: row["value"] for row in found if row["protocol"].get("k", 20) == 20}
