"""`quotebound eval`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.output import ExitCode, JsonFlag, console, print_json

if TYPE_CHECKING:
    from rag.reading.network import Network
    from rag.settings import Settings
    from rag.wiring import Application

eval_app = typer.Typer(help="Measure answers, and fit what is fitted on data.", no_args_is_help=True)


def tell(line: str) -> None:
    """Tell how a measurement goes on, on standard error."""
    console(error=True).print(line, markup=False)


@eval_app.command("fit")
def fit(
    data: Annotated[Path, typer.Option(help="Folder with the public data.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write.", show_default="the reader's own"),
    ] = None,
    reader: Annotated[
        str | None, typer.Option(help="Which reader.", show_default="the one that is set")
    ] = None,
    ranking: Annotated[
        bool, typer.Option(help="Fit how passages are ranked before they are read, which readers build on.")
    ] = False,
) -> None:
    """Fit how a reader weighs its signals, and measure it. Takes some ten minutes."""
    from eval.public import file_sha256
    from rag.reading import similarity, trained
    from rag.reading.network import WEIGHTS_FILE, CompiledNetwork
    from rag.settings import OWN_READER, SIMILARITY, load_settings

    settings = load_settings()
    settings = settings.model_copy(update={"reader": reader or settings.reader})

    if ranking:
        from eval import passages
        from eval.fit import dump
        from rag.ranking import COEFFICIENTS_FILE

        result, target = passages.run(data, settings, tell), COEFFICIENTS_FILE
    elif settings.reader == SIMILARITY:
        from eval.fit import dump, run

        result, target = run(data, settings, tell), similarity.COEFFICIENTS_FILE
    else:
        from eval.fit import dump
        from eval.reading.run import run as run_network

        if settings.reader == OWN_READER:
            weights, target = file_sha256(WEIGHTS_FILE), trained.COEFFICIENTS_FILE
            network: Network = CompiledNetwork(weights)
        else:
            from rag.models import hub_reader
            from rag.reading.hub import coefficients_file

            network, stages = hub_reader(settings)
            weights = stages.weights
            target = coefficients_file(settings.home / "readers", settings.reader)
        result = run_network(data, settings, network, weights, tell)
        target.parent.mkdir(parents=True, exist_ok=True)
    (output or target).write_text(dump(result), encoding="utf-8")
    print_json(result["fitted"])


@eval_app.command("formats")
def formats(
    data: Annotated[
        Path | None, typer.Option(help="Folder with the public data: its PDFs are read, too.")
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(help="Keep the files that are made here.", show_default="they are made anew"),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Ask in this form alone, such as `epub`; may be repeated.", show_default="in all"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the page here.", show_default="print it")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure how well each document format is read, as the page docs/formats.md.

    One article is written in ten forms with LibreOffice, one of them scanned for tesseract to read, and
    every question of `eval/sets/seeds.jsonl` is asked of each. Takes some ten minutes on two cores. Exit
    code 1 where a format is below its bar.
    """
    from eval.formats.page import page
    from eval.formats.run import forms_named, missed, run
    from rag.wiring import Application

    forms = forms_named(only or ())
    with (
        tempfile.TemporaryDirectory() as folder,
        home_apart() as settings,
        Application(settings, writable=True) as application,
    ):
        figures = run(application, work or Path(folder), data, tell, forms)
    made = page(figures)
    if output is not None:
        output.write_text(made, encoding="utf-8")
    if as_json:
        print_json(figures)
    elif output is None:
        typer.echo(made, nl=False)
    for line in (below := missed(figures)):
        tell(line)
    if below:
        raise typer.Exit(ExitCode.FINDINGS)


@contextmanager
def application_for(name: str, documents: Sequence[Path], collection: str | None) -> Iterator[Application]:
    """Open the home; without a collection make one, to use once, of the documents of the set `name`."""
    from eval.cases import InvalidCase
    from eval.remembering import RememberingReaders
    from index.running import JobRunner
    from index.sync import SyncRequest
    from rag.settings import load_settings
    from rag.wiring import Application

    if collection is not None:
        settings = load_settings()
        with Application(settings, writable=False, readers=RememberingReaders(settings)) as application:
            yield application
        return
    if not documents:
        raise InvalidCase(
            f"{name} has no manifest that names its documents; "
            "ingest them, and name the collection with --collection"
        )
    with application_apart() as application:
        report = JobRunner.over(application.ingestor()).sync(SyncRequest.of(documents))
        if not report.complete:
            failed = next((record.reason for record in report.files if record.reason), report.job.message)
            raise InvalidCase(f"{name}: its documents could not be read: {failed}")
        yield application


@contextmanager
def application_apart() -> Iterator[Application]:
    """Yield an application over a home that is gone afterwards, which reads the same only once in a row."""
    from eval.remembering import RememberingReaders
    from rag.wiring import Application

    with (
        home_apart() as settings,
        Application(settings, writable=True, readers=RememberingReaders(settings)) as application,
    ):
        yield application


@contextmanager
def home_apart() -> Iterator[Settings]:
    """Yield the settings with a home that is gone afterwards; compiled models stay where they are."""
    from rag.settings import load_settings

    settings = load_settings()
    apart = {"model_cache": settings.compiled_models}
    with tempfile.TemporaryDirectory() as folder:
        yield settings.model_copy(update={"home": Path(folder), **apart})
