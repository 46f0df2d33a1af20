"""What the hardware can do: device, precision, threads and memory, from capability and never from a timing."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sys
from typing import Any

from kinfolk.core.errors import RequestError


def device(asked: str) -> str:
    """Resolve ``auto`` to cuda where there is a GPU, else cpu; a GPU that is not there is refused."""
    import torch

    if asked == "cuda" and not torch.cuda.is_available():
        raise RequestError("train.device = 'cuda' was asked for, but torch finds no GPU; known: cpu, auto.")
    return ("cuda" if torch.cuda.is_available() else "cpu") if asked == "auto" else asked


def precision(asked: str, kind: str) -> str:
    """Resolve ``auto`` to bf16 where the hardware multiplies in it (avx512_bf16, amx, CUDA from 8.0)."""
    if asked != "auto":
        return asked
    import torch

    if kind == "cuda":
        return "bf16" if torch.cuda.get_device_capability() >= (8, 0) else "fp32"
    return "bf16" if cpu_flags() & {"avx512_bf16", "amx_bf16"} else "fp32"


def check_compiler(kind: str) -> None:
    """Refuse to compile for the CPU where the C++ compiler that torch would call is not there."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    name = (os.environ.get("CXX") or usual).split()[0]
    if kind == "cpu" and shutil.which(name) is None:
        raise RequestError(
            f"train.compile needs the C++ compiler '{name}', which is not found; install it (Debian: sudo apt-get "
            "install -y g++) or leave train.compile off."
        )


def cpu_flags() -> set[str]:
    """The instruction sets of the CPU as Linux names them; empty elsewhere."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as handle:
            for line in handle:
                if line.startswith("flags"):
                    return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


def threads(asked: int | str) -> int:
    """Resolve ``auto`` to the CPUs that this process may use, shared by the processes of this machine."""
    if isinstance(asked, int):
        return asked
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def keep_freed_memory() -> None:
    """Have glibc keep freed blocks instead of giving them back, so that a step does not fault its pages anew.

    Large tensors come from ``mmap`` by default and are returned on every free; a training step on two cores then
    spends a tenth to a quarter of its time in the kernel (see ``benchmarks/LOG.md``). No effect outside glibc.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt") and hasattr(libc, "gnu_get_libc_version"):
        trim_threshold, top_pad, mmap_max = -1, -2, -4
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(top_pad, 64 * 2**20)


def environment(kind: str) -> dict[str, Any]:
    """Versions and hardware, for ``environment.json`` and for every figure in the docs."""
    from importlib.metadata import version

    import numpy
    import torch

    return {
        "kinfolk": version("kinfolk"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if kind == "cuda" else "cpu",
    }


def cpu_name() -> str:
    """The CPU's model as the system names it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as handle:
            return next(line.split(":", 1)[1].strip() for line in handle if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
