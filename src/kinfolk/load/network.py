"""Network: the encoder and method that a recipe names, with weights drawn from its seed or read from a file."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from kinfolk.core import registry, seeds
from kinfolk.core.errors import RequestError
from kinfolk.encoders import Encoder
from kinfolk.methods import Method
from kinfolk.records.recipe import NO_ENCODER, Choice, Recipe, Start
from kinfolk.records.run import Run

NAMES_SHOWN = 8


def build(recipe: Recipe, image_size: int, *, begin: bool = False) -> Method:
    """Build encoder and method with weights drawn from the recipe's seed; the global generator is left as it was.

    Where an auxiliary splits the embedding, the method reads a part of h only; see ``parts``.

    Args:
        recipe: names both; its ``start`` says whether the encoder is frozen.
        image_size: side of the views in pixels.
        begin: with the weights that training starts from (fetched, or those of ``encoder.weights``); else they
            stay as drawn, for what is loaded into them.

    Raises:
        RequestError: the weights do not fit the encoder, nothing is left to train, or
            encoder or method cannot be split as an auxiliary asks.
    """
    start, asked = recipe.start, splits(recipe)
    divides = registry.leaf("methods", recipe.method.name).open().divides
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.key(recipe.seed, "initial"))
        encoder = bare(recipe.encoder, image_size, fetch=begin)
        if begin and start.weights != "none":
            put(encoder, Path(start.weights))
        if start.frozen:
            encoder.freeze()
        whole = encoder.width
        if "middle" in asked:
            branch_off(encoder, recipe)
        encoder.halved = "end" in asked
        own, complete = whole if divides else encoder.own(whole), encoder.width
        encoder.width = own
        method: Method = registry.build("methods", recipe.method.name, encoder, **recipe.method.settings)
        encoder.width = complete
    if own < complete and not divides and not method.see_first(own):
        said = " and ".join(sorted(asked))
        raise RequestError(f"split = '{said}': method '{recipe.method.name}' has no projector to split h with.")
    if begin and not any(p.requires_grad for p in method.parameters()):
        raise RequestError(f"nothing is left to train: the encoder is frozen, and '{recipe.method.name}' has no more.")
    return method


def splits(recipe: Recipe) -> set[str]:
    """How the auxiliaries of a recipe split the embedding."""
    return {str(c.settings.get("split", "none")) for c in recipe.auxiliaries} - {"none", "replicate"}


def parts(recipe: Recipe, method: Method, width: int) -> dict[str, slice]:
    """Which columns of h (B, ``width``) an auxiliary reads with each kind of split.

    The embedding without auxiliaries comes first, halved between method and auxiliary by ``end``; what ``middle`` takes
    from the last-but-one stage follows it.
    """
    own = width - (method.encoder.middle()[1] + 1) // 2 if "middle" in splits(recipe) else width
    return {"none": slice(0, own), "replicate": slice(0, own), "end": slice(own // 2, own), "middle": slice(own, width)}


def branch_off(encoder: Encoder, recipe: Recipe) -> None:
    """Split the encoder in the middle, or raise RequestError where it has none."""
    try:
        encoder.branch_off()
    except NotImplementedError:
        raise RequestError(f"split = 'middle': encoder '{recipe.encoder.name}' has no stage before its last.") from None


def bare(choice: Choice, image_size: int, *, fetch: bool = False) -> Encoder:
    """An encoder alone, its weights drawn from torch's generator; ``pretrained`` ones only with ``fetch``."""
    if choice.name == NO_ENCODER:
        return Nothing(image_size)
    off = {} if fetch or "pretrained" not in choice.settings else {"pretrained": False}
    encoder: Encoder = registry.build("encoders", choice.name, image_size, **choice.settings | off)
    return encoder


class Nothing(Encoder):
    """The encoder of a method that has none."""

    width = 0


def weights_file(place: Path) -> Path:
    """The safetensors file that ``encoder.weights`` names: itself, or a run's encoder, the one that embeds."""
    if place.is_dir():
        run = Run.at(place)
        path = run.encoder if run.encoder.is_file() else run.weights
    else:
        path = place
    if not path.is_file():
        raise RequestError(f"encoder.weights = '{place}': there is no such file or finished run.")
    return path


def settled(start: Start) -> Start:
    """``start`` with the digest of its weights; RequestError if they are not those that a run began with."""
    if start.weights == "none":
        return replace(start, digest="none")
    with open(weights_file(Path(start.weights)), "rb") as handle:
        digest = hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
    if start.digest not in ("auto", digest):
        raise RequestError(
            f"encoder.weights = '{start.weights}' has changed since the run began: its digest was {start.digest}, "
            f"is {digest}. Put the old weights back, or choose another --out."
        )
    return replace(start, digest=digest)


def put(encoder: Encoder, place: Path) -> None:
    """Load the weights of a run's encoder, or of a file, into an encoder.

    Names may be the encoder's own, stand behind ``encoder.`` (a run's), or lack the ``model.`` of an encoder that
    wraps another library's. What a file has besides, such as a classifier, is named in a warning and left out.

    Raises:
        RequestError: weights that the encoder needs are absent or of another shape; each is named.
    """
    path = weights_file(place)
    try:
        found = load_file(path)
    except SafetensorError as error:
        raise RequestError(f"'{path}' is not a safetensors file: {error}.") from None
    own = encoder.state_dict()
    found = max(readings(found), key=lambda names: len(own.keys() & names.keys()))
    needed = [k for k in own if not k.endswith("num_batches_tracked")]
    wrong = [f"{k} is absent" for k in needed if k not in found]
    wrong += [
        f"{k} is {tuple(found[k].shape)}, the encoder's {tuple(own[k].shape)}"
        for k in own if k in found and found[k].shape != own[k].shape
    ]
    if wrong:
        raise RequestError(
            f"'{path}' does not fit the encoder, {len(wrong)} of {len(needed)} weights: {listed(wrong)}. "
            "Its settings (--encoder, encoder.*) must be those the weights were trained with."
        )
    more = [k for k in found if k not in own]
    if more:
        warnings.warn(f"'{path}' has weights the encoder has no place for, left out: {listed(more)}", stacklevel=2)
    encoder.load_state_dict({k: v for k, v in found.items() if k in own}, strict=False)


def readings(found: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """The ways in which a file's names may be meant."""
    inner = {k.removeprefix("encoder."): v for k, v in found.items() if k.startswith("encoder.")}
    return [found, inner, {f"model.{k}": v for k, v in found.items()}]


def listed(names: list[str]) -> str:
    """The first names, and how many more there are."""
    rest = len(names) - NAMES_SHOWN
    return "; ".join(names[:NAMES_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
