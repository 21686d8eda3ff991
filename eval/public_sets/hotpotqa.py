"""HotpotQA: questions that need a sentence of one passage and one of another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.cases import Evidence
from eval.outcomes import Outcome
from eval.public_sets.reading import SetReader, Text, in_form, titled
from eval.public_sets.types import PublicQuestions, Published
from eval.published_metrics import HotpotPrediction, HotpotScores, hotpot_figures
from index.types import Span

QUESTIONS_FILE = "dev/hotpotqa-100.json.gz"
CORPUS_FILE = "dev/hotpotqa-100.corpus.json.gz"

_PAPER = 'Yang et al., "HotpotQA", 2018, and its leaderboard'
_FULL_WIKI = "full wiki setting: over the first paragraphs of all of Wikipedia; test set"


class HotpotQA:
    """HotpotQA: a document is a passage below its title, and each question is asked of all of them.

    Evidence is the sentence of each supporting fact, and every one is needed. `kind` is HotpotQA's type,
    `bridge` or `comparison`; the answers yes and no stay as they are.
    """

    name = "hotpotqa"
    title = "HotpotQA"
    source = (
        "it is HotpotQA by Yang et al. "
        '("HotpotQA: a dataset for diverse, explainable multi-hop question answering", 2018), CC BY-SA 4.0: '
        f"questions as published in {QUESTIONS_FILE}, and in {CORPUS_FILE} the passages of all their "
        "contexts, a JSON object of lists of sentences by title"
    )
    not_comparable = (
        "Published systems are given ten paragraphs with each question (distractor setting), or search all "
        "of Wikipedia (full wiki setting); here all questions are asked of the passages of all contexts "
        "together, which lies between the two, and of as many questions as the file has. The facts "
        "named are the supporting facts that some citation shows, and each other citation counts as one fact "
        "that is wrong: the product splits sentences by itself, so that two wrong citations in one of "
        "HotpotQA's sentences count twice, and one over two of them once. A verbatim quote says "
        "neither yes nor no unless that stands in it."
    )
    published: tuple[Published, ...] = (
        Published("baseline", "hotpotqa_answer_exact", 0.240, _PAPER, _FULL_WIKI),
        Published("baseline", "hotpotqa_answer_f1", 0.329, _PAPER, _FULL_WIKI),
        Published("baseline", "hotpotqa_facts_f1", 0.377, _PAPER, _FULL_WIKI),
        Published("baseline", "hotpotqa_joint_f1", 0.162, _PAPER, _FULL_WIKI),
    )

    def load(self, data: Path) -> PublicQuestions:
        """Read the set in the order of its files."""
        reader = SetReader(data, self.source, "HotpotQA annotators")
        passages: dict[str, tuple[Text, list[Span]]] = {}
        with in_form(CORPUS_FILE):
            for title, sentences in reader.json(CORPUS_FILE).items():
                whole, start = titled(title, "".join(sentences))
                text = reader.document(title, whole)
                if text is not None:
                    passages[title] = (text, _spans(sentences, start))
        for place, record in reader.records(QUESTIONS_FILE):
            with in_form(place):
                evidence = _evidence(reader, record, passages)
                answers = [record["answer"]]
                reader.ask(
                    record["_id"], record["question"], record["type"], answers=answers, evidence=evidence
                )
        return reader.questions()

    def figures(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return what HotpotQA's script does, of outcomes alone; nothing that was read is needed.

        A supporting fact is named where a citation shows it, and each citation that shows none names
        something else. An abstention names no answer and no facts.
        """
        if not outcomes:
            return {}
        found = hotpot_figures([_prediction(outcome) for outcome in outcomes])
        return (
            _named("answer", found.answer)
            | _named("facts", found.facts)
            | {"hotpotqa_facts_precision": found.facts.precision, "hotpotqa_facts_recall": found.facts.recall}
            | _named("joint", found.joint)
        )


def _named(part: str, scores: HotpotScores) -> dict[str, float]:
    return {f"hotpotqa_{part}_f1": scores.f1, f"hotpotqa_{part}_exact": scores.exact}


def _prediction(outcome: Outcome) -> HotpotPrediction:
    shown = {("supporting", place) for place, piece in enumerate(outcome.expected) if piece.cited}
    others = {(entry.document_id, entry.start) for entry in outcome.citations if not entry.right}
    return HotpotPrediction(
        answer=None if outcome.abstained else outcome.predicted,
        facts=None if outcome.abstained else frozenset(shown | others),
        gold_answer=outcome.answers[0] if outcome.answers else "",
        gold_facts=frozenset(("supporting", place) for place in range(len(outcome.expected))),
    )


def _spans(sentences: Sequence[str], start: int) -> list[Span]:
    spans = []
    for sentence in sentences:
        spans.append(Span(start, start + len(sentence)))
        start += len(sentence)
    return spans


def _evidence(
    reader: SetReader, record: dict[str, Any], passages: dict[str, tuple[Text, list[Span]]]
) -> list[Evidence]:
    """Return the supporting facts as evidence, none where one of them is not in the passages."""
    found: list[Evidence] = []
    for title, number in record["supporting_facts"]:
        text, spans = passages.get(title, (None, []))
        span = spans[number].stripped(text.text) if text is not None and 0 <= number < len(spans) else None
        if text is None or span is None:
            reader.count("a supporting fact whose sentence is not there")
            return []
        found.append(text.evidence([span]))
    return found
