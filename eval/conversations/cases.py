"""Conversations to measure follow-up questions with.

A set is JSON Lines, a conversation a line:

    {"id": "conversation-01", "part": "develop", "corpus": "seeds", "labels_by": "...", "turns": [...]}

The rules of `rag.conversation` were made on the part `develop` and not changed for `held_out`. A turn has a
`question`, its `kind`, `answers` (words of the evidence) and `evidence`. One that depends on those before it
has `standalone` too, the question that a person would have asked by itself; any other has to be left as it
is. Evidence is `{"source", "quote"}` in the demo documents, or `{"article", "paragraph", "start", "end"}` in
SQuAD 2.0, whose text is not part of this repository: characters of a paragraph, both counted from 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.cases import InvalidCase, Quotation
from index.errors import SourceNotFound

CONVERSATIONS = Path(__file__).parents[1] / "sets" / "conversations.jsonl"
PARTS = ("develop", "held_out")


@dataclass(frozen=True, slots=True)
class ArticlePlace:
    """Characters `start:end` of a paragraph of an article of SQuAD."""

    article: str
    paragraph: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, the words that answer it and where they stand; `standalone` where it depends on others."""

    question: str
    standalone: str | None
    kind: str
    answers: tuple[str, ...]
    evidence: tuple[Quotation | ArticlePlace, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Questions that were asked one after the other."""

    id: str
    part: str
    exchanges: tuple[Exchange, ...]


def load_conversations(path: Path) -> tuple[Conversation, ...]:
    """Read a set; raise `SourceNotFound`, or `InvalidCase` naming the line."""
    if not path.is_file():
        raise SourceNotFound(f"there is no set of conversations {str(path)!r}")
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if line.strip():
            try:
                found.append(_conversation(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InvalidCase(f"{path.name}, line {number} is not a conversation: {error!r}") from error
    if not found:
        raise InvalidCase(f"{path.name} holds no conversations")
    return tuple(found)


def _conversation(record: Mapping[str, Any]) -> Conversation:
    exchanges = tuple(
        Exchange(
            question=str(turn["question"]),
            standalone=None if turn.get("standalone") is None else str(turn["standalone"]),
            kind=str(turn["kind"]),
            answers=tuple(map(str, turn["answers"])),
            evidence=tuple(map(_evidence, turn["evidence"])),
        )
        for turn in record["turns"]
    )
    if len(exchanges) < 2 or exchanges[0].standalone is not None:
        raise ValueError("a conversation has a question that stands by itself, and others after it")
    if not all(exchange.evidence for exchange in exchanges) or record["part"] not in PARTS:
        raise ValueError(f"every question has evidence, and the part is one of {', '.join(PARTS)}")
    return Conversation(str(record["id"]), str(record["part"]), exchanges)


def _evidence(entry: Mapping[str, Any]) -> Quotation | ArticlePlace:
    if "quote" in entry:
        return Quotation(str(entry["source"]), str(entry["quote"]))
    return ArticlePlace(
        str(entry["article"]), int(entry["paragraph"]), int(entry["start"]), int(entry["end"])
    )
