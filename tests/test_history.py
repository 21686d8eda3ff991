"""Conversations that are kept: found, named, deleted and judged by who had them, and by nobody else."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from histories import FERRY, QUESTION, Visit, opened

from rag.errors import ConversationFull, ConversationNotFound, InvalidFeedback, InvalidTitle
from rag.history import store
from rag.history.store import FOLLOWED_TURNS, History
from rag.history.types import Feedback, Thumb

FOLLOW_UP = "How long does it take?"


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    with opened(tmp_path / "home") as application:
        yield Visit(application)


@pytest.fixture
def ferry(visit: Visit) -> Visit:
    """Return a visit of a home with a document."""
    visit.add(FERRY)
    return visit


def test_a_conversation_is_called_by_its_first_question(ferry: Visit) -> None:
    info = ferry.ask("  When does\nthe ferry leave?")[1]
    assert (info.title, info.turns) == ("When does the ferry leave?", 1)
    assert ferry.history.conversations(ferry.visitor) == [info]
    again = ferry.ask(FOLLOW_UP, info.id)[1]
    assert (again.id, again.title, again.turns) == (info.id, info.title, 2)
    assert again.updated > info.updated == info.created
    assert ferry.history.conversations(ferry.visitor) == [again]


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("word " * 30, f"{('word ' * 16).strip()}…"),
        ("x" * 200, f"{'x' * 79}…"),
        ("y" * 80, "y" * 80),
        (f"{'z' * 79} is it?", f"{'z' * 79}…"),
    ],
)
def test_a_long_question_is_cut_at_a_word_for_the_title(visit: Visit, question: str, title: str) -> None:
    visit.say(question)
    assert visit.titles() == [title]
    assert len(title) <= 80


def test_turns_come_in_the_order_they_were_asked(ferry: Visit) -> None:
    info = ferry.ask()[1]
    for question in ("What do tickets cost?", "Do bicycles travel free of charge?"):
        ferry.ask(question, info.id)
    found = ferry.history.conversation(ferry.visitor, info.id)
    assert found.info.turns == len(found.turns) == 3
    assert [turn.id for turn in found.turns] == ["turn-0", "turn-1", "turn-2"]
    assert [turn.question for turn in found.turns][1] == "What do tickets cost?"
    assert [turn.asked for turn in found.turns] == sorted(turn.asked for turn in found.turns)


def test_the_conversation_that_was_changed_last_comes_first(visit: Visit) -> None:
    first, _ = (visit.say(question) for question in ("first", "second"))
    assert visit.titles() == ["second", "first"]
    visit.say("third", first)
    assert visit.titles() == ["first", "second"]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("KALLINGE", [QUESTION]),
        ("straße", ["Wo ist die STRASSE?"]),
        ("kron cost", [QUESTION]),
        ("ferry strasse", []),
        ("  ", ["Wo ist die STRASSE?", QUESTION]),
        ("nine", []),
    ],
)
def test_conversations_are_found_by_the_words_of_titles_and_questions(
    ferry: Visit, query: str, titles: list[str]
) -> None:
    info = ferry.ask()[1]
    ferry.ask("What do tickets cost, in kronor?", info.id)
    ferry.say("Wo ist die STRASSE?")
    assert ferry.titles(query) == titles


def test_a_renamed_conversation_is_found_by_its_title(visit: Visit) -> None:
    conversation = visit.say("first")
    visit.history.rename(visit.visitor, conversation, "  My\tcrossing \u200b 👩‍🚀 ")
    assert visit.titles("crossing") == ["My crossing 👩‍🚀"]
    assert visit.titles("first") == ["My crossing 👩‍🚀"]


@pytest.mark.parametrize("title", ["", " \n ", "\u200b", "x" * 121, "\ud800"])
def test_a_title_that_cannot_be_is_refused(visit: Visit, title: str) -> None:
    conversation = visit.say("first")
    with pytest.raises(InvalidTitle, match="title"):
        visit.history.rename(visit.visitor, conversation, title)
    assert visit.titles() == ["first"]


@pytest.fixture(params=[("DELETE", "EXTRA"), ("WAL", "FULL")], ids=["journal", "log"])
def logged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the file written as it is with an old SQLite, and as with a new one."""
    for user in ("index.sql.database", "rag.history.file"):
        monkeypatch.setattr(f"{user}.durable_mode", lambda: request.param)


@pytest.mark.usefixtures("logged")
def test_nothing_of_a_deleted_conversation_is_in_the_files(visit: Visit) -> None:
    conversation = visit.say("Who is Xanthippe?", turn="judged")
    other = visit.say("Who is Theano?")
    visit.history.rename(visit.visitor, conversation, "Of Xanthippe")
    visit.history.feedback(visit.visitor, "judged", Feedback(Thumb.UP, "Xanthippe it is"))
    assert b"Xanthippe" in visit.stored()
    visit.history.delete(visit.visitor, conversation)
    assert b"Xanthippe" not in visit.stored()
    assert [info.id for info in visit.history.conversations(visit.visitor)] == [other]
    with pytest.raises(ConversationNotFound):
        visit.history.conversation(visit.visitor, conversation)


@pytest.mark.usefixtures("logged")
def test_a_title_and_a_comment_that_were_replaced_are_not_in_the_files(visit: Visit) -> None:
    conversation = visit.say("first", turn="judged")
    for word in ("Xanthippe", "Theano"):
        visit.history.rename(visit.visitor, conversation, f"Of {word}")
        visit.history.feedback(visit.visitor, "judged", Feedback(comment=f"{word} it is"))
    assert b"Theano" in visit.stored()
    assert b"Xanthippe" not in visit.stored()


def test_a_visitor_is_kept_as_a_digest_alone(visit: Visit) -> None:
    visitor = Visit(visit.application, "a-visitor-of-its-own")
    visitor.say("first")
    assert b"a-visitor-of-its-own" not in visit.stored()


OF_ANOTHER: list[Callable[[History, str], object]] = [
    lambda history, conversation: history.conversation("bob", conversation),
    lambda history, conversation: history.turns("bob", conversation),
    lambda history, _: history.turn("bob", "turn-of-ann"),
    lambda history, conversation: history.rename("bob", conversation, "mine"),
    lambda history, conversation: history.delete("bob", conversation),
    lambda history, _: history.feedback("bob", "turn-of-ann", Feedback(Thumb.DOWN)),
]


@pytest.mark.parametrize("call", OF_ANOTHER)
def test_what_another_visitor_has_is_told_like_what_is_not_there(
    visit: Visit, call: Callable[[History, str], object]
) -> None:
    told = []
    for conversation in (visit.say("first", turn="turn-of-ann"), "0" * 32):
        with pytest.raises(ConversationNotFound) as error:
            call(visit.history, conversation)
        told.append(str(error.value).replace(conversation, "…"))
    assert told[0] == told[1]
    assert visit.titles() == ["first"]
    assert [turn.feedback for turn in visit.turns(visit.history.conversations("ann")[0].id)] == [Feedback()]
    assert visit.history.conversations("bob") == []


def test_an_answer_is_not_added_to_another_visitors_conversation(visit: Visit) -> None:
    conversation = visit.say("first")
    assert Visit(visit.application, "bob").say("second", conversation) != conversation
    assert len(visit.turns(conversation)) == 1


def test_visitors_may_have_turns_of_one_id(visit: Visit) -> None:
    bob = Visit(visit.application, "bob")
    conversations = [who.say(who.visitor, turn="same") for who in (visit, bob)]
    bob.history.feedback("bob", "same", Feedback(Thumb.DOWN))
    assert visit.turns(conversations[0])[0].feedback == Feedback()
    assert bob.turns(conversations[1])[0].feedback == Feedback(Thumb.DOWN)


def test_a_turn_is_kept_once(visit: Visit) -> None:
    conversation = visit.say("first", turn="same")
    assert visit.say("second", turn="same") == conversation
    assert visit.say("second", conversation, turn="same") == conversation
    assert [turn.question for turn in visit.turns(conversation)] == ["first"]


def test_a_follow_up_is_understood_by_the_turns_that_are_kept(ferry: Visit) -> None:
    info = ferry.ask()[1]
    answer, _ = ferry.ask(FOLLOW_UP, info.id)
    assert "ferry" in answer.effective_query.lower()
    first, second = ferry.history.turns(ferry.visitor, info.id)
    assert (first.question, first.answer) == (QUESTION, "The ferry to Kallinge leaves at nine.")
    assert second.effective_query == answer.effective_query


def test_a_follow_up_is_told_nothing_that_was_deleted(ferry: Visit) -> None:
    info = ferry.ask()[1]
    ferry.delete("ferry.md")
    (turn,) = ferry.history.turns(ferry.visitor, info.id)
    assert (turn.question, turn.answer) == (QUESTION, "")


def test_an_abstention_is_no_answer_to_follow(visit: Visit) -> None:
    (turn,) = visit.history.turns(visit.visitor, visit.say("first"))
    assert turn.answer == ""


def test_a_follow_up_is_told_the_last_turns(visit: Visit) -> None:
    conversation = visit.say("question 0")
    for number in range(1, FOLLOWED_TURNS + 3):
        visit.say(f"question {number}", conversation)
    asked = [turn.question for turn in visit.history.turns(visit.visitor, conversation)]
    assert asked == [f"question {number}" for number in range(3, FOLLOWED_TURNS + 3)]


def test_a_full_conversation_takes_no_more(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_TURNS", 2)
    conversation = visit.say("first")
    visit.say("second", conversation)
    with pytest.raises(ConversationFull, match=r"2 questions.*begin a new one"):
        visit.say("third", conversation)
    assert len(visit.turns(conversation)) == 2
    assert visit.say("third") != conversation


@pytest.mark.usefixtures("logged")
def test_of_too_many_conversations_the_one_changed_longest_ago_goes(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_CONVERSATIONS_OF_A_VISITOR", 2)
    monkeypatch.setattr(store, "MAX_CONVERSATIONS", 3)
    bob = Visit(visit.application, "bob")
    bob.say("of bob")
    first = visit.say("first")
    visit.say("Xanthippe")
    visit.say("again", first)
    visit.say("third")
    assert visit.titles() == ["third", "first"]
    assert b"Xanthippe" not in visit.stored()
    assert bob.titles() == ["of bob"]
    Visit(visit.application, "eve").say("of eve")
    assert (bob.titles(), visit.titles()) == ([], ["third", "first"])


def test_a_clock_that_is_put_back_costs_no_conversation_just_begun(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_CONVERSATIONS_OF_A_VISITOR", 1)
    visit.say("first")
    monkeypatch.setattr(visit.history, "_clock", lambda: datetime(2001, 1, 1, tzinfo=UTC))
    visit.say("second")
    assert visit.titles() == ["second"]


def test_feedback_is_kept_and_replaced(visit: Visit) -> None:
    conversation = visit.say("first", turn="judged")
    visit.say("second", conversation)
    for given in (Feedback(Thumb.DOWN, " No:\nit is not. ", case=True), Feedback(Thumb.UP), Feedback()):
        visit.history.feedback(visit.visitor, "judged", given)
        judged, other = visit.turns(conversation)
        assert judged == visit.history.turn(visit.visitor, "judged")
        assert judged.feedback == Feedback(given.thumb, given.comment.strip(), given.case)
        assert other.feedback == Feedback()


def test_a_comment_that_is_too_long_is_refused(visit: Visit) -> None:
    conversation = visit.say("first", turn="judged")
    visit.history.feedback(visit.visitor, "judged", Feedback(comment="x" * 2000))
    with pytest.raises(InvalidFeedback, match="2001 characters, more than 2000"):
        visit.history.feedback(visit.visitor, "judged", Feedback(comment="y" * 2001))
    assert visit.turns(conversation)[0].feedback.comment == "x" * 2000


def test_all_feedback_is_told_with_what_it_is_about(ferry: Visit) -> None:
    bob = Visit(ferry.application, "bob")
    answer, info = ferry.ask(turn="of ann")
    ferry.ask(FOLLOW_UP, info.id)
    bob.say("first", turn="of bob")
    ferry.history.feedback("ann", "of ann", Feedback(Thumb.UP, case=True))
    ferry.history.feedback("bob", "of bob", Feedback(comment="Why not?"))
    told = {turn.id: turn for turn in ferry.history.all_feedback()}
    assert told.keys() == {"of ann", "of bob"}
    assert told["of ann"].feedback == Feedback(Thumb.UP, case=True)
    assert told["of ann"].answer.citations == answer.citations
    ferry.history.feedback("bob", "of bob", Feedback())
    assert [turn.id for turn in ferry.history.all_feedback()] == ["of ann"]
