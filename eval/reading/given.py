"""Questions with the paragraph given: SQuAD 2.0's development articles, and QED's choice of a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.metrics import area_under_roc, exact_match, token_f1
from eval.public import SentenceQuestion
from eval.reading.fitting import fit, ranked
from eval.reading.open_questions import OpenQuestion
from eval.regression import logistic_regression
from eval.samples import Kind
from index.embedding import Embedder
from index.embedding.embedder import cosines
from index.types import Hit, Passage, Span, Why
from rag.overlap import Question
from rag.ranking import PassageRanking
from rag.reading.network import Network
from rag.reading.signals import COMPARED_SIGNALS, SignalReader
from rag.reading.trained import TwoStages
from rag.reading.training.examples import split
from rag.reading.training.sources import Asked


@dataclass(frozen=True, slots=True)
class Given:
    """A question read with its paragraph alone; `spans` are the best words of each sentence."""

    question: OpenQuestion
    spans: list[str]
    answers: tuple[str, ...]


def collect(asked: Sequence[Asked], network: Network, embedder: Embedder) -> list[Given]:
    """Return SQuAD questions as they are read with their paragraphs."""
    reader = SignalReader(network, embedder)
    made = []
    hits = _hits(asked, [split(entry.context) for entry in asked], embedder)
    for entry, hit in zip(asked, hits, strict=True):
        sentences = reader.read(Question.analysed(entry.question), [hit])
        passage = hit.passage
        answers = [passage.text.find(text) for text in entry.answers]
        right = [any(span.start <= answer < span.end for answer in answers) for span in passage.sentences]
        kind = Kind.ANSWERABLE if entry.answerable else Kind.MISLEADING
        signals = reader.compare(sentences, range(len(sentences.candidates)))
        spans = ["" if span is None else passage.text[span.start : span.end] for span in sentences.spans]
        question = OpenQuestion.of(entry.group, kind, sentences, signals, np.array(right, dtype=np.bool_))
        made.append(Given(question, spans, entry.answers))
    return made


def _hits(
    asked: Sequence[Asked | SentenceQuestion], sentences: Sequence[Sequence[Span]], embedder: Embedder
) -> list[Hit]:
    """Return the context of each question as its only hit, cut into the sentences that are given for it."""
    contexts = list(dict.fromkeys(entry.context for entry in asked))
    vectors = dict(zip(contexts, embedder.embed_passages(contexts), strict=True))
    ranking = PassageRanking.load()
    made = []
    for entry, cut in zip(asked, sentences, strict=True):
        query = embedder.embed_query(entry.question)
        (cosine,) = cosines(query[np.newaxis], vectors[entry.context][np.newaxis])
        made.append(_hit(entry.question, entry.context, cut, float(cosine), ranking))
    return made


def _hit(question: str, text: str, sentences: Sequence[Span], cosine: float, ranking: PassageRanking) -> Hit:
    passage = Passage(
        id=text, document_id="", ordinal=0, start=0, end=len(text), text=text, heading=None, page=None,
        sentences=tuple(sentences),
    )  # fmt: skip
    # The only passage that there is has the most of the words, as far as any has.
    why = Why(dense_rank=1, dense_score=cosine, lexical_rank=1, lexical_score=1.0)
    (probability,) = ranking.probabilities(question, [passage], [why])
    return Hit(passage, "", "", float(probability), 1, why)


def squad_figures(given: Sequence[Given]) -> dict[str, float]:
    """Return what is reached by fits on the other articles: F1, exact match, answerability.

    The answer is the best span of the sentence that comes first, and none below the threshold at which
    the F1 of the other articles is highest. `has_answer` figures are of the answerable without a threshold,
    as SQuAD's own script counts HasAns at the threshold 0.
    """
    f1, has_f1, has_exact, first, probabilities, margins = [], [], [], [], [], []
    order: list[Given] = []
    for article in dict.fromkeys(entry.question.article for entry in given):
        others = [entry for entry in given if entry.question.article != article]
        stages = fit([entry.question for entry in others], "")
        least = _best_threshold(others, stages)
        part = [entry for entry in given if entry.question.article == article]
        for entry, found in zip(part, ranked([entry.question for entry in part], stages), strict=True):
            answer = entry.spans[found.order[0]]
            order.append(entry)
            probabilities.append(found.probability)
            margins.append(float(entry.question.signals[:, COMPARED_SIGNALS.index("span")].max()))
            f1.append(token_f1(answer if found.probability >= least else "", entry.answers or ("",)))
            if entry.question.answerable:
                has_f1.append(token_f1(answer, entry.answers))
                has_exact.append(exact_match(answer, entry.answers))
                first.append(found.is_right(1))
    answerable = [entry.question.answerable for entry in order]
    result: dict[str, float] = {
        "questions": len(order),
        "f1": float(np.mean(f1)),
        "has_answer_f1": float(np.mean(has_f1)),
        "has_answer_exact": float(np.mean(has_exact)),
        "sentence_first": float(np.mean(first)),
        "auroc": area_under_roc(probabilities, answerable),
        "auroc_network_span": area_under_roc(margins, answerable),
    }
    return {name: round(value, 4) for name, value in result.items()}


def _best_threshold(given: Sequence[Given], stages: TwoStages) -> float:
    found = ranked([entry.question for entry in given], stages)
    scored = sorted(
        (
            (
                entry.probability,
                token_f1(one.spans[entry.order[0]], one.answers or ("",)),
                float(not one.question.answerable),
            )
            for entry, one in zip(found, given, strict=True)
        ),
        key=lambda entry: entry[0],
    )
    answered, withheld = (np.array([entry[place] for entry in scored]) for place in (1, 2))
    # Withholding the first n, answering the rest.
    totals = np.concatenate([[0.0], np.cumsum(withheld)]) + np.concatenate(
        [np.cumsum(answered[::-1])[::-1], [0.0]]
    )
    best = int(np.argmax(totals))
    return scored[best][0] if best < len(scored) else 1.0


def least_margin(given: Sequence[Given], stages: TwoStages) -> float:
    """Return the margin from which the words of the right sentence are more likely right than not.

    Right is an F1 of at least one half with an answer; of the answerable questions whose sentence is right.
    """
    margins, right = [], []
    answerable = [entry for entry in given if entry.question.answerable]
    for entry, found in zip(
        answerable, ranked([entry.question for entry in answerable], stages), strict=True
    ):
        if found.is_right(1):
            margins.append(entry.question.signals[found.order[0], COMPARED_SIGNALS.index("span")])
            right.append(token_f1(entry.spans[found.order[0]], entry.answers) >= 0.5)
    (slope,), constant = logistic_regression(
        np.array(margins)[:, np.newaxis], np.array(right), np.ones(len(right))
    )
    return round(float(np.clip(-constant / max(slope, 1e-3), -30, 30)), 3)


def qed_figures(
    questions: Sequence[SentenceQuestion], network: Network, embedder: Embedder, stages: TwoStages
) -> dict[str, float]:
    """Return how often the sentence that QED's annotators selected comes first, by what ranks them."""
    reader = SignalReader(network, embedder)
    columns = {"cosine": "sentence_cosine", "network_evidence": "evidence", "network_span": "span"}
    right: dict[str, list[bool]] = {name: [] for name in (*columns, "reader")}
    hits = _hits(questions, [entry.sentences for entry in questions], embedder)
    for entry, hit in zip(questions, hits, strict=True):
        sentences = reader.read(Question.analysed(entry.question), [hit])
        signals = reader.compare(sentences, range(len(sentences.candidates)))
        for name, column in columns.items():
            right[name].append(int(np.argmax(signals[:, COMPARED_SIGNALS.index(column)])) == entry.selected)
        right["reader"].append(int(np.argmax(stages.relevance(signals))) == entry.selected)
    figures: dict[str, float] = {"questions": len(questions)}
    return figures | {name: round(float(np.mean(flags)), 4) for name, flags in right.items()}
