"""`quotebound eval report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.output import console, plain

if TYPE_CHECKING:
    from eval.kept import Evaluations
    from eval.results import Result

PREVIOUS = "previous"


def report(
    result: Annotated[
        str | None,
        typer.Argument(
            metavar="[RESULT]",
            help="A file that `eval run` wrote, or the id of a run that is kept.",
            show_default="the last run that is kept",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="RESULT",
            help=f"Compare it with this one; `{PREVIOUS}` is the last kept of the set before.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the page here.", show_default="NAME OF THE RESULT.html"),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(help="Write it as a comment for a pull request, too; - prints it."),
    ] = None,
    gates: Annotated[
        Path | None, typer.Option(help="Thresholds to tell of.", show_default="eval/gates.toml")
    ] = None,
) -> None:
    """Make a page of what a run found: its figures, each case with its quotes, and what another run had.

    The page is one file that asks nobody for anything. Missed gates are told of; the exit code is 0.
    """
    from eval.gates import GATES_FILE, failures, gated
    from eval.kept import Evaluations
    from eval.report.markdown import markdown as as_markdown
    from eval.report.page import page
    from rag.settings import load_settings

    evaluations = Evaluations(load_settings().home)
    name, measured = _named(result, evaluations)
    other = None if against is None else _other(against, name, measured, evaluations)
    gates = gates or GATES_FILE
    missed = failures(measured, gates) if gated(gates, measured.name) else None
    written = output or Path(f"{name}.html")
    _write(written, page(measured, other, missed))
    if markdown is not None:
        comment = as_markdown(measured, other, missed)
        if str(markdown) == "-":
            typer.echo(comment, nl=False)
        else:
            _write(markdown, comment)
    # What is printed for a pull request is all that is on standard output.
    console(error=str(markdown) == "-").print(plain(f"the report is {written}"), soft_wrap=True)


def _named(result: str | None, evaluations: Evaluations) -> tuple[str, Result]:
    """Return what a result is called and the result; raise `SourceNotFound` where there is none."""
    from eval.results import read_result
    from index.errors import SourceNotFound

    if result is None:
        runs = evaluations.runs()
        if not runs:
            raise SourceNotFound("no run is kept yet: `quotebound eval run SET` makes one")
        return runs[0].id, evaluations.result(runs[0].id)
    path = Path(result)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return path.stem, read_result(path)
    return result, evaluations.result(result)


def _other(against: str, name: str, measured: Result, evaluations: Evaluations) -> Result:
    """Return the result to compare one with; raise `SourceNotFound` where there is none."""
    from index.errors import SourceNotFound

    if against != PREVIOUS:
        return _named(against, evaluations)[1]
    runs = [run.id for run in evaluations.runs() if run.set == measured.name]
    # Of a file all that is kept comes before.
    earlier = runs[runs.index(name) + 1 :] if name in runs else runs
    if not earlier:
        raise SourceNotFound(f"no run of {measured.name!r} is kept from before: name one with --against")
    return evaluations.result(earlier[0])


def _write(path: Path, text: str) -> None:
    from eval.results import InvalidResult
    from index.disk import write_whole

    try:
        write_whole(path.resolve(), [text.encode()])
    except OSError as error:
        raise InvalidResult(f"{str(path)!r} cannot be written: {error.strerror}") from error
