"""How a reply is read as it streams: both forms, however it is cut, and what is no answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reply_forms import pieces, written
from reply_mutations import Planned
from writers import said

from rag.generation.replies import MAX_REPLY_CHARACTERS, Reply, spoken
from rag.generation.writing import ClaimedQuote, Reason, WritingFailed, WrittenSentence

FERRY = said("It leaves at nine.", (1, "The ferry leaves at nine"))
TICKET = said("It costs 120 kronor.", (2, "A ticket costs 120 kronor"), (None, "bicycles are free"))
BOTH = [FERRY, TICKET]


def read(*stream: str) -> list[WrittenSentence]:
    reply = Reply()
    return [sentence for piece in stream for sentence in reply.feed(piece)] + list(reply.end())


def as_json(*sentences: WrittenSentence) -> str:
    entries = [
        {
            "quotes": [{"source": quote.source, "words": quote.words} for quote in sentence.quotes],
            "text": sentence.text,
        }
        for sentence in sentences
    ]
    return json.dumps({"sentences": entries}, ensure_ascii=False)


QUOTES_FIRST = """\
Q1: The ferry leaves at nine
S: It leaves at nine.
Q2: A ticket costs 120 kronor
Q: bicycles are free
S: It costs 120 kronor.
"""


@pytest.mark.parametrize(
    "reply",
    [
        as_json(*BOTH),
        json.dumps(json.loads(as_json(*BOTH)), indent=2),
        json.dumps(json.loads(as_json(*BOTH))["sentences"]),
        f"```json\n{as_json(*BOTH)}\n```",
        f"```{as_json(*BOTH)}```",
        f"Here is the answer:\n\n```json\n{as_json(*BOTH)}\n```\nI hope that helps!",
        f"<think>\nQ1: perhaps {{this}}?\nS: No.\n</think>\n{as_json(*BOTH)}",
        f"I should quote source 1.\nQ1 looks right.\n</think>\n{as_json(*BOTH)}",
        QUOTES_FIRST,
        f"```\n{QUOTES_FIRST}```",
        QUOTES_FIRST.replace("\n", "\r\n"),
        QUOTES_FIRST.replace("\n", "\n\n"),
        QUOTES_FIRST.replace("S:", "**S:**").replace("Q1:", "**Q1:**").replace("Q2:", "**Q2:**"),
        QUOTES_FIRST.replace("Q1:", "- Quote [1]:").replace("S:", "- Sentence:"),
        QUOTES_FIRST.replace("Q1:", "1. Source 1:").replace("S:", "Answer:"),
        QUOTES_FIRST.replace(" at nine\n", "\nat nine\n").replace("120 kronor\nQ", "120\nkronor\nQ"),
        f"Here is the answer:\n{QUOTES_FIRST}",
        f"<thinking>Source 1.\n\nS: or not</thinking>{QUOTES_FIRST}",
        QUOTES_FIRST.replace("Q2:", "<think>\nS: What now?\n</think>\nQ2:"),
        "S: It leaves at nine.\nQ1: The ferry leaves at nine\n"
        "S: It costs 120 kronor.\nQ2: A ticket costs 120 kronor\nQ: bicycles are free",
        "It leaves at nine.\nQ1: The ferry leaves at nine\n"
        "It costs 120 kronor.\nQ2: A ticket costs 120 kronor\nQ: bicycles are free",
        "Q1: The ferry leaves at nine\nIt leaves at nine.\n"
        "Q2: A ticket costs 120 kronor\nQ: bicycles are free\nIt costs 120 kronor.",
    ],
)
def test_the_forms_that_models_use_are_understood(reply: str) -> None:
    found = [sentence for sentence in read(reply) if sentence.quotes]
    assert found == BOTH
    assert [sentence for sentence in read(*reply) if sentence.quotes] == BOTH


def test_a_line_may_carry_its_quotes_inside() -> None:
    reply = 'It leaves at nine. [1] "The ferry leaves at nine"\nS: It costs 120 kronor [2]: “A ticket costs”.'
    assert read(reply) == [FERRY, said("It costs 120 kronor.", (2, "A ticket costs"))]


def test_a_reply_that_begins_with_a_bracket_need_not_be_json() -> None:
    assert read('[1] "The ferry leaves at nine" It leaves at nine.') == [FERRY]


def test_what_is_said_before_the_first_label_takes_no_quote() -> None:
    assert read("Certainly.\nQ1: The ferry leaves at nine\nS: It leaves at nine.") == [
        said("Certainly."),
        FERRY,
    ]


def test_a_quote_may_hold_anything_that_is_no_label() -> None:
    words = 'a "b" [1] {c: [d]} <think> </think> ``` e: “f”'
    assert read(f"Q1: {words}\nS: g") == [said("g", words)]
    assert read(as_json(said("g", words))) == [said("g", words)]


def test_sentences_come_as_soon_as_they_are_whole() -> None:
    for reply in (QUOTES_FIRST, as_json(*BOTH)):
        reading = Reply()
        seen = [len(reply[: place + 1]) for place, piece in enumerate(reply) if list(reading.feed(piece))]
        assert len(seen) == 2
        assert seen[0] < reply.index("120")


FRAGMENTS = [
    "Q1: the words", "S: a sentence", "Q2:", "S:", "no label", "an end:", "[1] \"words\"", "[", "{", "]", "}",
    ",", "\n", "\n", "\n\n", "\r\n", " ", "```", "```json\n", "<think>", "</think>", "<thinking>", "<",
    "NO ANSWER",
    '{"sentences": [', '{"quotes": [{"source": 1, "words": "a"}], "text": "b"}', '"', "\\", ": ", "é",
]  # fmt: skip


def outcome(stream: Sequence[str]) -> tuple[list[WrittenSentence], Reason | None, int, bool]:
    reply = Reply()
    found: list[WrittenSentence] = []
    reason = None
    try:
        for piece in stream:
            found += reply.feed(piece)
        found += reply.end()
    except WritingFailed as failure:
        reason = failure.reason
    return found, reason, reply.quotes, reply.declined


@given(fragments=st.lists(st.sampled_from(FRAGMENTS), max_size=14), rng=st.randoms(use_true_random=False))
def test_however_a_text_is_cut_it_is_read_the_same(fragments: list[str], rng: Random) -> None:
    text = "".join(fragments)
    expected = outcome([text])
    assert outcome(pieces(rng, text)) == expected
    assert outcome(text) == expected


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
LINES = st.lists(WORDS, min_size=1, max_size=6).map(" ".join).filter(lambda line: not line.startswith("`"))
SENTENCES = st.builds(
    lambda text, quotes: Planned(f"The {text}", tuple(quotes), frozenset()),
    WORDS.filter(lambda word: not set(word) & set('[]"“”')),
    st.lists(
        st.builds(ClaimedQuote, st.none() | st.integers(1, 99), LINES.map("x{}".format)),
        min_size=1,
        max_size=3,
    ),
)


@given(planned=st.lists(SENTENCES, min_size=1, max_size=4), rng=st.randoms(use_true_random=False))
def test_what_is_written_is_what_is_read(planned: list[Planned], rng: Random) -> None:
    found = read(*pieces(rng, written(rng, planned)))
    assert found == [WrittenSentence(entry.text, entry.quotes) for entry in planned]


@given(text=st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    outcome(text)


@pytest.mark.parametrize(
    "reply", ["NO ANSWER", "no answer.", "S: NO ANSWER", "**NO ANSWER**", "<think>Hm.</think>\nNO ANSWER\n",
              '{"sentences": []}', "[]", '{"sentences": [{"quotes": [], "text": "NO ANSWER"}]}'],
)  # fmt: skip
def test_a_model_may_find_no_answer(reply: str) -> None:
    assert outcome(reply) == ([], None, 0, True)


@pytest.mark.parametrize(
    "reply",
    [
        "", "  \n", "The ferry leaves at nine.", "I cannot help with that.", "```\n```", "{}",
        '{"error": "no"}',
        '{"sentences": [{"quotes": [], "text": "The ferry leaves."}]}', '{"sentences": [{"answer": "nine"}]}',
        '{"quotes": [{"source": 1, "words": "a"}], "text": "b"}', "Q1: only a quote",
        "<html>502 Bad Gateway</html>",
        "Q1: a\nS:", "[[[[", "{" * 3000, "[" * 30_000,
    ],
)  # fmt: skip
def test_a_reply_that_quotes_nothing_is_no_answer(reply: str) -> None:
    found, reason, quotes, declined = outcome([reply])
    assert (reason, quotes, declined) == (Reason.UNUSABLE, 0, False), found


@pytest.mark.parametrize("end", range(len('{"sentences": ['), len(as_json(*BOTH)) - 1))
def test_json_that_is_cut_off_is_never_a_whole_answer(end: int) -> None:
    assert outcome([as_json(*BOTH)[:end]])[1] is Reason.CUT_OFF


@pytest.mark.parametrize(
    "broken",
    [('kronor"', "kronor"), ('"source": 2', '"source": two'), ('}], "text": "It c', '}, "text": "It c')],
)
def test_broken_json_is_never_a_whole_answer(broken: tuple[str, str]) -> None:
    found, reason, *_ = outcome([as_json(*BOTH).replace(*broken)])
    assert found in ([FERRY], BOTH[:1])
    assert reason is Reason.CUT_OFF


@pytest.mark.parametrize(
    "reply", ["<think>Let me see", f"{QUOTES_FIRST}<think>\nwait", "<thinking>\nQ1: a\nS: b\n"]
)
def test_a_reply_that_ends_within_a_thought_is_cut_off(reply: str) -> None:
    assert outcome([reply])[1] is Reason.CUT_OFF
    assert outcome(reply)[1] is Reason.CUT_OFF


def test_a_number_of_a_source_that_is_no_number_is_left_out() -> None:
    entries = [{"source": source, "words": "a"} for source in ("1", 2.5, True, None, [1], 10**30, -4)]
    reply = json.dumps({"sentences": [{"quotes": [*entries, {"source": 1}, "a", None], "text": "b"}]})
    (sentence,) = read(reply)
    assert [quote.source for quote in sentence.quotes] == [None, None, None, None, None, 10**30, -4]


def test_a_reply_that_does_not_end_is_broken_off() -> None:
    reply = Reply()
    with pytest.raises(WritingFailed, match="quoted nothing"):
        for _ in range(MAX_REPLY_CHARACTERS):
            list(reply.feed("<think>"))


def test_what_a_model_thought_is_no_part_of_what_it_said() -> None:
    assert spoken("<think>Who is he?\n</think>\n\nWho is Ada?").strip() == "Who is Ada?"
    assert spoken("He must be Ada.</think>Who is Ada?") == "Who is Ada?"
    assert spoken("Who is Ada?") == "Who is Ada?"
    assert spoken("<thinking>Who") == ""


@pytest.mark.parametrize(
    "said",
    [
        "The documents do not say.",
        "S: The sources do not mention when the ferry leaves.",
        "The provided context doesn't contain that information.",
        "I don't know.",
        "There is no information about this in the sources.",
        "The question cannot be answered from these sources.",
    ],
)
def test_a_model_may_say_in_other_words_that_there_is_no_answer(said: str) -> None:
    reply = Reply()
    assert [*reply.feed(said), *reply.end()] == []
    assert reply.declined


def test_a_sentence_that_denies_something_over_a_quote_is_no_refusal() -> None:
    reply = Reply()
    text = "Q1: The source does not state a reason\nS: The text does not give a reason."
    assert len([*reply.feed(text), *reply.end()]) == 1
    assert not reply.declined
