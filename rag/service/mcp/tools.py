"""The four tools: what each is for, what it takes and gives, and how it is done with what can be asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from index.catalog import Catalog
from index.types import Page, Span
from rag.service.mcp import text
from rag.service.mcp.shapes import (
    MOST_CHARACTERS,
    AskArguments,
    ListArguments,
    ListedOut,
    OpenArguments,
    OpenedOut,
    SearchArguments,
)
from rag.service.wire import AskResponse, DocumentOut, SearchResponse
from rag.types import Answer, SearchResult

Shaped = TypeVar("Shaped")
Found = TypeVar("Found")
Taken = TypeVar("Taken", bound=BaseModel)


class Asker(Protocol):
    """What the tools need of the service; a `Backend` is one, started or not.

    `shape` and `read` are called in a thread, never in the event loop. Raises what the assistant and the
    store raise, and `Overloaded`. A call that is cancelled lets go of its place in the queue.
    """

    async def ask_for(
        self,
        shape: Callable[[Answer], Shaped],
        question: str,
        collection: str,
        top_k: int,
        documents: Sequence[str],
    ) -> Shaped:
        """Return what `shape` makes of the answer to a question; of some documents where any are named."""
        ...

    async def search_for(
        self,
        shape: Callable[[SearchResult], Shaped],
        query: str,
        collection: str,
        top_k: int,
        documents: Sequence[str],
    ) -> Shaped:
        """Return what `shape` makes of the passages nearest to a query; of documents as in `ask_for`."""
        ...

    async def read_for(self, read: Callable[[Catalog], Found], collection: str) -> Found:
        """Return what `read` makes of a collection's catalog."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """What a tool gives: values of JSON in the shape it promises, and the same as text, in parts."""

    structured: dict[str, Any]
    parts: tuple[str, ...]

    @classmethod
    def of(cls, shape: BaseModel, *parts: str) -> Told:
        """Return a shape and its text; call it where it may take milliseconds."""
        return cls(shape.model_dump(mode="json"), parts)


@dataclass(frozen=True, slots=True)
class Tool(Generic[Taken]):
    """A tool by name: the arguments that it takes, the shape that it gives, and what it does."""

    name: str
    title: str
    description: str
    takes: type[Taken]
    gives: type[BaseModel]
    run: Callable[[Asker, Taken], Awaitable[Told]]


async def _ask(asker: Asker, asked: AskArguments) -> Told:
    def told(answer: Answer) -> Told:
        return Told.of(AskResponse.of(answer), text.answered(answer))

    return await asker.ask_for(told, asked.question, asked.collection, asked.top_k, asked.documents)


async def _search(asker: Asker, asked: SearchArguments) -> Told:
    def told(result: SearchResult) -> Told:
        return Told.of(SearchResponse.of(result), text.found(result))

    return await asker.search_for(told, asked.query, asked.collection, asked.top_k, asked.documents)


async def _open(asker: Asker, asked: OpenArguments) -> Told:
    def told(catalog: Catalog) -> Told:
        info = catalog.document(asked.document_id)
        span, around = _spans(asked, info.characters)
        stored = catalog.text(info.id, around.start, around.end)
        pages = [page for page in catalog.pages(info.id) if _overlaps(page, around)]
        opened = OpenedOut.of(info, pages, span, around, stored)
        return Told.of(opened, text.opened(opened), stored)

    return await asker.read_for(told, asked.collection)


async def _list(asker: Asker, asked: ListArguments) -> Told:
    def told(catalog: Catalog) -> Told:
        sought = (asked.contains or "").casefold()
        documents = [
            info
            for info in catalog.documents()
            if sought in info.title.casefold() or sought in info.source.casefold()
        ]
        end = asked.offset + asked.limit
        listed = ListedOut(
            documents=[DocumentOut.of(info) for info in documents[asked.offset : end]],
            total=len(documents),
            next_offset=end if end < len(documents) else None,
        )
        return Told.of(listed, text.listed(listed))

    return await asker.read_for(told, asked.collection)


def _spans(asked: OpenArguments, characters: int) -> tuple[Span, Span]:
    """Return what was asked for and what is returned, the first within the second, both bounded."""
    if asked.start >= characters:
        _refuse("start", f"no place in the text, which has {characters} characters, counted from 0")
    end = characters if asked.end is None else asked.end
    if not asked.start < end <= characters:
        _refuse("end", f"no span: it has to be after start, and at most {characters}, where the text ends")
    end = min(end, asked.start + MOST_CHARACTERS)
    context = min(asked.context, (MOST_CHARACTERS - (end - asked.start)) // 2)
    around = Span(max(0, asked.start - context), min(characters, end + context))
    return Span(asked.start, end), around


def _overlaps(page: Page, span: Span) -> bool:
    return page.start < span.end and span.start < page.end


def _refuse(argument: str, fault: str) -> None:
    raise RequestValidationError([{"loc": (argument,), "msg": fault}])


_OFFSETS = "Offsets are code points of the document's stored text, `end` not included."

TOOLS: tuple[Tool[Any], ...] = (
    Tool(
        name="ask",
        title="Ask the documents",
        description=(
            "Answer a question from the user's own documents. The answer is made of sentences with markers "
            "[n]; under each marker is a quote that was compared, letter for letter, with the stored text: "
            "`quote` is `text[start:end]` of the document `document_id`. If the documents do not answer, "
            "`status` is `abstained`: then there are no quotes, `hits` are only the nearest passages, and no "
            "answer should be given in the documents' name. Call this first for anything the documents may "
            "say, and repeat quotes as they are. Use `search` to read around a topic, and `open_document` to "
            f"see what stands around a quote. {_OFFSETS}"
        ),
        takes=AskArguments,
        gives=AskResponse,
        run=_ask,
    ),
    Tool(
        name="search",
        title="Search the documents",
        description=(
            "Return the passages of the user's documents that are nearest to a query, best first, verbatim. "
            "A passage that is near need not answer anything: `ask` decides whether the documents answer. "
            "Call this for an overview, to compare passages, or where `ask` abstained. "
            f"{_OFFSETS}"
        ),
        takes=SearchArguments,
        gives=SearchResponse,
        run=_search,
    ),
    Tool(
        name="open_document",
        title="Open a document",
        description=(
            "Return a span of a document's stored text, letter for letter, with the text around it, the "
            "pages it is on, and how long the document is. Call this with the `document_id`, `start` and "
            "`end` of a quote or passage to see its context, or without `end` to read on from `start`: at "
            f"most {MOST_CHARACTERS:,} characters a call, and `next_start` says where it goes on. {_OFFSETS}"
        ),
        takes=OpenArguments,
        gives=OpenedOut,
        run=_open,
    ),
    Tool(
        name="list_documents",
        title="List the documents",
        description=(
            "List the documents of a collection by source, with their ids, titles and lengths; `contains` "
            "narrows it to those with some words in title or source. Call this to learn what there is; to "
            "find something said in the documents, call `ask` or `search`, which take ids as `documents` to "
            "look in these alone."
        ),
        takes=ListArguments,
        gives=ListedOut,
        run=_list,
    ),
)
