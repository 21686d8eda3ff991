"""The library: collections and their documents, added, chosen, deleted and put back."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from index.catalog import Catalog
from index.errors import CollectionNotFound, InvalidName, NotFound, QuoteboundError
from index.jobs import Job
from index.types import DEFAULT_COLLECTION, DocumentInfo
from rag.service.backend import Backend
from rag.service.desk import Moment
from rag.service.removed import Receipt
from rag.service.worker import Standing
from ui.gate import visitor_of
from ui.regions import chosen, region
from ui.rendering import library, tasks
from ui.rendering.library import Drawing, Outcome, Shelf
from ui.rendering.parts import notice
from ui.rendering.tasks import TASKS_SHOWN, Task


class Library:
    """Shows what is kept, and does what is chosen there.

    What a visitor deleted is listed until the page is left; whoever is told of it is the session of that
    page in that browser.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._receipts: dict[str, list[Receipt]] = {}
        self._run = secrets.token_hex(8)
        self._drawn = itertools.count()

    def build(self, page: gr.Blocks, events: dict[str, Any]) -> None:
        """Make the regions of the library and wire their events."""
        settings = self._backend.application.settings
        shelf = region("documents", template=library.frame(settings.max_bytes))
        shelf.select(self.choose, None, shelf, **events)
        jobs = region("jobs", template=tasks.FRAME)
        jobs.select(self.jobs, None, jobs, **events)
        page.unload(self.leave)

    async def choose(self, event: gr.EventData, request: gr.Request) -> str:
        """Do what was chosen, and return the patch that shows the library as it is then."""
        data, context = chosen(event, request)
        owner = _owner(request)
        collection, outcome = context.collection, None
        try:
            match data.get("action"):
                case "remove":
                    receipt = await self._backend.remove(data.get("document", ""), collection, owner)
                    self._receipts.setdefault(owner, []).append(receipt)
                    outcome = Outcome()
                case "undo":
                    outcome = await self._restored(owner, data.get("receipt", ""))
                case "create":
                    collection, outcome = await self._made(data.get("name", "").strip(), collection)
                case "delete-collection":
                    outcome = await self._deleted(data.get("collection", ""))
        except QuoteboundError as error:
            outcome = Outcome(notice(str(error), error=True))
        drawing = Drawing(data.get("token", ""), self._run, next(self._drawn))
        try:
            shown = await self._shelf(context.collection, collection, owner)
            if shown.collection != collection and outcome is None:
                gone = f"There is no collection {collection} any more."
                outcome = Outcome(notice(gone, error=True))
            return await self._backend.told(library.shelf, shown, outcome, drawing)
        except QuoteboundError as error:
            return library.trouble(str(error), context.collection, drawing)

    async def jobs(self, event: gr.EventData, request: gr.Request) -> str:
        """Return the last jobs of the collection."""
        name = chosen(event, request)[1].collection

        def read(catalog: Catalog) -> list[Task]:
            found = catalog.jobs.all()[:TASKS_SHOWN]
            return [Task(job, catalog.jobs.files(job.id)) for job in found]

        try:
            found = await self._backend.read_for(read, name)
            shown = [replace(task, standing=await self._standing(task.job, name)) for task in found]
            return await self._backend.told(tasks.tasks, shown)
        except QuoteboundError as error:
            return notice(str(error), error=True)

    async def leave(self, request: gr.Request) -> None:
        """Let go of what a visitor deleted, who left the page."""
        owner = _owner(request)
        self._receipts.pop(owner, None)
        await self._backend.forget(owner)

    async def _restored(self, owner: str, receipt_id: str) -> Outcome:
        """Put a document back; what cannot be put back any more is no longer offered."""
        try:
            info = await self._backend.restore(owner, receipt_id)
        except NotFound:
            self._forget(owner, receipt_id)
            raise
        self._forget(owner, receipt_id)
        return Outcome(notice(f"{info.title} is back.", error=False))

    def _forget(self, owner: str, receipt_id: str) -> None:
        kept = [receipt for receipt in self._receipts.get(owner, []) if receipt.id != receipt_id]
        self._receipts[owner] = kept

    async def _made(self, name: str, before: str) -> tuple[str, Outcome]:
        """Make a collection; return the one to show, and what is wrong with the name."""
        try:
            return (await self._backend.create_collection(name)).name, Outcome()
        except QuoteboundError as error:
            return before, Outcome(fault=str(error))

    async def _deleted(self, name: str) -> Outcome:
        await self._backend.delete_collection(name)
        for owner, receipts in self._receipts.items():
            self._receipts[owner] = [receipt for receipt in receipts if receipt.collection != name]
        done = "is empty" if name == DEFAULT_COLLECTION else "is deleted"
        return Outcome(notice(f"The collection {name} {done}.", error=False))

    async def _shelf(self, asked: str, collection: str, owner: str) -> Shelf:
        """Return what is to be shown: of the default collection, where the other one is gone."""

        def read(catalog: Catalog) -> tuple[Sequence[DocumentInfo], Sequence[Job]]:
            return catalog.documents(), catalog.jobs.all()

        try:
            documents, jobs = await self._backend.read_for(read, collection)
        except (CollectionNotFound, InvalidName):
            collection = DEFAULT_COLLECTION
            documents, jobs = await self._backend.read_for(read, collection)
        collections = await self._backend.collections()
        receipts = tuple(self._receipts.get(owner, ()))
        return Shelf(asked, collection, collections, documents, jobs, receipts)

    async def _standing(self, job: Job, collection: str) -> Standing | None:
        """Return how far a job is that runs now, None of any other."""
        if job.state.ended:
            return None
        async with aclosing(self._backend.desk.follow(job.id, collection)) as news:
            async for told in news:
                return told.standing if isinstance(told, Moment) else None
        return None


def _owner(request: gr.Request) -> str:
    """Return what tells an open page from all others: its browser's cookie with its session."""
    session = request.session_hash or secrets.token_hex(16)
    return f"{visitor_of(request.cookies) or ''}/{session}"
