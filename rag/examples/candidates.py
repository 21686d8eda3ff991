"""From stored documents to questions that may be asked of them, with the place that each was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from index.catalog import Catalog
from index.chunking import HEADING_SEPARATOR
from index.errors import DocumentNotFound
from index.types import DocumentInfo, Passage, content_id
from rag.examples.clauses import Words
from rag.examples.forms import Kind, questions_of, questions_of_heading

LANGUAGE = "en"
# What is looked at: of the last changes, a few documents; of each, a few passages.
_LAST_CHANGES = 1000
_LOOKED_AT = 100
_DOCUMENTS = 40
_PASSAGES = 120
# To read the passages of a longer one takes longer than an example is worth.
_LONGEST_DOCUMENT = 5000
_LONGEST_SENTENCE = 320
_OF_A_DOCUMENT = 6
_OF_ALL = 30


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question made from the stretch `text` of a document, which its answer is to come from.

    The same words may stand in another document; an answer from there is as good.
    """

    question: str
    kind: Kind
    document_id: str
    start: int
    text: str


def sampled(catalog: Catalog) -> list[str]:
    """Return the ids of a few documents in English, of those changed last: the same ones for a generation.

    Raise what the catalog raises.
    """
    changes = catalog.changes_since(max(0, catalog.sequence() - _LAST_CHANGES))
    found: list[str] = []
    for document_id in sorted({document_id for _, document_id in changes})[:_LOOKED_AT]:
        if len(found) == _DOCUMENTS:
            break
        try:
            info = catalog.document(document_id)
            if _is_short(info) and catalog.language(document_id) == LANGUAGE:
                found.append(document_id)
        except DocumentNotFound:
            # Deleted since.
            continue
    return found


def _is_short(info: DocumentInfo) -> bool:
    return 0 < info.passages <= _LONGEST_DOCUMENT


def candidates_of(catalog: Catalog, document_id: str) -> list[Candidate]:
    """Return the questions that may be asked of a document, the best first; of each kind at most two.

    Empty where there is no such document. Raise what the catalog raises.
    """
    passages = [passage for _, passage in catalog.passages_of(document_id)]
    chosen = [passages[place] for place in _spread(len(passages), _PASSAGES)]
    words = Words([passage.text for passage in chosen])
    made = {candidate.question: candidate for candidate in _made(chosen, words)}
    return _best(made.values())


def _spread(length: int, most: int) -> Sequence[int]:
    """Return at most so many places of a sequence, evenly over all of it."""
    if length <= most:
        return range(length)
    return [place * length // most for place in range(most)]


def _made(passages: Iterable[Passage], words: Words) -> Iterator[Candidate]:
    for passage in passages:
        if passage.heading is not None:
            heading = passage.heading.rsplit(HEADING_SEPARATOR, 1)[-1]
            for formed in questions_of_heading(heading, words):
                yield Candidate(formed.text, formed.kind, passage.document_id, passage.start, passage.text)
        for span in passage.sentences:
            if span.end - span.start <= _LONGEST_SENTENCE:
                sentence = passage.text[span.start - passage.start : span.end - passage.start]
                for formed in questions_of(sentence, words):
                    yield Candidate(formed.text, formed.kind, passage.document_id, span.start, sentence)


def _best(candidates: Iterable[Candidate]) -> list[Candidate]:
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=_order):
        if sum(other.kind is candidate.kind for other in kept) < 2:
            kept.append(candidate)
    return kept[:_OF_A_DOCUMENT]


def _order(candidate: Candidate) -> tuple[int, str]:
    """Names make a question one that only these documents answer; a long one is hard to take in."""
    words = candidate.question.split()
    names = any(word[0].isupper() for word in words[1:] if word != "I")
    return 2 * (not names) + (len(words) > 10), content_id(candidate.document_id, candidate.question)
