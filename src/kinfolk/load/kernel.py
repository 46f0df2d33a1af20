"""The compiled kernel of views (``kernel.c``): each image resampled, coloured and clipped in one pass over it.

It is built when kinfolk is installed, where there is a C compiler, and runs on the CPU under Linux, on torch's own
threads. Where it is missing, and for what it does not take, ``sampling`` gives the same pixels within rounding.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kinfolk.augmentations import Box, Mirrored
from kinfolk.load.sampling import Axis

ADDRESS, NUMBER, WHOLE = ctypes.c_void_p, ctypes.c_float, ctypes.c_int64


class Weights(ctypes.Structure):
    """``axis`` in ``kernel.c``."""

    _fields_ = [("centre", ADDRESS), ("extent", ADDRESS), ("share", ADDRESS), ("apart", WHOLE)]


class Job(ctypes.Structure):
    """``job`` in ``kernel.c``."""

    _fields_ = [
        ("batches", ADDRESS), ("rows", Weights), ("columns", Weights), ("matrix", ADDRESS), ("views", ADDRESS),
        ("scale", NUMBER), ("low", NUMBER), ("high", NUMBER), ("count", WHOLE), ("batch", WHOLE), ("side", WHOLE),
        ("size", WHOLE), ("next", WHOLE), ("failed", WHOLE),
    ]


@functools.cache
def library() -> Callable[[Job], int] | None:
    """The kernel on the threads of torch's OpenMP; None where it was not built from this source or cannot be run."""
    for built in Path(__file__).parent.glob("_kernel*.so"):
        try:
            kernel, parallel = ctypes.CDLL(str(built)), ctypes.CDLL(None).GOMP_parallel
            if WHOLE.in_dll(kernel, "kinfolk_job").value != ctypes.sizeof(Job):
                continue
            run = kernel.kinfolk_run
        except (OSError, ValueError, AttributeError):
            continue
        return lambda job: run(ctypes.byref(job), parallel, torch.get_num_threads())
    return None


def maker(device: str) -> str:
    """What makes views on a device: ``compiled``, this kernel wherever it can, or ``torch``."""
    return "compiled" if device == "cpu" and library() else "torch"


def takes(images: Sequence[Tensor], rows: Axis, columns: Axis) -> bool:
    """Whether the kernel makes views of these: uint8 on the CPU, resampled from boxes, columns then mirrored or not."""
    down, across = ([type(weights) for weights, _ in axis] for axis in (rows, columns))
    if down not in ([], [Box]) or across not in ([], [Box], [Mirrored], [Box, Mirrored]) or not (down or across):
        return False
    shape, count = (len(images[0]), 3, *images[0].shape[2:]), len(images) * len(images[0])
    given = [value for weights, _ in [*rows, *columns] for value in weights]  # type: ignore[union-attr]
    return (
        all(i.shape == shape and i.dtype == torch.uint8 and i.is_contiguous() for i in images)
        and all(value.shape == (count,) for value in given)
        and all(tensor.device.type == "cpu" for tensor in (*images, *given))
        and library() is not None
    )


class Sample:
    """As ``sampling.Sample``, without gradients; the views lie channels-last."""

    def __init__(self, images: Sequence[Tensor], rows: Axis, columns: Axis, size: int) -> None:
        batch, _, _, side = images[0].shape
        batches = (ADDRESS * len(images))(*(i.data_ptr() for i in images))
        self.job = Job(batches=ctypes.addressof(batches), count=len(images) * batch, batch=batch, side=side, size=size)
        self.kept: list[Any] = [images, batches]
        """What the job holds addresses of."""
        for axis, into in ((rows, self.job.rows), (columns, self.job.columns)):
            for weights, _ in axis:
                assert isinstance(weights, (Box, Mirrored))
                values = [value.to(torch.float32) for value in weights]
                apart = values[0].stride(0)
                if isinstance(weights, Mirrored) or any(value.stride(0) != apart for value in values):
                    values, apart = [value.contiguous() for value in values], 1
                for name, value in zip(weights._fields, values, strict=True):
                    setattr(into, name, value.data_ptr())
                if isinstance(weights, Box):
                    into.apart = apart
                self.kept += values

    def coloured(self, matrix: Tensor | None, scale: float, low: float, high: float) -> list[Tensor]:
        """V batches (B, 3, size, size)."""
        size, run = self.job.size, library()
        assert run is not None
        views = torch.empty(self.job.count, size, size, 3, dtype=torch.float32)
        if matrix is not None:
            if matrix.shape != (self.job.count, 3, 7):
                raise ValueError(f"colours of {self.job.count} images are (.., 3, 7), not {tuple(matrix.shape)}.")
            matrix = matrix.to("cpu", torch.float32).contiguous()
        self.job.matrix = None if matrix is None else matrix.data_ptr()
        self.job.views, self.job.scale, self.job.low, self.job.high = views.data_ptr(), scale, low, high
        if run(self.job):
            raise MemoryError(f"no memory for views of {size} px of images of {self.job.side} px.")
        return list(views.permute(0, 3, 1, 2).split(self.job.batch))
