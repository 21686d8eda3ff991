"""Sentence spans within the blocks of a document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.sentences import sentence_spans
from index.types import Block, BlockKind


def sentences(text: str, kind: BlockKind = BlockKind.PARAGRAPH, language: str = "en") -> list[str]:
    spans = sentence_spans(text, Block(kind, 0, len(text)), language)
    return [text[span.start : span.end] for span in spans]


def test_sentences_are_split_where_they_end_and_not_at_abbreviations() -> None:
    text = "The U.S.-led invasion began on Dec. 7. Mr. Smith said “no.” Then he left!"
    assert sentences(text) == [
        "The U.S.-led invasion began on Dec. 7.",
        "Mr. Smith said “no.”",
        "Then he left!",
    ]


def test_a_crumb_goes_with_the_sentence_after_it() -> None:
    assert sentences("1. Open the door. No. 2 is next.")[0] == "1. Open the door."


def test_chinese_sentences_need_no_spaces() -> None:
    assert sentences("你好世界。今天天气很好。", language="zh") == ["你好世界。", "今天天气很好。"]


def test_each_line_of_code_is_one() -> None:
    assert sentences("make run\n\n  make test. Now.\n", BlockKind.CODE) == ["make run", "make test. Now."]


@pytest.mark.parametrize("kind", [BlockKind.HEADING, BlockKind.TABLE])
def test_headings_and_rows_are_whole(kind: BlockKind) -> None:
    assert sentences("| Mr. A. | One. Two. |", kind) == ["| Mr. A. | One. Two. |"]


@given(st.text(), st.sampled_from(list(BlockKind)))
def test_every_visible_character_is_in_exactly_one_sentence(text: str, kind: BlockKind) -> None:
    spans = sentence_spans(text, Block(kind, 0, len(text)), "en")
    ends = [0, *(span.end for span in spans)]
    for span, end_before in zip(spans, ends, strict=False):
        assert end_before <= span.start < span.end
        assert text[span.start : span.end] == text[span.start : span.end].strip()
    covered = {offset for span in spans for offset in range(span.start, span.end)}
    assert all(character.isspace() for offset, character in enumerate(text) if offset not in covered)
