"""The analysis of text to index terms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.terms import analyze, query_terms, stem, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2,640-kilometer (1,640-mile)", ["2640", "kilometer", "1640", "mile"]),
        ("3.5% of 46th and 1990s", ["3.5", "of", "46th", "and", "1990s"]),
        ("U.S.-led, U.S.", ["us", "led", "us"]),
        ("Pakistan’s and Afghans' O'Brien", ["pakistan", "and", "afghans", "o'brien"]),
        ("Straße ﬁne CAFÉ", ["strasse", "fine", "café"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("世界你好 ok", ["世界", "界你", "你好", "ok"]),
        ("界", ["界"]),
        ("", []),
        ("—…!", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_stems_are_those_of_the_language() -> None:
    assert stem(["justified", "strikes"], "en") == ["justifi", "strike"]
    assert analyze("Grenzen", "de") == analyze("Grenze", "de") == ["grenz"]
    assert stem(["justified"], "xx") == ["justified"]


def test_a_question_is_asked_by_its_content_words() -> None:
    assert query_terms("What justification did Pakistan give?", "en") == ["justif", "pakistan", "give"]


def test_a_question_of_function_words_alone_keeps_them() -> None:
    assert query_terms("to be or not to be", "en") == ["to", "be", "or", "not"]


@given(st.text())
def test_any_text_gives_terms_without_white_space(text: str) -> None:
    for term in analyze(text, "en"):
        assert term
        assert not any(character.isspace() for character in term)


_LIKE_WORDS = st.lists(
    st.sampled_from("a b Z é Ⅳ ² 0 12 345 1,234 1.5 Ω ж – ’ . , ' 's - _ \n".split(" "))
).map("".join)
# What has a mark that combines takes the way of all scripts.
_MARK = "क्षि"


@given(st.one_of(_LIKE_WORDS, st.text(st.characters(max_codepoint=0x22FF))))
def test_plain_text_has_the_words_that_it_has_beside_another_script(text: str) -> None:
    assert words(text) == words(f"{text} {_MARK}")[:-1]
