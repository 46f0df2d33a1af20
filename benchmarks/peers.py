"""Peers: what other libraries need to be imported beside kinfolk's torch."""

from __future__ import annotations

import importlib
import sys

COMPILED = (
    "nms", "qnms", "roi_align", "qroi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d",
    "_roi_align_backward", "_roi_pool_backward", "_ps_roi_align_backward", "_ps_roi_pool_backward",
    "_deform_conv2d_backward",
)


def import_torchvision() -> None:
    """Import torchvision, also where its compiled operators do not load, as beside a CPU wheel of torch.

    Its transforms do not call those operators; only their names must be known. They are then declared without
    an implementation.
    """
    import torch

    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        declared = torch.library.Library("torchvision", "FRAGMENT")
        for name in COMPILED:
            declared.define(f"{name}(Tensor x) -> Tensor")
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        importlib.import_module("torchvision")
        KEPT.append(declared)


KEPT: list[object] = []
"""Declarations last as long as their library does."""
