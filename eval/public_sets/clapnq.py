"""ClapNQ: questions of Natural Questions that have a long answer, put together of several sentences."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.cases import Evidence
from eval.metrics import f_measure
from eval.outcomes import Outcome
from eval.public_sets.reading import SetReader, Text, as_stored, located, titled
from eval.public_sets.types import PublicQuestions, Published

FILES = ("dev/clapnq/clapnq_dev_answerable.jsonl", "dev/clapnq/clapnq_dev_unanswerable.jsonl")

# The words of rouge-score, which ClapNQ's authors and most others compute it with.
_WORD = re.compile(r"[a-z0-9]+")
# Some versions of the files end the selected sentences with this.
_SEPARATOR = "&"


class ClapNQ:
    """ClapNQ: each question is asked of its own passage, which stands below its title in a document.

    Evidence are the sentences that annotators selected, every one of them: where two rounds of annotators
    differ, those of the last round that selected any. A question without an answer is unanswerable. The
    answers of both rounds are kept; annotators wrote them, so that they need not stand in the passage.
    """

    name = "clapnq"
    title = "ClapNQ"
    source = (
        "it is the development set of ClapNQ by Rosenthal et al. "
        '("CLAPNQ: cohesive long-form answers from passages in Natural Questions for RAG systems", 2024), '
        f"Apache-2.0: {FILES[0]} and {FILES[1]}, as published"
    )
    not_comparable = (
        "The passage is given, as in the published task of generation from it. ROUGE-L is of all words of "
        "the answer shown, without stemming, against the best of the written answers, and 0 for an "
        "abstention. Annotators wrote concise answers in words of their own, which quotes cannot match: the "
        "selected sentences themselves would not score 1. Published systems are told to say that they do not "
        "know, and whether they did is found by matching words; here it is whether an answer was given."
    )
    published: tuple[Published, ...] = ()

    def load(self, data: Path) -> PublicQuestions:
        """Read the set, the answerable questions before the others."""
        reader = SetReader(data, self.source, "ClapNQ annotators")
        return reader.asked(FILES, _ask)

    def figures(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return means over answerable questions, and the share of the others that was not answered."""
        figures = {}
        if answerable := [outcome for outcome in outcomes if outcome.answerable]:
            figures["clapnq_rouge_l"] = sum(map(_rouge_l, answerable)) / len(answerable)
            f1 = sum(outcome.sentences.scores.f1 for outcome in answerable)
            figures["clapnq_sentence_f1"] = f1 / len(answerable)
        if unanswerable := [outcome for outcome in outcomes if not outcome.answerable]:
            right = sum(outcome.abstained for outcome in unanswerable)
            figures["clapnq_unanswerable_accuracy"] = right / len(unanswerable)
        return figures


def rouge_l(prediction: str, reference: str) -> float:
    """Return the F1 of the longest common subsequence of words (Lin, "ROUGE", 2004, with beta 1).

    Words are runs of ASCII letters and digits, without case and not stemmed, as in rouge-score; 0 where
    either text has none.
    """
    said, wanted = _WORD.findall(prediction.lower()), _WORD.findall(reference.lower())
    if not said or not wanted:
        return 0.0
    shared = _common_subsequence(said, wanted)
    return f_measure(shared / len(said), shared / len(wanted))


def _common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, bit by bit in parallel (Hyyrö, 2004)."""
    places: defaultdict[str, int] = defaultdict(int)
    for place, word in enumerate(first):
        places[word] |= 1 << place
    everywhere = (1 << len(first)) - 1
    # A zero at a place: the subsequence gets longer there.
    row = everywhere
    for word in second:
        matched = row & places[word]
        row = (row + matched | row - matched) & everywhere
    return len(first) - row.bit_count()


def _rouge_l(outcome: Outcome) -> float:
    if outcome.abstained:
        return 0.0
    return max((rouge_l(outcome.answer, answer) for answer in outcome.answers), default=0.0)


def _ask(reader: SetReader, record: dict[str, Any]) -> None:
    texts = []
    for passage in record["passages"]:
        text = reader.document(passage["title"], titled(passage["title"], passage["text"])[0])
        if text is None:
            return
        texts.append(text)
    given = [output for output in record["output"] if (output.get("answer") or "").strip()]
    if not given:
        reader.ask(record["id"], record["input"], "unanswerable", scope=texts)
        return
    # Sorting keeps the order of the file within a round.
    rounds = sorted(given, key=lambda output: (output.get("meta") or {}).get("round", 0))
    selections = [output["selected_sentences"] for output in rounds if output.get("selected_sentences")]
    evidence = _evidence(reader, selections[-1], texts) if selections else []
    answers = [output["answer"] for output in given]
    reader.ask(record["id"], record["input"], "answerable", answers=answers, evidence=evidence, scope=texts)


def _evidence(reader: SetReader, sentences: list[str], texts: Sequence[Text]) -> list[Evidence]:
    """Return the sentences as evidence, none where one of them is not in the passages."""
    found: list[Evidence] = []
    for sentence in sentences:
        words = as_stored(sentence).strip().removesuffix(_SEPARATOR).strip()
        places = [(text, located(text.text, words)) for text in texts]
        place = next(((text, span) for text, span in places if span is not None), None)
        if place is None:
            reader.count("a selected sentence that is not in its passage")
            return []
        text, span = place
        found.append(text.evidence([span]))
    return found
