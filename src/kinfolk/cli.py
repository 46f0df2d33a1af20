"""The command line: one command for each verb; nothing heavy is imported before it is needed."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from kinfolk.core import registry
from kinfolk.core.config import Setting
from kinfolk.core.errors import KinfolkError, unknown

app = typer.Typer(
    name="kinfolk",
    help="Learns which images belong together, without labels, and says honestly how well it did.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

RECIPES = registry.PACKAGE / "recipes"
FLAGS = {
    "data": "data.name", "method": "method.name", "encoder": "encoder.name", "epochs": "train.epochs",
    "batch": "train.batch", "views": "views.count", "limit": "data.limit", "seed": "seed",
}
Out = Annotated[Path, typer.Option("--out", help="Where the result goes.")]
Quiet = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name or a TOML file.")] = "",
    out: Annotated[Path, typer.Option(help="The run folder.")] = Path("runs/run"),
    data: Annotated[str, typer.Option(help="A named dataset, or the path of a folder, parquet or npz file.")] = "",
    method: Annotated[str, typer.Option(help="How to learn: see `kinfolk list methods`.")] = "",
    encoder: Annotated[str, typer.Option(help="The network: see `kinfolk list encoders`.")] = "",
    epochs: Annotated[str, typer.Option(help="Passes over the images.")] = "",
    batch: Annotated[str, typer.Option(help="Images in a step.")] = "",
    views: Annotated[str, typer.Option(help="Views of each image.")] = "",
    limit: Annotated[str, typer.Option(help="Train on this many images, drawn by the seed.")] = "",
    seed: Annotated[str, typer.Option(help="Seed of everything random.")] = "",
    keep: Annotated[str, typer.Option(help="Epochs whose weights are kept, such as 1,2,5,10.")] = "",
    set_: Annotated[list[str], typer.Option("--set", help="Any setting of the recipe, such as train.lr=0.001.")] = [],  # noqa: B006
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and write nothing.")] = False,
) -> None:
    """Train an encoder on images without labels; a run that was broken off goes on where it stopped."""
    given = {k: v for k, v in locals().items() if k in FLAGS and v}
    asked = request(recipe, given, set_)
    if dry_run:
        from kinfolk.train.cost import cost

        for line in cost(asked, decoding):
            typer.echo(line)
        return
    finished = run_training(asked, out, kept_epochs(keep))
    if os.environ.get("RANK", "0") == "0":
        typer.echo(f"already finished: {out}" if finished else f"next: kinfolk evaluate {out}")


def kept_epochs(text: str) -> tuple[int, ...]:
    """The epochs of ``--keep 1,2,5``."""
    return Setting("keep", "int[]", (), interval="[1, inf)").check(text)


def request(recipe: str, flags: dict[str, str], pairs: list[str]) -> Any:
    """Merge a recipe, flags and --set pairs, in this order, into one checked Recipe."""
    from kinfolk.records import recipe as records

    values: dict[str, Any] = {}
    if recipe:
        path = Path(recipe)
        if path.suffix != ".toml":
            path = RECIPES / f"{recipe}.toml"
            if not path.is_file():
                raise unknown("recipe", recipe, [p.stem for p in RECIPES.glob("*.toml")])
        values = records.read(path)
    for flag, value in flags.items():
        key = FLAGS[flag]
        section = key.split(".")[0]
        if section in ("method", "encoder") and records.table(values, section).get("name") != value:
            values[section] = {}
        records.put(values, f"{key}={value}")
    for pair in pairs:
        records.put(values, pair)
    name = records.table(values, "data").get("name")
    if isinstance(name, str) and name not in registry.leaves("datasets") and Path(name).exists():
        values["data"]["name"] = str(Path(name).resolve())
    weights = records.table(values, "encoder").get("weights")
    if isinstance(weights, str) and weights != "none":
        values["encoder"]["weights"] = str(Path(weights).resolve())
    return records.Recipe.of(values)


def run_training(asked: Any, out: Path, keep: tuple[int, ...] = ()) -> bool:
    """Train with progress and the collapse watch; return whether it was finished before."""
    from kinfolk.core import device, distributed
    from kinfolk.records.run import Run

    device.keep_freed_memory()
    from kinfolk.evaluate.watch import Spectrum
    from kinfolk.train import train
    from kinfolk.train.progress import Progress

    distributed.start(device.device(asked.train.device))
    progress = Progress()
    try:
        before = Run(out).finished
        train(asked, out, [Spectrum(), progress], keep=keep, progress=decoding)
        return before
    except KeyboardInterrupt:
        print("kinfolk: interrupted; the same command goes on from the last checkpoint.", file=sys.stderr)
        sys.exit(130)
    finally:
        progress.close()
        distributed.stop()


def counted(what: str) -> Callable[[int, int], None]:
    """Progress of ``what`` as (done, total), about ten lines in all."""
    tenth = -1

    def say(done: int, total: int) -> None:
        nonlocal tenth
        if total and done * 10 // total != tenth:
            tenth = done * 10 // total
            print(f"{what}: {done:,} of {total:,}", file=sys.stderr, flush=True)

    return say


def decoding(done: int, total: int) -> None:
    """Progress of the cache of decoded images, about ten lines in all."""
    if total and (done == total or done * 10 // total != (done - 1) * 10 // total):
        print(f"decoding images: {done:,} of {total:,}", file=sys.stderr, flush=True)


@app.command()
def embed(
    subject: Annotated[str, typer.Argument(help="A run folder.")],
    out: Annotated[Path, typer.Option(help="Features file: .npz or .parquet.")],
    data: Annotated[str, typer.Option(help="Images to embed; the run's own by default.")] = "",
    split: Annotated[str, typer.Option(help="Which split.")] = "train",
    layer: Annotated[str, typer.Option(help="h (before the projector) or z.")] = "h",
) -> None:
    """Write one vector an image, with path and label."""
    from kinfolk.embed import embed_to
    from kinfolk.records.run import Run

    count, width = embed_to(Run.at(subject), out, data, split, layer, decoding, counted("embedding"))
    typer.echo(f"{out}: {count:,} vectors of {width} dimensions")


@app.command()
def evaluate(
    subject: Annotated[str, typer.Argument(help="A run folder.")],
    data: Annotated[str, typer.Option(help="Measure on other images than the run's own.")] = "",
    only: Annotated[str, typer.Option(help="Names of evaluations and diagnostics, such as knn,spectrum.")] = "",
    ood: Annotated[str, typer.Option(help="A dataset of classes never seen.")] = "",
    anomalies: Annotated[str, typer.Option(help="A dataset of anomalous images.")] = "",
    no_floors: Annotated[bool, typer.Option("--no-floors", help="Leave out the floors.")] = False,
    as_json: Quiet = False,
) -> None:
    """Measure a run: every evaluation and diagnostic that applies, with intervals, beside the floors."""
    from kinfolk.core import device

    device.keep_freed_memory()
    from kinfolk.evaluate import evaluate as measure
    from kinfolk.records.run import Run

    names = tuple(n.strip() for n in only.split(",") if n.strip())
    found = measure(
        Run.at(subject), data=data, only=names, ood=ood, anomalies=anomalies, floors=not no_floors,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    if as_json:
        typer.echo(json.dumps([f.plain() for f in found], indent=1, allow_nan=False))
    else:
        show(found)


def show(found: list[Any]) -> None:
    """Print the score table and the sentences of what is not a score."""
    from rich.console import Console
    from rich.table import Table

    from kinfolk import compare

    subjects, rows = compare.table(found)
    table = Table("score", *subjects, box=None, pad_edge=False)
    for row in rows:
        table.add_row(f"{row.name} {f'({row.detail})' if row.detail else ''}", *(compare.cell(c) for c in row.cells))
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    if rows:
        console.print(table)
    for finding in found:
        if finding.text and finding.subject == found[0].subject and finding.kind != "score":
            console.print(f"{finding.name}: {finding.text}", markup=False)


@app.command()
def views(
    out: Out,
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name or a TOML file.")] = "",
    data: Annotated[str, typer.Option(help="A named dataset, or the path of images.")] = "",
    count: Annotated[int, typer.Option(min=1, help="How many images.")] = 8,
    set_: Annotated[list[str], typer.Option("--set", help="Any setting of the recipe, such as views.count=4.")] = [],  # noqa: B006
) -> None:
    """Draw a sheet (.html or .png) of views exactly as they are fed, with their parameters."""
    from kinfolk.views import views as draw

    asked = request(recipe, {"data": data} if data else {}, set_)
    typer.echo(f"{out}: views of {draw(asked, out, count, decoding)} images")


@app.command()
def duplicates(
    out: Out,
    subject: Annotated[str, typer.Argument(help="A run whose embedding compares; without it pixels do.")] = "",
    data: Annotated[str, typer.Option(help="The images; the run's own by default.")] = "",
    threshold: Annotated[str, typer.Option(help="Least similarity of near duplicates, in (0, 1].")] = "auto",
) -> None:
    """Find exact and near duplicates: groups as CSV, and a sheet of them (.html) beside it."""
    from kinfolk.duplicates import duplicates as find
    from kinfolk.records.run import Run

    run = Run.at(subject) if subject else None
    least = Setting("threshold", "float", "auto", ("auto",), "(0, 1]").check(threshold)
    for line in find(out, data=data, run=run, threshold=least, decoding=decoding, embedding=counted("embedding")):
        typer.echo(line)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    out: Annotated[Path | None, typer.Option(help="The HTML file; in the run's folder by default.")] = None,
) -> None:
    """Write one self-contained HTML file: scores beside floors, losses, maps, neighbours."""
    from kinfolk.records.run import Run
    from kinfolk.report.write import write

    folders = [Run.at(r).folder for r in runs]
    typer.echo(write(folders, out or folders[0] / "report.html"))


@app.command()
def demo(out: Annotated[Path, typer.Option(help="The run folder.")] = Path("runs/demo")) -> None:
    """The main job on the built-in data: train, evaluate, report, in a few minutes on a laptop."""
    from kinfolk.records.run import Run

    finished = run_training(request("demo", {}, []), out)
    page = out / "report.html"
    if finished and page.is_file():
        typer.echo(f"already finished: {out}\nreport: {page.resolve()}")
        return
    evaluate(str(out), only="knn,linear_probe,retrieval,spectrum,map,verdict")
    from kinfolk.report.write import write

    write([Run.at(out).folder], page)
    typer.echo(f"report: {page.resolve()}")


@app.command("list")
def list_(
    kinds: Annotated[str, typer.Argument(help="Catalogues, such as methods,datasets; all by default.")] = "",
    as_json: Quiet = False,
) -> None:
    """Show what there is, with one line each."""
    names = [k.strip() for k in kinds.split(",") if k.strip()] or list(registry.CATALOGUES)
    found = [leaf for kind in names for leaf in registry.leaves(kind).values()]
    if as_json:
        rows = [
            {"kind": f.kind, "name": f.name, "summary": f.summary, "settings": [vars(s) for s in f.settings]}
            for f in found
        ]
        typer.echo(json.dumps(rows, indent=1))
        return
    for kind in names:
        typer.echo(kind)
        for leaf in found:
            if leaf.kind == kind:
                typer.echo(f"  {leaf.name:<18} {leaf.summary}")


def explain(arguments: list[str]) -> str:
    """The settings of the method and encoder named in ``train ... --help``."""
    pages = []
    for flag, kind in (("--method", "methods"), ("--encoder", "encoders")):
        values = [b for a, b in zip(arguments, arguments[1:], strict=False) if a == flag]
        values += [a.partition("=")[2] for a in arguments if a.startswith(f"{flag}=")]
        for name in values:
            leaf = registry.leaf(kind, name)
            lines = [described(registry.CATALOGUES[kind], s) for s in leaf.settings]
            pages.append("\n".join([f"\n{name}: {leaf.summary}", *lines]))
    return "\n".join(pages)


def described(section: str, setting: Setting) -> str:
    """One setting for a help page."""
    return f"  --set {section}.{setting.name}={setting.default}\n      {setting.accepts}. {setting.help}"


def main() -> None:
    """Entry point: errors become one message and an exit status."""
    arguments = sys.argv[1:]
    warnings.showwarning = lambda message, *_, **__: print(f"kinfolk: {message}", file=sys.stderr, flush=True)
    try:
        more = explain(arguments) if "train" in arguments[:1] and "--help" in arguments else ""
        app(standalone_mode=True) if not more else (print_help(arguments, more))
    except KinfolkError as error:
        if os.environ.get("RANK", "0") == "0":
            print(f"kinfolk: {error}", file=sys.stderr)
        sys.exit(error.status)
    except OSError as error:
        print(f"kinfolk: {error}. What was written before is kept; the same command goes on.", file=sys.stderr)
        sys.exit(1)


def print_help(arguments: list[str], more: str) -> None:
    """The command's own help, then the settings of the leaves it names."""
    app(["train", "--help"], standalone_mode=False)
    typer.echo(more)
