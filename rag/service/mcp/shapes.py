"""What the tools take, and what two of them give; the others give the shapes of the API (`wire`).

All offsets are code points of a document's stored text, half-open.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from index.types import DEFAULT_COLLECTION, DocumentInfo, Page, Span
from rag.service.asking_wire import DocumentIds
from rag.service.wire import CollectionName, DocumentOut, Question, TopK
from rag.types import DEFAULT_TOP_K

MOST_CHARACTERS = 20_000
MOST_DOCUMENTS = 200
_DEFAULT_CONTEXT = 500
_DEFAULT_DOCUMENTS = 50

_Offset = Annotated[int, Field(ge=0, strict=True)]
_DocumentId = Annotated[str, Field(min_length=1, max_length=64)]


_Collection = Annotated[
    CollectionName, Field(description="The collection to look in; the error for an unknown one names them.")
]

_Documents = Annotated[
    DocumentIds,
    Field(description="Ids of the documents to look in alone; without any, in all of the collection."),
]


class _Arguments(BaseModel):
    # A name that was misspelt must not pass for one that was left out.
    model_config = ConfigDict(extra="forbid")


class AskArguments(_Arguments):
    """A question; the `top_k` nearest passages are read for it."""

    question: Question = Field(
        description="One question in full, as a person would ask it, in the language of the documents."
    )
    top_k: TopK = Field(DEFAULT_TOP_K, description="How many passages are read; more takes longer.")
    documents: _Documents
    collection: _Collection = DEFAULT_COLLECTION


class SearchArguments(_Arguments):
    """A query; at most `top_k` passages are returned."""

    query: Question = Field(description="What to look for: a question, or words that the passage would use.")
    top_k: TopK = Field(DEFAULT_TOP_K, description="The greatest number of passages to return.")
    documents: _Documents
    collection: _Collection = DEFAULT_COLLECTION


class OpenArguments(_Arguments):
    """A span of a document, and how much of the text around it is wanted."""

    document_id: _DocumentId = Field(
        description="`document_id` of a quote or passage, or `id` of a document."
    )
    start: _Offset = Field(0, description="Where the span begins, as in a quote; the first code point is 0.")
    end: _Offset | None = Field(
        None, description="Where the span ends, not included; without it, as far as one call may return."
    )
    context: Annotated[int, Field(ge=0, le=MOST_CHARACTERS, strict=True)] = Field(
        _DEFAULT_CONTEXT, description="How many code points of the text before and after the span to return."
    )
    collection: _Collection = DEFAULT_COLLECTION


class ListArguments(_Arguments):
    """Which of the documents to list."""

    contains: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="Only documents that have this in their title or source, in upper or lower case."
    )
    limit: Annotated[int, Field(ge=1, le=MOST_DOCUMENTS, strict=True)] = Field(
        _DEFAULT_DOCUMENTS, description="The greatest number of documents to return."
    )
    offset: _Offset = Field(0, description="How many to leave out first: `next_offset` of the call before.")
    collection: _Collection = DEFAULT_COLLECTION


class OpenedPageOut(BaseModel):
    """A page, slide or sheet and its span of the stored text; `place` is its name in words: `page 3`."""

    number: int
    place: str
    start: int
    end: int


class OpenedOut(BaseModel):
    """A stretch of a document's stored text.

    `text` is code points `text_start` to `text_end` of the document, letter for letter; within it
    `start` to `end` is the span that was asked for, shortened where it is longer than one call
    returns. `pages` are those that the stretch is on, none for formats without pages. `next_start` is
    where the text goes on, null where `text` reaches its end.
    """

    document_id: str
    sha256: str
    title: str
    source: str
    characters: int
    start: int
    end: int
    text_start: int
    text_end: int
    text: str
    pages: list[OpenedPageOut]
    next_start: int | None

    @classmethod
    def of(cls, info: DocumentInfo, pages: list[Page], span: Span, around: Span, text: str) -> OpenedOut:
        """Return the shape of a stretch, `text` at `around`, that holds what was asked for, `span`."""
        return cls(
            document_id=info.id,
            sha256=info.sha256,
            title=info.title,
            source=info.source,
            characters=info.characters,
            start=span.start,
            end=span.end,
            text_start=around.start,
            text_end=around.end,
            text=text,
            pages=[
                OpenedPageOut(number=page.number, place=page.told, start=page.start, end=page.end)
                for page in pages
            ],
            next_start=around.end if around.end < info.characters else None,
        )


class ListedOut(BaseModel):
    """Some documents of a collection by source; `total` is how many there are to page through.

    `next_offset` is where the next call goes on, null where there are no more.
    """

    documents: list[DocumentOut]
    total: int
    next_offset: int | None
