"""`quotebound bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from rag.cli.measuring import home_apart
from rag.cli.output import JsonFlag, console, print_json

bench_app = typer.Typer(help="Measure time, against a baseline run beside it.", no_args_is_help=True)

_SEEDS_SET = Path(__file__).parents[2] / "eval" / "sets" / "seeds.jsonl"


def _drawable(path: Path | None) -> Path | None:
    """Raise before anything is measured where nothing could be drawn of it."""
    if path is not None:
        from eval.bench.plot import require_matplotlib

        require_matplotlib()
    return path


PlotOption = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw the figures as SVG.", callback=_drawable),
]
SetOption = Annotated[Path, typer.Option("--set", help="Questions, with a manifest.")]
DocumentsOption = Annotated[list[Path] | None, typer.Option(help="Text files.", show_default="seeds/")]
DataOption = Annotated[
    Path | None, typer.Option(help="Folder with the public data: the texts are those of SciFact then.")
]


@bench_app.command("embed")
def embed(
    documents: DocumentsOption = None,
    data: DataOption = None,
    passages: Annotated[int, typer.Option(min=1, help="How many passages to embed each time.")] = 256,
    rounds: Annotated[int, typer.Option(min=1, help="How often to embed them.")] = 3,
    plot: PlotOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Time embedding in each precision, against sentence-transformers and the processor's matrix rate.

    With --data also nDCG@10 on SciFact, by vectors alone, which takes some ten minutes.
    """
    from eval.bench import embed as bench
    from eval.bench.texts import passages_of
    from eval.public import load_scifact
    from index.embedding.model_files import open_model
    from rag.settings import load_settings

    settings = load_settings()
    judged = load_scifact(data) if data is not None else None
    files = open_model(settings.model) if settings.model else open_model()
    named = judged.documents if judged is not None else _copies(documents, 8)
    texts = bench.sample(passages_of(named, files, settings), passages)
    _print_figures(bench.run(texts, rounds, settings, judged), as_json=as_json, plot=plot)


@bench_app.command("ingest")
def ingest(
    documents: DocumentsOption = None,
    copies: Annotated[int, typer.Option(min=1, help="How often to ingest each.")] = 8,
    data: DataOption = None,
    files: Annotated[
        Path | None,
        typer.Option(
            help="Folder with files of any format: also how fast each format is parsed.", exists=True
        ),
    ] = None,
    plot: PlotOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Time an ingest and its steps, and the share of it that the model takes."""
    from eval.bench import ingest as bench
    from eval.bench.parsing import by_format
    from eval.public import load_scifact
    from rag.models import embedder_of
    from rag.settings import load_settings

    settings = load_settings()
    if files is not None:
        paths = sorted(path for path in files.rglob("*") if path.is_file())
        figures = bench.run_over([files], settings, embedder_of(settings)) | by_format(paths, settings)
        _print_figures(figures, as_json=as_json, plot=plot)
        return
    if data is not None:
        named = {f"{key}.txt": text for key, text in load_scifact(data).documents.items()}
    else:
        named = _copies(documents, copies)
    _print_figures(bench.run(named, settings, embedder_of(settings)), as_json=as_json, plot=plot)


@bench_app.command("coldstart")
def coldstart(
    eval_set: SetOption = _SEEDS_SET,
    rounds: Annotated[int, typer.Option(min=1, help="How many processes of each kind.")] = 5,
    plot: PlotOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Time a question from a shell, as a whole process, against loading the model with torch."""
    from eval.bench import coldstart as bench
    from eval.cases import load_eval_set

    with home_apart() as settings:
        figures = bench.run(load_eval_set(eval_set), rounds, settings)
    _print_figures(figures, as_json=as_json, plot=plot)


@bench_app.command("ask")
def ask(
    eval_set: SetOption = _SEEDS_SET,
    rounds: Annotated[int, typer.Option(min=1, help="How often to ask them all.")] = 3,
    passages: Annotated[
        int, typer.Option(min=0, help="Make the collection this large first, of its own sentences.")
    ] = 0,
    plot: PlotOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Time each step of an answer, and the share of it that the model takes."""
    from eval.bench import ask as bench
    from eval.cases import load_eval_set
    from rag.models import embedder_of

    with home_apart() as settings:
        figures = bench.run(load_eval_set(eval_set), rounds, settings, embedder_of(settings), passages)
    _print_figures(figures, as_json=as_json, plot=plot)


@bench_app.command("search")
def search(
    documents: DocumentsOption = None,
    sizes: Annotated[
        str, typer.Option(help="Numbers of passages to measure at, such as 10k,100k,1M.")
    ] = "10k,100k",
    plot: PlotOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Time the search for the nearest passages as they grow in number, against NumPy over all of them.

    A million takes some minutes, and 5 GB of memory and of the temporary folder.
    """
    from eval.bench import search as bench
    from rag.models import embedder_of
    from rag.settings import load_settings

    wanted = bench.sizes_of(sizes)
    figures = bench.run(_paths(documents), wanted, embedder_of(load_settings()))
    _print_figures(figures, as_json=as_json, plot=plot)


@bench_app.command("load")
def load(
    eval_set: SetOption = _SEEDS_SET,
    seconds: Annotated[float, typer.Option(min=0.2, max=600, help="How long each phase takes.")] = 6.0,
    deadline: Annotated[
        float, typer.Option(min=0.05, max=60, help="Within how many seconds an answer counts.")
    ] = 2.0,
    seed: Annotated[int, typer.Option(help="Of the times at which requests arrive.")] = 1,
    plot: PlotOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Load the real service: one client, 32 clients, and requests at 0.5 to 4 times what it can answer.

    It is started for this, over a home of its own; at the default some 70 seconds altogether.
    """
    from eval.bench import load as bench
    from eval.cases import load_eval_set

    plan = bench.Plan(seconds=seconds, deadline=deadline, seed=seed)
    with home_apart() as settings:
        figures = bench.run(load_eval_set(eval_set), plan, settings)
    _print_figures(figures, as_json=as_json, plot=plot)


@bench_app.command("report")
def report(
    figures: Annotated[Path, typer.Argument(metavar="FOLDER", help="With NAME.json of each benchmark.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the page here.", show_default="print it")
    ] = None,
) -> None:
    """Make a page of what benchmarks printed with --json, with the bars that they are held to."""
    from eval.bench.performance import document

    page = document(figures)
    if output is None:
        typer.echo(page, nl=False)
    else:
        output.write_text(page, encoding="utf-8")


def _paths(documents: list[Path] | None) -> list[Path]:
    from eval.cases import load_eval_set

    folders = load_eval_set(_SEEDS_SET).documents
    return documents or [path for folder in folders for path in sorted(folder.iterdir())]


def _copies(documents: list[Path] | None, copies: int) -> dict[str, str]:
    from eval.bench.ingest import copied

    return copied(_paths(documents), copies)


def _print_figures(figures: dict[str, Any], *, as_json: bool, plot: Path | None = None) -> None:
    if plot is not None:
        from eval.bench.plot import draw

        draw(figures, plot.stem, plot)
    if as_json:
        print_json(figures)
        return
    from eval.bench.performance import flat

    table = Table("figure", "value")
    for name, value in flat(figures):
        table.add_row(name, str(value))
    console().print(table)
