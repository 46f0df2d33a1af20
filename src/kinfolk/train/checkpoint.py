"""Checkpoints: all that going on needs, in one safetensors file, restored to the bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from kinfolk.core import files
from kinfolk.encoders import Encoder
from kinfolk.records.run import Run
from kinfolk.train.objective import Objective


def save(folder: Path, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, card: dict[str, Any]) -> None:
    """Write ``folder/STEP.safetensors`` (written, synced, renamed), then delete the older ones."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    for name, values in states(model, optimizer).items():
        tensors |= {f"optimizer.{name}.{k}": v for k, v in values.items()}
    path = folder / f"{step:09d}.safetensors"
    with files.replacing(path) as partial:
        save_file(plain(tensors), partial, metadata={"card": json.dumps(card)})
    for old in folder.glob("*.safetensors"):
        if old != path:
            old.unlink()


def restore(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any] | None:
    """Load the newest checkpoint into model and optimiser; return its card, or None if there is none.

    State is copied into tensors laid out as their parameters are, so that the same kernels run as before.
    """
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        return None
    names = {name: p for name, p in model.named_parameters() if p.requires_grad}
    with safe_open(found[-1], framework="pt") as file:
        own = model.state_dict()
        with torch.no_grad():
            for key, tensor in own.items():
                tensor.copy_(file.get_tensor(f"model.{key}"))
        for key in file.keys():  # noqa: SIM118
            if not key.startswith("optimizer."):
                continue
            name, _, field = key.removeprefix("optimizer.").rpartition(".")
            value = file.get_tensor(key)
            like = names[name]
            same = value.shape == like.shape
            laid_out = torch.empty_like(like) if same else torch.empty_like(value, device=like.device)
            optimizer.state[like][field] = laid_out.copy_(value)
        return json.loads(file.metadata()["card"])


def states(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, dict[str, Tensor]]:
    """The optimiser's tensors by parameter name."""
    return {
        name: {k: v for k, v in optimizer.state.get(p, {}).items() if isinstance(v, Tensor)}
        for name, p in model.named_parameters()
    }


def plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as safetensors takes them: on the CPU, contiguous, none sharing memory."""
    return {k: v.detach().to("cpu", copy=True).contiguous() for k, v in tensors.items()}


def save_run(run: Run, objective: Objective) -> None:
    """Write the weights of a finished run, and before them those of the encoder that embeds, under its own names."""
    embedder, card = objective.method.embedder(), {"method": run.recipe.method.name}
    if isinstance(embedder, Encoder):
        save_weights(run.encoder, embedder.state_dict(), card)
    save_weights(run.weights, objective.weights(), card)


def save_weights(path: Path, weights: dict[str, Tensor], card: dict[str, str]) -> None:
    """Write the weights of encoder and heads atomically."""
    with files.replacing(path) as partial:
        save_file(plain(weights), partial, metadata=card)
