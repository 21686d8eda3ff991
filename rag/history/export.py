"""A conversation as Markdown, with every quote and where it stands."""

from __future__ import annotations

from urllib.parse import urlencode

from index.types import DEFAULT_COLLECTION
from rag.generation import plain
from rag.history.types import KeptConversation, KeptTurn
from rag.markdown import FELL_BACK, heading, literal, note, sentence
from rag.types import Citation

_NAME_CHARACTERS = 160


def to_markdown(conversation: KeptConversation) -> str:
    """Return a conversation with its questions, its answers, and under each the quotes that it cites.

    What was typed or stored becomes its own letters, on one line; the links are to the page that
    exported it, from its root.
    """
    info = conversation.info
    begun = f"Begun {_time(info.created)}, last changed {_time(info.updated)}."
    turns = (_turn(number, turn) for number, turn in enumerate(conversation.turns, start=1))
    return "\n\n".join((heading(1, info.title), begun, *turns)) + "\n"


def _turn(number: int, turn: KeptTurn) -> str:
    answer = turn.answer
    told = " ".join(map(sentence, answer.sentences)) or literal(answer.text)
    notes = [note(f"Asked {_time(turn.asked)} of the collection {literal(turn.collection)}")]
    if answer.fallback is not None:
        notes.append(note(FELL_BACK.format(message=literal(answer.fallback.message))))
    if turn.lost:
        lost = "1 quote is" if turn.lost == 1 else f"{turn.lost} quotes are"
        notes.append(note(f"{lost} not there any more, and left out"))
    cited = (_citation(citation, turn.collection) for citation in answer.citations)
    return "\n\n".join((heading(2, f"{number}. {turn.question}"), told, *notes, *cited))


def _citation(citation: Citation, collection: str) -> str:
    quote = citation.quote
    where = [
        _name(citation.title),
        *([_name(citation.source)] if citation.source != citation.title else []),
        *([_name(citation.heading)] if citation.heading else []),
        *([_name(citation.place)] if citation.place else []),
        f"characters {quote.start}–{quote.end}",
        f"[open]({_link(citation, collection)})",
    ]
    # The quotation mark keeps what the quote begins with from meaning something there.
    return f"> “{literal(quote.text)}”\n>\n> [{citation.marker}] {' · '.join(where)}"


def _link(citation: Citation, collection: str) -> str:
    """Return the address of a quote in its document, from the root of the page."""
    quote = citation.quote
    place: dict[str, str | int] = {"doc": quote.document_id, "start": quote.start, "end": quote.end}
    if collection != DEFAULT_COLLECTION:
        place["collection"] = collection
    return f"/#{urlencode(place)}"


def _name(text: str) -> str:
    return literal(plain.one_line(text, _NAME_CHARACTERS))


def _time(moment: str) -> str:
    """Return an ISO 8601 time in UTC to the minute."""
    return f"{moment[:10]} {moment[11:16]} UTC"
