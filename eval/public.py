"""Public question sets, read from where the user keeps them; none is part of this repository."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from index.errors import SourceNotFound
from index.types import Span
from rag.reading.training.sources import SQUAD2_FILE

QED_FILE = Path("dev/qed.jsonl.gz")
SCIFACT_FOLDER = Path("dev/scifact")


@dataclass(frozen=True, slots=True)
class SquadQuestion:
    """A question on a paragraph of an article.

    `paragraph` is where the paragraph begins in the article, `answers` where its answers do; there are
    none if it is unanswerable.
    """

    id: str
    text: str
    paragraph: int
    answers: tuple[int, ...]
    answerable: bool


@dataclass(frozen=True, slots=True)
class SquadArticle:
    """An article of SQuAD as one document: its paragraphs, a blank line between them."""

    title: str
    text: str
    questions: tuple[SquadQuestion, ...]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a data file, by which a result names what it was measured on."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def squad2_path(data: Path) -> Path:
    """Return where SQuAD 2.0 is below a data folder; raise `SourceNotFound` saying where it comes from."""
    path = data / SQUAD2_FILE
    if not path.is_file():
        raise SourceNotFound(
            f"there is no {SQUAD2_FILE} in the data folder: it is the development set of SQuAD 2.0 "
            "(Rajpurkar, Jia and Liang, 2018; CC BY-SA 4.0) in its own JSON, compressed with gzip"
        )
    return path


def load_squad2(path: Path) -> list[SquadArticle]:
    """Return the articles of a SQuAD 2.0 file by title."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        articles = json.load(file)["data"]
    found = []
    for article in sorted(articles, key=lambda entry: str(entry["title"])):
        text = ""
        questions = []
        for paragraph in article["paragraphs"]:
            offset = len(text)
            text += paragraph["context"].replace("\r", " ") + "\n\n"
            for question in paragraph["qas"]:
                answers = {offset + answer["answer_start"] for answer in question["answers"]}
                questions.append(
                    SquadQuestion(
                        id=question["id"],
                        text=" ".join(question["question"].split()),
                        paragraph=offset,
                        answers=tuple(sorted(answers)),
                        answerable=not question["is_impossible"],
                    )
                )
        found.append(SquadArticle(article["title"], text, tuple(questions)))
    return found


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Texts by id, queries by id, and for each query the ids that are relevant to it."""

    documents: dict[str, str]
    queries: dict[str, str]
    relevant: dict[str, set[str]]


def load_scifact(data: Path) -> RetrievalSet:
    """Return SciFact below a data folder; raise `SourceNotFound` saying where it comes from."""
    folder = data / SCIFACT_FOLDER
    if not (folder / "corpus.jsonl.gz").is_file():
        raise SourceNotFound(
            f"there is no {SCIFACT_FOLDER} in the data folder: it is SciFact as BEIR has it (Wadden et al., "
            "2020; CC BY-NC 2.0), corpus.jsonl.gz, queries.train.jsonl.gz and qrels.train.tsv"
        )
    documents = {
        entry["_id"]: f"{entry['title']}\n{entry['text']}".strip()
        for entry in _lines(folder / "corpus.jsonl.gz")
    }
    queries = {entry["_id"]: entry["text"] for entry in _lines(folder / "queries.train.jsonl.gz")}
    relevant: dict[str, set[str]] = defaultdict(set)
    with (folder / "qrels.train.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if int(row["score"]) > 0:
                relevant[row["query-id"]].add(row["corpus-id"])
    return RetrievalSet(documents, {key: queries[key] for key in relevant if key in queries}, dict(relevant))


@dataclass(frozen=True, slots=True)
class SentenceQuestion:
    """A question on a paragraph of which one sentence, the place `selected`, answers it."""

    question: str
    context: str
    sentences: tuple[Span, ...]
    selected: int


def load_qed(data: Path) -> list[SentenceQuestion]:
    """Return those questions of QED's development set of which its annotators selected a sentence.

    Raise `SourceNotFound` saying where it comes from.
    """
    path = data / QED_FILE
    if not path.is_file():
        raise SourceNotFound(
            f"there is no {QED_FILE} in the data folder: it is the development set of QED "
            "(Lamm et al., 2021; text CC BY-SA 3.0), JSON Lines, compressed with gzip"
        )
    found = []
    for entry in _lines(path):
        selected = entry["annotation"].get("selected_sentence")
        if selected is None:
            continue
        context, starts = entry["paragraph_text"], entry["sentence_starts"]
        spans = [Span(*bounds).stripped(context) for bounds in pairwise([*starts, len(context)])]
        found.append(
            SentenceQuestion(
                entry["question_text"],
                context,
                tuple(span or Span(start, start) for span, start in zip(spans, starts, strict=True)),
                starts.index(selected["start"]),
            )
        )
    return found


def _lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]
