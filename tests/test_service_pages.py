"""The API on pages: what was read of a document, where its words stand, and what an answer could not see."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from contracts import chunked
from doubles import HashingEmbedder
from fastapi import FastAPI
from serving import served
from starlette.testclient import TestClient
from test_service import add, ask, assert_error

from index.chunking import indexed_text
from index.types import Document, Page, PageKind, PageLayout, PageReading, Word
from rag.service.backend import Backend
from rag.settings import Settings

TEXT = "The ferry leaves at nine.\nTickets cost 120 kronor.\n"
SECOND = TEXT.index("Tickets")
SCANNED = "no text is on it, and tesseract is not installed"
PAGES = (
    Page(1, 0, SECOND, PageKind.SLIDE, label="Times"),
    Page(2, SECOND, SECOND, PageKind.SLIDE, PageReading.UNREAD, SCANNED),
    Page(3, SECOND, SECOND, PageKind.SLIDE, PageReading.BLANK),
    Page(4, SECOND, len(TEXT), PageKind.SLIDE, PageReading.OCR),
)
LAYOUTS = (
    PageLayout.of(1, 720, 540.5, [Word(0, 3, 10, 20, 30, 32), Word(4, 9, 34.05, 20, 60, 32)]),
    PageLayout.of(4, 720, 540.5, [Word(SECOND, SECOND + 7, 10, 20, 44, 32)]),
)
Put = Callable[[Document], None]


@pytest.fixture
def opened(settings: Settings) -> Any:
    """Yield a client, and what puts a document into its collection as an ingest of another format does."""
    backends: list[Backend] = []

    def mount(_: FastAPI, backend: Backend) -> None:
        backends.append(backend)

    def put(made: Document) -> None:
        passages = chunked(made.text, made.source)[1]
        vectors = HashingEmbedder().embed_passages([indexed_text(passage) for passage in passages])
        backends[0].application.home.collection(create=True).put(made, passages, vectors)

    with served(settings, mount=mount) as client:
        yield client, put


def slides(**more: Any) -> Document:
    made, _ = chunked(TEXT, "ferry.pptx")
    return replace(made, pages=PAGES, layouts=LAYOUTS, **more)


def test_a_document_tells_what_of_it_was_read(opened: tuple[TestClient, Put]) -> None:
    client, put = opened
    put(slides(language="sv", metadata={"author": "Åsa", "date": "2024-05", "left_out": "- 1 -"}))
    (listed,) = client.get("/documents").json()["documents"]
    assert (listed["pages"], listed["unread_pages"]) == (4, 1)
    told = client.get(f"/documents/{listed['id']}").json()
    assert told == listed | {
        "coverage": {
            "pages": 4, "text": 1, "ocr": 1, "blank": 1, "unread": [{"page": 2, "reason": SCANNED}],
        },
        "language": "sv",
        "metadata": {"author": "Åsa", "date": "2024-05"},
    }  # fmt: skip


def test_a_document_without_pages_has_no_coverage(client: TestClient) -> None:
    added = add(client)
    assert (added["pages"], added["unread_pages"], added["coverage"]) == (0, 0, None)
    assert (added["language"], added["metadata"]) == ("en", {})
    assert client.get(f"/documents/{added['id']}/pages").json() == {"document_id": added["id"], "pages": []}
    words = client.get(f"/documents/{added['id']}/words", params={"start": 0, "end": 5})
    assert words.json() == {"document_id": added["id"], "words": []}


def test_the_pages_of_a_document_are_listed_in_order(opened: tuple[TestClient, Put]) -> None:
    client, put = opened
    made = slides()
    put(made)
    told = client.get(f"/documents/{made.id}/pages").json()
    assert told["document_id"] == made.id
    assert told["pages"][0] == {
        "number": 1, "kind": "slide", "label": "Times", "start": 0, "end": SECOND, "reading": "text",
        "reason": None, "width": 720.0, "height": 540.5,
    }  # fmt: skip
    assert told["pages"][1] == {
        "number": 2, "kind": "slide", "label": None, "start": SECOND, "end": SECOND, "reading": "unread",
        "reason": SCANNED, "width": None, "height": None,
    }  # fmt: skip
    assert [page["reading"] for page in told["pages"]] == ["text", "unread", "blank", "ocr"]


def test_the_words_of_a_span_have_their_boxes(opened: tuple[TestClient, Put]) -> None:
    client, put = opened
    made = slides()
    put(made)
    told = client.get(f"/documents/{made.id}/words", params={"start": 5, "end": SECOND + 1}).json()
    assert told["document_id"] == made.id
    leaves, tickets = {"page": 1, "start": 4, "end": 9}, {"page": 4, "start": SECOND, "end": SECOND + 7}
    assert told["words"] == [
        {**leaves, "left": 34.05, "top": 20.0, "right": 60.0, "bottom": 32.0},
        {**tickets, "left": 10.0, "top": 20.0, "right": 44.0, "bottom": 32.0},
    ]


@pytest.mark.parametrize(
    ("start", "end"),
    [(-1, 5), (3, 3), (5, 3), (0, len(TEXT) + 1), (10**30, 10**31), ("a", 5), (0, "b"), (0, None), (None, 5)],
)
def test_what_is_no_span_of_the_text_is_refused(
    opened: tuple[TestClient, Put], start: object, end: object
) -> None:
    client, put = opened
    made = slides()
    put(made)
    given = {name: str(value) for name, value in (("start", start), ("end", end)) if value is not None}
    assert_error(client.get(f"/documents/{made.id}/words", params=given), 422, "invalid_request")


def test_as_many_words_come_at_once_as_are_told_and_the_rest_after_them(
    opened: tuple[TestClient, Put],
) -> None:
    client, put = opened
    made, _ = chunked("ab " * 12_000, "long.pdf")
    words = [Word(3 * number, 3 * number + 2, 0, 0, 1, 1) for number in range(12_000)]
    put(replace(made, pages=(Page(1, 0, len(made.text)),), layouts=(PageLayout.of(1, 600, 800, words),)))
    path, end = f"/documents/{made.id}/words", len(made.text)
    first = client.get(path, params={"start": 0, "end": end}).json()["words"]
    rest = client.get(path, params={"start": first[-1]["end"], "end": end}).json()["words"]
    assert len(first) == 10_000
    assert [word["start"] for word in first + rest] == [word.start for word in words]


@pytest.mark.parametrize("path", ["pages", "words?start=0&end=1"])
def test_pages_and_words_of_an_unknown_document_or_collection_are_not_found(
    client: TestClient, path: str
) -> None:
    assert_error(client.get(f"/documents/nothing/{path}"), 404, "document_not_found")
    other = f"{path}{'&' if '?' in path else '?'}collection=other"
    assert_error(client.get(f"/documents/nothing/{other}"), 404, "collection_not_found")


def test_an_answer_says_how_many_pages_of_its_collection_could_not_be_read(
    opened: tuple[TestClient, Put],
) -> None:
    client, put = opened
    assert ask(client, "When does the ferry leave?")["unread"] is None
    made = slides()
    put(made)
    assert ask(client, "When does the ferry leave?")["unread"] == {"documents": 1, "pages": 1}
    assert client.delete(f"/documents/{made.id}").status_code == 204
    assert ask(client, "When does the ferry leave?")["unread"] is None
