"""`quotebound eval run` and `eval gate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from index.types import DEFAULT_COLLECTION
from rag.cli.measuring import application_apart, application_for, tell
from rag.cli.output import ExitCode, JsonFlag, console, plain, print_json, progress_bar

if TYPE_CHECKING:
    from eval.cases import EvalSet
    from eval.public_sets.types import PublicSet
    from rag.wiring import Application

GatesOption = Annotated[Path | None, typer.Option(help="Thresholds to hold.", show_default="eval/gates.toml")]


def run(  # noqa: PLR0913, PLR0917 - an option each
    eval_set: Annotated[
        str,
        typer.Argument(
            metavar="SET",
            help="A file of cases, JSON Lines; a set that is kept in the home; with --data a public set.",
        ),
    ],
    collection: Annotated[
        str | None,
        typer.Option("--collection", "-c", help="Ask this collection, not the documents of the set."),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder with the public data.")] = None,
    gates: GatesOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the result here; an interrupted run goes on from there."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Ask so many of the cases, the same each time.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Ask one of N parts of the cases, such as 2/4.")
    ] = None,
    workers: Annotated[
        int,
        typer.Option(min=1, max=64, help="Ask so many questions at once: quicker, but latencies are worse."),
    ] = 1,
    allow_stale: Annotated[
        bool,
        typer.Option("--allow-stale", help="Leave cases out whose evidence does not stand as it did."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Ask the accepted questions of a set and measure retrieval, answers, evidence, abstention and quotes.

    The documents are those that the set's manifest names, read into a home that is made for the run,
    unless a collection is given; then the result is kept in the home, too. Exit code 1 where a figure is
    on the wrong side of its gate, 2 where evidence is stale. A shard is not held to gates: `quotebound
    eval gate` puts the results of all shards together.
    """
    from eval.anchoring import Anchoring, without_stale
    from eval.gates import GATES_FILE, failures, gated, require
    from eval.kept import Evaluations
    from eval.report.tables import as_tables
    from eval.results import as_json as told_of
    from eval.results import require_writable, write_result
    from eval.runner import run as run_set
    from rag.settings import load_settings

    gates = gates or GATES_FILE
    if output is not None:
        require_writable(output)
    journal = output.with_name(f"{output.name}.journal") if output is not None else None
    with _opened(eval_set, data, collection) as (loaded, application, public):
        require(gates, loaded.name)
        fresh = loaded
        if allow_stale:
            catalog = application.home.collection(collection or DEFAULT_COLLECTION).catalog
            fresh = without_stale(loaded, Anchoring(catalog))
        if fresh.left_out:
            told = ", ".join(f"{count} {why}" for why, count in sorted(fresh.left_out.items()))
            tell(f"cases left out: {told}")
        asked = _chosen(fresh, sample, shard)
        with progress_bar(hidden=as_json) as bar:
            task = bar.add_task(f"Asking {asked.name}", total=len(asked.cases))
            result = run_set(
                asked,
                application,
                collection or DEFAULT_COLLECTION,
                tell=lambda _: bar.advance(task),
                journal=journal,
                public=public,
                workers=workers,
            )
    held = shard is None and gated(gates, result.name)
    missed = failures(result, gates) if held else None
    found = told_of(result, [str(failure) for failure in missed or ()])
    if output is not None and journal is not None:
        write_result(output, found)
        journal.unlink(missing_ok=True)
    if collection is not None:
        Evaluations(load_settings().home).keep(result, found)
    if as_json:
        print_json(found)
    else:
        console().print(as_tables(result, missed))
    if missed:
        raise typer.Exit(ExitCode.FINDINGS)


def gate(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULT…", help="What `eval run --output` wrote; all shards of it."),
    ],
    gates: GatesOption = None,
    store: Annotated[
        Path | None,
        typer.Option(help="Write the figures here as the baseline that later runs are held to."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the result of all shards together here.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Hold the result of a run to its gates: exit code 1 where a figure is on the wrong side of one.

    With several results, which have to be shards of one run, all of them together. With --store nothing
    is gated: what is stored is what comes after it.
    """
    from eval.gates import GATES_FILE, failures, gated, store_baseline
    from eval.merging import merged
    from eval.report.tables import as_tables
    from eval.results import as_json as told_of
    from eval.results import read_result, write_result

    result = merged([read_result(path) for path in results])
    gates = gates or GATES_FILE
    missed = failures(result, gates) if store is None and gated(gates, result.name) else None
    found = told_of(result, [str(failure) for failure in missed or ()])
    if output is not None:
        write_result(output, found)
    if store is not None:
        store_baseline(store, result)
        tell(f"{store} has the figures of {len(result.outcomes)} cases of {result.name}")
    elif as_json:
        print_json(found)
    else:
        console().print(as_tables(result, missed))
    if missed:
        raise typer.Exit(ExitCode.FINDINGS)


def public_sets() -> None:
    """List the public question sets that can be run, and where each comes from."""
    from eval.public_sets.catalogue import SETS

    for name, public in SETS.items():
        console().print(plain(f"{name}: {public.title}", "bold"), soft_wrap=True)
        console().print(plain(f"  {public.source}"), soft_wrap=True)


def _chosen(loaded: EvalSet, sample: int | None, shard: str | None) -> EvalSet:
    from eval.choosing import Shard, sampled, sharded

    if sample is not None:
        loaded = sampled(loaded, sample)
    return sharded(loaded, Shard.parsed(shard)) if shard is not None else loaded


@contextmanager
def _opened(
    eval_set: str, data: Path | None, collection: str | None
) -> Iterator[tuple[EvalSet, Application, PublicSet | None]]:
    """Yield a set with what answers its questions, and which public set it is if it is one."""
    from eval.cases import load_eval_set
    from eval.kept import Evaluations
    from rag.settings import load_settings

    if data is None:
        path, kept = Path(eval_set), Evaluations(load_settings().home)
        if not path.is_file() and (path.suffix != ".jsonl" or eval_set in kept.sets()):
            path = kept.path_of(eval_set)
        loaded = load_eval_set(path)
        with application_for(loaded.name, loaded.documents, collection) as application:
            yield loaded, application, None
        return
    if collection is not None:
        raise typer.BadParameter("--data asks the documents of a public set, --collection others: give one")
    with opened_public(eval_set, data) as opened:
        yield opened


@contextmanager
def opened_public(name: str, data: Path) -> Iterator[tuple[EvalSet, Application, PublicSet]]:
    """Yield a public set, what answers its questions in a home made for them, and what it is."""
    from eval.public_sets.catalogue import named
    from eval.public_sets.collection import as_eval_set, ingest
    from index.running import JobRunner

    public = named(name)
    questions = public.load(data)
    with application_apart() as application:
        for oddity, count in sorted(questions.odd.items()):
            tell(f"{name}: {count} times {oddity}")
        tell(f"reading {len(questions.documents)} documents of {public.title}")
        ingest(questions.documents, JobRunner.over(application.ingestor()))
        yield as_eval_set(public, questions), application, public
