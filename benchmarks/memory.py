"""Peak memory of one epoch of training above the import of torch: `python benchmarks/memory.py --data DATA`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from record import environment, record

from kinfolk.core import device


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="a dataset's name or the path of images")
    parser.add_argument("--batch", type=int, default=256)
    arguments = parser.parse_args()
    device.keep_freed_memory()
    import torch  # noqa: F401

    from kinfolk.records.recipe import Recipe
    from kinfolk.train import train
    from kinfolk.train.cost import peak_bytes

    before = peak_bytes("cpu")
    recipe = Recipe.of({"data": {"name": arguments.data}, "train": {"epochs": 1, "batch": arguments.batch}})
    with tempfile.TemporaryDirectory() as folder:
        run = train(recipe, Path(folder) / "run")
        images = run.recipe.data.name
    above = (peak_bytes("cpu") - before) / 2**20
    print(f"{Path(images).name}: {above:,.0f} MB above the import of torch ({before / 2**20:,.0f} MB)")
    row = {"data": Path(images).name, "batch": arguments.batch, "megabytes": above, "import_megabytes": before / 2**20}
    record("memory", {**row, **environment()})


if __name__ == "__main__":
    main()
