"""The command line: one command for each verb; nothing heavy is imported before it is needed."""

from __future__ import annotations

import json
import os
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from kinfolk.core import files
from kinfolk.core.config import Setting
from kinfolk.core.errors import KinfolkError
from kinfolk.core.explain import explain
from kinfolk.core.lines import counted, embedding, interrupted, opening, say
from kinfolk.explore.command import exploring
from kinfolk.records.options import Settable
from kinfolk.records.request import FLAGS, request
from kinfolk.study import command

app = typer.Typer(
    name="kinfolk",
    help="Learns which images belong together, without labels, and says honestly how well it did.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Out = Annotated[Path, typer.Option("--out", help="Where the result goes.")]
Quiet = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]


@app.command(cls=Settable)
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
    watch: Annotated[str, typer.Option(help="What to look at while training: knn, similarity, spectrum.")] = "spectrum",
    every: Annotated[str, typer.Option(help="Look every so many epochs.")] = "1",
    set_: Annotated[list[str], typer.Option("--set", help="Any setting of the recipe, such as train.lr=0.001.")] = [],  # noqa: B006
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and write nothing.")] = False,
) -> None:
    """Train an encoder on images without labels; a run that was broken off goes on where it stopped."""
    given = {k: v for k, v in locals().items() if k in FLAGS and v}
    opening(data or recipe or "the built-in digits, as neither --data nor a recipe is named")
    asked = request(recipe, given, set_)
    kept, watcher = Setting("keep", "int[]", (), interval="[1, inf)").check(keep), watching(watch, every)
    if dry_run:
        from kinfolk.train.cost import cost

        for line in cost(asked).lines():
            typer.echo(line)
        return
    finished = run_training(asked, out, watcher, kept)
    if os.environ.get("RANK", "0") == "0":
        typer.echo(f"already finished: {out}" if finished else f"next: kinfolk evaluate {out}")


def watching(names: str = "spectrum", every: str = "1") -> Any:
    """The watch of ``--watch knn,spectrum --every 1``."""
    from kinfolk.evaluate.watch import Watch

    return Watch(command.listed(names), every)


def run_training(asked: Any, out: Path, watcher: Any, keep: tuple[int, ...] = ()) -> bool:
    """Train with progress and the watch; return whether it was finished before."""
    from kinfolk.core import device, distributed
    from kinfolk.records.run import Run

    device.keep_freed_memory()
    from kinfolk.train import train
    from kinfolk.train.progress import Progress

    distributed.start(device.device(asked.train.device))
    progress = Progress()
    try:
        before = Run(out).finished
        train(asked, out, [watcher, progress], keep=keep)
        return before
    except KeyboardInterrupt:
        interrupted(kept=any(Run(out).resume.glob("*.safetensors")))
        sys.exit(130)
    finally:
        progress.close()
        distributed.stop()


Subject = Annotated[str, typer.Argument(
    help="A run folder, a features file, a .safetensors file with --encoder, timm:NAME, pixels, histogram or random."
)]
Encoder = Annotated[str, typer.Option(help="The network of a .safetensors file.")]
Settings = Annotated[list[str], typer.Option("--set", help="Of a subject that is no run, such as encoder.stem=small.")]


@app.command()
def embed(
    subject: Subject,
    out: Annotated[Path, typer.Option(help="Features file: .npz or .parquet.")],
    data: Annotated[str, typer.Option(help="Images to embed; a run's own by default.")] = "",
    split: Annotated[str, typer.Option(help="Which split; a run's own by default, else train; all: as evaluate.")] = "",
    layer: Annotated[str, typer.Option(help="h (before the projector), z, or latents (an auto-decoder's own).")] = "h",
    encoder: Encoder = "",
    set_: Settings = [],  # noqa: B006
) -> None:
    """Write one vector an image, with path and label."""
    opening(subject)
    from kinfolk.evaluate.export import export
    from kinfolk.evaluate.opened import opened

    typer.echo(export(opened(subject, data, encoder, set_), split, out, layer, counted("embedding"), say))


@app.command()
def neighbours(
    subject: Subject,
    out: Annotated[Path, typer.Option(help="File of neighbours: .npz, .parquet, or .csv of paths.")],
    data: Annotated[str, typer.Option(help="The images; a run's own by default. Needed for others' vectors.")] = "",
    split: Annotated[str, typer.Option(help="Which split; a run's own by default, else train.")] = "",
    metric: Annotated[str, typer.Option(help="cosine, dot or euclidean.")] = "cosine",
    k: Annotated[int, typer.Option("-k", help="Neighbours of each image.")] = 20,
    layer: Annotated[str, typer.Option(help="h (before the projector), z, or another of the subject's; h first.")] = "",
    limit: Annotated[str, typer.Option(help="This many images, drawn by the seed, as train draws them.")] = "",
    seed: Annotated[str, typer.Option(help="Seed of that draw.")] = "",
    encoder: Encoder = "",
    set_: Settings = [],  # noqa: B006
) -> None:
    """Find the nearest others of every image, for positives and sheets; with labels, say how pure they are."""
    opening(subject)
    from kinfolk.evaluate.opened import opened
    from kinfolk.neighbours import check, find, save, summary

    check(out, metric, k)
    named = opened(subject, data, encoder, set_).on(split, limit=limit, seed=seed)
    with files.scratch() as folder:
        features = named.layer(layer, folder, embedding)
        print(f"searching {len(features):,} x {features.vectors.shape[1]}", file=sys.stderr, flush=True)
        found = find(features, k, metric)  # type: ignore[arg-type]
    save(found, features, out)
    typer.echo("\n".join(summary(found, features, out)))


@app.command()
def evaluate(
    subject: Subject,
    data: Annotated[str, typer.Option(help="Images to measure on; a run's own by default.")] = "",
    only: Annotated[str, typer.Option(help="Names of evaluations and diagnostics, such as knn,spectrum.")] = "",
    ood: Annotated[str, typer.Option(help="A dataset of classes never seen.")] = "",
    anomalies: Annotated[str, typer.Option(help="A dataset of anomalous images.")] = "",
    epochs: Annotated[str, typer.Option(help="Kept epochs to measure too, such as 1,5 or all.")] = "",
    ceiling: Annotated[str, typer.Option(help="A supervised run, or none; the one beside the run by default.")] = "",
    no_floors: Annotated[bool, typer.Option("--no-floors", help="Leave out floors and ceiling.")] = False,
    encoder: Encoder = "",
    set_: Settings = [],  # noqa: B006
    out: Annotated[str, typer.Option(help="Where findings go if SUBJECT is no run; by default NAME.findings.")] = "",
    as_json: Quiet = False,
) -> None:
    """Measure a subject: every evaluation and diagnostic that applies, with intervals, beside floors and ceiling."""
    opening(subject)
    from kinfolk.core import device

    device.keep_freed_memory()
    from kinfolk import compare
    from kinfolk.evaluate import evaluate as measure
    from kinfolk.evaluate.opened import opened

    named = opened(subject, data, encoder, set_)
    found = measure(
        named, only=command.listed(only), ood=ood, anomalies=anomalies, floors=not no_floors, ceiling=ceiling,
        epochs=epochs, out=out, say=say,
    )
    if as_json:
        typer.echo(json.dumps([f.plain() for f in found], indent=1, allow_nan=False))
    else:
        compare.show(found)
        typer.echo(f"next: kinfolk report {named.folder(out)}", err=True)


@app.command(cls=Settable)
def views(
    out: Out,
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name or a TOML file.")] = "",
    data: Annotated[str, typer.Option(help="A named dataset, or the path of images.")] = "",
    count: Annotated[int, typer.Option(min=1, help="How many images.")] = 8,
    set_: Annotated[list[str], typer.Option("--set", help="Any setting of the recipe, such as views.count=4.")] = [],  # noqa: B006
) -> None:
    """Draw a sheet (.html or .png) of views exactly as they are fed, with their parameters."""
    opening(data or recipe)
    from kinfolk.views import views as draw

    asked = request(recipe, {"data": data} if data else {}, set_)
    typer.echo(f"{out}: views of {draw(asked, out, count)} images")


@app.command()
def duplicates(
    out: Out,
    subject: Annotated[str, typer.Argument(help="A run whose embedding compares; without it pixels do.")] = "",
    data: Annotated[str, typer.Option(help="The images; the run's own by default.")] = "",
    threshold: Annotated[str, typer.Option(help="Least similarity of near ones; auto looks at pixels too.")] = "auto",
) -> None:
    """Find exact and near duplicates, also mirrored: groups as CSV, and a sheet of them (.html) beside it."""
    opening(subject or data)
    from kinfolk.duplicates import duplicates as find
    from kinfolk.records.run import Run

    least = Setting("threshold", "float", "auto", ("auto",), "(0, 1]").check(threshold)
    run = Run.at(subject) if subject else None
    for line in find(out, data=data, run=run, threshold=least, embedding=counted("embedding")):
        typer.echo(line)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or the folder of a study.")],
    out: Annotated[Path | None, typer.Option(help="The HTML file; in the run's folder by default.")] = None,
) -> None:
    """Write one self-contained HTML file: scores beside floors, losses, maps, neighbours."""
    from kinfolk.compare.frame import FILE, compared
    from kinfolk.records.run import Run
    from kinfolk.report.write import write, write_study

    page = out or runs[0] / "report.html"
    if len(runs) == 1 and (runs[0] / FILE).is_file():
        typer.echo(write_study(compared(runs), runs[0], page))
        return
    typer.echo(write([r if (r / "subject.json").is_file() else Run.at(r).folder for r in runs], page))


@app.command()
def demo(out: Annotated[Path, typer.Option(help="The run folder.")] = Path("runs/demo")) -> None:
    """The main job on the built-in data: train, evaluate, report, in a few minutes on a laptop."""
    from kinfolk.records.run import Run

    finished = run_training(request("demo", {}, []), out, watching())
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
    kinds: Annotated[str, typer.Argument(help="Catalogues, such as methods,recipes; all by default.")] = "",
    as_json: Quiet = False,
) -> None:
    """Show what there is, with one line each."""
    from kinfolk.records import shipped

    names = [k.strip() for k in kinds.split(",") if k.strip()] or list(shipped.KINDS)
    rows = [row for kind in names for row in shipped.listed(kind)]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    wide = max((len(row["name"]) for row in rows), default=0)
    for kind in names:
        lines = [f"  {row['name']:<{wide}} {row['summary']}" for row in rows if row["kind"] == kind]
        typer.echo("\n".join([kind, *lines]))


for added in (command.compare, command.study, exploring("kinfolk.evaluate.look")):
    app.command()(added)


def main() -> None:
    """Entry point: errors become one message and an exit status."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        print(f"kinfolk {version('kinfolk')}")
        return
    warnings.showwarning = lambda message, *_, **__: print(f"kinfolk: {message}", file=sys.stderr, flush=True)
    try:
        more = explain(arguments) if "train" in arguments[:1] and "--help" in arguments else ""
        app(["train", "--help"] if more else arguments, standalone_mode=not more)
        typer.echo(more)
    except KinfolkError as error:
        if os.environ.get("RANK", "0") == "0":
            print(f"kinfolk: {error}", file=sys.stderr)
        sys.exit(error.status)
    except OSError as error:
        print(f"kinfolk: {error}. What was written before is kept; the same command goes on.", file=sys.stderr)
        sys.exit(1)
