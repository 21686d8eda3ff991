"""`quotebound eval`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from index.types import DEFAULT_COLLECTION
from rag.cli.output import ExitCode, JsonFlag, console, print_json

if TYPE_CHECKING:
    from eval.cases import EvalSet
    from rag.settings import Settings
    from rag.wiring import Application

eval_app = typer.Typer(help="Measure answers, and fit what is fitted on data.", no_args_is_help=True)


@eval_app.command("run")
def run_eval(
    eval_set: Annotated[Path, typer.Argument(metavar="SET", help="A file of cases, JSON Lines.")],
    collection: Annotated[
        str | None,
        typer.Option("--collection", "-c", help="Ask this collection, not the documents of the set."),
    ] = None,
    gates: Annotated[
        Path | None, typer.Option(help="Thresholds to hold.", show_default="eval/gates.toml")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the JSON to a file too.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask the questions of a set and measure retrieval, answers, evidence, abstention and quotes.

    The documents are those that the set's manifest names, read into a home that is made for the run,
    unless a collection is given. Exit code 1 where a figure is below its gate.
    """
    from eval import report, runner
    from eval.cases import load_eval_set

    loaded = load_eval_set(eval_set)
    with _application(loaded, collection) as application:
        result = runner.run(loaded, application, collection or DEFAULT_COLLECTION)
    missed = report.failures(result, gates or report.GATES_FILE)
    found = report.as_json(result, missed)
    if output is not None:
        output.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if as_json:
        print_json(found)
    else:
        console().print(report.as_tables(result, missed))
    if missed:
        raise typer.Exit(ExitCode.FINDINGS)


@eval_app.command("fit")
def fit(
    data: Annotated[Path, typer.Option(help="Folder with the SQuAD 2.0 data.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write.", show_default="rag/reading/similarity.json"),
    ] = None,
) -> None:
    """Fit the reader's coefficients and threshold on public questions. Takes some ten minutes."""
    from eval.fit import dump, run
    from rag.reading.similarity import COEFFICIENTS_FILE
    from rag.settings import load_settings

    result = run(data, load_settings(), lambda line: console(error=True).print(line, markup=False))
    target = output or COEFFICIENTS_FILE
    target.write_text(dump(result), encoding="utf-8")
    print_json(result["fitted"])


@contextmanager
def _application(eval_set: EvalSet, collection: str | None) -> Iterator[Application]:
    """Open the home, or make one of the set's documents for the time of a run."""
    from eval.cases import InvalidCase
    from index.running import JobRunner
    from index.sync import SyncRequest
    from rag.settings import load_settings
    from rag.wiring import Application

    if collection is not None:
        with Application(load_settings(), writable=False) as application:
            yield application
        return
    if not eval_set.documents:
        raise InvalidCase(
            f"{eval_set.name} has no manifest that names its documents; "
            "ingest them, and name the collection with --collection"
        )
    with home_apart() as settings, Application(settings, writable=True) as application:
        report = JobRunner.over(application.ingestor()).sync(SyncRequest.of(eval_set.documents))
        if not report.complete:
            failed = next((record.reason for record in report.files if record.reason), report.job.message)
            raise InvalidCase(f"{eval_set.name}: its documents could not be read: {failed}")
        yield application


@contextmanager
def home_apart() -> Iterator[Settings]:
    """Yield the settings with a home that is gone afterwards; compiled models stay where they are."""
    from rag.settings import load_settings

    settings = load_settings()
    apart = {"model_cache": settings.compiled_models}
    with tempfile.TemporaryDirectory() as folder:
        yield settings.model_copy(update={"home": Path(folder), **apart})
