"""The public question sets that the reader is trained on, as records of one shape.

Never read here: the last five SQuAD titles, which are for development; any other development set; SciFact;
the documents in `seeds/` and their questions.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.errors import SourceNotFound

DEVELOPMENT_TITLES = 5

SQUAD2_FILE = Path("dev/squad2-public.json.gz")
SQUAD11_FILE = Path("train/squad11-13-articles.json.gz")
QED_FILE = Path("train/qed-nq.jsonl.gz")
QAMR_FILE = Path("train/qamr.jsonl.gz")
SELQA_FILE = Path("train/selqa.jsonl.gz")

ORIGINS = {
    SQUAD2_FILE: "SQuAD 2.0, 16 articles of its dev set (Rajpurkar, Jia and Liang, 2018; CC BY-SA 4.0)",
    SQUAD11_FILE: "SQuAD 1.1, 13 articles (Rajpurkar et al., 2016; CC BY-SA 4.0)",
    QED_FILE: "QED over Natural Questions (Lamm et al., 2021; Kwiatkowski et al., 2019; CC BY-SA 3.0)",
    QAMR_FILE: "QAMR (Michael et al., 2018; MIT)",
    SELQA_FILE: "SelQA (Jurczyk, Zhai and Choi, 2016; Apache-2.0)",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on a context.

    `answers` are the texts that answer it, each of which stands in the context; there are none where the
    context does not answer, or where only sentences are known to: those are `evidence`, as texts. `group`
    is the article or document of the context.
    """

    question: str
    context: str
    answers: tuple[str, ...]
    evidence: tuple[str, ...]
    group: str

    @property
    def answerable(self) -> bool:
        """Whether the context answers the question."""
        return bool(self.answers or self.evidence)


def training_path(data: Path, file: Path) -> Path:
    """Return where a file is below a data folder; raise `SourceNotFound` saying where it comes from."""
    path = data / file
    if not path.is_file():
        raise SourceNotFound(f"there is no {file} in the data folder: it is {ORIGINS[file]}")
    return path


def squad(path: Path) -> list[tuple[str, list[Asked]]]:
    """Return the questions of a SQuAD file by title, in the order of titles."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        articles = json.load(file)["data"]
    return [
        (article["title"], list(_article(article)))
        for article in sorted(articles, key=lambda entry: str(entry["title"]))
    ]


def _article(article: dict[str, Any]) -> Iterator[Asked]:
    for paragraph in article["paragraphs"]:
        for question in paragraph["qas"]:
            texts = () if question.get("is_impossible") else (entry["text"] for entry in question["answers"])
            yield Asked(
                question=" ".join(question["question"].split()),
                context=paragraph["context"],
                answers=tuple(dict.fromkeys(texts)),
                evidence=(),
                group=article["title"],
            )


def records(path: Path) -> list[Asked]:
    """Return the questions of a JSON Lines file: QED, QAMR or SelQA as the data folder has them."""
    found = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            context = entry["context"]
            # SelQA's answers are the sentences themselves.
            evidence = tuple(entry["sentences"][place] for place in entry.get("answer_sentences", ()))
            answers = {} if evidence else dict.fromkeys(answer["text"] for answer in entry["answers"])
            found.append(
                Asked(
                    question=" ".join(entry["question"].split()),
                    context=context,
                    answers=tuple(text for text in answers if text and text in context),
                    evidence=evidence,
                    group=_document(entry.get("title", "")),
                )
            )
    return found


def _document(title: str) -> str:
    # QAMR numbers paragraph and sentence behind the document.
    return title.rsplit(":", 2)[0] if title.count(":") > 2 else title
