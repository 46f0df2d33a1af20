"""Building the image cache against two processes that only decode, in turn: `python benchmarks/cache.py --data FOLDER`.

Decoding: two processes, half of the files each, Pillow's open and RGB into a uint8 array; the list of files is given to
them. Building: all that the first `load` of a folder does, from looking through it to the finished entry on the disk.
Both are timed whole, starting processes included, on the folder's training images (all of one size) and on several
copies of each.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from record import environment, record

PROCESSES = 2


def decoding(files: list[str], size: int) -> float:
    """Seconds that two processes take to decode all files and nothing else."""
    context = multiprocessing.get_context("fork")
    began = time.perf_counter()
    workers = [context.Process(target=decode, args=(files[n::PROCESSES], size)) for n in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise SystemExit(f"decoding ended with exit status {worker.exitcode}: are all images {size} px?")
    return time.perf_counter() - began


def decode(files: list[str], size: int) -> None:
    """What one process does."""
    pixels = np.empty((len(files), size, size, 3), np.uint8)
    for row, file in enumerate(files):
        with Image.open(file) as image:
            pixels[row] = np.asarray(image.convert("RGB"))


def building(folder: Path, count: int) -> float:
    """Seconds to build a cache of ``count`` images that is not there yet."""
    from kinfolk.load.images import load

    with tempfile.TemporaryDirectory() as cache:
        os.environ["KINFOLK_CACHE"] = cache
        began = time.perf_counter()
        images = load(str(folder), "train", hold_out=False)
        seconds = time.perf_counter() - began
        assert len(images) == count
    return seconds


def copied(files: list[Path], copies: int, into: Path) -> Path:
    """A flat folder with every file several times."""
    for file in files:
        for number in range(copies):
            shutil.copy(file, into / f"{file.parent.name}-{file.stem}-{number}{file.suffix}")
    return into


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder of square images, with train/ or without")
    parser.add_argument("--copies", default="1,4", help="how many times every file is there")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    train = arguments.data / "train" if (arguments.data / "train").is_dir() else arguments.data
    originals = sorted(p for p in train.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    with Image.open(originals[0]) as image:
        size = image.width
    rows = []
    for copies in map(int, arguments.copies.split(",")):
        with tempfile.TemporaryDirectory() as scratch:
            folder = copied(originals, copies, Path(scratch))
            files = [str(p) for p in sorted(folder.iterdir())]
            turns = [(decoding(files, size), building(folder, len(files))) for _ in range(arguments.rounds + 1)][1:]
        bare, built = (statistics.median(turn[k] for turn in turns) for k in (0, 1))
        ratios = [b / a for b, a in turns]
        row = {"images": len(files), "decoding": len(files) / bare, "building": len(files) / built,
               "ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}
        rows.append(row)
        print(f"{row['images']:7,} images of {size} px: decoding {row['decoding']:6,.0f}/s, building "
              f"{row['building']:6,.0f}/s, ratio {row['ratio']:.2f} ({row['lowest']:.2f} to {row['highest']:.2f})")
    record("cache", {"data": arguments.data.name, "size": size, "rounds": arguments.rounds, "rows": rows,
                     **environment()})


if __name__ == "__main__":
    main()
