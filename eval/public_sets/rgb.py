"""RGB: whether an answer is found amid noise, and whether none is given where there is only noise."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.cases import Evidence, Quotation
from eval.outcomes import Outcome
from eval.public_sets.reading import SetReader, Text, as_stored
from eval.public_sets.types import PublicQuestions, Published
from index.types import Span, text_sha256

FILE = "dev/rgb/en_refine.json"
# As in the paper: of so many passages given with a question, the share that does not answer it.
PASSAGES = 5
NOISE_RATIO = 0.4

ANSWERABLE = "answerable"
# Every one of the answers is needed; spellings of one stand side by side in it.
SEVERAL = "several"
REJECTED = "rejected"
SPELLINGS = " | "


class Rgb:
    """RGB in English, of which noise robustness and negative rejection are asked.

    A document is a passage, and each question is asked of its own five: once of those that answer it and
    some that do not, by `NOISE_RATIO`, and once, as the kind `rejected`, of those alone that do not.
    Evidence is, for each part of the answer, any sentence of a positive passage that has one of its
    spellings. The answers of a case are the spellings of its answer; of the kind `several` they are its
    parts, and all are needed.
    """

    name = "rgb"
    title = "RGB"
    source = (
        'it is RGB by Chen et al. ("Benchmarking large language models in retrieval-augmented generation", '
        f"2024), CC BY-NC-SA 4.0: {FILE}, as its authors published it in refined form, JSON Lines"
    )
    not_comparable = (
        "The paper's figures are of the files as they were before their authors removed wrong passages and "
        "corrected answers. An answer is right if it contains the gold strings, as in the paper; all that is "
        "shown is looked through, so that quoting more can only help. Questions whose gold strings stand in "
        "none of the positive passages given are left out. The paper takes an answer for a rejection if it "
        "says that there is insufficient information; here it is whether an answer was given. As in the "
        "paper, nobody has checked that no negative passage answers."
    )
    published: tuple[Published, ...] = ()

    def load(self, data: Path) -> PublicQuestions:
        """Read the set in the order of its file, each question twice."""
        reader = SetReader(data, self.source, "RGB's authors, with passages found by a search engine")
        return reader.asked((FILE,), _ask)

    def figures(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return the share of answerable questions answered right, and of the others not answered."""
        figures = {}
        if answerable := [outcome for outcome in outcomes if outcome.answerable]:
            figures["rgb_accuracy"] = sum(map(_right, answerable)) / len(answerable)
        if rejected := [outcome for outcome in outcomes if not outcome.answerable]:
            figures["rgb_rejection_rate"] = sum(outcome.abstained for outcome in rejected) / len(rejected)
        return figures


def _right(outcome: Outcome) -> bool:
    if outcome.abstained:
        return False
    said = outcome.answer.lower()
    if outcome.kind == SEVERAL:
        return all(
            any(spelling.lower() in said for spelling in part.split(SPELLINGS)) for part in outcome.answers
        )
    return any(answer.lower() in said for answer in outcome.answers)


def _ask(reader: SetReader, record: dict[str, Any]) -> None:
    parts = _parts(record["answer"])
    positive, negative = _given(record["positive"], record["negative"])
    relevant, noise = _texts(reader, positive), _texts(reader, negative)
    several = len(parts) > 1
    reader.ask(
        f"rgb-{record['id']}-noise",
        record["query"],
        SEVERAL if several else ANSWERABLE,
        answers=[SPELLINGS.join(part) for part in parts] if several else [*parts[0]] if parts else [],
        evidence=_evidence(reader, parts, relevant),
        scope=[*relevant, *noise],
    )
    if alone := _texts(reader, record["negative"][:PASSAGES]):
        reader.ask(f"rgb-{record['id']}-rejection", record["query"], REJECTED, scope=alone)
    else:
        reader.count("a rejection left out without negative passages")


def _parts(answer: object) -> list[list[str]]:
    """Return the parts of an answer, each as its spellings: text alone, parts, or lists of spellings."""
    entries = answer if isinstance(answer, list) else [answer]
    parts = [[as_stored(spelling).strip() for spelling in _listed(entry)] for entry in entries]
    kept = [[spelling for spelling in part if spelling] for part in parts]
    return [part for part in kept if part]


def _listed(entry: object) -> list[str]:
    return [str(spelling) for spelling in entry] if isinstance(entry, list) else [str(entry)]


def _given(positive: list[str], negative: list[str]) -> tuple[list[str], list[str]]:
    """Return the passages that go with a question; of a sort that there are too few of, more of the other."""
    noise = math.ceil(PASSAGES * NOISE_RATIO)
    if noise > len(negative):
        noise = len(negative)
    elif PASSAGES - noise > len(positive):
        noise = PASSAGES - len(positive)
    return positive[: PASSAGES - noise], negative[:noise]


def _texts(reader: SetReader, passages: Sequence[str]) -> list[Text]:
    # Named by content: a name that told the positive ones would give the answer away.
    named = ((f"passage {text_sha256(as_stored(passage))[:16]}", passage) for passage in passages)
    return [text for name, passage in named if (text := reader.document(name, passage)) is not None]


def _evidence(reader: SetReader, parts: Sequence[Sequence[str]], texts: Sequence[Text]) -> list[Evidence]:
    """Return evidence for each part, none where the passages do not have one of them."""
    found: list[Evidence] = []
    for part in parts:
        quotations = dict.fromkeys(
            quotation for text in texts for spelling in part for quotation in _sentences(text, spelling)
        )
        if not quotations:
            reader.count("an answer that is in no positive passage given")
            return []
        found.append(Evidence(tuple(quotations)))
    return found


def _sentences(text: Text, spelling: str) -> list[Quotation]:
    spans = (Span(*match.span()) for match in re.finditer(re.escape(spelling), text.text, re.IGNORECASE))
    return [text.quotation(text.sentence_at(span)) for span in spans]
