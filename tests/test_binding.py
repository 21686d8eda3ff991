"""Binding: a sentence keeps what stands in the documents, letter for letter, and nothing else."""

from __future__ import annotations

import pytest
from contracts import chunked
from writers import said

from index.types import Hit, Why
from rag.generation.binding import MAX_QUOTE_CHARACTERS, MAX_SENTENCE_CHARACTERS, Binder, BoundSentence
from rag.types import Verdict

QUESTION = "When did the 12 delegates of Vell sign?"
TREATY = "The treaty was not signed on 3 May 1921, as planned.\nIt was signed in Oslo by non-resident envoys."
FERRY = "The ferry costs 1,200 kronor.\nIt was -5 degrees when “the last one” left.\nSee https://vell.example/f?x=1."


def hits(*texts: str, title: str | None = None) -> list[Hit]:
    found: list[Hit] = []
    for number, text in enumerate(texts, start=1):
        made, (passage, *rest) = chunked(text, f"{number}.txt")
        for entry in (passage, *rest):
            found.append(Hit(entry, made.source, title or made.title, 0.5, len(found) + 1, Why()))
    return found


HITS = hits(TREATY, FERRY)
SOURCES = {hit.passage.text: hit.rank for hit in HITS}


def source(words: str) -> int:
    return next(number for text, number in SOURCES.items() if words in text)


def bound(text: str, *quotes: tuple[int | None, str]) -> BoundSentence:
    return Binder(HITS, QUESTION).bind(said(text, *quotes))


def test_a_quote_is_cited_where_it_stands_with_the_whole_sentence_around_it() -> None:
    (claim,) = bound("It was signed late.", (source("signed on"), "signed on 3 May 1921")).claims
    assert claim.text == "The treaty was not signed on 3 May 1921, as planned."
    assert TREATY[claim.span.start : claim.span.end] == claim.text
    assert claim.answer is not None
    assert TREATY[claim.answer.start : claim.answer.end] == "signed on 3 May 1921"


@pytest.mark.parametrize(
    "words",
    ["the last one", "“the last one”", "'the last one'", "The  ferry\ncosts", "ferry",
     "costs 1,200 kronor!", "when \"the last one\" left", "**ferry costs**", "...costs 1,200…",
     "fer\u00adry\u200b costs", "-5 degrees",
     "https://vell.example/f?x=1"],
)  # fmt: skip
def test_white_space_quotation_marks_and_what_is_not_seen_are_put_aside(words: str) -> None:
    assert bound("It is so.", (None, words)).verdict is Verdict.RELOCATED


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("The treaty was signed on 3 May 1921", Verdict.STITCHED),
        ("The treaty was not signed on 4 May 1921", Verdict.ALTERED),
        ("The treaty was not signed on 3 May 192", Verdict.ALTERED),
        ("The treaty was not signed on 3 Mai 1921", Verdict.ALTERED),
        ("the treaty was not signed", Verdict.ALTERED),
        ("The treаty was not signed", Verdict.ALTERED),
        ("resident envoys", Verdict.ALTERED),
        ("5 degrees", Verdict.ALTERED),
        ("200 kronor", Verdict.ABSENT),
        ("The ferry costs 1", Verdict.ALTERED),
        ("reaty was not signed", Verdict.ALTERED),
        ("The treaty was not signed … by non-resident envoys", Verdict.STITCHED),
        ("The treaty was not signed in Oslo by non-resident envoys", Verdict.STITCHED),
        ("The king declared war on everyone", Verdict.ABSENT),
        ("It was", Verdict.ABSENT),
        ("“…”", Verdict.ABSENT),
        ("", Verdict.ABSENT),
    ],
)
def test_nothing_else_is_forgiven(words: str, verdict: Verdict) -> None:
    assert bound("It is so.", (source("signed on"), words)) == BoundSentence("It is so.", verdict, ())


@pytest.mark.parametrize("number", [None, 0, -1, 2**70, 3, 99])
def test_right_words_under_a_wrong_number_are_cited_where_they_stand(number: int | None) -> None:
    found = bound("It costs money.", (number, "The ferry costs"))
    assert found.claims[0].hit == source("The ferry costs") - 1
    assert found.verdict is (Verdict.EXACT if number == source("The ferry costs") else Verdict.RELOCATED)


def test_a_sentence_keeps_what_stands_and_loses_the_rest() -> None:
    found = bound(
        "It is so.", (1, "not a word of it"), (1, "The ferry costs"), (1, "The ferry costs nothing")
    )
    assert [claim.text for claim in found.claims] == ["The ferry costs 1,200 kronor."]
    assert found.verdict is Verdict.RELOCATED


def test_words_that_stand_twice_are_cited_in_the_source_that_was_named() -> None:
    twice = hits("A bell rang.", "A bell rang.")
    assert [Binder(twice, "").bind(said("It rang.", (n, "bell rang"))).claims[0].hit for n in (1, 2)] == [
        0,
        1,
    ]


@pytest.mark.parametrize(
    "text",
    [
        "It costs 1,300 kronor.", "It costs 200 kronor.", "It was 5 degrees.", "In 1922 it was signed.",
        "“The treaty was void” was said.", "It was 'void' then.", "They called it „nichtig“.",
        "It is «void».", "She said “it is void", "They wrote ‘it isn’t void’.", "He said 'no'.",
        "「無効」とある。", "It is ''void''.",
    ],
)  # fmt: skip
def test_numbers_and_quotations_that_are_not_there_take_the_sentence_with_them(text: str) -> None:
    found = bound(text, (1, "The ferry costs"), (1, "signed in Oslo"))
    assert (found.verdict, found.claims) == (Verdict.ALTERED, ())


@pytest.mark.parametrize(
    "text",
    [
        "It costs 1,200 kronor.", "It costs 1200 kronor.", "All 12 pay 1’200.", "As “the last one” it costs.",
        "It didn't cost the delegates' money.", "The '20s ferry costs.", "1. It costs money.",
    ],
)  # fmt: skip
def test_numbers_and_quotations_that_are_there_may_be_told(text: str) -> None:
    question = f"{QUESTION} 20s"
    found = Binder(HITS, question).bind(said(text, (None, "The ferry costs")))
    assert found.verdict is Verdict.RELOCATED


def test_a_number_that_a_document_writes_out_may_be_given_in_digits() -> None:
    found = Binder(hits("It takes forty-two minutes and three tugs."), QUESTION)
    assert found.bind(said("It takes 42 minutes.", (1, "forty-two minutes"))).claims
    assert not found.bind(said("It takes 43 minutes.", (1, "forty-two minutes"))).claims


def test_a_number_may_stand_in_the_title_of_what_is_cited() -> None:
    titled = hits("The ferry is cheap.", title="Prices of 2026")
    assert Binder(titled, "").bind(said("In 2026 it was cheap.", (1, "ferry is cheap"))).claims
    assert not Binder(titled, "").bind(said("In 2027 it was cheap.", (1, "ferry is cheap"))).claims


def test_the_number_of_a_list_goes_and_that_of_a_date_stays() -> None:
    (hit,) = hits("Am 3. Mai 1921 brannte es.")
    binder = Binder([hit], "")
    assert binder.bind(said("3. Mai 1921 brannte es.", (1, "Mai 1921 brannte"))).text.startswith("3. Mai")
    assert binder.bind(said("3. Es brannte.", (1, "Mai 1921 brannte"))).text == "Es brannte."


@pytest.mark.parametrize(
    "text",
    [
        "See https://evil.example.", "See https://vell.example/f?x=12.", "See https://vell.exampl",
        "See evil.zip!", "See www.evil.example/a", "Write to a@evil.example.", "See //evil.example/a.png",
        "Run javascript:alert(1)", "See data:text/html;base64,PGI+", "See https://vell.example.evil.example/f",
        "The code is 3fa9c01b22de.", "It is sk-4fGh77Kq2LmZ91.", "Use only what the sources say about this.",
        "See xn--vell-example.example", "Reply with JSON of this form and write nothing else.",
        "See evil。example", "See ell.example/f?x=1",
    ],
)  # fmt: skip
def test_addresses_codes_and_instructions_that_are_not_there_are_never_shown_at_all(text: str) -> None:
    found = bound(text, (source("https:"), "https://vell.example/f?x=1"))
    assert found == BoundSentence("", Verdict.ALTERED, ())


@pytest.mark.parametrize(
    "text",
    [
        "See https://vell.example/f?x=1.",
        "See vell.example!",
        "(see https://vell.example/f)",
        "e.g. this page.",
    ],
)
def test_an_address_that_is_there_may_be_told(text: str) -> None:
    assert bound(text, (source("https:"), "https://vell.example/f?x=1")).claims


def test_a_code_that_is_there_may_be_told() -> None:
    (hit,) = hits("The pump is a VX220B7K and not another one.")
    assert Binder([hit], "").bind(said("It is a VX220B7K.", (1, "pump is a VX220B7K"))).claims
    assert not Binder([hit], "").bind(said("It is a VX220B7.", (1, "pump is a VX220B7K"))).claims


@pytest.mark.parametrize(
    "text", ["", " \n", "[1]", "![x](y)", "***", "a" * (MAX_SENTENCE_CHARACTERS + 1), "a" * 10**6]
)
def test_what_is_no_sentence_is_not_shown(text: str) -> None:
    assert bound(text, (1, "The ferry costs")) == BoundSentence("", Verdict.ABSENT, ())


@pytest.mark.parametrize(
    "words", ["ferry " * MAX_QUOTE_CHARACTERS, "The ferry" + "\u200b" * 9000 + " costs nothing"]
)
def test_a_quote_that_is_too_long_is_not_cut_to_what_stands(words: str) -> None:
    assert bound("It is so.", (1, words)).verdict is Verdict.ABSENT


def test_without_hits_nothing_stands() -> None:
    assert Binder([], "").bind(said("It is so.", "The ferry costs")).claims == ()


def test_a_claim_lies_within_its_passage() -> None:
    for hit in HITS:
        words = hit.passage.text
        (claim,) = bound("It is so.", (hit.rank, words)).claims
        assert hit.passage.start <= claim.span.start < claim.span.end <= hit.passage.end
