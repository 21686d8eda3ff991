"""Passages by their words: BM25 with tantivy, derived from the catalog and rebuilt whenever in doubt."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import tantivy

from index.chunking import indexed_text
from index.language import STEMMERS
from index.terms import analyze, query_terms
from index.types import Passage
from index.vectors import Scored

# Part of the folder's name, so that another layout of fields starts a new folder.
_FORMAT = 1
_UNSTEMMED = "none"
_LANGUAGES = (*STEMMERS, _UNSTEMMED)
_MAX_QUERY_TERMS = 64
# As many more hits are asked for, to see whether any equals the last one wanted.
_TIES = 16
_HEAP_BYTES = 32_000_000


@dataclass(frozen=True, slots=True)
class IndexedPassage:
    """A passage with its row in the catalog and its document's language."""

    row: int
    passage: Passage
    language: str


class LexicalSnapshot(Protocol):
    """The lexical index at one moment, searched by words. May be used from any thread."""

    def search(self, query: str, k: int) -> list[Scored]:
        """Return at most `k` rows that share a term with the query, best first; scores are BM25 sums.

        Any string is a query; one without words gives none, and so does `k` below 1.
        """
        ...


class LexicalIndex(Protocol):
    """BM25 over passages, following the catalog's change log.

    `sequence` is the last change it holds, 0 where it is new: it is stored in the same commit as
    the passages. One thread writes. After `apply` returns, `snapshot` sees the change; snapshots
    taken before do not. If `apply` fails the index stays as it was, and may be applied again.
    """

    @property
    def sequence(self) -> int:
        """The number of the last change applied."""
        ...

    def __len__(self) -> int:
        """Return the number of passages."""
        ...

    def clear(self) -> None:
        """Drop everything, so that `sequence` is 0."""
        ...

    def apply(self, removed: Sequence[str], added: Sequence[IndexedPassage], sequence: int) -> None:
        """Drop all passages of the documents `removed`, add passages, and note the change's number."""
        ...

    def snapshot(self) -> LexicalSnapshot:
        """Return the index as it is now."""
        ...

    def close(self) -> None:
        """Give back files and threads."""
        ...


def _field(language: str) -> str:
    return f"terms_{language if language in STEMMERS else _UNSTEMMED}"


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", fast=True)
    builder.add_text_field("document", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("sequence", stored=True, indexed=True)
    builder.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    for language in _LANGUAGES:
        # Terms come analysed, joined by blanks.
        builder.add_text_field(_field(language), tokenizer_name="whitespace", index_option="freq")
    return builder.build()


class TantivySnapshot:
    """Implements `LexicalSnapshot` with a tantivy searcher, which never changes."""

    def __init__(self, schema: tantivy.Schema, searcher: tantivy.Searcher) -> None:
        self._schema = schema
        self._searcher = searcher
        self._languages = [
            language for language in _LANGUAGES if searcher.doc_freq("kind", f"passage_{language}")
        ]

    def search(self, query: str, k: int) -> list[Scored]:
        """Return the rows that share terms with the query, under the analysis of each language present."""
        clauses = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, _field(language), term, "freq"))
            for language in self._languages
            for term in query_terms(query, language)[:_MAX_QUERY_TERMS]
        ]
        if not clauses or k < 1:
            return []
        hits = self._best(tantivy.Query.boolean_query(clauses), k)
        rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        found = [
            Scored(int(row), float(score))
            for row, (score, _) in zip(rows, hits, strict=True)
            if row is not None
        ]
        return sorted(found, key=lambda scored: (-scored.score, scored.row))[:k]

    def _best(self, query: tantivy.Query, k: int) -> list[tuple[float, tantivy.DocAddress]]:
        """Return the best hits, and all that equal the last of them.

        Equal scores come in the order of segments, which depends on when they were merged; whoever
        takes some of them has to have them all to choose from.
        """
        wanted = k + _TIES
        while True:
            hits = self._searcher.search(query, wanted, count=False).hits
            if len(hits) < wanted or hits[-1][0] < hits[k - 1][0]:
                return list(hits)
            wanted *= 2


class TantivyIndex:
    """Implements `LexicalIndex` in a folder, or in memory.

    A folder that cannot be opened, whatever the reason, costs only time: a writer empties it, and a
    reader leaves it alone and works in memory. Everything in it can be had from the catalog again.
    """

    def __init__(self, folder: Path | None = None, *, writable: bool = True) -> None:
        self._schema = _schema()
        self._index = self._open(
            folder / f"format-{_FORMAT}" if folder is not None else None, writable=writable
        )
        self._index.config_reader(reload_policy="manual")
        self._writer: tantivy.IndexWriter | None = None
        self._sequence = self._stored_sequence()

    def _open(self, folder: Path | None, *, writable: bool) -> tantivy.Index:
        if folder is None or not (writable or folder.is_dir()):
            return tantivy.Index(self._schema)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return tantivy.Index(self._schema, str(folder))
        except (ValueError, OSError):
            if not writable:
                return tantivy.Index(self._schema)
            shutil.rmtree(folder)
            folder.mkdir()
            return tantivy.Index(self._schema, str(folder))

    def _stored_sequence(self) -> int:
        searcher = self._index.searcher()
        hits = searcher.search(tantivy.Query.term_query(self._schema, "kind", "sequence", "basic"), 1).hits
        return int(searcher.doc(hits[0][1])["sequence"][0]) if hits else 0

    @property
    def sequence(self) -> int:
        """The number of the last change applied."""
        return self._sequence

    def __len__(self) -> int:
        """Return the number of passages."""
        return self._index.searcher().num_docs - (1 if self._sequence else 0)

    def clear(self) -> None:
        """Drop everything."""
        with self._commit() as writer:
            writer.delete_all_documents()
        self._sequence = 0

    def apply(self, removed: Sequence[str], added: Sequence[IndexedPassage], sequence: int) -> None:
        """Drop, add and note the change in one commit."""
        with self._commit() as writer:
            # Added ones too: a commit that failed may still have been kept, and must not count twice.
            for document_id in {*removed, *(entry.passage.document_id for entry in added)}:
                writer.delete_documents_by_term("document", document_id)
            for entry in added:
                writer.add_document(_document(entry))
            writer.delete_documents_by_term("kind", "sequence")
            mark = tantivy.Document()
            mark.add_text("kind", "sequence")
            mark.add_unsigned("sequence", sequence)
            writer.add_document(mark)
        self._sequence = sequence

    @contextmanager
    def _commit(self) -> Iterator[tantivy.IndexWriter]:
        if self._writer is None:
            self._writer = self._index.writer(_HEAP_BYTES, num_threads=1)
        try:
            yield self._writer
            self._writer.commit()
        except BaseException:
            # A writer that failed can have work left in it; the next change starts with a new one.
            self._writer = None
            raise
        self._index.reload()

    def snapshot(self) -> TantivySnapshot:
        """Return the index as it is now."""
        return TantivySnapshot(self._schema, self._index.searcher())

    def close(self) -> None:
        """Wait for merges in the background and let go of the folder's lock."""
        if self._writer is not None:
            self._writer.wait_merging_threads()
            self._writer = None


def _document(entry: IndexedPassage) -> tantivy.Document:
    field = _field(entry.language)
    document = tantivy.Document()
    document.add_unsigned("row", entry.row)
    document.add_text("document", entry.passage.document_id)
    document.add_text("kind", f"passage_{field.removeprefix('terms_')}")
    document.add_text(field, " ".join(analyze(indexed_text(entry.passage), entry.language)))
    return document
