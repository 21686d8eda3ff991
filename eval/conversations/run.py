"""Asks the conversations of a set of the demo documents and SQuAD's articles, and measures what is found."""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from eval.cases import InvalidCase, Located, Quotation, locate
from eval.conversations.cases import CONVERSATIONS, ArticlePlace, Conversation, load_conversations
from eval.conversations.figures import After, Asked, Measured, by_part, followed, unharmed
from eval.public import SquadArticle, SquadQuestion, file_sha256, load_squad2, squad2_path
from eval.runner import shows
from index.running import JobRunner
from index.sentences import sentence_spans
from index.sync import SyncRequest
from index.types import Block, BlockKind, Hit, Span
from rag.conversation import carried
from rag.types import Answer, Turn
from rag.wiring import Application

SEEDS = Path(__file__).parents[2] / "seeds"
DEPTH = 5
RANDOM_QUESTIONS = 500
_SEED = 7
_PARAGRAPH_END = "\n\n"


def measured(
    application: Application,
    data: Path,
    tell: Callable[[str], None],
    path: Path = CONVERSATIONS,
    random_questions: int = RANDOM_QUESTIONS,
) -> Measured:
    """Read the demo documents and SQuAD's articles into an empty home and ask the conversations of a set.

    Raise `SourceNotFound` where SQuAD is not below the data folder, `InvalidCase` where evidence does not
    stand in the documents.
    """
    conversations = load_conversations(path)
    squad = squad2_path(data)
    articles = load_squad2(squad)
    _ingest(application, articles)
    tell(f"{len(articles)} articles and the demo documents are read")
    shelf = _Shelf(application, articles)
    asked = tuple(entry for conversation in conversations for entry in shelf.follow(conversation))
    tell(f"{len(conversations)} conversations are asked")
    return Measured(
        parts={name: followed(entries) for name, entries in by_part(asked).items() if entries},
        unharmed={
            "switches": unharmed(
                [
                    After(entry.left_alone, entry.found["raw"], entry.found["rewritten"])
                    for entry in asked
                    if not entry.depends
                ]
            ),
            "random": unharmed(shelf.after_another(random_questions)),
        },
        asked=asked,
        provenance={
            "set": path.stem,
            "set_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "data_sha256": file_sha256(squad),
            "model": application.embedder.identity.name,
        },
    )


def _ingest(application: Application, articles: Sequence[SquadArticle]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for article in articles:
            (Path(folder) / f"{article.title}.txt").write_text(article.text, encoding="utf-8")
        report = JobRunner.over(application.ingestor()).sync(SyncRequest.of([SEEDS, Path(folder)]))
    if not report.complete:
        raise InvalidCase(f"the documents could not be read: {report.job.message}")


class _Shelf:
    """The documents as they were read, and who asks of them."""

    def __init__(self, application: Application, articles: Sequence[SquadArticle]) -> None:
        self._assistant = application.assistant
        # The best sentence, whatever the confidence: what an answer would be right or wrong with.
        self._candid = application.with_threshold(0.0)
        self._catalog = application.home.collection().catalog
        self._documents = self._catalog.documents()
        self._articles = {article.title: article for article in articles}

    def follow(self, conversation: Conversation) -> list[Asked]:
        """Ask the questions of a conversation; return what became of all but the first."""
        told: list[Turn] = []
        given: list[Turn] = []
        found = []
        for exchange in conversation.exchanges:
            quotations = [self._quotation(place, conversation.id) for place in exchange.evidence]
            located = [self._located(quotation, conversation.id) for quotation in quotations]
            queries = {
                "rewritten": carried(exchange.question, told),
                "given": carried(exchange.question, given),
                "standalone": exchange.standalone or exchange.question,
                "raw": exchange.question,
            }
            answers = {name: self._candid.ask(query) for name, query in queries.items()} if told else {}
            if told:
                found.append(
                    Asked(
                        conversation.id,
                        conversation.part,
                        exchange.kind,
                        exchange.question,
                        queries["rewritten"],
                        exchange.standalone is not None,
                        {name: _is_found(answer.hits, located) for name, answer in answers.items()},
                        {name: _is_first(answer, located) for name, answer in answers.items()},
                    )
                )
            told.append(Turn(exchange.question, queries["rewritten"], quotations[0].quote))
            answer = self._assistant.ask(queries["given"])
            given.append(Turn(exchange.question, queries["given"], answer.text))
        return found

    def after_another(self, count: int) -> list[After]:
        """Ask random answerable questions after another each; tell whether each is left alone and found."""
        questions = [
            (article, question)
            for article in self._articles.values()
            for question in article.questions
            if question.answerable
        ]
        # S311: nothing is secret here, and each run has to choose the same.
        chooser = random.Random(_SEED)  # noqa: S311
        found = []
        for article, question in chooser.sample(questions, min(count, len(questions))):
            before_article, before = chooser.choice(questions)
            turn = Turn(before.text, before.text, _answering_sentence(before_article, before))
            query = carried(question.text, [turn])
            alone = self._holds_answer(question.text, article, question)
            after = alone if query == question.text else self._holds_answer(query, article, question)
            found.append(After(query == question.text, alone, after))
        return found

    def _holds_answer(self, query: str, article: SquadArticle, question: SquadQuestion) -> bool:
        hits = self._assistant.search(query, top_k=DEPTH).hits
        return any(
            hit.source.endswith(f"/{article.title}.txt")
            and any(hit.passage.start <= answer < hit.passage.end for answer in question.answers)
            for hit in hits
        )

    def _quotation(self, place: Quotation | ArticlePlace, conversation: str) -> Quotation:
        if isinstance(place, Quotation):
            return place
        article = self._articles.get(place.article)
        paragraphs = article.text.split(_PARAGRAPH_END) if article else []
        text = paragraphs[place.paragraph] if 0 <= place.paragraph < len(paragraphs) else ""
        if not 0 <= place.start < place.end <= len(text):
            raise InvalidCase(f"{conversation}: the data has no {place}")
        return Quotation(f"{place.article}.txt", text[place.start : place.end])

    def _located(self, quotation: Quotation, conversation: str) -> Located:
        located = locate(quotation, self._documents, self._catalog)
        if not located.places:
            raise InvalidCase(f"{conversation}: {quotation.quote[:60]!r} is not in {quotation.source}")
        return located


def _answering_sentence(article: SquadArticle, question: SquadQuestion) -> str:
    """Return the sentence that holds the first answer of a question."""
    end = article.text.index(_PARAGRAPH_END, question.paragraph)
    for span in sentence_spans(article.text, Block(BlockKind.PARAGRAPH, question.paragraph, end), "en"):
        if span.start <= question.answers[0] < span.end:
            return article.text[span.start : span.end]
    return ""


def _is_found(hits: Sequence[Hit], evidence: Sequence[Located]) -> bool:
    places = [(hit.passage.document_id, Span(hit.passage.start, hit.passage.end)) for hit in hits[:DEPTH]]
    return any(shows(*place, evidence) for place in places)


def _is_first(answer: Answer, evidence: Sequence[Located]) -> bool:
    quotes = [citation.quote for citation in answer.citations[:1]]
    return any(shows(quote.document_id, Span(quote.start, quote.end), evidence) for quote in quotes)
