"""Export: a subject's vectors of one split, or of train and test, in one features file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kinfolk.core.errors import RequestError
from kinfolk.embed import Progress, check, embed_to, save_latents
from kinfolk.evaluate.named import Named
from kinfolk.load.images import images_of, settled
from kinfolk.load.roles import bank
from kinfolk.load.sources import opened_once
from kinfolk.records.images import Images
from kinfolk.records.recipe import Data


@opened_once()
def export(
    named: Named, split: str, out: Path, layer: str = "h", progress: Progress | None = None,
    say: Callable[[str], None] = print,
) -> str:
    """Write the vectors and return what was written, as a sentence.

    Args:
        named: what embeds, and its images.
        split: a split, ``all`` for train and test as evaluate takes them; empty is what a run trained on, else train.
        out, layer, progress: see ``embed.embed_to``; ``layer`` may be ``latents`` too.
        say: told what was skipped or left out.
    """
    check(out, layer)
    if layer == "latents" and named.run is not None:
        data = named.recipe.data
        return f"{out}: {save_latents(named.run, data, split or data.split, out):,} latents"
    if named.kind == "features":
        raise RequestError(f"'{named.place}' holds vectors already: name a run, weights, timm:NAME or a floor.")
    images, train = parts(named, split)
    for remark in dict.fromkeys(remark for part in images for remark in part.remarks):
        say(remark)
    count, width = embed_to(next(named.embedders(train)), images, out, layer, named.digest, progress)
    what = " and ".join(f"{len(part):,} of {selected(named, part)}" for part in images)
    return f"{out}: {count:,} vectors of {width} dimensions, {what}"


def parts(named: Named, split: str) -> tuple[list[Images], Images]:
    """The images of one split, or of train and test for ``all``; and training images for what needs them.

    Those of a run's own data are selected as the run selects them; of other data no tenth of a ``train`` without a
    test split is left out, unless ``all`` is asked for.
    """
    if split == "all":
        both = named.images()
        return [both["train"], both["test"]], both["train"]
    data = replace(named.recipe.data, size=named.size)
    part = images_of(data, split or (data.split if named.own else "train"), named.recipe.seed, hold_out=named.own)
    drawn = (named.kind, named.name) == ("floor", "random")
    return [part], bank(data, named.recipe.seed) if drawn else part


def selected(named: Named, images: Images) -> str:
    """Which images these are: dataset, split and, where not all of it was asked for, the settings that chose them."""
    data, plain = settled(named.recipe.data), Data()
    keys = ["classes", "held_out", "held_out_count", *(["limit", "fraction"] if images.split == data.split else [])]
    chosen = [f"data.{key} = {value}" for key in keys if (value := getattr(data, key)) != getattr(plain, key)]
    return f"{images.name} ({'; '.join([images.split, *chosen])})"
