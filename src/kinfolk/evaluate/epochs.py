"""Epochs: the weights a run kept after some of its epochs, and each score as a curve over them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from kinfolk.core.config import Setting
from kinfolk.core.errors import RequestError, unknown
from kinfolk.records.findings import Finding
from kinfolk.records.run import Run


def kept(run: Run, asked: str) -> dict[int, Path]:
    """The weights of the epochs asked for (``all``, or numbers) but for the last, which is the run's own.

    Raises:
        RequestError: the run kept none, or not one of those.
    """
    last = run.recipe.train.epochs
    found = {int(path.stem): path for path in sorted((run.folder / "epochs").glob("*.safetensors"))}
    if not found:
        raise RequestError(f"'{run.folder}' kept no epochs: train with --keep, such as --keep 1,2,5,10.")
    numbers = sorted(found) if asked == "all" else Setting("--epochs", "int[]", (), ("all",), "[1, inf)").check(asked)
    for number in numbers:
        if number not in (*found, last):
            raise unknown("kept epoch", str(number), map(str, sorted({*found, last})))
    return {number: found[number] for number in sorted(set(numbers)) if number != last}


def curves(found: Sequence[Finding], subject: str, last: int) -> list[Finding]:
    """A curve over epochs for each score that is known of two or more, beside the floors as horizontal lines."""
    points: dict[tuple[str, str, str], dict[int, Finding]] = {}
    for f in found:
        if f.kind == "score" and f.subject == subject:
            protocol = {k: v for k, v in f.protocol.items() if k != "epoch"}
            key = f.name, f.split, json.dumps(protocol, sort_keys=True)
            points.setdefault(key, {})[f.protocol.get("epoch", last)] = f
    return [_curve(dict(sorted(p.items())), found) for p in points.values() if len(p) > 1]


def _curve(points: dict[int, Finding], found: Sequence[Finding]) -> Finding:
    newest = list(points.values())[-1]
    protocol = {k: v for k, v in newest.protocol.items() if k != "epoch"}
    epochs, values = list(points), [float(f.value or 0) for f in points.values()]
    series: dict[str, list[float | None]] = {newest.subject: [*values]}
    bounds = {"95 % low": [f.low for f in points.values()], "95 % high": [f.high for f in points.values()]}
    if all(v is not None for line in bounds.values() for v in line):
        series |= bounds
    beside = {
        f.subject: f.value for f in found
        if (f.kind, f.name, f.split) == ("score", newest.name, newest.split) and f.subject != newest.subject
        and all(f.protocol.get(k, v) == v for k, v in protocol.items())
    }
    shown = [f"{v:.1%}" if newest.unit in ("accuracy", "precision") else f"{v:.3g}" for v in values]
    some = sorted({round(i * (len(epochs) - 1) / 5) for i in range(6)})
    title = f"{newest.title or newest.name} by epoch"
    told = ", ".join(f"{shown[i]} after epoch {epochs[i]}" for i in some)
    return Finding(
        f"{newest.name}_by_epoch", "curve", newest.split, newest.subject, protocol,
        title=title, text=f"{title}: {told}.",
        data={"x": epochs, "x_label": "epoch", "y_label": newest.unit, "series": series, "lines": beside},
    )
