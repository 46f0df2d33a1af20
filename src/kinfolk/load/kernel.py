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

    _fields_ = [("centre", ADDRESS), ("extent", ADDRESS), ("share", ADDRESS)]


class Job(ctypes.Structure):
    """``job`` in ``kernel.c``."""

    _fields_ = [
        ("images", ADDRESS), ("rows", Weights), ("columns", Weights), ("matrix", ADDRESS), ("means", ADDRESS),
        ("views", ADDRESS), ("low", NUMBER), ("high", NUMBER), ("count", WHOLE), ("side", WHOLE), ("size", WHOLE),
        ("next", WHOLE), ("failed", WHOLE),
    ]


@functools.cache
def library() -> Callable[[Job], int] | None:
    """The kernel on the threads of torch's OpenMP; None where it was not built, or torch has another."""
    built = sorted(Path(__file__).parent.glob("_kernel*.so"))
    try:
        run, parallel = ctypes.CDLL(str(built[0])).kinfolk_run, ctypes.CDLL(None).GOMP_parallel
    except (IndexError, OSError, AttributeError):
        return None
    return lambda job: run(ctypes.byref(job), parallel, torch.get_num_threads())


def takes(images: Sequence[Tensor], rows: Axis, columns: Axis) -> bool:
    """Whether the kernel makes views of these: uint8 on the CPU, of each axis a box, mirrored or not."""
    plain = all(i.device.type == "cpu" and i.dtype == torch.uint8 and i.is_contiguous() for i in images)
    return plain and bool(rows or columns) and taken(rows) and taken(columns) and library() is not None


def taken(axis: Axis) -> bool:
    """Whether the weights of an axis are none, a box, a mirror, or both in this order."""
    return [type(weights) for weights, _ in axis] in ([], [Box], [Mirrored], [Box, Mirrored])


class Sample:
    """As ``sampling.Sample``, without gradients; the views lie channels-last."""

    def __init__(self, images: Sequence[Tensor], rows: Axis, columns: Axis, size: int) -> None:
        self.batch, (_, _, _, side) = len(images[0]), images[0].shape
        starts = torch.tensor([i.data_ptr() for i in images])[:, None] + torch.arange(self.batch) * images[0][0].numel()
        self.job = Job(images=starts.data_ptr(), count=starts.numel(), side=side, size=size)
        self.kept: list[Any] = [images, starts]
        """What the job holds addresses of."""
        for axis, into in ((rows, self.job.rows), (columns, self.job.columns)):
            for weights, _ in axis:
                assert isinstance(weights, (Box, Mirrored))
                for name, values in weights._asdict().items():
                    self.kept.append(values.to(torch.float32).contiguous())
                    setattr(into, name, self.kept[-1].data_ptr())

    def means(self) -> Tensor:
        """Mean colour (V * B, 3) of each image after sampling, in the units of its pixels."""
        means = torch.empty(self.job.count, 3)
        self._run(matrix=None, means=means.data_ptr())
        return means

    def coloured(self, matrix: Tensor, low: float, high: float) -> list[Tensor]:
        """The images with colours mixed by ``matrix`` (V * B, 3, 4) and clipped: V batches (B, 3, size, size)."""
        matrix, views = matrix.contiguous(), torch.empty(self.job.count, self.job.size, self.job.size, 3)
        self._run(matrix=matrix.data_ptr(), views=views.data_ptr(), low=low, high=high)
        return list(views.permute(0, 3, 1, 2).split(self.batch))

    def _run(self, **fields: float | None) -> None:
        run = library()
        assert run is not None
        for name, value in fields.items():
            setattr(self.job, name, value)
        if run(self.job):
            raise MemoryError(f"no memory for views of {self.job.size} px of images of {self.job.side} px.")
