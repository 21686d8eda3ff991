"""Where words stand on pages: those that a span has a part of, in order, and no more than are asked for."""

from dataclasses import replace

import pytest
from contracts import chunked
from doubles import HashingEmbedder

from index.boxes import boxes_at
from index.catalog import Catalog
from index.chunking import indexed_text
from index.errors import DocumentNotFound
from index.store import Store
from index.types import Document, Page, PageLayout, PageReading, Span, Word

WORDS = 30
TEXT = " ".join(f"word{number:02}" for number in range(3 * WORDS))
# Each of six letters and a space.
STEP = 7


def word(number: int) -> Word:
    row = number % WORDS
    return Word(number * STEP, number * STEP + 6, 72, 20.0 * row, 100, 20.0 * row + 12)


@pytest.fixture
def paged(store: Store) -> Document:
    """Return a stored document of thirty words a page, with a blank page after the first."""
    made, passages = chunked(TEXT)
    turns = [WORDS * STEP, 2 * WORDS * STEP]
    pages = (
        Page(1, 0, turns[0]),
        Page(2, turns[0], turns[0], reading=PageReading.BLANK),
        Page(3, *turns),
        Page(4, turns[1], len(TEXT)),
    )
    layouts = tuple(
        PageLayout.of(number, 612, 792, map(word, range(place * WORDS, (place + 1) * WORDS)))
        for place, number in enumerate((1, 3, 4))
    )
    made = replace(made, pages=pages, layouts=layouts)
    vectors = HashingEmbedder().embed_passages([indexed_text(passage) for passage in passages])
    store.put(made, passages, vectors)
    return made


def numbers(catalog: Catalog, made: Document, start: int, end: int, most: int = 100) -> list[int]:
    """Return which words are given for a span, each with the box and the page that it has."""
    found = boxes_at(catalog, made.id, Span(start, end), most)
    given = [box.word.start // STEP for box in found]
    assert [(box.page, box.word) for box in found] == [
        ((1, 3, 4)[number // WORDS], word(number)) for number in given
    ]
    return given


def test_a_quote_has_the_boxes_of_its_words(store: Store, paged: Document) -> None:
    start = TEXT.index("word05")
    assert numbers(store.catalog, paged, start, start + len("word05 word06")) == [5, 6]


def test_a_word_of_which_a_part_is_quoted_has_its_box(store: Store, paged: Document) -> None:
    assert numbers(store.catalog, paged, 5, 8) == [0, 1]


def test_a_word_that_ends_where_a_quote_begins_has_none(store: Store, paged: Document) -> None:
    assert numbers(store.catalog, paged, 6, 7) == []


def test_a_quote_over_the_end_of_a_page_has_boxes_on_both(store: Store, paged: Document) -> None:
    first = WORDS * STEP
    assert numbers(store.catalog, paged, first - STEP, first + 6) == [WORDS - 1, WORDS]


def test_all_words_come_in_order(store: Store, paged: Document) -> None:
    assert numbers(store.catalog, paged, 0, len(TEXT)) == list(range(3 * WORDS))


def test_no_more_words_come_than_are_asked_for(store: Store, paged: Document) -> None:
    assert numbers(store.catalog, paged, 0, len(TEXT), most=40) == list(range(40))


def test_a_format_that_tells_nothing_of_words_has_no_boxes(store: Store) -> None:
    made, passages = chunked("Just text.")
    store.put(made, passages, HashingEmbedder().embed_passages([indexed_text(one) for one in passages]))
    assert boxes_at(store.catalog, made.id, Span(0, 4), 10) == []


def test_a_document_that_is_not_there_is_said_to_be_missing(store: Store) -> None:
    with pytest.raises(DocumentNotFound):
        boxes_at(store.catalog, "nothing", Span(0, 1), 10)
