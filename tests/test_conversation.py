"""Follow-up questions: which ones depend on the turns before, and what they are asked as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answering import MAX_QUESTION_CHARACTERS
from rag.conversation import carried, depends
from rag.types import Turn

BUILT = "When was the Mangla dam built near Mirpur?"
DESIGNED = "Who designed the Mangla dam?"
DESIGNER = "On both banks the Mangla dam was designed by Amara Binnie, who had come from Leeds."


def after(*questions: str, answer: str = "") -> list[Turn]:
    """Return turns in which each question was asked as the rules have it."""
    turns: list[Turn] = []
    for question in questions:
        turns.append(Turn(question, carried(question, turns), answer))
    return turns


@pytest.mark.parametrize(
    "question",
    [
        "How high is it?",
        "how high is it",
        "What's its height?",
        "Why was it built there?",
        "Who paid for them?",
        "When did the Cherokee turn against them?",
        "Where did he live?",
        "Does that cost money?",
        "What did this change?",
        "Which one is higher?",
        "How do I open one?",
        "What is the other one called?",
        "What happened then?",
        "Who lived there?",
        "Is it the same?",
        "What else did they plan?",
        "Why?",
        "how many?",
        "How many workers?",
        "Which river?",
        "By whom?",
        "In 1974?",
        "And the Tarbela dam?",
        "But who paid?",
        "Then why did the builders leave?",
        "What about Tarbela?",
        "Who won?",
        "What was the cost?",
        "How much did the dam hold?",
        "Tell me more.",
        "Can you explain that?",
    ],
)
def test_a_question_that_leaves_out_what_it_is_about_depends_on_the_turn_before(question: str) -> None:
    assert depends(question, after(BUILT))
    assert carried(question, after(BUILT)) != question


@pytest.mark.parametrize(
    "question",
    [
        "What is photosynthesis?",
        "Who was Einstein?",
        "Where is Mirpur?",
        "What does spillway mean?",
        "So what does the Tarbela dam do?",
        "And when did the Normans conquer Sicily?",
        "What happens to an answer when its confidence is low?",
        "Why did the Normans leave their homes?",
        "Who said that he had seen Warsaw?",
        "Is it possible to upload several files at once?",
        "How long did it take to build the Tarbela dam?",
        "Is it known that Harvard has a museum?",
        "Are there museums in Warsaw?",
        "Which law was it that Belgium broke?",
        "What is the name of the company that bought the factory?",
        "Which of those who came were paid?",
        "How do I install Quotebound?",
        "Are you sure?",
        "Tarbela dam height",
        "Thanks!",
        "  Which rivers  flow\tthrough Warsaw ? ",
        "When did other tribes in Ohio promise neutrality?",
    ],
)
def test_a_question_that_stands_by_itself_is_left_as_it_is(question: str) -> None:
    assert not depends(question, after(BUILT))
    assert carried(question, after(BUILT)) == question


@pytest.mark.parametrize("question", ["How high is it?", "Why?", "And in 1974?", "Tell me more"])
def test_nothing_is_carried_where_nothing_was_asked_before(question: str) -> None:
    assert not depends(question, [])
    assert carried(question, []) == question


def test_what_is_carried_stands_in_brackets_behind_the_question() -> None:
    assert carried("How high is it?", after("What is the Durand Line?")) == "How high is it (Durand Line)?"


def test_a_word_that_the_question_has_itself_is_not_carried() -> None:
    asked = carried("Who lived near it in Mirpur?", after(BUILT))
    assert asked == "Who lived near it in Mirpur (Mangla dam built)?"


def test_the_topic_comes_from_two_turns_ago_too() -> None:
    turns = after("What is the Durand Line?", "How long is it?")
    assert "Durand Line" in carried("When was it established?", turns)


def test_a_new_topic_takes_the_place_of_the_one_before() -> None:
    asked = carried("How long is it?", after(BUILT, "What is the Durand Line?"))
    assert asked == "How long is it (Durand Line)?"


def test_a_turn_without_a_topic_is_passed_over() -> None:
    turns = [*after("What is the Durand Line?"), Turn("Are you?", "Are you?", "")]
    assert "Durand Line" in carried("How long is it?", turns)


def test_he_is_the_person_that_the_answer_names() -> None:
    assert carried("Where did he live?", after(DESIGNED, answer=DESIGNER)).startswith(
        "Where did he live (Amara Binnie "
    )


def test_the_answer_is_left_aside_where_nobody_was_asked_for() -> None:
    assert "Binnie" not in carried("How high is it?", after(DESIGNED, answer=DESIGNER))
    assert "Binnie" not in carried("Where did he live?", after(BUILT, answer=DESIGNER))


@pytest.mark.parametrize(
    ("before", "question", "asked"),
    [
        (BUILT, "Why?", "Why was the Mangla dam built near Mirpur?"),
        ("Did OPEC raise the price?", "Why?", "Why did OPEC raise the price?"),
        ("Who bought the mill in 1995?", "And in 2005?", "Who bought the mill in 2005?"),
        ("Who owned the mill?", "And in 2005?", "Who owned the mill in 2005?"),
        (
            "How many soldiers were killed in May?",
            "And how many civilians?",
            "How many civilians were killed in May?",
        ),
        (BUILT, "And the Tarbela dam?", "When was the Tarbela dam built near Mirpur?"),
        ("Who paid the French in New York?", "What about the British?", "Who paid the British in New York?"),
        ("How large is Belgium?", "And France?", "How large is France?"),
    ],
)
def test_part_of_a_question_takes_the_rest_from_the_one_before(
    before: str, question: str, asked: str
) -> None:
    assert carried(question, after(before)) == asked


def test_what_was_carried_stays_with_a_question_of_another_time() -> None:
    turns = after("When was the FSO Car Factory founded?", "Who bought it in 1995?")
    assert carried("And in 2005?", turns) == "Who bought it in 2005 (FSO Car Factory founded)?"


def test_to_ask_for_more_is_to_ask_again() -> None:
    assert carried("Tell me more", after(BUILT)) == BUILT


@pytest.mark.parametrize(
    "question", ["Warum?", "¿Por qué?", "Pourquoi ?", "为什么？", "Und 1974?", "¿Y en 1974?"]
)
def test_a_bare_why_or_and_is_a_follow_up_in_other_languages(question: str) -> None:
    assert "Mangla" in carried(question, after("Wann wurde der Mangla-Damm gebaut?"))


@pytest.mark.parametrize(
    "question",
    [
        "Wie hoch ist der Tarbela-Damm?",
        "In welchem Jahr starb Tesla?",
        "Quand a-t-il été construit ?",
        "¿Qué ciudad es la capital de Polonia?",
        "मंगला बांध कब बना?",
        "大坝是什么时候建成的？",
        "متى بني السد؟",
    ],
)
def test_a_whole_question_in_another_language_is_left_as_it_is(question: str) -> None:
    assert carried(question, after(BUILT)) == question


def test_a_long_question_brings_with_it_what_it_is_about() -> None:
    question = f"Is it {'very ' * 40}high?"
    assert not depends(question, after(BUILT))


def test_what_is_carried_does_not_grow_from_turn_to_turn() -> None:
    turns = after(BUILT, *(f"Was it opened by guest{number} and host{number}?" for number in range(30)))
    assert max(len(turn.effective_query.split()) for turn in turns) < 25
    long = " ".join(f"{'d' * 80}{number}" for number in range(9))
    assert len(carried("How high is it?", after(long))) < 250


TEXT = st.text(max_size=400) | st.lists(
    st.sampled_from("and why what is it he the dam in 1974 Mangla (near) about ? . who them’s that".split()),
    max_size=12,
).map(" ".join)


@given(TEXT, st.lists(st.builds(Turn, TEXT, TEXT, TEXT), max_size=3))
def test_any_question_is_either_left_alone_or_depends(question: str, turns: list[Turn]) -> None:
    asked = carried(question, turns)
    if not depends(question, turns):
        assert asked == question
    else:
        assert asked.strip()
    assert carried(question, []) == question


@given(st.sampled_from(["Why?", "And in 1974?", "What about Tarbela?", "How high is it?", "More"]), st.text())
def test_a_follow_up_of_the_longest_question_is_not_too_long(question: str, end: str) -> None:
    before = f"Why was the Mangla dam {'very ' * 790} high{end}"[:MAX_QUESTION_CHARACTERS]
    assert len(carried(question, [Turn(before, before, before * 9)])) <= MAX_QUESTION_CHARACTERS
