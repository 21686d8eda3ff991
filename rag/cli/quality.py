"""`quotebound eval quality`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.evaluating import opened_public
from rag.cli.measuring import application_for, tell
from rag.cli.output import progress_bar

if TYPE_CHECKING:
    from eval.cases import EvalSet
    from eval.public_sets.types import PublicSet
    from eval.quality.measuring import MadeWith, SetQuality
    from rag.wiring import Application


def quality(
    data: Annotated[
        Path | None, typer.Option(help="Folder with the public data: the sets in it are measured anew.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Measure this set alone, such as `qed`; may be repeated.", show_default="all"),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            help="Keep what a set came to here: a run that was interrupted goes on from there.",
            show_default="nothing is kept",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Ask so many questions at once.")] = 2,
) -> None:
    """Print the page docs/quality.md; with --data measure it anew first, in half an hour on two cores.

    Measured are the demo corpus and the public sets that are in the folder, each beside BM25 alone, dense
    alone and the nearest sentence; the figures go to eval/quality/quality.json, from which the page is.
    """
    from eval.provenance import commit
    from eval.quality.measuring import RECORD_FILE, read_quality, with_sets, write_quality
    from eval.quality.page import page
    from index.errors import SourceNotFound
    from rag.ranking import COEFFICIENTS_FILE as RANKING_FILE
    from rag.reading import trained

    if data is not None:
        for name in only or _measured_sets():
            try:
                made, found = _measured(name, data, work, workers)
            except SourceNotFound as error:
                if only:
                    raise
                tell(f"left out: {error}")
                continue
            before = read_quality() if RECORD_FILE.is_file() else None
            write_quality(with_sets(before, made, commit(), [found]))
            if work is not None:
                _journal(work, name).unlink(missing_ok=True)
    elif only:
        raise typer.BadParameter("--only goes with --data")
    reader, ranking = (
        json.loads(file.read_text(encoding="utf-8")) for file in (trained.COEFFICIENTS_FILE, RANKING_FILE)
    )
    typer.echo(page(read_quality(), reader, ranking), nl=False)


def _measured_sets() -> list[str]:
    from eval.public_sets.catalogue import MEASURED
    from eval.quality.measuring import SEEDS

    return [SEEDS, *MEASURED]


def _measured(name: str, data: Path, work: Path | None, workers: int) -> tuple[MadeWith, SetQuality]:
    """Run a set and return what was measured, with what."""
    from eval.quality.measuring import made_with, quality_of
    from eval.runner import run

    with _opened(name, data) as (eval_set, application, public), progress_bar() as bar:
        task = bar.add_task(f"Asking {name}", total=len(eval_set.cases))
        journal = _journal(work, name) if work is not None else None
        result = run(
            eval_set,
            application,
            tell=lambda _: bar.advance(task),
            journal=journal,
            public=public,
            workers=workers,
        )
        return made_with(application), quality_of(result, eval_set, application, tell)


def _journal(work: Path, name: str) -> Path:
    return work / f"{name}.journal"


@contextmanager
def _opened(name: str, data: Path) -> Iterator[tuple[EvalSet, Application, PublicSet | None]]:
    from eval.cases import load_eval_set
    from eval.quality.measuring import SEEDS

    if name == SEEDS:
        path = Path(__file__).parents[2] / "eval" / "sets" / "seeds.jsonl"
        loaded = load_eval_set(path)
        with application_for(loaded.name, loaded.documents, None) as application:
            yield loaded, application, None
        return
    with opened_public(name, data) as opened:
        yield opened
