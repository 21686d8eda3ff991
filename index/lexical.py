"""Passages by their words: BM25 with tantivy, derived from the catalog and rebuilt whenever in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog
import tantivy

from index.chunking import indexed_text
from index.errors import ReadOnlyStore
from index.lexical_files import META, damage, emptied, format_folder, sweep, tantivy_errors
from index.lexical_search import (
    TantivySnapshot,
    damage_named,
    lexical_schema,
    passage_kind,
    term_digest,
    term_field,
)
from index.terms import analyze
from index.types import Passage
from index.vectors import Scored

_HEAP_BYTES = 32_000_000
_MARK = "mark"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class IndexedPassage:
    """A passage with its row in the catalog and its document's language."""

    row: int
    passage: Passage
    language: str


class LexicalSnapshot(Protocol):
    """The lexical index at one moment, searched by words. May be used from any thread."""

    def search(self, query: str, k: int, documents: Sequence[str] = ()) -> list[Scored]:
        """Return at most `k` rows that share a term with the query, best first; scores are BM25 sums.

        Any string is a query; one without words gives none, and so does `k` below 1. Where `documents`
        are named by their ids, only their passages are searched, with the scores that they have among
        all. Raise `DamagedStore` where the index cannot be read.
        """
        ...


class LexicalIndex(Protocol):
    """BM25 over passages, following the catalog's change log.

    `sequence` is the last change it holds, 0 where it is new: it is stored in the same commit as
    the passages. One thread writes. After `apply` returns, `snapshot` sees the change; snapshots
    taken before do not. If `apply` fails, with `ValueError` or `OSError`, the index stays as it was
    or starts again at 0; the same change, or one that includes it, may be applied again.
    """

    @property
    def sequence(self) -> int:
        """The number of the last change applied."""
        ...

    def __len__(self) -> int:
        """Return the number of passages."""
        ...

    def rows(self) -> set[int]:
        """Return the rows of all passages."""
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


class TantivyIndex:
    """Implements `LexicalIndex` in a folder, or in memory.

    Tantivy keeps the terms of deleted documents in its files for as long as it likes. So they hold
    digests of terms under `key`, with which no text can be read from them, and without it not even
    asked for; it has to be the same whenever the folder is opened.

    A folder that is damaged, whatever the reason, costs only time: a writer empties it, and a
    reader leaves it alone and works in memory. Everything in it can be had from the catalog again.
    """

    def __init__(self, folder: Path | None = None, *, key: bytes = b"", writable: bool = True) -> None:
        self._schema = lexical_schema()
        self._key = key
        self._writable = writable
        self._writer: tantivy.IndexWriter | None = None
        # Whether a commit failed, which may have been kept all the same.
        self._doubtful = False
        self._on_disk = False
        self._index = self._in_memory()
        self._sequence = 0
        if folder is not None:
            self._open(format_folder(folder))

    def _in_memory(self) -> tantivy.Index:
        index = tantivy.Index(self._schema)
        index.config_reader(reload_policy="manual")
        return index

    def _open(self, folder: Path) -> None:
        if not (self._writable or (folder / META).is_file()):
            return
        try:
            self._open_intact(folder)
        except (ValueError, OSError) as error:
            _log.warning("lexical index is damaged and is made anew", error=str(error))
            if self._writable:
                self._open_emptied(folder)

    def _open_emptied(self, folder: Path) -> None:
        try:
            emptied(folder)
            self._open_intact(folder)
        except (ValueError, OSError) as error:
            _log.warning("lexical index stays in memory", error=str(error))

    def _open_intact(self, folder: Path) -> None:
        """Take up the index of a folder, or raise `ValueError` or `OSError` and keep the one in hand."""
        if self._writable:
            folder.mkdir(parents=True, exist_ok=True)
        wrong = damage(folder)
        if wrong is not None:
            raise ValueError(wrong)
        if self._writable:
            sweep(folder)
        with tantivy_errors():
            index = tantivy.Index(self._schema, str(folder))
            index.config_reader(reload_policy="manual")
            sequence = self._stored_sequence(index)
        self._index, self._sequence, self._on_disk = index, sequence, True

    def _stored_sequence(self, index: tantivy.Index) -> int:
        """Return the number of the last change, or raise `ValueError` if this is not what it left."""
        searcher = index.searcher()
        if searcher.num_docs == 0:
            return 0
        hits = searcher.search(self._term_query("kind", self._digest(_MARK)), 1).hits
        if not hits:
            raise ValueError("the index was made with another key")
        mark = searcher.doc(hits[0][1])
        if searcher.num_docs - 1 != mark["passages"][0]:
            raise ValueError(f"there are {searcher.num_docs - 1} passages of {mark['passages'][0]}")
        return int(mark["sequence"][0])

    def _term_query(self, field: str, term: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, term, "basic")

    def _digest(self, term: str) -> str:
        return term_digest(term, self._key)

    @property
    def sequence(self) -> int:
        """The number of the last change applied."""
        return self._sequence

    def __len__(self) -> int:
        """Return the number of passages."""
        return self._index.searcher().num_docs - (1 if self._sequence else 0)

    def rows(self) -> set[int]:
        """Return the rows of all passages; fewer than there are passages if some are there twice."""
        with damage_named():
            searcher = self._index.searcher()
            every = tantivy.Query.all_query()
            hits = searcher.search(every, max(1, searcher.num_docs), count=False).hits
            found = searcher.fast_field_values("row", [address for _, address in hits])
        return {int(row) for row in found if row is not None}

    def clear(self) -> None:
        """Drop everything; a reader starts again in memory and leaves the folder alone."""
        if self._on_disk and not self._writable:
            self._index, self._on_disk = self._in_memory(), False
        else:
            with self._commit() as writer:
                writer.delete_all_documents()
        self._sequence = 0

    def apply(self, removed: Sequence[str], added: Sequence[IndexedPassage], sequence: int) -> None:
        """Drop, add and note the change in one commit."""
        # Added ones too: a commit that failed may still have been kept, and must not count twice.
        replaced = {*removed, *(entry.passage.document_id for entry in added)}
        with self._commit() as writer:
            passages = len(self) - self._count(replaced) + len(added)
            for document_id in replaced:
                writer.delete_documents_by_term("document", document_id)
            for document in self._documents(added):
                writer.add_document(document)
            writer.delete_documents_by_term("kind", self._digest(_MARK))
            mark = tantivy.Document()
            mark.add_text("kind", self._digest(_MARK))
            mark.add_unsigned("sequence", sequence)
            mark.add_unsigned("passages", passages)
            writer.add_document(mark)
        count = self._index.searcher().num_docs - 1
        if count != passages:
            # Something deleted is still there, or something kept is lost.
            self._sequence = 0
            self.clear()
            raise ValueError(f"there are {count} passages and should be {passages}; all are dropped")
        self._sequence = sequence

    def _count(self, document_ids: Iterable[str]) -> int:
        searcher = self._index.searcher()
        counts = (searcher.search(self._term_query("document", each), 1, count=True) for each in document_ids)
        return sum(result.count for result in counts)  # type: ignore[attr-defined]  # tantivy's stubs lack it

    def _documents(self, added: Sequence[IndexedPassage]) -> Iterator[tantivy.Document]:
        # Most words come again and again; nothing of them is remembered beyond this change.
        digests: dict[str, str] = {}
        for entry in added:
            terms = analyze(indexed_text(entry.passage), entry.language)
            for term in terms:
                if term not in digests:
                    digests[term] = self._digest(term)
            document = tantivy.Document()
            document.add_unsigned("row", entry.row)
            document.add_text("document", entry.passage.document_id)
            document.add_text("kind", passage_kind(entry.language))
            document.add_text(term_field(entry.language), " ".join([digests[term] for term in terms]))
            yield document

    @contextmanager
    def _commit(self) -> Iterator[tantivy.IndexWriter]:
        if self._on_disk and not self._writable:
            raise ReadOnlyStore("this process reads the lexical index and may not change it")
        try:
            with tantivy_errors():
                if self._doubtful:
                    self._index.reload()
                    self._sequence = self._stored_sequence(self._index)
                    self._doubtful = False
                if self._writer is None:
                    self._writer = self._index.writer(_HEAP_BYTES, num_threads=1)
                yield self._writer
                self._writer.commit()
                self._index.reload()
        except BaseException:
            # A writer that failed can have work left in it; the next change starts with a new one.
            self._doubtful = True
            self._let_go()
            raise

    def snapshot(self) -> TantivySnapshot:
        """Return the index as it is now."""
        return TantivySnapshot(self._schema, self._index.searcher(), self._digest)

    def close(self) -> None:
        """Wait for merges in the background and let go of the folder's lock."""
        self._let_go()

    def _let_go(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            # Not by dropping it: whoever holds the error's traceback holds the writer and its lock too.
            with suppress(ValueError, OSError), tantivy_errors():
                writer.wait_merging_threads()
