"""Stateless randomness: every draw comes from a generator keyed by what it is for, never by history."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Stream = Literal["order", "views", "positives", "method", "validation", "initial", "evaluation"]


def key(seed: int, stream: str, *position: int) -> int:
    """Hash (seed, stream, position...) to 32 bits: torch's CPU generator uses no more of a seed."""
    text = ":".join([str(seed), stream, *map(str, position)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little")


def generator(seed: int, stream: Stream, *position: int) -> torch.Generator:
    """Return a CPU generator for one draw, such as ``generator(seed, "views", epoch, step)``."""
    import torch

    return torch.Generator().manual_seed(key(seed, stream, *position))
