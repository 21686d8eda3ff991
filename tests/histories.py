"""An application whose answers are kept, for tests of kept conversations."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from pathlib import Path

from doubles import HashingEmbedder
from writers import ScriptedWriter

from index.home import Home
from index.running import JobRunner
from rag.generation.phrases import ABSTENTION
from rag.history.file import HISTORY_FILE
from rag.history.store import History
from rag.history.types import ConversationInfo, KeptTurn
from rag.settings import Settings
from rag.types import Answer, AnswerStatus, Asking
from rag.wiring import Application

FERRY = (
    "# The ferry\n\n## Times\n\n"
    "The ferry to Kallinge leaves at nine. It takes forty minutes. It does not run on Sundays.\n\n"
    "## Fares\n\nTickets for the ferry cost 120 kronor. Bicycles travel free of charge.\n"
)
BUS = "Buses leave the harbour at ten. The bus to Kallinge costs 30 kronor.\n"
QUESTION = "When does the ferry to Kallinge leave?"


def opened(home: Path, writer: ScriptedWriter | None = None, **settings: object) -> Application:
    """Open a home with doubles, whose answers `writer` writes."""
    chosen = Settings(
        **{"home": home, "threshold": 0.0, "chunk_tokens": 48, "reader": "similarity", **settings}  # type: ignore[arg-type]
    )
    return Application(chosen, writable=True, embedder=HashingEmbedder(), writer=writer)


@dataclass
class Visit:
    """Asks as a visitor's page does, and keeps what is answered."""

    application: Application
    visitor: str = "ann"
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def history(self) -> History:
        return self.application.history

    @property
    def home(self) -> Home:
        return self.application.home

    def add(self, text: str, name: str = "ferry.md", collection: str = "default") -> str:
        """Add a document and return its id."""
        JobRunner.over(self.application.ingestor(collection)).add(text.encode(), name)
        return next(
            info.id for info in self.home.collection(collection).catalog.documents() if info.source == name
        )

    def delete(self, source: str, collection: str = "default") -> None:
        store = self.home.collection(collection)
        for info in store.catalog.documents():
            if info.source == source:
                store.delete(info.id)

    def ask(
        self,
        question: str = QUESTION,
        conversation: str | None = None,
        turn: str | None = None,
        **more: object,
    ) -> tuple[Answer, ConversationInfo]:
        """Return the answer to a question, and the conversation that it was kept in."""
        asking = Asking(question, **more)  # type: ignore[arg-type]
        if conversation is not None:
            asking = replace(asking, turns=self.history.turns(self.visitor, conversation))
        answer = self.application.responder.answer(asking)
        return answer, self.keep(asking, answer, conversation, turn)

    def keep(
        self, asking: Asking, answer: Answer, conversation: str | None = None, turn: str | None = None
    ) -> ConversationInfo:
        turn = turn or f"turn-{next(self.numbers)}"
        return self.history.keep(self.visitor, conversation, turn, asking, answer)

    def say(self, question: str, conversation: str | None = None, turn: str | None = None) -> str:
        """Keep a question that the documents do not answer, and return the id of its conversation."""
        return self.keep(*said(question), conversation, turn).id

    def turns(self, conversation: str) -> tuple[KeptTurn, ...]:
        """Return the turns of a conversation as they are kept."""
        return self.history.conversation(self.visitor, conversation).turns

    def titles(self, query: str = "") -> list[str]:
        return [info.title for info in self.history.conversations(self.visitor, query)]

    def stored(self) -> bytes:
        """Return all that is in the files of the kept conversations."""
        return b"".join(
            path.read_bytes() for path in sorted(self.application.settings.home.glob(f"{HISTORY_FILE}*"))
        )


def said(question: str) -> tuple[Asking, Answer]:
    """Return a question, and that the documents do not say."""
    told = Answer(question, question, ABSTENTION, (), (), AnswerStatus.ABSTAINED, 0.1, (), {}, 1)
    return Asking(question), told


def as_shown(answer: Answer) -> Answer:
    """Return an answer without what is not kept: what was left out, and the inside of its passages."""
    hits = tuple(replace(hit, passage=replace(hit.passage, ordinal=0, sentences=())) for hit in answer.hits)
    return replace(answer, dropped=(), hits=hits)
