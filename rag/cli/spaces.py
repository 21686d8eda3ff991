"""`quotebound reindex` and `quotebound collections`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from index.types import DEFAULT_COLLECTION
from rag.cli.output import CollectionOption, JsonFlag, console, plain, print_json, progress_bar

if TYPE_CHECKING:
    from index.reindex import Reindexed
    from index.store import Store
    from rag.wiring import Application

collections_app = typer.Typer(help="List, make and remove collections.", no_args_is_help=True)


class _Bar:
    """Shows a reindex as it goes on: documents done of those due."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("Embedding documents", total=None)
        self._done = 0

    def due(self, documents: int) -> None:
        self._progress.update(self._task, total=self._done + documents)

    def done(self, documents: int, passages: int) -> None:  # noqa: ARG002 - part of the protocol
        self._done += documents
        self._progress.advance(self._task, documents)


def reindex(
    model: Annotated[
        str | None,
        typer.Option(
            help="The model to go over to: packaged name, folder, or name on the hub.",
            show_default="QUOTEBOUND_MODEL, else the collection's own",
        ),
    ] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Go back to the embedding space that served before.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove the spaces that do not serve; there is no way back then.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Embed a collection anew, with another model or passages of another length, and then go over to it.

    What was there serves until all is done. Broken off, it goes on where it was when run again.
    """
    from rag.settings import load_settings
    from rag.wiring import Application

    # By name on the command line, whatever the environment says: or there would be no way over.
    settings = load_settings()
    asked = settings.model_copy(update={"model": None, "chunk_tokens": None})
    with Application(asked, writable=True) as application:
        if prune and not (model or rollback):
            _tell_pruned(_pruned(application.home.collection(collection)), as_json=as_json)
            return
        request = application.reindex_request(
            collection,
            None if rollback else model or settings.model,
            settings.chunk_tokens,
            rollback=rollback,
        )
        found = _run(application, collection, request, as_json=as_json)
        pruned = _pruned(application.home.collection(collection)) if prune else None
    if as_json:
        print_json(
            {
                "model": found.space.name,
                "space": found.space.id,
                "documents_embedded": found.documents,
                "passages_embedded": found.passages,
                "passages_pruned": pruned,
            }
        )
        return
    console().print(
        plain(
            f"{collection} is served by {found.space.name}; "
            f"{found.documents} documents, {found.passages} passages made for it"
        ),
        soft_wrap=True,
    )
    if pruned is not None:
        _tell_pruned(pruned, as_json=False)


def _run(
    application: Application, collection: str, request: dict[str, object], *, as_json: bool
) -> Reindexed:
    from index.running import add_reindex

    jobs = application.home.collection(collection).catalog.jobs
    done: list[Reindexed] = []
    with progress_bar(hidden=as_json) as progress:
        bar = _Bar(progress)

        def reindex(asked: Mapping[str, object], _: object) -> None:
            done.append(application.reindex(collection, asked, bar))

        try:
            runner = application.runner(collection, reindex)
            report = runner.run(add_reindex(jobs, request))
        except KeyboardInterrupt:
            console(error=True).print("Interrupted. What is done is kept: run the same command to finish.")
            raise
    if report.error is not None:
        raise report.error
    return done[0]


def _pruned(store: Store) -> int:
    spaces = [stored for stored in store.catalog.spaces.all() if not stored.active]
    return sum(store.drop_space(stored.space.id) for stored in spaces)


def _tell_pruned(passages: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"passages_pruned": passages})
    else:
        console().print(plain(f"removed {passages} passages of spaces that do not serve"))


@collections_app.command("list")
def list_collections(as_json: JsonFlag = False) -> None:
    """List the collections of the home."""
    from index.home import described
    from rag.settings import load_settings

    found = described(load_settings().home)
    if as_json:
        print_json({"collections": [asdict(entry) for entry in found]})
        return
    table = Table("collection", "documents", "model")
    for entry in found:
        table.add_row(plain(entry.name), f"{entry.documents}", plain(entry.model or ""))
    console().print(table)


@collections_app.command("create")
def create(name: Annotated[str, typer.Argument(help="Its name.")]) -> None:
    """Make a collection; `ingest --collection NAME` makes one, too."""
    from rag.settings import load_settings
    from rag.wiring import Application

    with Application(load_settings(), writable=True) as application:
        application.home.create(name)
    console().print(plain(f"made {name}"))


@collections_app.command("delete")
def delete(
    name: Annotated[str, typer.Argument(help="Its name.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Remove a collection with all its documents."""
    from rag.settings import load_settings
    from rag.wiring import Application

    with Application(load_settings(), writable=True) as application:
        application.home.require(name)
        if not yes:
            typer.confirm(f"Remove {name} with all its documents?", abort=True)
        application.home.delete(name)
    console().print(plain(f"removed {name}"))
