"""SQuAD 2.0, with questions that have no answer, and XQuAD, which is SQuAD 1.1 in other languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eval.outcomes import Outcome
from eval.public_sets.reading import SetReader, Text, as_stored, in_form
from eval.public_sets.types import PublicQuestions, Published
from eval.published_metrics import SquadFigures, SquadPrediction, squad2_figures
from index.types import Span
from rag.reading.training.sources import SQUAD2_FILE

_BLANK_LINE = "\n\n"

ANSWERABLE = "answerable"
MISLEADING = "misleading"

_LANGUAGES = {
    "en": "English",
    "es": "Spanish",
    "de": "German",
    "ar": "Arabic",
    "hi": "Hindi",
    "zh": "Chinese",
}
# Of multilingual BERT, trained on SQuAD 1.1 in English alone: F1 and exact match (Hu et al., 2020).
_MULTILINGUAL_BERT = {
    "en": (0.835, 0.722),
    "es": (0.755, 0.569),
    "de": (0.706, 0.540),
    "ar": (0.615, 0.451),
    "hi": (0.592, 0.460),
    "zh": (0.580, 0.483),
}
# Of what is in these sets, the articles that the reader that ships was not trained on (rag/reading/MODEL.md).
HELD_OUT = frozenset({"Packet_switching", "Scottish_Parliament", "Steam_engine", "Warsaw", "Yuan_dynasty"})
_SUFFIX = "-held-out"
_HELD_OUT_NOTE = (
    " Asked are only the questions on the articles that the reader was not trained on, of all articles."
)
_MINILM = 'Wang et al., "MiniLM", 2020'
_GIVEN_PARAGRAPH = "with the paragraph given"


class Squad2:
    """SQuAD 2.0: a document is an article, and each question is asked of all of them.

    Evidence is the sentence that holds an answer, by the product's own splitting; each place at which an
    annotator found one is an alternative. Its own unanswerable questions are of the kind `misleading`:
    annotators worded them so that a paragraph nearly answers them. With `held_out` only the questions on
    articles that the reader was not trained on are asked, of all articles all the same.
    """

    source = (
        "it is the development set of SQuAD 2.0 in its own JSON, by Rajpurkar, Jia and Liang "
        '("Know what you don\'t know", 2018), CC BY-SA 4.0'
    )
    not_comparable = (
        "Published systems are given the paragraph of each question; here it has to be found among all "
        "articles of the file, which may be a part of the development set. The predicted text is empty for "
        "an abstention, whatever would have been answered, so that the best F1 over thresholds is at most "
        "that of a system which always names its candidate. The probability of no answer is 1 less the "
        "confidence. Most published systems were trained on SQuAD 2.0's own training set."
    )
    published: tuple[Published, ...] = (
        Published(
            "MiniLM-L6 (22 million parameters)",
            "squad2_f1",
            0.756,
            _MINILM,
            f"{_GIVEN_PARAGRAPH}; whole development set",
        ),
        Published("BERT-base", "squad2_f1", 0.768, _MINILM, f"{_GIVEN_PARAGRAPH}; whole development set"),
    )

    def __init__(self, *, held_out: bool = False) -> None:
        self._held_out = held_out
        self.name = f"squad2{_SUFFIX if held_out else ''}"
        self.title = f"SQuAD 2.0{', held out' if held_out else ''}"
        if held_out:
            self.not_comparable += _HELD_OUT_NOTE

    def load(self, data: Path) -> PublicQuestions:
        """Read the set, article by article in the order of their titles."""
        reader = SetReader(data, self.source, "SQuAD 2.0 annotators")
        _read(reader, SQUAD2_FILE.as_posix(), held_out=self._held_out)
        return reader.questions()

    def figures(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return what SQuAD 2.0's script does, as shares; of a kind of question only if there are any."""
        if not outcomes:
            return {}
        scored = _scored(outcomes)
        figures = {"squad2_exact": scored.overall.exact, "squad2_f1": scored.overall.f1}
        if scored.has_answer is not None:
            figures["squad2_has_answer_exact"] = scored.has_answer.exact
            figures["squad2_has_answer_f1"] = scored.has_answer.f1
        if scored.no_answer is not None:
            figures["squad2_no_answer_f1"] = scored.no_answer.f1
        return figures | {"squad2_best_f1": scored.best_f1.score}


class Xquad:
    """XQuAD in one language, read and labelled like SQuAD 2.0; all of its questions have an answer."""

    def __init__(self, language: str, *, held_out: bool = False) -> None:
        self._held_out = held_out
        spoken = _LANGUAGES[language]
        self._file = f"dev/xquad/{language}.json.gz"
        self.name = f"xquad-{language}{_SUFFIX if held_out else ''}"
        self.title = f"XQuAD, {spoken}{', held out' if held_out else ''}"
        self.source = (
            f"it is XQuAD in {spoken}, in the JSON of SQuAD 1.1, by Artetxe, Ruder and Yogatama "
            '("On the cross-lingual transferability of monolingual representations", 2020), CC BY-SA 4.0'
        )
        self.not_comparable = (
            "Published systems are given the paragraph of each question; here it has to be found among all "
            "paragraphs of the file, which may be a part of XQuAD. Scored by SQuAD's script as it stands, as "
            "others do: it takes away ASCII punctuation and English articles alone, and splits at white "
            "space, which Chinese does not have, so that F1 is nearly exact match there. MLQA's script "
            "(Lewis et al., 2020) takes away the punctuation of all scripts and each language's own "
            "articles, and counts Chinese characters one by one, so that its figures are others."
        ) + (_HELD_OUT_NOTE if held_out else "")
        note = f"{_GIVEN_PARAGRAPH}; trained on SQuAD 1.1 in English; all 1,190 questions"
        paper = 'Hu et al., "XTREME", 2020'
        f1, exact = _MULTILINGUAL_BERT[language]
        self.published: tuple[Published, ...] = (
            Published("multilingual BERT", "xquad_f1", f1, paper, note),
            Published("multilingual BERT", "xquad_exact", exact, paper, note),
        )

    def load(self, data: Path) -> PublicQuestions:
        """Read the set, article by article in the order of their titles."""
        reader = SetReader(data, self.source, "XQuAD translators")
        _read(reader, self._file, held_out=self._held_out)
        return reader.questions()

    def figures(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """Return exact match and F1 as SQuAD's script does, as shares."""
        if not outcomes:
            return {}
        overall = _scored(outcomes).overall
        return {"xquad_exact": overall.exact, "xquad_f1": overall.f1}


XQUAD = tuple(map(Xquad, _LANGUAGES))
XQUAD_HELD_OUT = tuple(Xquad(language, held_out=True) for language in _LANGUAGES)


def _scored(outcomes: Sequence[Outcome]) -> SquadFigures:
    return squad2_figures(
        [
            SquadPrediction(
                outcome.predicted, outcome.answers if outcome.answerable else (), 1 - outcome.confidence
            )
            for outcome in outcomes
        ]
    )


def _read(reader: SetReader, file: str, *, held_out: bool) -> None:
    with in_form(file):
        articles = sorted(reader.json(file)["data"], key=lambda entry: str(entry["title"]))
    for article in articles:
        with in_form(f"{file}, {article['title']}"):
            _read_article(reader, article, asked=not held_out or article["title"] in HELD_OUT)


def _read_article(reader: SetReader, article: dict[str, Any], *, asked: bool) -> None:
    contexts = [paragraph["context"] for paragraph in article["paragraphs"]]
    text = reader.document(article["title"], "".join(f"{context}{_BLANK_LINE}" for context in contexts))
    if text is None or not asked:
        return
    start = 0
    for context, paragraph in zip(contexts, article["paragraphs"], strict=True):
        place = Span(start, start + len(context))
        for question in paragraph["qas"]:
            _ask(reader, question, text, place)
        start = place.end + len(_BLANK_LINE)


def _ask(reader: SetReader, question: dict[str, Any], text: Text, paragraph: Span) -> None:
    if question.get("is_impossible"):
        reader.ask(question["id"], question["question"], MISLEADING)
        return
    spans = [span for answer in question["answers"] for span in _places(reader, answer, text, paragraph)]
    evidence = [text.evidence([text.sentence_at(span) for span in spans])] if spans else []
    answers = [text.text[span.start : span.end] for span in spans]
    reader.ask(question["id"], question["question"], ANSWERABLE, answers=answers, evidence=evidence)


def _places(reader: SetReader, answer: dict[str, Any], text: Text, paragraph: Span) -> Iterator[Span]:
    """Yield where an answer stands in its paragraph, nearest to where it is said to, if it does."""
    words = as_stored(answer["text"])
    said = paragraph.start + answer["answer_start"]
    if not words.strip():
        reader.count("an answer left out without words")
        return
    starts = []
    start = text.text.find(words, paragraph.start, paragraph.end)
    while start >= 0:
        starts.append(start)
        start = text.text.find(words, start + 1, paragraph.end)
    if not starts:
        reader.count("an answer left out that its paragraph does not have")
        return
    if said not in starts:
        reader.count("an answer that stands elsewhere than it is said to")
    nearest = min(starts, key=lambda place: abs(place - said))
    found = Span(nearest, nearest + len(words)).stripped(text.text)
    if found is not None:
        yield found
