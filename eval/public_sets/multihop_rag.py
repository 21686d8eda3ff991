"""MultiHop-RAG: questions over news articles that need facts of two to four of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.cases import Evidence
from eval.outcomes import ExpectedQuote, Outcome
from eval.public_sets.reading import SetReader, Text, in_form, located, titled
from eval.public_sets.types import PublicQuestions, Published
from eval.published_metrics import MultiHopFigures, multihop_figures

CORPUS_FILE = "dev/multihop-rag/corpus.json"
QUESTIONS_FILE = "dev/multihop-rag/MultiHopRAG.json"

_NULL = "null_query"
_DEPTH = 10
_PAPER = 'Tang and Yang, "MultiHop-RAG", 2024'
_RERANKED = "the best embedding model with bge-reranker-large"
_CHUNKS = "over chunks of 256 tokens, each with the article's title, source and date"


class MultiHopRag:
    """MultiHop-RAG: a document is an article, and each question is asked of all of them.

    Title, source and date stand above an article, since questions name them. Evidence are the facts of a
    question, each where it stands in its article, apart from white space if need be, and every one is
    needed; a question of which one fact is not found is left out and counted. `kind` is the set's own type
    of question; a `null_query` is unanswerable.
    """

    name = "multihop-rag"
    title = "MultiHop-RAG"
    source = (
        'it is MultiHop-RAG by Tang and Yang ("MultiHop-RAG: benchmarking retrieval-augmented generation for '
        f'multi-hop queries", 2024), ODC-BY: its articles in {CORPUS_FILE} and its questions in '
        f"{QUESTIONS_FILE}, both as published"
    )
    not_comparable = (
        "Published retrieval is over chunks of 256 tokens, and a chunk counts as a hit if it holds a fact "
        "whole; here the passages are the product's own, fewer than ten may be retrieved, and one counts "
        "that holds more than half of a fact, or of itself where it is the shorter. A fact counts at the "
        "first passage that holds it, as in the script, whose MAP@10 is no average precision as others have "
        "it. Accuracy is the script's too: an answer is right if it shares one word with the gold one, case "
        "aside. An abstention is taken as the gold answer of the questions without evidence, "
        "'Insufficient information.'. A verbatim quote says neither yes nor no unless that stands in it."
    )
    published: tuple[Published, ...] = (
        Published(_RERANKED, "multihop_rag_hits_at_10", 0.7467, _PAPER, _CHUNKS),
        Published(_RERANKED, "multihop_rag_hits_at_4", 0.6625, _PAPER, _CHUNKS),
        Published("GPT-4 on retrieved chunks", "multihop_rag_accuracy", 0.56, _PAPER, _CHUNKS),
        Published(
            "GPT-4 on the evidence itself", "multihop_rag_accuracy", 0.89, _PAPER, "nothing to retrieve"
        ),
    )

    def load(self, data: Path) -> PublicQuestions:
        """Read the set in the order of its files."""
        reader = SetReader(data, self.source, "MultiHop-RAG, written by GPT-4 and checked by people")
        articles: dict[str, Text] = {}
        for place, article in reader.records(CORPUS_FILE):
            with in_form(place):
                text = reader.document(article["title"], _whole(article))
                if text is not None:
                    # Titles need not differ; the address does, where there is one.
                    articles.setdefault(article["title"], text)
                    articles[article.get("url") or article["title"]] = text
        for number, (place, record) in enumerate(reader.records(QUESTIONS_FILE)):
            with in_form(place):
                _ask(reader, f"multihop-rag-{number}", record, articles)
        return reader.questions()

    def figures(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return the script's figures of retrieval, over answerable questions, and accuracy over all."""
        figures: dict[str, float] = {}
        if questions := [outcome.expected for outcome in outcomes if outcome.expected]:
            whole = _retrieval(questions, _DEPTH)
            figures["multihop_rag_hits_at_4"] = _retrieval(questions, 4).hits
            figures["multihop_rag_hits_at_10"] = whole.hits
            figures["multihop_rag_map_at_10"] = whole.map
            figures["multihop_rag_mrr_at_10"] = whole.mrr
        if outcomes:
            figures["multihop_rag_accuracy"] = sum(map(_right, outcomes)) / len(outcomes)
        return figures


def _whole(article: dict[str, Any]) -> str:
    about = ", ".join(filter(None, (article.get("source"), article.get("published_at"))))
    return titled(article["title"], f"{about}\n\n{article['body']}" if about else article["body"])[0]


def _ask(reader: SetReader, case_id: str, record: dict[str, Any], articles: dict[str, Text]) -> None:
    kind = record["question_type"]
    if kind == _NULL:
        reader.ask(case_id, record["query"], kind)
        return
    evidence = _evidence(reader, record["evidence_list"], articles)
    reader.ask(case_id, record["query"], kind, answers=[record["answer"]], evidence=evidence)


def _evidence(reader: SetReader, facts: list[dict[str, Any]], articles: dict[str, Text]) -> list[Evidence]:
    """Return the facts as evidence, none where one of them is not in its article."""
    found: list[Evidence] = []
    for fact in facts:
        text = articles.get(fact.get("url") or fact["title"]) or articles.get(fact["title"])
        span = located(text.text, fact["fact"]) if text is not None else None
        span = span.stripped(text.text) if text is not None and span is not None else None
        if text is None or span is None:
            reader.count("a fact that is not in its article")
            return []
        found.append(text.evidence([span]))
    return found


def _retrieval(questions: Sequence[Sequence[ExpectedQuote]], depth: int) -> MultiHopFigures:
    """Return the script's figures of ranks: a passage is told by the facts that it is the first to hold."""
    ranked = []
    for expected in questions:
        facts = [f"<{number}>" for number in range(len(expected))]
        held = [
            "".join(fact for fact, piece in zip(facts, expected, strict=True) if piece.rank == rank)
            for rank in range(1, depth + 1)
        ]
        ranked.append((held, facts))
    return multihop_figures(ranked, depth)


def _right(outcome: Outcome) -> bool:
    if outcome.abstained or not outcome.answerable:
        return outcome.abstained and not outcome.answerable
    said = set(outcome.predicted.lower().split())
    return any(said & set(answer.lower().split()) for answer in outcome.answers)
