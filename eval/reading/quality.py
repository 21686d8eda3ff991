"""The part of docs/quality.md on the reader, written from the file that `quotebound eval fit` made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eval.passages import DEPTHS
from rag.retrieval import COMPARED

_INTRODUCTION = """\
## The reader by itself

From `rag/reading/reader.json`, which `quotebound eval fit --data DIR` makes. `rag/reading/MODEL.md` says what
the network was trained on.

Development articles: {articles}.
The network was not trained on them. What puts its numbers together is fitted on them, so every figure here is
of an article that was left out of the fit in turn.
Embedding model: {model}.
"""

_OPEN = """\
### Asked of all articles at once

{questions:.0f} answerable questions of SQuAD 2.0's public half, open over all its paragraphs. For
{answer_among_found:.1%} of them the ten passages that are found hold an answer. They are read in their order
until it is settled which sentence is best: {passages_read_answerable:.1f} of an answerable question on
average, and an answer is among these for {answer_among_read:.1%}. A question is *misleading* where an
annotator changed it so that the text nearly answers it, and *silent* where the answering passages were taken
out: then {passages_read_misleading:.1f} and {passages_read_removed:.1f} are read.
"""

_ANSWERS = """\
### Whether to answer

The threshold is {threshold}: an answer is given where the documents more probably answer than not, if a third
of what is asked has no answer, and half of that is worded to mislead. Abstaining then has a precision of
{abstention_precision:.3f} and a recall of {abstention_recall:.3f}.

In words: an answer is given to {answered_answerable:.1%} of the answerable questions, to
{answered_removed:.1%} of the silent and to {answered_misleading:.1%} of the misleading ones. **Of 100 answers
given, at most {unsupported:.0f} have no support in the documents**, under the same assumption. Where an
answerable question is answered, its first sentence holds the answer in {first_right_when_answered:.1%}.

`confidence` is the probability of an answer under that assumption. Its expected calibration error over tenths
is {calibration_error:.3f}:
"""

_PUBLISHED = """\
Trained on all of SQuAD 2.0's 130,000 questions, small models do better on the whole of its development set,
as their authors report: an F1 of 0.756 for MiniLM-L6 (22 million parameters, from its language model) and
0.768 for BERT-base (Wang et al., "MiniLM", 2020). Ours, of MiniLM-L6's size, had 3,973 of such questions.
"""


def section(record: Mapping[str, Any]) -> str:
    """Return the section for what a coefficients file records."""
    fitted = record["fitted"]
    found, given, given_sentences = fitted["open"], fitted["paragraph_given"], fitted["evidence_sentence"]
    answers = fitted["answers_given"] | found | {"threshold": record["threshold"]}
    answers["unsupported"] = math.ceil(100 * unsupported_share(answers))
    parts = [
        _INTRODUCTION.format(
            articles=", ".join(fitted["articles"]).replace("_", " "), model=fitted["embedding_model"]
        ),
        _OPEN.format(**found),
        table(
            ("", "sentence first", "in three", "AUROC, misleading", "AUROC, silent"),
            (
                (title, *(f"{found[f'{figure}_{name}']:.3f}" for figure in _FIGURES))
                for title, name in (
                    ("cosine", "cosine"),
                    ("cosine and words", "cosine_and_words"),
                    ("the reader", "reader"),
                )
            ),
        ),
        "#### What each signal is worth\n",
        table(
            ("signals", "sentence first", "in three", "AUROC, misleading", "AUROC, silent"),
            (
                (name, *(f"{row[f'{figure}_reader']:.3f}" for figure in _FIGURES))
                for name, row in fitted["ablation"].items()
            ),
        ),
        _ANSWERS.format(**answers),
        table(
            ("share of questions", "mean confidence", "answerable"),
            ((f"{share:.1%}", f"{mean:.3f}", f"{right:.3f}") for share, mean, right in fitted["calibration"]),
        ),
        "Risk and coverage under the same assumption: if only the most confident are answered, the share of "
        "first\nsentences that hold no answer.\n",
        table(
            ("coverage", "risk", "threshold"),
            (
                (f"{share:.1%}", f"{risk:.3f}", f"{least:.2f}")
                for share, risk, least in fitted["risk_coverage"]
            ),
        ),
        "### With the paragraph given\n",
        table(
            ("SQuAD 2.0, development articles", ""),
            ((name.replace("_", " "), _number(value)) for name, value in given.items()),
        ),
        _PUBLISHED,
        table(
            ("QED, which sentence was selected", ""),
            ((name.replace("_", " "), _number(value)) for name, value in given_sentences.items()),
        ),
    ]
    return "\n".join(parts)


_RANKING = """\
## The ranking of passages

From `rag/ranking.json`, which `quotebound eval fit --ranking --data DIR` makes. What vectors and words find
is fused by rank; the first {compared} of that are ranked anew by how much of the question one of their
sentences has, how near they are and how well their words match. Fitted on {squad:,} questions of SQuAD's
training articles and {natural_questions:,} of Natural Questions; the figures are of articles and questions
left out.
"""


def ranking_section(record: Mapping[str, Any]) -> str:
    """Return the section for what the ranking's coefficients file records."""
    fitted = record["fitted"]
    rows = (
        (f"{name.replace('_', ' ')}, {by}", *(f"{found[f'recall_at_{depth}_{by}']:.3f}" for depth in DEPTHS))
        for name, found in fitted["figures"].items()
        for by in ("fused", "ranked")
    )
    return "\n".join(
        [
            _RANKING.format(compared=COMPARED, **fitted["questions"]),
            table(("an answer is among the first", *map(str, DEPTHS)), rows),
        ]
    )


_FIGURES = ("first", "in_three", "auroc_misleading", "auroc_removed")


def unsupported_share(answers: Mapping[str, float]) -> float:
    """Return the share of given answers that have no support, of the mixture that is assumed."""
    without = (answers["answered_removed"] + answers["answered_misleading"]) / 6
    return without / (without + answers["answered_answerable"] * 2 / 3)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value > 1 else f"{value:.3f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
