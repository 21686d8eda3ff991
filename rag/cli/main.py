"""Runs the command line and turns what it raises into a message and an exit code."""

from __future__ import annotations

import gc
import logging
import sys

import structlog
import typer

from index.errors import HomeLocked, QuoteboundError
from rag.cli import (
    benching,
    casework,
    documents,
    evaluating,
    keeping,
    mcp,
    measuring,
    measuring_writing,
    quality,
    questions,
    reporting,
    reviewing,
    serving,
    spaces,
)
from rag.cli.output import ExitCode, fail

app = typer.Typer(
    name="quotebound",
    help="Ask questions of your own documents; every answer is bound to verbatim quotes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(documents.ingest)
app.command()(questions.ask)
app.command()(questions.search)
app.command()(serving.serve)
app.command()(mcp.mcp)
measuring.eval_app.command()(evaluating.run)
measuring.eval_app.command()(evaluating.gate)
measuring.eval_app.command("public")(evaluating.public_sets)
measuring.eval_app.command()(reporting.report)
measuring.eval_app.command()(quality.quality)
measuring.eval_app.command()(casework.draft)
measuring.eval_app.command()(casework.add)
measuring.eval_app.command()(reviewing.review)
measuring.eval_app.command()(measuring_writing.conversations)
measuring.eval_app.command()(measuring_writing.support)
app.add_typer(measuring.eval_app, name="eval")
app.add_typer(benching.bench_app, name="bench")
app.command()(spaces.reindex)
app.add_typer(spaces.collections_app, name="collections")
app.command()(keeping.doctor)
app.command()(keeping.backup)
app.command()(keeping.restore)


def _log_to_standard_error() -> None:
    """Keep standard output for what a command prints: programs read it."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def run(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    _log_to_standard_error()
    as_json = "--json" in (sys.argv[1:] if arguments is None else arguments)
    try:
        # Typer answers for wrong usage (2) and Ctrl-C (130) itself, and ends by `SystemExit`.
        app(args=arguments, prog_name="quotebound")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else ExitCode.DONE
    except HomeLocked as error:
        fail(error, as_json=as_json)
        return ExitCode.HOME_LOCKED
    except QuoteboundError as error:
        fail(error, as_json=as_json)
        return ExitCode.BAD_INPUT
    return ExitCode.DONE


def main() -> None:
    """Run the command that the process was started with."""
    code = run()
    # The process ends: to look once more through all that is loaded takes 0.3 s.
    gc.freeze()
    sys.exit(code)
