"""QED: questions of Natural Questions for which annotators selected the sentence that answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.outcomes import Outcome
from eval.public import QED_FILE
from eval.public_sets.reading import SetReader
from eval.public_sets.types import PublicQuestions, Published
from index.types import Span


class Qed:
    """QED: each question is asked of its own paragraph, which is a document of its own.

    Evidence is the sentence that the annotators selected; questions for which they selected none are not
    asked. Answers are the annotated one, unless it is in several parts, and those of Natural Questions.
    """

    name = "qed"
    title = "QED"
    source = (
        "it is the development set of QED, JSON Lines, by Lamm et al. "
        '("QED: a framework and dataset for explanations in question answering", 2021), text CC BY-SA 3.0'
    )
    not_comparable = (
        "QED's own figures are of marking up the explanation of an answer: the answer and the noun phrases "
        "that question and sentence share. Here only the sentence is asked for. It is right where more than "
        "half of the shorter one is shared with the selected sentence, since the product splits the "
        "tokenised text of Natural Questions by itself and not at QED's boundaries. Questions that no one "
        "sentence answers are left out."
    )
    published: tuple[Published, ...] = ()

    def load(self, data: Path) -> PublicQuestions:
        """Read the set in the order of its file."""
        reader = SetReader(data, self.source, "QED annotators")
        return reader.asked((QED_FILE.as_posix(),), _ask)

    def figures(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return the share of questions of which the sentence put first is the one selected."""
        if not outcomes:
            return {}
        right = sum(outcome.best_sentence_right for outcome in outcomes)
        return {"qed_sentence_accuracy": right / len(outcomes)}


def _ask(reader: SetReader, record: dict[str, Any]) -> None:
    annotation = record["annotation"]
    selected = annotation.get("selected_sentence")
    if selected is None:
        reader.count("a question left out for which no sentence was selected")
        return
    text = reader.document(record["title_text"], record["paragraph_text"])
    if text is None:
        return
    span = Span(selected["start"], selected["end"]).stripped(text.text)
    reader.ask(
        record["example_id"],
        record["question_text"],
        "answerable",
        answers=_answers(record),
        evidence=[text.evidence([span])] if span is not None else [],
        scope=[text],
    )


def _answers(record: dict[str, Any]) -> list[str]:
    annotated = [part["paragraph_reference"] for part in record["annotation"].get("answer", ())]
    # Of an answer in parts, no part answers the question.
    whole = [parts for parts in (annotated, *record["original_nq_answers"]) if len(parts) == 1]
    return [part["string"] for (part,) in whole]
