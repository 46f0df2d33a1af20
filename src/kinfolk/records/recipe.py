"""Recipe: everything a run was asked for, resolved, in one TOML file that is the only source of names."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from kinfolk.core import config, registry
from kinfolk.core.errors import RequestError, unknown

SOURCE = Path(__file__)


@dataclass(frozen=True)
class Data:
    """``[data]``: which images."""

    name: Annotated[str, "a named dataset, or the path of a folder, parquet or npz file"] = "digits"
    split: Annotated[str, "the split to train on; auto: unlabeled where there is one, else train"] = "auto"
    limit: Annotated[int | Literal["all"], "[1, inf)", "use this many images, drawn by the seed"] = "all"
    fraction: Annotated[float, "(0, 1]", "use this share of the images, drawn by the seed"] = 1.0
    classes: Annotated[tuple[str, ...], "keep these classes only; empty keeps all"] = ()
    held_out: Annotated[tuple[str, ...], "classes never trained on; evaluate measures them as OOD"] = ()
    held_out_count: Annotated[int, "[0, inf)", "as many classes more to hold out, drawn by the seed"] = 0
    size: Annotated[int | Literal["auto"], "[8, 1024]", "side of the decoded images in pixels"] = "auto"
    settings: dict[str, Any] = field(default_factory=dict)
    """``[data.settings]``: the settings of a generated dataset."""


@dataclass(frozen=True)
class Views:
    """``[views]``: how many views of an image, and of which size; small crops where the method takes them."""

    count: Annotated[int, "[1, 64]", "views of each image"] = 2
    size: Annotated[int | Literal["auto"], "[8, 1024]", "side of the crops; auto: three quarters of the image"] = "auto"
    first_size: Annotated[
        int | Literal["off"], "[8, 1024]", "crops begin with this side and grow, step by step, to size (progressive)"
    ] = "off"
    pairing: Annotated[Literal["all", "turns"], "all views in one step, or two by two in turn"] = "all"
    fixed: Annotated[bool, "draw the views of each image once and keep them"] = False
    small_count: Annotated[int, "[0, 64]", "small crops of each image beside its views (multi-crop)"] = 0
    small_size: Annotated[int | Literal["auto"], "[8, 1024]", "side of the small crops; auto: half of size"] = "auto"
    small_scale: Annotated[tuple[float, ...], "(0, 1]", "least and greatest area of a small crop"] = (0.05, 0.4)


@dataclass(frozen=True)
class Train:
    """``[train]``: the loop and the optimiser."""

    epochs: Annotated[int, "[1, inf)", "passes over the images"] = 10
    batch: Annotated[
        int | Literal["auto"], "[2, inf)", "images in a step, over all processes; auto: 256, of few half"
    ] = "auto"
    accumulate: Annotated[int, "[1, 1024]", "parts of a batch whose gradients are averaged: less memory"] = 1
    optimizer: Annotated[Literal["sgd", "adamw", "lars"], "lars and sgd use momentum 0.9"] = "adamw"
    lr: Annotated[float, "(0, inf)", "peak learning rate"] = 2e-3
    lr_scaling: Annotated[Literal["none", "batch/256"], "multiply lr by batch / 256"] = "none"
    weight_decay: Annotated[float, "[0, inf)", "not applied to biases and norms"] = 0.05
    warmup: Annotated[float | Literal["auto"], "[0, inf)", "epochs; auto: 10, at most a twentieth of the run"] = "auto"
    clip: Annotated[float | Literal["off"], "(0, inf)", "largest norm of the gradient"] = "off"
    sync_batchnorm: Annotated[bool, "share batch-norm statistics between processes"] = True
    device: Annotated[Literal["auto", "cpu", "cuda"], "auto takes a GPU if there is one"] = "auto"
    precision: Annotated[Literal["auto", "fp32", "bf16"], "auto is bf16 where the hardware multiplies in it"] = "auto"
    memory_format: Annotated[Literal["auto", "channels_last", "contiguous"], "layout of image tensors"] = "auto"
    threads: Annotated[int | Literal["auto"], "[1, 1024]", "CPU threads of each process"] = "auto"
    compile: Annotated[bool, "compile the network with torch.compile"] = False


@dataclass(frozen=True)
class Evaluate:
    """``[evaluate]``: how the run is measured."""

    size: Annotated[int | Literal["auto"], "[8, 1024]", "image side; auto is the data's own size"] = "auto"
    limit: Annotated[
        int | Literal["all"], "[20, inf)", "measure on this many images of each held-out split, the same in every run"
    ] = "all"


@dataclass(frozen=True)
class Start:
    """``weights``, ``frozen`` and ``digest`` of ``[encoder]``: what the encoder starts from."""

    weights: Annotated[str, "start from this run's encoder or safetensors file; none: drawn by the seed"] = "none"
    frozen: Annotated[bool, "keep the encoder as it starts, and train the rest"] = False
    digest: Annotated[str, "of the weights, found when the run begins; other weights are then refused"] = "auto"


@dataclass(frozen=True)
class Choice:
    """One leaf of a catalogue by name, with its settings resolved."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)


SECTIONS = {"data": Data, "views": Views, "train": Train, "evaluate": Evaluate}
CHOICES = {"encoder": ("encoders", "convnet"), "method": ("methods", "simclr"), "positives": ("positives", "views")}
LISTS = {"auxiliaries": "auxiliaries"}
NO_ENCODER = "none"
DEFAULT_AUGMENTATIONS = ("crop", "flip", "jitter", "grayscale")


@dataclass(frozen=True)
class Recipe:
    """A resolved request; equal recipes give the same run."""

    seed: int
    data: Data
    views: Views
    augmentations: tuple[Choice, ...]
    positives: Choice
    encoder: Choice
    start: Start
    method: Choice
    auxiliaries: tuple[Choice, ...]
    train: Train
    evaluate: Evaluate

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Recipe:
        """Build from nested plain values, filling in defaults.

        Raises:
            RequestError: an unknown section or key, or a value out of range; the message names the nearest.
        """
        for key in given:
            if key not in ("seed", *SECTIONS, *CHOICES, *LISTS):
                raise unknown("key of the recipe", key, ["seed", *SECTIONS, *CHOICES, *LISTS])
        given = suited(given)
        seed = config.Setting("seed", "int", 0, interval="[0, inf)").check(given.get("seed", 0))
        sections: dict[str, Any] = {}
        for name, section in SECTIONS.items():
            values = dict(table(given, name))
            if name == "views":
                augmentations = values.pop("augmentations", [{"name": n} for n in DEFAULT_AUGMENTATIONS])
            own = {"settings": dict(table(values, "settings"))} if name == "data" else {}
            if own:
                values.pop("settings", None)
            settings = config.settings_of(SOURCE, section.__name__)
            sections[name] = section(**config.resolve(settings, values, name), **own)
        sections["data"] = generated(sections["data"])
        known = config.settings_of(SOURCE, "Start")
        encoder = dict(table(given, "encoder"))
        begun = {s.name: encoder.pop(s.name) for s in known if s.name in encoder}
        given = {**given, "encoder": encoder}
        chosen: dict[str, Any] = {
            n: choice(kind, {"name": default, **table(given, n)}) if n != "encoder" else encoder_of(given)
            for n, (kind, default) in CHOICES.items()
        }
        least = registry.leaf("methods", chosen["method"].name).declares("least_views") or 2
        if (views := sections["views"]).count + views.small_count < least:
            asked = f"views.count = {views.count}: method '{chosen['method'].name}' compares views of one image"
            raise RequestError(f"{asked} and needs {least} or more: --views {least}.")
        steps = choices("augmentations", augmentations, "views.augmentations")
        if "index" in used(given) and (steps or sections["views"].count != 1):
            raise RequestError(
                f"method '{chosen['method'].name}' keeps a latent for each image and takes it as it is: one view, "
                "no augmentations. Leave views.count and views.augmentations out."
            )
        return cls(
            seed=seed,
            augmentations=steps,
            auxiliaries=choices("auxiliaries", given.get("auxiliaries", []), "auxiliaries"),
            start=Start(**config.resolve(known, begun, "encoder")),
            **sections,
            **chosen,
        )

    @classmethod
    def load(cls, path: Path) -> Recipe:
        """Read a recipe file."""
        return cls.of(read(path))

    def plain(self) -> dict[str, Any]:
        """Nested plain values, every setting present; ``Recipe.of`` gives the same recipe back."""
        values: dict[str, Any] = {"seed": self.seed}
        for name in SECTIONS:
            values[name] = listed(asdict(getattr(self, name)))
        values["data"]["settings"] = listed(self.data.settings)
        values["views"]["augmentations"] = [flat(c) for c in self.augmentations]
        for name in CHOICES:
            values[name] = flat(getattr(self, name))
        values["encoder"] |= asdict(self.start)
        values["auxiliaries"] = [flat(c) for c in self.auxiliaries]
        return values

    def text(self) -> str:
        """The recipe as TOML."""
        import tomli_w

        return tomli_w.dumps(self.plain())


def generated(data: Data) -> Data:
    """``[data]`` with the settings of a named dataset resolved; data at a path has none."""
    if data.name in registry.leaves("datasets"):
        return replace(data, settings=registry.leaf("datasets", data.name).resolve(data.settings))
    if data.settings:
        raise RequestError(f"data.settings belong to generated datasets; '{data.name}' has none.")
    return data


def suited(given: Mapping[str, Any]) -> dict[str, Any]:
    """``given`` over the defaults that the method it names declares for itself."""
    method = table(given, "method").get("name", CHOICES["method"][1])
    defaults = registry.leaf("methods", method).declares("defaults") if isinstance(method, str) else {}
    own = {section: {**values, **table(given, section)} for section, values in (defaults or {}).items()}
    return {**given, **own}


def used(given: Mapping[str, Any]) -> frozenset[str]:
    """What the method that ``given`` names declares that it uses."""
    found = registry.leaf("methods", table(given, "method").get("name", CHOICES["method"][1])).declares("uses")
    return frozenset({"encoder"}) if found is None else found


def encoder_of(given: Mapping[str, Any]) -> Choice:
    """The encoder that ``given`` names; ``none`` for a method that uses none, for which naming one is refused."""
    kind, default = CHOICES["encoder"]
    asked = table(given, "encoder")
    if "encoder" in used(given):
        return choice(kind, {"name": default, **asked})
    if asked not in ({}, {"name": NO_ENCODER}):
        method = table(given, "method")["name"]
        named = asked.get("name", ", ".join(asked))
        raise RequestError(
            f"method '{method}' has no encoder, and '{named}' was asked for: every image has a latent of its own, "
            "found by optimisation. Leave the encoder out."
        )
    return Choice(NO_ENCODER)


def table(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One section of a recipe, refused unless it is a table."""
    found = given.get(name, {})
    if not isinstance(found, Mapping):
        raise RequestError(f"[{name}] must be a table of settings, found {found!r}.")
    return found


def choice(kind: str, values: Mapping[str, Any]) -> Choice:
    """Resolve ``{"name": ..., settings...}`` against the leaf's own settings."""
    settings = dict(values) if isinstance(values, Mapping) else {}
    name = settings.pop("name", None)
    if not isinstance(name, str):
        raise RequestError(f"each of {kind} needs a name, found {values!r}.")
    leaf = registry.leaf(kind, name)
    return Choice(leaf.name, leaf.resolve(settings))


def choices(kind: str, given: Any, where: str) -> tuple[Choice, ...]:
    """Resolve a list of leaves; a bare name stands for a leaf with its defaults."""
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        raise RequestError(f"{where} must be a list of tables or names, found {given!r}.")
    return tuple(choice(kind, item) for item in tables(given))


def tables(items: Any) -> Any:
    """A list of leaves, or their names with commas between, as tables that settings can be put into."""
    if isinstance(items, str):
        items = [part.strip() for part in items.split(",") if part.strip()]
    if not isinstance(items, Iterable):
        return items
    return [{"name": item} if isinstance(item, str) else item for item in items]


def flat(item: Choice) -> dict[str, Any]:
    """A choice as one table."""
    return {"name": item.name, **listed(item.settings)}


def listed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Tuples as lists, as TOML and JSON have them."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def read(path: Path) -> dict[str, Any]:
    """Read a TOML file, or raise RequestError with the line where it is wrong."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RequestError(f"no recipe '{path}'.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"'{path}' is not a recipe: {error}.") from None
