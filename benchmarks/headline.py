"""The headline, time to accuracy: `KINFOLK_DATA=DATA python benchmarks/headline.py --seeds 0,1,2`.

`kinfolk train cifar10-fast` and its k-NN and linear probe on the test split by `kinfolk evaluate`, as a user would run
them, a process each. Seconds are those of the epochs, from `speed.jsonl`, and of the whole command. The low budgets of
other recipes: `--recipe cifar10-vicreg --epochs 10`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import environment, record
from scored import scores

from kinfolk.records.run import Run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--recipe", default="cifar10-fast")
    arguments = parser.parse_args()
    for seed in map(int, arguments.seeds.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            asked = ["--seed", str(seed), "--epochs", str(arguments.epochs), "--out", str(out)]
            began = time.perf_counter()
            subprocess.run([sys.executable, "-m", "kinfolk", "train", arguments.recipe, *asked], check=True)
            whole = time.perf_counter() - began
            rows = map(json.loads, (out / "speed.jsonl").read_text("utf-8").splitlines())
            device = Run(out).recipe.train.device
            found = {"seconds": sum(row["seconds"] for row in rows), "command_seconds": whole, **scores(out)}
        print(f"seed {seed}: " + ", ".join(f"{key} {value:.4g}" for key, value in found.items()))
        settings = {"recipe": arguments.recipe, "epochs": arguments.epochs, "seed": seed}
        record("headline", {**settings, **found, **environment(device)})


if __name__ == "__main__":
    main()
