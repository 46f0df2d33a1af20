"""Several processes: who I am, and sums and gathers that gradients pass through."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from kinfolk.core.errors import RequestError

if TYPE_CHECKING:
    from torch import Tensor


def world() -> int:
    """The number of processes that train together; 1 when none were started."""
    import torch.distributed as dist

    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's number, from 0; the one that writes files is 0."""
    import torch.distributed as dist

    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def main() -> bool:
    """Whether this is the process that writes files and talks to the user."""
    return rank() == 0


def barrier() -> None:
    """Wait until all processes are here."""
    import torch.distributed as dist

    if world() > 1:
        dist.barrier()


def share(batch: int) -> slice:
    """The rows of a global batch that belong to this process."""
    each = batch // world()
    return slice(rank() * each, (rank() + 1) * each)


def mean(value: Tensor) -> float:
    """A scalar averaged over the processes."""
    return float(all_reduce(value.detach().double()) / world())


def start(device: str) -> None:
    """Join the processes that ``torchrun`` (or SLURM with the same variables) started; alone, do nothing.

    ``device`` is cpu or cuda, as ``core.device.device`` resolves it.

    Gloo carries tensors on the CPU, NCCL those on GPUs; each process takes the GPU of its local rank.

    Raises:
        RequestError: more processes on this machine than it has GPUs.
    """
    import torch
    import torch.distributed as dist

    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        return
    import torch.distributed.nn  # first imported later, its default arguments would keep the group for ever
    if device == "cpu":
        dist.init_process_group("gloo")
        return
    local, found = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if local >= found:
        raise RequestError(
            f"local process {local} has no GPU of its own: {found} found on this machine; "
            f"start it with --nproc-per-node {found}, or train on the CPU."
        )
    torch.cuda.set_device(local)
    dist.init_process_group("cpu:gloo,cuda:nccl")


def stop() -> None:
    """Leave the group of processes, if there is one, and end its threads.

    Models that hold the group must be out of reach by then, as they are after a training that ended well: a thread of
    Gloo that still lets go of a tensor while the interpreter ends aborts the process (pytorch issue 190489).
    """
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def gather(x: Tensor, dim: int = 0) -> Tensor:
    """Join the ``x`` of all processes along ``dim``, in the order of their ranks.

    Every process must bring the same shape. The gradient is summed over the processes: where each one
    computes its own loss from what was gathered, the mean over processes that DistributedDataParallel
    takes of the gradients is then the gradient of the mean of the losses, with no other division.

    Source: Bardes et al., 2022, VICReg, the authors' code (its gather with gradient).
    """
    return x if world() == 1 else _functions()[0].apply(x, dim)


def all_reduce(x: Tensor) -> Tensor:
    """Sum ``x`` over all processes; the gradient is summed over them as well."""
    return x if world() == 1 else _functions()[1].apply(x)


@cache
def _functions() -> tuple[Any, Any]:
    """The two autograd functions, made when first used so that importing this file leaves torch out."""
    import torch
    import torch.distributed as dist
    from torch.autograd import Function
    from torch.autograd.function import once_differentiable

    class Gather(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, dim: int) -> Tensor:
            ctx.dim, ctx.size = dim, x.shape[dim]
            x = x.contiguous()
            parts = [torch.empty_like(x) for _ in range(world())]
            dist.all_gather(parts, x)
            return torch.cat(parts, dim)

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
            total = grad.contiguous().clone()
            dist.all_reduce(total)
            return total.narrow(ctx.dim, rank() * ctx.size, ctx.size), None

    class AllReduce(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            total = x.contiguous().clone()
            dist.all_reduce(total)
            return total

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            total = grad.contiguous().clone()
            dist.all_reduce(total)
            return total

    return Gather, AllReduce
