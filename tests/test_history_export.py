"""A conversation as Markdown: every quote with its place, and nothing of it that lives."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from histories import FERRY, QUESTION, Visit, opened
from markdown_it import MarkdownIt
from markdown_it.token import Token
from test_markdown import ADDRESS, HOSTILE

from index.types import DEFAULT_COLLECTION
from rag.generation import plain
from rag.history.export import to_markdown
from rag.history.types import ConversationInfo, KeptConversation, KeptTurn
from rag.types import Answer, AnswerSentence, AnswerStatus, Citation, Fallback, Quote

RENDERED = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@pytest.fixture
def ferry(tmp_path: Path) -> Iterator[Visit]:
    with opened(tmp_path / "home") as application:
        visit = Visit(application)
        visit.add(FERRY)
        yield visit


def exported(visit: Visit, conversation: str) -> str:
    return to_markdown(visit.history.conversation(visit.visitor, conversation))


def told(text: str, question: str = QUESTION, collection: str = DEFAULT_COLLECTION) -> KeptConversation:
    """Return a conversation in which everything that was stored, typed or written is a text."""
    quote = Quote("d" * 32, 10, 10 + len(text), text, "0" * 64)
    citation = Citation(1, quote, text, f"{text}t", text, 3, 0.9, None, text)
    answer = Answer(
        question=question,
        effective_query=question,
        text=text,
        sentences=(AnswerSentence(text, (1,)), AnswerSentence(text, ())),
        citations=(citation,),
        status=AnswerStatus.ANSWERED,
        confidence=0.9,
        hits=(),
        timings={},
        generation=1,
        fallback=Fallback("busy", text),
    )
    time = "2026-11-26T09:30:00.000000+00:00"
    turn = KeptTurn("t", question, time, collection, (), answer)
    return KeptConversation(ConversationInfo("c", question, time, time, 1), (turn,))


def inline(markdown: str) -> list[tuple[str, list[Token]]]:
    """Return what a program shows of each block by the kind of block, in order."""
    tokens = RENDERED.parse(markdown)
    return [
        (before.type, after.children or []) for before, after in pairwise(tokens) if after.type == "inline"
    ]


def letters(children: list[Token]) -> str:
    return "".join(child.content for child in children if child.type in ("text", "code_inline"))


def test_each_answer_stands_over_its_quotes_and_their_places(ferry: Visit) -> None:
    answer, info = ferry.ask()
    (quote,) = (citation.quote for citation in answer.citations)
    begun = f"{info.created[:10]} {info.created[11:16]} UTC"
    assert exported(ferry, info.id) == (
        f"# {QUESTION}\n\n"
        f"Begun {begun}, last changed {begun}.\n\n"
        f"## 1. {QUESTION}\n\n"
        "The ferry to Kallinge leaves at nine. [1]\n\n"
        f"_(Asked {begun} of the collection default)_\n\n"
        "> “The ferry to Kallinge leaves at nine.”\n>\n"
        f"> [1] The ferry · `ferry.md` · The ferry › Times · characters {quote.start}–{quote.end} · "
        f"[open](/#doc={quote.document_id}&start={quote.start}&end={quote.end})\n"
    )


def test_every_turn_is_exported_in_order(ferry: Visit) -> None:
    _, info = ferry.ask()
    ferry.ask("What do tickets cost?", info.id)
    headings = re.findall(r"(?m)^## .*$", exported(ferry, info.id))
    assert headings == [f"## 1. {QUESTION}", "## 2. What do tickets cost?"]


def test_what_is_lost_is_told_and_not_shown(ferry: Visit) -> None:
    _, info = ferry.ask()
    ferry.delete("ferry.md")
    text = exported(ferry, info.id)
    assert "The documents do not say." in text
    assert "_(1 quote is not there any more, and left out)_" in text
    assert "nine" not in text


def test_a_link_names_a_collection_that_is_not_the_default() -> None:
    (link,) = re.findall(r"\[open\]\(([^)]*)\)", to_markdown(told("x", collection="news")))
    assert urlsplit(link).path == "/"
    assert parse_qs(urlsplit(link).fragment) == {
        "doc": ["d" * 32], "start": ["10"], "end": ["11"], "collection": ["news"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", [*HOSTILE, "---", "===", "C #", "# #", "x\n---\ny", "| a |\n| - |", "    code"]
)
def test_nothing_that_was_stored_or_typed_becomes_markup(text: str) -> None:
    blocks = inline(to_markdown(told(text, question=text)))
    assert [kind for kind, _ in blocks] == [
        "heading_open",
        "paragraph_open",
        "heading_open",
        *["paragraph_open"] * 5,
    ]
    line = plain.one_line(text, len(text))
    assert letters(blocks[0][1]) == line
    assert letters(blocks[2][1]) == f"1. {line}"
    assert letters(blocks[-2][1]) == f"“{line}”"
    links = [child.attrs["href"] for _, children in blocks for child in children if child.type == "link_open"]
    assert links == [f"/#doc={'d' * 32}&start=10&end={10 + len(text)}"]
    allowed = {"text", "code_inline", "link_open", "link_close", "em_open", "em_close"}
    for _, children in blocks:
        assert {child.type for child in children} <= allowed
        assert not ADDRESS.search("".join(c.content if c.type == "text" else "\x00" for c in children))


def test_only_what_quotebound_says_is_emphasised() -> None:
    blocks = inline(to_markdown(told("_(not supported by the documents)_")))
    said = [children for _, children in blocks if any(child.type == "em_open" for child in children)]
    notes = ["not supported by the documents", "Asked", "These are the documents' own sentences"]
    assert len(said) == len(notes)
    for children, note in zip(said, notes, strict=True):
        assert note in letters(children)


def test_a_long_name_is_cut() -> None:
    conversation = told("x")
    (turn,) = conversation.turns
    (citation,) = turn.answer.citations
    long = replace(turn.answer, citations=(replace(citation, title="word " * 500),))
    text = to_markdown(replace(conversation, turns=(replace(turn, answer=long),)))
    assert text.count("word") < 40
