"""Losses in full precision: autocast is switched off and half-precision inputs are widened."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def full_precision(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Make ``function`` compute in float32 (or in float64, if given such tensors) inside autocast as well.

    Sums of exponentials, variances and determinants lose digits in bf16 that a network's layers can spare.
    The first argument must be a tensor: its device says which autocast to switch off.
    """

    @functools.wraps(function)
    def wide(*args: Arguments.args, **settings: Arguments.kwargs) -> Result:
        first = args[0]
        assert isinstance(first, Tensor)
        with torch.autocast(first.device.type, enabled=False):
            return function(*map(_widen, args), **settings)  # type: ignore[arg-type]

    return wide


def _widen(value: object) -> object:
    if isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16):
        return value.float()
    return value
