"""Altered quotes: each kind is made where it can be, and none is what the document says."""

from dataclasses import replace

import pytest
from doubles import document
from hypothesis import given
from hypothesis import strategies as st

from eval.mutants import mutants
from index.errors import DocumentNotFound
from index.types import Document, DocumentInfo
from rag.citations import citation_fault
from rag.types import AnswerSpan, Citation, Quote

DAM = document("Dams. The dam near Attock was not built in 1947, “they” said. It stands.", "dam.txt")
RIVER = document("A river in Sindh is long and flows past Sukkur to the sea.", "river.txt")
SENTENCE = "The dam near Attock was not built in 1947, “they” said."
NAMES = {
    "negation dropped",
    "negation added",
    "number changed",
    "name swapped",
    "stitched",
    "word dropped",
    "end cut off",
    "full stop added",
    "case changed",
    "typography changed",
    "homoglyphs",
    "white space added",
    "invisible character",
    "shifted by one",
    "span too long",
    "negative start",
    "another version",
    "no such document",
    "wrong document",
    "answer changed",
    "answer outside the quote",
}


class Shelf:
    """A `StoredText` of some documents in memory."""

    def __init__(self, *documents: Document) -> None:
        self._documents = {made.id: made for made in documents}

    def document(self, document_id: str) -> DocumentInfo:
        made = self._found(document_id)
        return DocumentInfo(
            id=made.id,
            source=made.source,
            origin=made.origin,
            title=made.title,
            media_type=made.media_type,
            sha256=made.sha256,
            content_sha256=made.content_sha256,
            characters=len(made.text),
            passages=1,
            pages=0,
            added="2026-01-01T00:00:00+00:00",
        )

    def text(self, document_id: str, start: int = 0, end: int | None = None) -> str:
        return self._found(document_id).text[start:end]

    def _found(self, document_id: str) -> Document:
        if document_id not in self._documents:
            raise DocumentNotFound(document_id)
        return self._documents[document_id]


def cited(made: Document, text: str, answer: str | None = None) -> Citation:
    start = made.text.index(text)
    span = None
    if answer is not None:
        at = start + text.index(answer)
        span = AnswerSpan(answer, at, at + len(answer))
    return Citation(
        marker=1,
        quote=Quote(made.id, start, start + len(text), text, made.sha256),
        source=made.source,
        title=made.title,
        heading=None,
        page=None,
        score=0.5,
        answer_span=span,
    )


CITATION = cited(DAM, SENTENCE, "1947")
OTHER = cited(RIVER, RIVER.text)
SHELF = Shelf(DAM, RIVER)


def test_the_original_passes_the_invariant() -> None:
    assert citation_fault(CITATION, SHELF) is None
    assert citation_fault(OTHER, SHELF) is None


def test_every_kind_of_alteration_is_made_of_a_sentence_that_allows_it() -> None:
    assert {name for name, _ in mutants(CITATION, [OTHER])} == NAMES


def test_every_alteration_differs_from_the_original() -> None:
    assert [name for name, mutant in mutants(CITATION, [OTHER]) if mutant == CITATION] == []


def test_no_two_alterations_are_the_same() -> None:
    made = [mutant for _, mutant in mutants(CITATION, [OTHER])]
    assert len(set(made)) == len(made)


def test_no_alteration_passes_the_invariant() -> None:
    passed = [name for name, mutant in mutants(CITATION, [OTHER]) if citation_fault(mutant, SHELF) is None]
    assert passed == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("negation dropped", "The dam near Attock was built in 1947, “they” said."),
        ("negation added", "The dam near Attock was not not built in 1947, “they” said."),
        ("number changed", "The dam near Attock was not built in 2947, “they” said."),
        ("name swapped", "The dam near Sindh was not built in 1947, “they” said."),
        ("typography changed", 'The dam near Attock was not built in 1947, "they" said.'),
        ("word dropped", "The near Attock was not built in 1947, “they” said."),
        ("end cut off", "The dam near Attock was not built in 1947, “they” said"),
    ],
)
def test_an_alteration_does_what_its_name_says(name: str, text: str) -> None:
    made = dict(mutants(CITATION, [OTHER]))
    assert made[name].quote.text == text


def test_a_number_that_ends_in_nine_is_changed_too() -> None:
    made = dict(mutants(cited(document("It is 9 km."), "It is 9 km."), []))
    assert made["number changed"].quote.text == "It is 0 km."


def test_an_alteration_that_would_change_nothing_is_left_out() -> None:
    names = {name for name, _ in mutants(cited(RIVER, "A river"), [])}
    assert names.isdisjoint({"negation dropped", "number changed", "typography changed", "name swapped"})


def test_without_an_answer_span_only_the_quote_is_altered() -> None:
    names = {name for name, _ in mutants(replace(CITATION, answer_span=None), [OTHER])}
    assert names == NAMES - {"answer changed", "answer outside the quote"}


def test_a_citation_of_the_same_document_gives_no_wrong_document() -> None:
    assert "wrong document" not in dict(mutants(CITATION, [cited(DAM, "It stands.")]))


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60))
def test_no_alteration_of_any_text_passes_the_invariant(text: str) -> None:
    made = document(text, blocks=[])
    passed = [
        name
        for name, mutant in mutants(cited(made, text, text), [OTHER])
        if citation_fault(mutant, Shelf(made, RIVER)) is None
    ]
    assert passed == []
