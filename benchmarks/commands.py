"""Every command's time to its first output, whole time and peak memory: `python benchmarks/commands.py --data DATA`.

Each is a process of its own, as a user starts it in a terminal, on a copy of one short run. The first output is the
first byte on stdout or stderr; the peak is the largest resident set of the process or of one that it waited for.
``explore`` is ended after its first output.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import environment, record

ENDLESS = "explore"


def measured(arguments: list[str], folder: Path) -> dict[str, float]:
    """Seconds to the first byte and to the end, and the peak in MB; a command that fails ends the benchmark."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "kinfolk", *arguments]
    terminal, end = pty.openpty()
    running = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, cwd=folder)
    os.close(end)
    select.select([terminal], [], [])
    first = time.perf_counter() - began
    if arguments[0] == ENDLESS:
        running.send_signal(signal.SIGTERM)
    said = all_of(terminal)
    _, status, used = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    whole = time.perf_counter() - began
    if running.returncode and arguments[0] != ENDLESS:
        raise SystemExit(f"kinfolk {' '.join(arguments)}: {said.decode(errors='replace')[-500:]}")
    return {"first": first, "whole": whole, "megabytes": used.ru_maxrss / 1024}


def all_of(terminal: int) -> bytes:
    """What is written until the last process has left the terminal, which Linux tells by an error."""
    said = b""
    with contextlib.suppress(OSError):
        while more := os.read(terminal, 65536):
            said += more
    os.close(terminal)
    return said


def commands(data: str, limit: str) -> dict[str, list[str]]:
    """Each command on the run called ``run`` in the working folder; those that train come first."""
    return {
        "train": ["train", "--data", data, "--limit", limit, "--epochs", "1", "--out", "run"],
        "--help": ["--help"],
        "list": ["list"],
        "embed": ["embed", "run", "--data", data, "--out", "all.npz"],
        "evaluate": ["evaluate", "run", "--only", "knn,linear_probe,spectrum"],
        "neighbours": ["neighbours", "run", "--out", "neighbours.npz"],
        "duplicates": ["duplicates", "--data", data, "--out", "groups.csv"],
        "views": ["views", "--data", data, "--out", "views.html"],
        "report": ["report", "run"],
        "compare": ["compare", "run"],
        "study --dry-run": ["study", "more-views", "--out", "study", "--dry-run"],
        "explore": ["explore", "run", "--port", "0"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="a dataset's name or the path of images, read before once")
    parser.add_argument("--limit", default="5000", help="images to train on")
    arguments = parser.parse_args()
    data = str(Path(arguments.data).resolve()) if Path(arguments.data).exists() else arguments.data
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, asked in commands(data, arguments.limit).items():
            rows[name] = row = measured(asked, Path(folder))
            took = f"first output {row['first']:6.2f} s   whole {row['whole']:7.1f} s"
            print(f"{name:16} {took}   peak {row['megabytes']:6,.0f} MB", flush=True)
    record("commands", {"data": Path(data).name, "limit": arguments.limit, "rows": rows, **environment()})


if __name__ == "__main__":
    main()
