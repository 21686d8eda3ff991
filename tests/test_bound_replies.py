"""10,000 generated replies on their way to being shown: no altered quote gets through, exact ones do.

`python tests/test_bound_replies.py` prints what became of each kind.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
import regex
from doubles import HashingEmbedder, document
from hypothesis import given, settings
from hypothesis import strategies as st
from quoted_texts import QUESTIONS, TEXTS
from reply_forms import pieces, written
from reply_mutations import KINDS, Planned, Replies, folded, stands

from index.chunking import Chunker, indexed_text
from index.home import Home
from index.types import Hit
from rag.answering import Assistant, Engine
from rag.claims import markers_of
from rag.generation import Claim
from rag.generation.binding import Binder, BoundSentence
from rag.generation.extractive import ExtractiveGenerator
from rag.generation.replies import Reply
from rag.reading.similarity import SimilarityReader
from rag.retrieval import Retriever
from rag.types import AnswerSpan, Citation, Verdict

# A sentence, what is cited for it, and its markers.
Outcome = tuple[BoundSentence, list[Citation], tuple[int, ...]]

REPLIES = 10_000
_QUOTATION = regex.compile(r'"([^"]+)"|“([^”“]+)”|„([^“„]+)“|«([^»]+)»|「([^」]+)」')


def _words(claim: Claim) -> AnswerSpan | None:
    if (span := claim.answer) is None:
        return None
    start = claim.span.start
    return AnswerSpan(claim.text[span.start - start : span.end - start], span.start, span.end)


class Shown:
    """The way of a reply to what is shown of it, over a real store: parsed, bound, and cited."""

    def __init__(self, home: Home) -> None:
        embedder = HashingEmbedder()
        self.store = home.collection(create=True)
        self.texts: dict[str, str] = {}
        chunker = Chunker(embedder.window, target_tokens=48)
        for source, text in TEXTS.items():
            made = document(text, source)
            passages = chunker.chunk(made)
            vectors = embedder.embed_passages([indexed_text(passage) for passage in passages])
            self.store.put(made, passages, vectors)
            self.texts[made.id] = self.store.catalog.text(made.id)
            assert self.texts[made.id] == text
        self._assistant = Assistant(
            lambda collection: home.collection(collection).snapshot(),
            lambda _: Engine(embedder, Retriever(embedder), SimilarityReader(embedder)),
            ExtractiveGenerator(),
        )
        found = [self._assistant.search(question, top_k=8).hits for question in QUESTIONS]
        self.asked = [(hits, Binder(hits, asked)) for hits, asked in zip(found, QUESTIONS, strict=True)]

    def of(self, stream: Sequence[str], hits: Sequence[Hit], binder: Binder) -> Iterator[Outcome]:
        """Yield each sentence of a reply with its citations and markers; without a marker it is withheld."""
        reply = Reply()
        kept: list[Citation] = []
        read = [sentence for piece in stream for sentence in reply.feed(piece)]
        bound = [binder.bind(sentence) for sentence in [*read, *reply.end()]]
        # Looked up at once: a look at the catalog takes longer than all else.
        claims = [claim for sentence in bound for claim in sentence.claims]
        passed = {
            (citation.quote.document_id, citation.answer_span): citation
            for citation in self._assistant.cited(claims, hits, "default")
        }
        for sentence in bound:
            places = [(hits[claim.hit].passage.document_id, _words(claim)) for claim in sentence.claims]
            citations = [passed[place] for place in places if place in passed]
            yield sentence, citations, markers_of(citations, kept)


@dataclass(slots=True)
class Tally:
    """What became of the sentences of some replies, and what should not have."""

    verdicts: defaultdict[str, Counter[Verdict]] = field(default_factory=lambda: defaultdict(Counter))
    replies: int = 0
    citations: int = 0
    exact: int = 0
    lost: list[object] = field(default_factory=list)
    altered: list[object] = field(default_factory=list)
    not_verbatim: list[object] = field(default_factory=list)
    false_quotations: list[object] = field(default_factory=list)
    unexpected: list[object] = field(default_factory=list)

    def add(self, shown: Shown, kind: str, rng: Random) -> None:
        """Take note of one more reply in which one sentence is of a kind."""
        hits, binder = rng.choice(shown.asked)
        plans = Replies(rng, hits).planned(kind)
        stream = pieces(rng, written(rng, plans))
        self.replies += 1
        by_text = {
            bound.text: (bound, cited, markers) for bound, cited, markers in shown.of(stream, hits, binder)
        }
        # Some sentences are withheld with their text.
        withheld: Outcome = (BoundSentence("", Verdict.ALTERED, ()), [], ())
        for plan in plans:
            told = f"{plan.text} {plan.quotes}"
            bound, citations, markers = by_text.get(plan.text, withheld)
            self.verdicts[kind if plan.kind == kind else "exact"][bound.verdict] += 1
            if bound.verdict not in plan.verdicts:
                self.unexpected.append((plan.kind, bound.verdict, told))
            self._cited(shown, citations, told)
            if markers and not plan.shown:
                self.altered.append((plan.kind, told))
            if markers:
                self._quoted(plan, hits)
            if plan.shown:
                self._kept(plan, citations)

    def _cited(self, shown: Shown, citations: Sequence[Citation], told: str) -> None:
        for citation in citations:
            quote = citation.quote
            self.citations += 1
            if shown.texts[quote.document_id][quote.start : quote.end] != quote.text:
                self.not_verbatim.append((quote, told))

    def _quoted(self, plan: Planned, hits: Sequence[Hit]) -> None:
        for match in _QUOTATION.finditer(plan.text):
            if not stands(next(filter(None, match.groups())), hits):
                self.false_quotations.append(plan.text)

    def _kept(self, plan: Planned, citations: Sequence[Citation]) -> None:
        """See that what is cited for a sentence is what it quotes exactly, and nothing besides."""
        for drawn in plan.exact:
            self.exact += 1
            if not any(folded(drawn.raw) in folded(citation.quote.text) for citation in citations):
                self.lost.append((plan.kind, drawn.raw, plan.quotes))
        if len(citations) > len(plan.exact):
            self.altered.append((plan.kind, plan.quotes))

    def table(self) -> str:
        """Return how many sentences of each kind had which verdict, and the sums."""
        lines = [f"{'kind':24}" + "".join(f"{verdict.value:>11}" for verdict in Verdict)]
        for kind in KINDS:
            counts = "".join(f"{self.verdicts[kind][verdict]:11}" for verdict in Verdict)
            lines.append(f"{kind:24}{counts}")
        kept = self.exact - len(self.lost)
        sentences = sum(sum(found.values()) for found in self.verdicts.values())
        lines += [
            "",
            f"replies {self.replies}, sentences {sentences}, citations shown {self.citations}",
            f"altered quotes shown {len(self.altered)}, not verbatim {len(self.not_verbatim)}, "
            f"false quotations within shown sentences {len(self.false_quotations)}",
            f"exact quotes kept {kept} of {self.exact} ({100 * kept / max(1, self.exact):.3f} %), "
            f"unexpected verdicts {len(self.unexpected)}",
        ]
        return "\n".join(lines)


@contextmanager
def way(folder: Path) -> Iterator[Shown]:
    embedder = HashingEmbedder()
    chunker = Chunker(embedder.window, target_tokens=48)
    home = Home(folder / "home", embedder.identity.space(chunker.fingerprint), writable=True)
    yield Shown(home)
    home.close()


def tallied(shown: Shown, replies: int = REPLIES) -> Tally:
    tally = Tally()
    for number in range(replies):
        kind = KINDS[number % len(KINDS)]
        tally.add(shown, kind, Random(f"{kind} {number}"))
    return tally


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with way(tmp_path_factory.mktemp("replies")) as opened:
        yield opened


@pytest.fixture(scope="module")
def tally(shown: Shown) -> Tally:
    return tallied(shown)


def test_no_altered_quote_is_shown_in_ten_thousand_replies(tally: Tally) -> None:
    assert tally.replies == REPLIES
    assert tally.altered == []


def test_every_quote_shown_is_what_is_stored_there(tally: Tally) -> None:
    assert tally.citations > REPLIES
    assert tally.not_verbatim == []


def test_quotations_within_shown_sentences_stand_in_the_documents(tally: Tally) -> None:
    assert tally.false_quotations == []


def test_exact_quotes_are_kept(tally: Tally) -> None:
    assert tally.exact > REPLIES
    assert len(tally.lost) <= tally.exact / 1000, tally.lost


def test_each_kind_of_quote_has_its_verdict(tally: Tally) -> None:
    assert tally.unexpected == []
    assert all(tally.verdicts[kind] for kind in KINDS)


@given(rng=st.randoms(use_true_random=False), kind=st.sampled_from(KINDS))
@settings(max_examples=100)
def test_no_reply_that_can_be_found_shows_an_altered_quote(shown: Shown, rng: Random, kind: str) -> None:
    tally = Tally()
    tally.add(shown, kind, rng)
    assert (tally.altered, tally.not_verbatim, tally.false_quotations) == ([], [], [])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, way(Path(folder)) as shown:
        tally = tallied(shown)
    sys.stdout.write(f"{tally.table()}\n")
    for name in ("lost", "altered", "unexpected", "false_quotations"):
        for entry in getattr(tally, name)[:20]:
            sys.stdout.write(f"{name}: {entry}\n")


if __name__ == "__main__":
    main()
