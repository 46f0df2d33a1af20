"""Batch norm over all processes, on any device: PyTorch's own refuses the CPU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class SharedBatchNorm(_BatchNorm):
    """Batch norm of (N, C, ...) whose statistics are those of the batches of all processes together.

    ``reduce`` sums a tensor over the processes and passes the gradient back. One vector of 2C + 1 numbers
    crosses for each pass: the counts and, about the running mean (which all processes share), the first two
    moments; so nothing cancels where the mean is large. In evaluation mode it is plain batch norm.
    """

    def __init__(self, norm: _BatchNorm, reduce: Callable[[Tensor], Tensor]) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var
        self.num_batches_tracked = norm.num_batches_tracked
        self.reduce = reduce
        self.train(norm.training)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions from two on is taken."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, ...) -> the same shape and type."""
        if not self.training:
            return super().forward(input)
        dims = [0, *range(2, input.dim())]
        wide = input if input.dtype == torch.float64 else input.float()
        var, mean = torch.var_mean(wide, dims, correction=0)
        origin = torch.zeros_like(mean) if self.running_mean is None else self.running_mean.to(mean.dtype)
        count = input.numel() // input.shape[1]
        shift = mean - origin
        moments = torch.cat([shift * count, (var + shift * shift) * count, mean.new_tensor([count])])
        first, second, total = torch.split(self.reduce(moments), [len(mean), len(mean), 1])
        shift = first / total
        mean, var = origin + shift, second / total - shift * shift
        self._track(mean, var, total)
        scale = (var + self.eps).rsqrt()
        if self.weight is not None:
            scale = scale * self.weight
        offset = -mean * scale if self.bias is None else self.bias - mean * scale
        shape = (1, -1) + (1,) * (input.dim() - 2)
        return torch.addcmul(offset.view(shape), wide, scale.view(shape)).to(input.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, var: Tensor, total: Tensor) -> None:
        """Move the running statistics, the variance without bias, as plain batch norm does."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_((var * total / (total - 1)).to(self.running_var.dtype), share)


def synchronise(module: nn.Module, reduce: Callable[[Tensor], Tensor]) -> nn.Module:
    """Replace every batch norm in ``module`` by one over all processes, keeping parameters and buffers.

    Args:
        module: changed in place and returned; a bare batch norm is returned replaced.
        reduce: sums a tensor over the processes, with gradient (``core.distributed.all_reduce``).
    """
    if isinstance(module, _BatchNorm):
        return module if isinstance(module, SharedBatchNorm) else SharedBatchNorm(module, reduce)
    for name, child in module.named_children():
        setattr(module, name, synchronise(child, reduce))
    return module
