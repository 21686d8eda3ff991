"""Answers that a language model wrote, as HTML: what is said of each sentence and of the whole."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from test_render import HOSTILE, Page, answer, citation

from rag.types import Answer, AnswerSentence, Fallback, Verdict
from ui import render

SUPPORTED = AnswerSentence("It was built in 1947.", (1,), Verdict.EXACT, 0.83)
UNSUPPORTED = AnswerSentence("It fell in 1950.", (), Verdict.ALTERED)


def written(*sentences: AnswerSentence, **more: object) -> Answer:
    return replace(answer(citation()), sentences=sentences, written_by="tiny", **more)  # type: ignore[arg-type]


def shown(found: Answer) -> Page:
    return Page(render.answered(found, {}, 1))


PLACES: dict[str, Callable[[str], str]] = {
    "written sentence": lambda text: render.answered(written(replace(SUPPORTED, text=text)), {}, 1),
    "unsupported sentence": lambda text: render.answered(
        written(SUPPORTED, replace(UNSUPPORTED, text=text)), {}, 1
    ),
    "growing sentence": lambda text: render.growing(
        "When?", [replace(SUPPORTED, text=text)], [citation()], 1
    ),
    "growing question": lambda text: render.growing(text, [SUPPORTED], [citation()], 1),
    "name of the model": lambda text: render.answered(replace(written(SUPPORTED), written_by=text), {}, 1),
    "what was searched for": lambda text: render.answered(
        replace(written(SUPPORTED), effective_query=text), {}, 1
    ),
    "reason": lambda text: render.answered(replace(answer(citation()), fallback=Fallback("x", text)), {}, 1),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_the_text_it_is(place: str, text: str) -> None:
    page = Page(PLACES[place](text))
    assert page.shape == Page(PLACES[place]("harmless")).shape
    assert text in page.text


def test_a_sentence_that_nothing_supports_says_so_and_has_no_marker() -> None:
    page = shown(written(SUPPORTED, UNSUPPORTED))
    assert "It fell in 1950. not supported by the documents" in page.text
    assert page.values("aria-controls") == ["evidence-1-1"]
    assert {"unsupported", "flag"} <= page.classes()


def test_how_well_a_quote_supports_its_sentence_is_shown_where_it_is_known() -> None:
    assert "support 83%" in shown(written(SUPPORTED)).text
    assert "support" not in shown(answer(citation())).text


def test_who_wrote_an_answer_is_said() -> None:
    assert "written by tiny" in shown(written(SUPPORTED)).text
    assert "written by" not in shown(answer(citation())).text


@pytest.mark.parametrize(
    ("withheld", "told"), [(1, "1 sentence withheld: no quote stood under it"), (2, "2 sentences withheld")]
)
def test_withheld_sentences_are_counted(withheld: int, told: str) -> None:
    assert told in shown(written(SUPPORTED, withheld=withheld)).text


def test_an_answer_in_place_of_a_written_one_says_why_before_all_else() -> None:
    found = replace(answer(citation()), fallback=Fallback("timeout", "the language model took too long"))
    text = shown(found).text
    told = text.index("These are sentences of your documents: the language model took too long.")
    assert told < text.index(found.sentences[0].text)


def test_what_a_follow_up_was_taken_to_ask_is_said() -> None:
    found = replace(answer(citation(), question="When was it?"), effective_query="When was the dam built?")
    assert "searched for “When was the dam built?”" in shown(found).text


def test_an_answer_that_grows_has_its_markers_and_says_that_more_is_to_come() -> None:
    page = Page(render.growing("When?", [SUPPORTED], [citation()], 1))
    assert "Writing…" in page.text
    assert page.values("aria-controls") == ["evidence-1-1"]
    assert page.values("id") == ["evidence-1-1"]
