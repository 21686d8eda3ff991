"""What a model wrote as plain text: nothing is left that a page would render, follow or not show."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.generation import plain


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("It leaves at nine [1].", "It leaves at nine."),
        (
            "It leaves [1, 2] at nine [Source 3][^4]【5†source】［6］ (source 7: the ferry).",
            "It leaves at nine.",
        ),
        ("In [2019] it left at nine.", "In [2019] it left at nine."),
        ("- It **leaves** at `nine`.", "It leaves at nine."),
        ("# > It leaves\nat\tnine.", "It leaves at nine."),
        ("3. Mai 1921 was a Tuesday.", "3. Mai 1921 was a Tuesday."),
        ("If x<y and y>z, it leaves.", "If x< y and y>z, it leaves."),
        ("See [the page](https://a.example/b_(c)).", "See the page."),
        ("See [the page][p] and ![](data:image/png;base64,AA==) this.", "See the page and this."),
        ("[p]: https://a.example 'title'", ""),
        ("- [p]: https://a.example", ""),
        ("<b>It</b> leaves<br/> at <a href='https://a.example'>nine</a>.<!-- psst -->", "It leaves at nine."),
        ("Write to <https://a.example/?q=1> or <mailto:a@a.example>.", "Write to or ."),
        ("می\u200cخواهم 👩\u200d🔬 ❤️", "می\u200cخواهم 👩\u200d🔬 ❤️"),
        ("It\u200b le\u00adaves\u202e at\U000e0041 ni\u200dne.\u2060\ufeff", "It leaves at nine."),
        ("Page one\x0cpage two\rpage three\x85\u2028four", "Page one page two page three four"),
    ],
)
def test_a_sentence_is_shown_as_one_line_of_text(written: str, shown: str) -> None:
    assert plain.sentence(written) == shown


ALIVE = [
    "<script>alert(1)</script>", "<<b>script>alert(1)<</b>/script>", "<img src=x onerror=alert(1)>",
    "<img src='https://evil.example/?q=", "<IMG SRC=x>", "<svg/onload=alert(1)>", "</source-abc>",
    "<x-y a=b>", "<?php echo 1 ?>", "<!DOCTYPE html>", "<!-- <b> -->", "<a\nhref='https://evil.example'>x</a>",
    "![a](https://evil.example/a.png)", "![![a](https://evil.example/b)](https://evil.example/c)",
    "![a][b]", "[a][b]", "[[a]](https://evil.example)", "[a [b] c](https://evil.example)", "[a](<https://evil.example>)",
    "[a]( https://evil.example 'b')", "[![a](b)](c)", "[a](b(c(d)))", "![](", "[a]\u200b(https://evil.example)",
    "!\u2060[a](https://evil.example)", "<\u200bscript>", "<s\u00adcript>alert(1)</script>", "![a]\n(b)",
]  # fmt: skip


def is_alive(text: str) -> bool:
    tag = any(sign == "<" and (after.isalpha() or after in "/!?") for sign, after in pairwise(text))
    return tag or "![" in text or "](" in text or "][" in text


@pytest.mark.parametrize("markup", ALIVE)
@pytest.mark.parametrize(
    "around", ["{}", "It leaves {} at nine.", "{0}{0}", "<b>{}</b>", "[{}](x)", "![{}][y]"]
)
def test_no_markup_survives(markup: str, around: str) -> None:
    assert not is_alive(plain.sentence(around.replace("{}", markup).replace("{0}", markup)))


@given(parts=st.lists(st.sampled_from([*ALIVE, *"<>[]()!/ab \n`*", "\u200b"]), max_size=12))
def test_no_markup_is_made_by_taking_some_away(parts: list[str]) -> None:
    shown = plain.sentence("".join(parts))
    assert not is_alive(shown)
    assert "\n" not in shown


@given(text=st.text(max_size=200))
def test_a_sentence_that_is_plain_stays_as_it_is(text: str) -> None:
    once = plain.sentence(text)
    assert not is_alive(once)
    assert plain.seen(once) == once


@pytest.mark.parametrize(
    "unseen",
    [
        "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\u061c", "\u034f",
        "\u115f", "\u3164", "\uffa0", "\u2800", "\ufe0f", "\ufe00", "\U000e0100", "\U000e0041", "\ue000",
        "\x00", "\x1b", "\ud800", "\u180e", "\u17b4",
    ],
)  # fmt: skip
def test_nothing_is_smuggled_in_what_cannot_be_seen(unseen: str) -> None:
    assert plain.seen(f"a{unseen}b{unseen * 9}") == "ab"
    assert plain.unseen(f"a{unseen}b") == {1}


def test_joiners_stay_where_scripts_need_them_and_never_in_a_row() -> None:
    assert plain.seen("می\u200cخواهم") == "می\u200cخواهم"
    assert plain.seen("می\u200c\u200d\u200c\u200dخواهم") == "میخواهم"


def test_a_name_is_one_line_and_no_longer_than_it_may_be() -> None:
    assert plain.one_line(" a\r\nname\u202e\twith\x00  gaps ", 40) == "a name with gaps"
    assert plain.one_line("a" * 50, 40) == "a" * 39 + "…"


@pytest.mark.parametrize(
    "unit", ["[", "![", "<", "<!--", "**", "`", " ", "\n", "[a](", "(", "a@", "'", "[1", "]("]
)
def test_no_text_takes_long_however_it_repeats(unit: str) -> None:
    assert len(plain.sentence(unit * (4000 // len(unit)))) <= 12_000
