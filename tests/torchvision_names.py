"""Names and shapes of the weights of torchvision's ResNets, written by rule from the published architecture."""

from __future__ import annotations

BLOCKS = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3]}


def expected(depth: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of torchvision's weights without the classifier."""
    def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
        own = {f"{name}.{k}": (width,) for k in ("weight", "bias", "running_mean", "running_var")}
        return {**own, f"{name}.num_batches_tracked": ()}

    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7), **norm("bn1", 64)}
    inside = 64
    for stage, count in enumerate(BLOCKS[depth]):
        width = 64 * 2**stage
        out = width * 4 if depth == 50 else width
        for block in range(count):
            name = f"layer{stage + 1}.{block}"
            if depth == 50:
                convolutions = [(width, inside, 1), (width, width, 3), (out, width, 1)]
            else:
                convolutions = [(width, inside, 3), (width, width, 3)]
            for at, (o, i, k) in enumerate(convolutions, 1):
                shapes |= {f"{name}.conv{at}.weight": (o, i, k, k), **norm(f"{name}.bn{at}", o)}
            if block == 0 and (stage > 0 or depth == 50):
                shapes[f"{name}.downsample.0.weight"] = (out, inside, 1, 1)
                shapes |= norm(f"{name}.downsample.1", out)
            inside = out
    return shapes
