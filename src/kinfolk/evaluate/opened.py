"""Opened: from what a user typed as SUBJECT, with its flags, to a named subject."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kinfolk.core.errors import RequestError, nearest
from kinfolk.evaluate import subjects
from kinfolk.evaluate.named import Named, of_run
from kinfolk.records.request import request
from kinfolk.records.run import Run

KNOWN = (
    "A subject is a run folder, a features file (.npz, .parquet), a .safetensors file with --encoder and --data, "
    "or timm:NAME, pixels, histogram or random with --data."
)


def opened(subject: str, data: str = "", encoder: str = "", pairs: Sequence[str] = ()) -> Named:
    """Open what a user named.

    Args:
        subject: a path, a floor's name or ``timm:NAME``.
        data, encoder: the images and the network of a subject that is not a run; empty where they were left out.
        pairs: further settings of its recipe, such as ``encoder.stem=small``.

    Raises:
        RequestError: there is no such subject, or a flag it needs is missing.
    """
    given, more = {"data": data, "encoder": encoder}, list(pairs)
    if subject.startswith("timm:"):
        given["encoder"] = "timm"
        more = [f"encoder.model={subject.removeprefix('timm:')}", "encoder.pretrained=true", *pairs]
    asked = request("", {flag: value for flag, value in given.items() if value}, more)
    path = Path(subject)
    flags = [("--data", data), ("--encoder", encoder), *(("--set", pair) for pair in pairs)]
    typed = " ".join([shlex.quote(subject), *(f"{flag} {shlex.quote(value)}" for flag, value in flags if value)])
    if subject in subjects.FLOORS:
        found = Named(subject, "floor", asked, chosen=bool(encoder) or subject == "random")
    elif subject.startswith("timm:"):
        found = Named(subject, "timm", asked)
    elif path.suffix in (".npz", ".parquet") and not path.is_dir():
        if not path.is_file():
            raise RequestError(f"no features file '{subject}'.")
        return Named(path.stem, "features", asked, path, bool(data), bool(encoder), typed)
    elif path.suffix == ".safetensors":
        if not path.is_file():
            raise RequestError(f"no file of weights '{subject}'.")
        if not encoder:
            raise RequestError(f"'{subject}' needs --encoder, the network it holds the weights of.")
        own = path.stem if path.stem not in ("weights", "encoder") else path.resolve().parent.name
        found = Named(own, "weights", asked, path)
    else:
        if not path.exists():
            hint = nearest(subject, subjects.FLOORS)
            close = f" Did you mean '{hint}'?" if hint else ""
            raise RequestError(f"'{subject}' does not exist.{close} {KNOWN}")
        if encoder or pairs:
            raise RequestError(f"'{subject}' is a run, whose recipe is fixed: leave out --encoder and --set.")
        return of_run(Run.at(path), data)
    if not data:
        raise RequestError(f"'{subject}' needs --data, the images to measure it on.")
    return replace(found, asked=typed)
