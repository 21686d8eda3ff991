"""The quote invariant: a quote is letter for letter what its document says there, or it is dropped."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from contracts import chunked
from doubles import HashingEmbedder, document
from hypothesis import given
from hypothesis import strategies as st

from eval.mutants import mutants
from index.chunking import Chunker, indexed_text
from index.errors import DamagedStore
from index.loading import load_bytes
from index.sql.catalog import SqlCatalog
from index.store import Store
from index.types import Document, Hit, Span, Why
from rag.citations import StoredExcerpts, Verifier, citation_fault
from rag.types import AnswerSpan, Citation, Quote

SEEDS = Path(__file__).parents[1] / "seeds"
EMBEDDER = HashingEmbedder()
SPACE = EMBEDDER.identity.space("test")

TEXT = (
    "😀 Preface. The treaty was not signed by Ada Lovelace in 1921, and no copy is left. "
    "Charles Babbage signed another one in 1843, and never spoke of it."
)
SAID = "The treaty was not signed by Ada Lovelace in 1921, and no copy is left."
OTHER = "Nothing of the sort is written here. " * 3


def cited(made: Document, words: str, answer: str | None = None) -> Citation:
    """Return a citation of words where they stand in a document."""
    start = made.text.index(words)
    span = None
    if answer is not None:
        within = made.text.index(answer, start)
        span = AnswerSpan(answer, within, within + len(answer))
    quote = Quote(made.id, start, start + len(words), words, made.sha256)
    return Citation(1, quote, made.source, made.title, None, None, 0.9, span)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlCatalog]:
    opened = SqlCatalog(tmp_path_factory.mktemp("catalog") / "catalog.db", writable=True)
    opened.spaces.activate(SPACE)
    for made in (TREATY, STRANGER):
        keep(opened, made)
    yield opened
    opened.close()


def keep(catalog: SqlCatalog, made: Document) -> Document:
    catalog.put(made, [], EMBEDDER.embed_passages([]), SPACE.id)
    return made


TREATY = document(TEXT, "treaty.txt")
STRANGER = document(OTHER, "stranger.txt")
CITATION = cited(TREATY, SAID, "1921")
QUOTE = CITATION.quote


def test_a_verbatim_quote_passes(catalog: SqlCatalog) -> None:
    assert citation_fault(CITATION, catalog) is None
    assert citation_fault(replace(CITATION, answer_span=None), catalog) is None


def test_a_whole_document_is_a_quote(catalog: SqlCatalog) -> None:
    assert citation_fault(cited(TREATY, TEXT), catalog) is None


ALTERED = {
    "negation dropped": SAID.replace("not ", ""),
    "number changed": SAID.replace("1921", "1922"),
    "name swapped": SAID.replace("Ada Lovelace", "Charles Babbage"),
    "name of the same length": SAID.replace("Ada Lovelace", "Mary Shelley"),
    "stitched from two places": SAID[:40] + TEXT[-31:],
    "elided": SAID[:30] + " … " + SAID[45:],
    "case changed": SAID.lower(),
    "other blanks": SAID.replace(" ", "\u00a0"),
}


@pytest.mark.parametrize("text", ALTERED.values(), ids=ALTERED)
def test_altered_words_are_dropped(catalog: SqlCatalog, text: str) -> None:
    assert citation_fault(replace(CITATION, quote=replace(QUOTE, text=text), answer_span=None), catalog)


@pytest.mark.parametrize("text", ALTERED.values(), ids=ALTERED)
def test_altered_words_are_dropped_at_a_span_of_their_length_too(catalog: SqlCatalog, text: str) -> None:
    fitted = replace(QUOTE, text=text, end=QUOTE.start + len(text))
    assert citation_fault(replace(CITATION, quote=fitted, answer_span=None), catalog)


@pytest.mark.parametrize("text", [SAID[:-1], SAID + " ", "", SAID * 2])
def test_words_longer_or_shorter_than_their_span_are_dropped(catalog: SqlCatalog, text: str) -> None:
    assert citation_fault(replace(CITATION, quote=replace(QUOTE, text=text), answer_span=None), catalog)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(QUOTE.start + 1, QUOTE.end + 1, id="shifted by one"),
        pytest.param(QUOTE.start - 1, QUOTE.end - 1, id="shifted back by one"),
        pytest.param(QUOTE.start, QUOTE.end + 1, id="too long"),
        pytest.param(QUOTE.start + 1, QUOTE.end, id="too short"),
        pytest.param(QUOTE.start - len(TEXT), QUOTE.end - len(TEXT), id="negative, as Python slices"),
        pytest.param(-1, len(SAID) - 1, id="negative start"),
        pytest.param(QUOTE.start, QUOTE.start, id="empty"),
        pytest.param(QUOTE.end, QUOTE.start, id="reversed"),
        pytest.param(len(TEXT), len(TEXT) + len(SAID), id="past the end"),
        pytest.param(10**12, 10**12 + len(SAID), id="far past the end"),
    ],
)
def test_right_words_at_a_wrong_place_are_dropped(catalog: SqlCatalog, start: int, end: int) -> None:
    moved = replace(CITATION, quote=replace(QUOTE, start=start, end=end), answer_span=None)
    assert citation_fault(moved, catalog)


def test_an_empty_quote_at_an_empty_span_is_dropped(catalog: SqlCatalog) -> None:
    empty = replace(QUOTE, start=5, end=5, text="")
    assert citation_fault(replace(CITATION, quote=empty, answer_span=None), catalog)


def test_right_words_of_the_wrong_document_are_dropped(catalog: SqlCatalog) -> None:
    wrong = replace(QUOTE, document_id=STRANGER.id, sha256=STRANGER.sha256)
    assert citation_fault(replace(CITATION, quote=wrong), catalog)


def test_a_quote_of_an_unknown_document_is_dropped(catalog: SqlCatalog) -> None:
    for unknown in ("", "0" * 32, "../catalog"):
        assert citation_fault(replace(CITATION, quote=replace(QUOTE, document_id=unknown)), catalog)


def test_a_quote_of_another_version_is_dropped_though_it_stands_there_too(catalog: SqlCatalog) -> None:
    earlier = replace(QUOTE, sha256=document(TEXT + " More.").sha256)
    assert citation_fault(replace(CITATION, quote=earlier), catalog)


@pytest.mark.parametrize(
    "span",
    [
        pytest.param(AnswerSpan("1843", TEXT.index("1843"), TEXT.index("1843") + 4), id="beyond the quote"),
        pytest.param(AnswerSpan("Preface", 2, 9), id="before the quote"),
        pytest.param(AnswerSpan(". The", QUOTE.start - 2, QUOTE.start + 3), id="across its beginning"),
        pytest.param(AnswerSpan("left. C", QUOTE.end - 5, QUOTE.end + 2), id="across its end"),
        pytest.param(AnswerSpan("", QUOTE.start + 3, QUOTE.start + 3), id="empty"),
        pytest.param(AnswerSpan("The", QUOTE.start + 3, QUOTE.start), id="reversed"),
        pytest.param(AnswerSpan("1922", TEXT.index("1921"), TEXT.index("1921") + 4), id="changed"),
        pytest.param(AnswerSpan("1921", TEXT.index("1921") + 1, TEXT.index("1921") + 5), id="shifted"),
    ],
)
def test_an_answer_that_is_not_words_of_its_quote_is_dropped_with_it(
    catalog: SqlCatalog, span: AnswerSpan
) -> None:
    assert citation_fault(replace(CITATION, answer_span=span), catalog)


def test_a_quote_whose_stored_text_is_damaged_is_dropped() -> None:
    class Damaged:
        def document(self, document_id: str) -> None:
            raise DamagedStore("a checksum differs")

        def text(self, document_id: str, start: int = 0, end: int | None = None) -> str:
            raise DamagedStore("a checksum differs")

    assert citation_fault(CITATION, Damaged())


# Any code point but the surrogates, which are no characters; many of more than 16 bits.
CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from("😀🏳️‍🌈é\u0301ﬁ𝔘\u200b\r\n\0")


@st.composite
def quoted(draw: st.DrawFn) -> tuple[Document, Citation]:
    made = document(draw(st.text(CHARACTERS, min_size=1, max_size=60)), "any.txt")
    start = draw(st.integers(0, len(made.text) - 1))
    end = draw(st.integers(start + 1, len(made.text)))
    quote = Quote(made.id, start, end, made.text[start:end], made.sha256)
    return made, replace(CITATION, quote=quote, answer_span=None)


@given(quoted())
def test_any_slice_of_any_text_passes(catalog: SqlCatalog, case: tuple[Document, Citation]) -> None:
    made, citation = case
    keep(catalog, made)
    assert citation_fault(citation, catalog) is None


@given(quoted(), st.data())
def test_any_slice_with_one_character_changed_is_dropped(
    catalog: SqlCatalog, case: tuple[Document, Citation], data: st.DataObject
) -> None:
    made, citation = case
    keep(catalog, made)
    text = citation.quote.text
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(CHARACTERS.filter(lambda character: character != text[place]))
    changed = text[:place] + other + text[place + 1 :]
    assert citation_fault(replace(citation, quote=replace(citation.quote, text=changed)), catalog)


def seed_citations(store: Store, chunker: Chunker) -> list[Citation]:
    """Return a citation of every sentence of the seed document, and of one of another document."""
    made = []
    for path in sorted(SEEDS.glob("*.txt")):
        found = load_bytes(path.read_bytes(), path.name, origin=path.name, max_bytes=2**20)
        passages = chunker.chunk(found)
        store.put(found, passages, EMBEDDER.embed_passages([indexed_text(passage) for passage in passages]))
        for span in (span for passage in passages for span in passage.sentences):
            text = found.text[span.start : span.end]
            first = text.split()[0]
            made.append(cited(found, text, first))
    other, passages = chunked("In 1066 William was not yet king. Harold was.")
    store.put(other, passages, EMBEDDER.embed_passages([indexed_text(passage) for passage in passages]))
    return [*made, cited(other, "In 1066 William was not yet king.", "1066")]


def test_no_altered_quote_of_a_real_document_passes(store: Store, chunker: Chunker) -> None:
    citations = seed_citations(store, chunker)
    altered = [
        mutant
        for place, citation in enumerate(citations)
        for _, mutant in mutants(citation, citations[place + 1 :] + citations[:place])
    ]
    verifier = Verifier()
    assert len(altered) >= 500
    assert verifier.citations(altered, store.catalog) == []
    assert verifier.dropped == verifier.checked == len(altered)


def places(citations: Sequence[Citation]) -> list[tuple[str, Span]]:
    quotes = [citation.quote for citation in citations]
    return [(quote.document_id, Span(quote.start, quote.end)) for quote in quotes]


def test_what_is_read_at_once_faults_what_the_catalog_faults(store: Store, chunker: Chunker) -> None:
    citations = seed_citations(store, chunker)
    altered = [
        mutant
        for place, citation in enumerate(citations)
        for _, mutant in mutants(citation, citations[place + 1 :] + citations[:place])
    ]
    excerpts = StoredExcerpts(store.catalog, places([*citations, *altered]))
    for citation in [*citations, *altered]:
        assert citation_fault(citation, excerpts) == citation_fault(citation, store.catalog)
    assert Verifier().citations(altered, excerpts) == []
    assert Verifier().citations(citations, excerpts) == citations


def test_what_is_read_at_once_is_of_one_moment(store: Store, chunker: Chunker) -> None:
    citations = seed_citations(store, chunker)
    before = StoredExcerpts(store.catalog, places(citations))
    gone = citations[0].quote.document_id
    store.delete(gone)
    after = StoredExcerpts(store.catalog, places(citations))
    assert Verifier().citations(citations, before) == citations
    left = [citation for citation in citations if citation.quote.document_id != gone]
    assert Verifier().citations(citations, after) == left
    assert citation_fault(citations[0], after) == "no such document"


def test_text_that_is_damaged_is_never_quoted_however_it_is_read(tmp_path: Path) -> None:
    with closing(SqlCatalog(tmp_path / "catalog.db", writable=True)) as catalog:
        catalog.spaces.activate(SPACE)
        keep(catalog, TREATY)
        stranger = cited(keep(catalog, STRANGER), STRANGER.text)
        with sqlite3.connect(tmp_path / "catalog.db") as raw:
            raw.execute(
                "UPDATE segments SET text = replace(text, '1843', '1844') WHERE document_id = ?", (TREATY.id,)
            )
        excerpts = StoredExcerpts(catalog, places([CITATION, stranger]))
        assert citation_fault(CITATION, excerpts) == "stored text is damaged"
        assert citation_fault(stranger, excerpts) is None


def test_every_sentence_of_a_real_document_passes_as_it_stands(store: Store, chunker: Chunker) -> None:
    citations = seed_citations(store, chunker)
    assert len(citations) > 30
    assert Verifier().citations(citations, store.catalog) == citations


def test_a_verifier_counts_what_it_checked_and_what_it_dropped(catalog: SqlCatalog) -> None:
    verifier = Verifier()
    wrong = replace(CITATION, quote=replace(QUOTE, text=SAID.upper()))
    assert verifier.citations([CITATION, wrong, CITATION], catalog) == [CITATION, CITATION]
    assert (verifier.checked, verifier.dropped) == (3, 1)
    assert verifier.citations([wrong], catalog) == []
    assert (verifier.checked, verifier.dropped) == (4, 2)


def test_a_hit_whose_passage_is_not_verbatim_is_dropped_and_counted(catalog: SqlCatalog) -> None:
    _, (passage, *_) = chunked(TEXT, "treaty.txt")
    hit = Hit(passage, "treaty.txt", "treaty.txt", 1.0, 1, Why())
    wrong = replace(hit, passage=replace(passage, text=passage.text.swapcase()))
    verifier = Verifier()
    assert verifier.hits([wrong, hit], catalog) == [hit]
    assert (verifier.checked, verifier.dropped) == (2, 1)
