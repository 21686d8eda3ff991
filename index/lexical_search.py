"""How tantivy holds passages and finds them: the fields of the index, the digests of terms, the search."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

import tantivy

from index.errors import DamagedStore
from index.language import STEMMERS
from index.lexical_files import tantivy_errors
from index.terms import query_terms
from index.vectors import Scored

_UNSTEMMED = "none"
_LANGUAGES = (*STEMMERS, _UNSTEMMED)
_MAX_QUERY_TERMS = 64
# As many more hits are asked for, to see whether any equals the last one wanted.
_TIES = 16
# To look at 20,000 equal hits took a hundred times as long as to look at few.
_MOST_TIES = 1024
# Of ten million terms any two have the same digest with a probability of 1 to 400,000.
_DIGEST_BYTES = 8


def term_field(language: str) -> str:
    """Return the name of the field for the terms of a language."""
    return f"terms_{language if language in STEMMERS else _UNSTEMMED}"


def passage_kind(language: str) -> str:
    """Return what the field `kind` holds for a passage in a language."""
    return f"passage_{language if language in STEMMERS else _UNSTEMMED}"


def lexical_schema() -> tantivy.Schema:
    """Return the fields of the index: of passages, and of the mark that tells of the last change."""
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", fast=True)
    builder.add_text_field("document", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("sequence", stored=True, indexed=True)
    builder.add_unsigned_field("passages", stored=True)
    builder.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    for language in _LANGUAGES:
        # Digests of terms, joined by blanks.
        builder.add_text_field(term_field(language), tokenizer_name="whitespace", index_option="freq")
    return builder.build()


def term_digest(term: str, key: bytes) -> str:
    """Return what stands in the index for a term."""
    return hashlib.blake2b(term.encode(), digest_size=_DIGEST_BYTES, key=key).hexdigest()


@contextmanager
def damage_named() -> Iterator[None]:
    """Turn an error of tantivy while it reads into one that names the way out."""
    try:
        with tantivy_errors():
            yield
    except (ValueError, OSError) as error:
        raise DamagedStore(
            "the lexical index cannot be read; `quotebound doctor --repair` makes it anew"
        ) from error


class TantivySnapshot:
    """Implements `LexicalSnapshot` with a tantivy searcher, which never changes."""

    def __init__(
        self, schema: tantivy.Schema, searcher: tantivy.Searcher, digest: Callable[[str], str]
    ) -> None:
        self._schema = schema
        self._searcher = searcher
        self._digest = digest

    @cached_property
    def _languages(self) -> list[str]:
        return [
            language for language in _LANGUAGES if self._searcher.doc_freq("kind", passage_kind(language))
        ]

    def search(self, query: str, k: int, documents: Sequence[str] = ()) -> list[Scored]:
        """Return the rows that share terms with the query, under the analysis of each language present."""
        with damage_named():
            return self._search(query, k, documents)

    def _search(self, query: str, k: int, documents: Sequence[str]) -> list[Scored]:
        clauses = [
            (
                tantivy.Occur.Should,
                tantivy.Query.term_query(self._schema, term_field(language), self._digest(term), "freq"),
            )
            for language in self._languages
            for term in query_terms(query, language)[:_MAX_QUERY_TERMS]
        ]
        if not clauses or k < 1:
            return []
        sharing = tantivy.Query.boolean_query(clauses)
        hits = self._best(self._within(documents, sharing) if documents else sharing, k)
        rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        found = [
            Scored(int(row), float(score))
            for row, (score, _) in zip(rows, hits, strict=True)
            if row is not None
        ]
        return sorted(found, key=lambda scored: (-scored.score, scored.row))[:k]

    def _within(self, documents: Sequence[str], query: tantivy.Query) -> tantivy.Query:
        """Return a query for what another one finds in some documents, with the same scores."""
        of_them = tantivy.Query.term_set_query(self._schema, "document", documents)
        unscored = tantivy.Query.const_score_query(of_them, 0.0)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, unscored)])

    def _best(self, query: tantivy.Query, k: int) -> list[tuple[float, tantivy.DocAddress]]:
        """Return the best hits, and all that equal the last of them.

        Equal scores come in the order of segments, which depends on when they were merged; whoever
        takes some of them has to have them all to choose from. There is an end to that: of thousands
        that a table's rows are, say, which ones are taken is as good as chance.
        """
        wanted = k + _TIES
        while True:
            hits = self._searcher.search(query, wanted, count=False).hits
            if len(hits) < wanted or hits[-1][0] < hits[k - 1][0] or wanted >= max(_MOST_TIES, k):
                return list(hits)
            wanted *= 2
