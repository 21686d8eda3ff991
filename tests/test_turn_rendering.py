"""A conversation as HTML: whatever comes from a document, a model or a visitor is text and nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from drawn import HOSTILE, Drawn, answer, citation, hit
from hypothesis import given
from hypothesis import strategies as st

from index.coverage import Unread
from index.types import Span, Why
from rag.generation.phrases import ABSTENTION
from rag.history.types import ConversationInfo, Feedback, Thumb
from rag.types import Answer, AnswerSentence, Dropped, DropReason, Fallback, Verdict
from ui.rendering import parts, turns
from ui.rendering.empty import no_turns
from ui.rendering.evidence import Surroundings
from ui.rendering.history import conversations
from ui.rendering.turns import Asked, Told

TAGS = set(
    "div p article h2 section header footer details summary span blockquote mark button ul li form label "
    "input textarea table thead tbody tr th td a".split()
)
ATTRIBUTES = set(
    "class id role type for name rows maxlength checked hidden dir tabindex scope required value href "
    "download aria-label aria-pressed data-action data-local data-turn data-state data-collection "
    "data-document data-start data-end data-marker data-near data-thumb data-view data-whole "
    "data-conversation data-number data-id".split()
)
WRITTEN = AnswerSentence("It was built in 1947.", (1,), Verdict.EXACT, 0.83)
UNSUPPORTED = AnswerSentence("It fell in 1950.", (), Verdict.ALTERED)


def asked(question: str = "When?", **more: str) -> Asked:
    return Asked("t1", question, **more)


def drawn(found: Answer, told: Told | None = None, **more: str) -> str:
    return turns.answered(asked(found.question, **more), told or Told(found))


def written(*sentences: AnswerSentence, **more: object) -> Answer:
    return replace(answer(citation()), sentences=sentences, written_by="tiny", **more)  # type: ignore[arg-type]


def dropped(**names: str) -> Dropped:
    named = {"source": "dam.txt", "title": "Copy of the dam", "heading": "History"} | names
    return Dropped(
        document_id="e" * 32, page=2, span=Span(1, 9), why=Why(3), reason=DropReason.DUPLICATE, **named
    )


def info(title: str = "When was it built?", identifier: str = "c1") -> ConversationInfo:
    return ConversationInfo(identifier, title, "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", 2)


def around(before: str = "Before it. ", after: str = " After it.", date: str = "added 2026-01-02") -> Told:
    return Told(answer(citation()), {1: Surroundings(before, after, date)})


# Every place that a text of someone else's can come to, by name: the text to the page.
PLACES: dict[str, Callable[[str], str]] = {
    "question": lambda text: drawn(answer(citation(), question=text)),
    "scope": lambda text: drawn(answer(citation()), scope=text),
    "sentence": lambda text: drawn(replace(answer(citation()), sentences=(AnswerSentence(text, (1,)),))),
    "written sentence": lambda text: drawn(written(replace(WRITTEN, text=text))),
    "unsupported sentence": lambda text: drawn(written(WRITTEN, replace(UNSUPPORTED, text=text))),
    "growing sentence": lambda text: turns.growing(asked(), [replace(WRITTEN, text=text)], [citation()]),
    "growing question": lambda text: turns.growing(asked(text), [WRITTEN], [citation()]),
    "name of the model": lambda text: drawn(replace(written(WRITTEN), written_by=text)),
    "what was searched for": lambda text: drawn(replace(written(WRITTEN), effective_query=text)),
    "reason": lambda text: drawn(replace(answer(citation()), fallback=Fallback("x", text))),
    "abstention": lambda text: drawn(replace(answer(hits=(hit(),)), text=text)),
    "quote": lambda text: drawn(answer(citation(text))),
    "title": lambda text: drawn(answer(citation(title=text))),
    "source": lambda text: drawn(answer(citation(source=text))),
    "heading": lambda text: drawn(answer(citation(heading=text))),
    "before a quote": lambda text: drawn(answer(), around(before=text)),
    "after a quote": lambda text: drawn(answer(), around(after=text)),
    "date": lambda text: drawn(answer(), around(date=text)),
    "nearest passage": lambda text: drawn(answer(hits=(hit(text),))),
    "nearest title": lambda text: drawn(answer(hits=(hit(title=text),))),
    "nearest source": lambda text: drawn(answer(hits=(hit(source=text),))),
    "nearest heading": lambda text: drawn(answer(hits=(hit(heading=text),))),
    "title of a candidate": lambda text: drawn(answer(citation(), hits=(hit(title=text),))),
    "title of what was left out": lambda text: drawn(
        replace(answer(citation()), dropped=(dropped(title=text),))
    ),
    "heading of what was left out": lambda text: drawn(
        replace(answer(citation()), dropped=(dropped(heading=text),))
    ),
    "name of a step": lambda text: drawn(replace(answer(citation()), timings={text: 3.0})),
    "comment": lambda text: drawn(answer(), Told(answer(citation()), feedback=Feedback(None, text))),
    "note": lambda text: drawn(answer(), Told(answer(citation()), note=text)),
    "question being answered": lambda text: turns.pending(asked(text)),
    "question that failed": lambda text: turns.failed(asked(text), "There is no room left."),
    "error": lambda text: turns.failed(asked(), text),
    "notice": lambda text: parts.notice(text, error=False),
    "example": lambda text: no_turns([text], has_documents=True),
    "title of a conversation": lambda text: conversations([info(text)]),
    "title of a doomed conversation": lambda text: conversations([info(text)], doomed="c1"),
    "search that found nothing": lambda text: conversations([], text),
}
places = pytest.mark.parametrize("place", PLACES)


@places
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_element_and_no_attribute(place: str, text: str) -> None:
    page = Drawn(PLACES[place](text))
    assert page.shape == Drawn(PLACES[place]("plain words")).shape
    assert {tag for tag, _ in page.elements} <= TAGS
    assert {name for _, attributes in page.elements for name in attributes} <= ATTRIBUTES


@places
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_the_text_it_is(place: str, text: str) -> None:
    assert text in Drawn(PLACES[place](text)).text


@places
@given(text=st.text("<>&\"'/=!-?[]{}$`x 😀", min_size=1, max_size=30))
def test_any_text_is_shown_as_the_text_it_is(place: str, text: str) -> None:
    page = Drawn(PLACES[place](text))
    assert page.shape == Drawn(PLACES[place]("plain words")).shape
    assert text in page.text


@pytest.mark.parametrize("identifier", HOSTILE)
def test_an_id_stays_within_its_attribute(identifier: str) -> None:
    assert set(Drawn(conversations([info(identifier=identifier)])).values("data-id")) == {identifier}
    turn = turns.answered(Asked(identifier, "When?"), Told(answer(citation())))
    assert set(Drawn(turn).values("data-turn")) == {identifier}


@pytest.mark.parametrize("text", [*HOSTILE, "😀😀 was 𝔘nder 1947 😀"])
def test_what_is_marked_is_exactly_the_words_that_answer(text: str) -> None:
    cited = citation(text)
    assert cited.answer_span is not None
    assert Drawn(drawn(answer(cited))).marked == [cited.answer_span.text]


def test_a_quote_without_words_that_answer_has_no_mark() -> None:
    page = Drawn(drawn(answer(replace(citation(), answer_span=None))))
    assert page.marked == []
    assert page.text.count("It was built in 1947.") == 2


def test_a_quote_stands_between_what_surrounds_it() -> None:
    assert "Before it. It was built in 1947. After it." in Drawn(drawn(answer(), around())).text


def test_each_sentence_has_the_markers_of_its_evidence_and_each_marker_opens_its_place() -> None:
    page = Drawn(drawn(answer(citation(), citation("It holds.", 2))))
    assert "It was built in 1947. [1]" in page.text
    assert "It holds. [2]" in page.text
    markers = [attributes for _, attributes in page.elements if attributes.get("class") == "marker"]
    assert [(each["data-marker"], each["data-start"], each["data-end"]) for each in markers] == [
        ("1", "100", "121"),
        ("2", "100", "109"),
    ]
    cards = [
        attributes["data-marker"] for _, attributes in page.elements if attributes.get("class") == "card"
    ]
    assert cards == ["1", "2"]


def test_a_card_says_where_its_quote_stands_and_how_well_it_fits() -> None:
    text = Drawn(drawn(answer(), around())).text
    for said in (
        "The dam", "History", "dam.txt", "page 3", "characters 100–121", "added 2026-01-02",
        "Strong match · 0.90", "Confidence 0.87",
    ):  # fmt: skip
        assert said in text


@pytest.mark.parametrize(("score", "told"), [(0.75, "Strong"), (0.74, "Fair"), (0.4, "Fair"), (0.39, "Weak")])
def test_a_score_is_told_in_words(score: float, told: str) -> None:
    assert f"{told} match · {score:.2f}" in Drawn(drawn(answer(replace(citation(), score=score)))).text


def test_a_heading_that_is_the_title_is_said_once() -> None:
    page = Drawn(drawn(answer(citation(heading="The dam › The wall"))))
    assert page.text.count("The dam") == 1
    assert "The wall" in page.text


def test_an_abstention_has_neither_mark_nor_marker_and_names_what_it_shows_as_nearest() -> None:
    page = Drawn(drawn(answer(hits=(hit(), hit("It leaks.", 2)))))
    assert page.marked == []
    assert not {"marker", "evidence"} & page.classes()
    assert page.text.index(ABSTENTION) < page.text.index("nearest passages") < page.text.index("It leaks.")
    assert "not evidence" in page.text
    assert "Nearest passages" in page.values("aria-label")


def test_an_abstention_shows_the_first_few_of_its_hits() -> None:
    hits = tuple(hit(f"Passage {rank} says so.", rank) for rank in range(1, 8))
    page = Drawn(drawn(answer(hits=hits)))
    shown = [found.rank for found in hits if found.passage.text in page.text]
    assert shown == list(range(1, turns.NEAREST_SHOWN + 1))


def test_an_abstention_without_hits_offers_to_add_documents() -> None:
    page = Drawn(drawn(answer()))
    assert "add documents" in page.text
    assert page.values("data-view") == ["library"]


def test_an_abstention_of_chosen_documents_offers_to_ask_all() -> None:
    assert "widen" in Drawn(drawn(answer(hits=(hit(),)), scope="The dam")).values("data-local")
    assert "widen" not in Drawn(drawn(answer(hits=(hit(),)))).values("data-local")


def test_an_answer_says_quietly_and_an_abstention_at_once_what_could_not_be_read() -> None:
    unread = Unread(2, 4)
    line = "4 pages of 2 documents could not be read, so they are not part of this answer."
    said = Drawn(drawn(replace(answer(citation()), unread=unread))).text
    assert said.index("Confidence") < said.index(line)
    abstained = Drawn(drawn(replace(answer(hits=(hit(),)), unread=unread))).text
    assert abstained.index(ABSTENTION) < abstained.index(line) < abstained.index("nearest passages")
    assert line in Drawn(drawn(replace(answer(), unread=unread))).text
    assert "could not be read" not in Drawn(drawn(answer(citation()))).text


def test_quotes_that_do_not_stand_any_more_are_counted() -> None:
    lost = Drawn(drawn(answer(), Told(answer(citation()), lost=2))).text
    assert "2 quotes are not shown: the document was deleted or changed since." in lost
    gone = Drawn(drawn(answer(), Told(answer(), lost=1)))
    assert "1 quote is not shown" in gone.text
    assert "library" not in gone.values("data-view")


def test_only_a_turn_that_is_kept_can_be_judged() -> None:
    assert "thumb" in Drawn(drawn(answer(citation()))).values("data-action")
    kept_nowhere = Drawn(drawn(answer(), Told(answer(citation()), kept=False)))
    assert not kept_nowhere.values("data-action")
    assert not Drawn(turns.failed(asked(), "No room.")).values("data-action")


def test_a_thumb_that_was_given_is_pressed_and_taken_back_when_pressed_again() -> None:
    page = Drawn(drawn(answer(), Told(answer(citation()), feedback=Feedback(Thumb.DOWN))))
    assert page.values("aria-pressed") == ["false", "true"]
    assert page.values("data-thumb") == ["up", ""]


def test_a_case_that_was_asked_for_is_checked() -> None:
    page = Drawn(drawn(answer(), Told(answer(citation()), feedback=Feedback(case=True))))
    assert page.values("checked") == [""]
    assert "Commented" in page.text


def test_why_tells_what_was_found_used_and_left_out() -> None:
    found = replace(
        answer(citation(), hits=(hit("Before. It was built in 1947."), hit("It leaks.", 2))),
        dropped=(dropped(),), timings={"embed": 3.4, "total": 20.0},
    )  # fmt: skip
    other = replace(found.hits[1], passage=replace(found.hits[1].passage, document_id="f" * 32))
    text = Drawn(drawn(replace(found, hits=(found.hits[0], other)))).text
    assert "#1 (0.50)" in text
    assert "embed 3 ms · total 20 ms" in text
    assert "left out: repeats a passage above" in text
    assert "no" in text.partition("Quoted")[2]


def test_a_sentence_that_nothing_supports_says_so_and_has_no_marker() -> None:
    page = Drawn(drawn(written(WRITTEN, UNSUPPORTED)))
    assert "It fell in 1950. not supported by the documents" in page.text
    assert page.text.count("[1]") == 1
    assert {"unsupported", "flag"} <= page.classes()


def test_how_well_a_quote_supports_its_sentence_is_shown_where_it_is_known() -> None:
    assert "support 83%" in Drawn(drawn(written(WRITTEN))).text
    assert "support 8" not in Drawn(drawn(answer(citation()))).text


def test_who_wrote_an_answer_is_said() -> None:
    assert "written by tiny" in Drawn(drawn(written(WRITTEN))).text
    assert "written by" not in Drawn(drawn(answer(citation()))).text


@pytest.mark.parametrize(
    ("withheld", "told"), [(1, "1 sentence withheld: no quote stood under it"), (2, "2 sentences withheld")]
)
def test_withheld_sentences_are_counted(withheld: int, told: str) -> None:
    assert told in Drawn(drawn(written(WRITTEN, withheld=withheld))).text


def test_an_answer_in_place_of_a_written_one_says_why_before_all_else() -> None:
    reason = Fallback("timeout", "the language model took too long")
    found = replace(answer(citation()), fallback=reason)
    text = Drawn(drawn(found)).text
    told = text.index("These are sentences of your documents: the language model took too long.")
    assert told < text.index(found.sentences[0].text)


def test_an_answer_that_grows_has_its_markers_and_says_that_more_is_to_come() -> None:
    page = Drawn(turns.growing(asked(), [WRITTEN], [citation()]))
    assert "Writing…" in page.text
    assert "[1]" in page.text
    assert page.values("data-state") == ["growing"]


def test_a_patch_says_what_it_is_of() -> None:
    one = Drawn(turns.part(turns.pending(asked()), "c1"))
    assert (one.values("data-whole"), one.values("data-conversation")) == ([], ["c1"])
    all_of_it = Drawn(turns.whole([turns.pending(asked())], "c1"))
    assert (all_of_it.values("data-whole"), all_of_it.values("data-conversation")) == ([""], ["c1"])
    assert not Drawn(turns.part(turns.pending(asked()))).values("data-conversation")


def test_only_the_doomed_conversation_asks_whether_it_should_go() -> None:
    page = Drawn(conversations([info(identifier="a"), info(identifier="b")], doomed="b"))
    assert page.values("data-action") == ["open", "rename", "delete", "open", "confirm", "keep"]


def test_an_empty_chat_says_what_to_do() -> None:
    assert "Add your documents first" in Drawn(no_turns([], has_documents=False)).text
    ready = Drawn(no_turns(["Who built it?"], has_documents=True))
    assert "Ask your documents a question" in ready.text
    assert ready.values("data-local") == ["example"]


def test_an_error_is_an_alert_and_other_news_a_status() -> None:
    assert Drawn(parts.notice("No room.", error=True)).values("role") == ["alert"]
    assert Drawn(parts.notice("Added.", error=False)).values("role") == ["status"]


def test_nothing_to_say_is_nothing() -> None:
    assert parts.notice("", error=True) == ""
