"""`quotebound eval conversations` and `eval support`: follow-ups, and what stands under written sentences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rag.cli.measuring import home_apart, tell
from rag.cli.output import ExitCode, JsonFlag, console, print_json

_DATA = typer.Option(help="Folder with the public data.")


def conversations(data: Annotated[Path, _DATA], as_json: JsonFlag = False) -> None:
    """Measure what follow-up questions find once they were rewritten by rule, beside those written by hand.

    The conversations of `eval/sets/conversations.jsonl` and 500 random questions after others, over the
    demo documents and SQuAD's public articles. Takes some minutes. Exit code 1 where a bar is missed.
    """
    from eval.conversations import as_json as in_json
    from eval.conversations import measured, missed, table
    from rag.wiring import Application

    with home_apart() as settings, Application(settings, writable=True) as application:
        found = measured(application, data, tell)
    if as_json:
        print_json(in_json(found))
    else:
        console().print(table(found))
    for line in (below := missed(found)):
        tell(line)
    if below:
        raise typer.Exit(ExitCode.FINDINGS)


def support(
    data: Annotated[Path, _DATA],
    fit: Annotated[
        bool, typer.Option("--fit", help="Fit the score first, on pairs made by rule of questions.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Measure how well the support score tells what quotes support, on WiCE, beside cosine and words."""
    from eval.support.fitting import fit as fitted_on
    from eval.support.report import as_json as in_json
    from eval.support.report import as_tables
    from eval.support.run import measured
    from rag.models import embedder_of
    from rag.reading.support import COEFFICIENTS_FILE
    from rag.settings import load_settings

    embedder = embedder_of(load_settings())
    coefficients = None
    if fit:
        found = fitted_on(data, embedder, tell)
        coefficients = found.coefficients
        COEFFICIENTS_FILE.write_text(json.dumps(found.stored(), indent=2) + "\n", encoding="utf-8")
    figures = measured(data, embedder, tell, coefficients)
    if as_json:
        print_json(in_json(figures))
    else:
        console().print(as_tables(figures))
