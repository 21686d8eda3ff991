"""What is kept of an answer: places and no words, which are read from the documents again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from histories import BUS, FERRY, QUESTION, Visit, as_shown, opened
from writers import ScriptedWriter, said

from index.types import DEFAULT_COLLECTION
from rag.generation.phrases import ABSTENTION
from rag.types import Answer, AnswerSentence, AnswerStatus, Asking, Fallback

MARKER = "Xanthippe"
# Each sentence of a document, its heading and its name has the marker.
MARKED = (
    f"# The diary of {MARKER}\n\n"
    f"The diary tells that {MARKER} crossed the lake in summer. {MARKER} built the harbour of the lake.\n"
)


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    with opened(tmp_path / "home") as application:
        found = Visit(application)
        found.add(FERRY)
        yield found


def only(visit: Visit, conversation: str) -> Answer:
    (turn,) = visit.turns(conversation)
    return turn.answer


def test_an_answer_comes_back_as_it_was_given(visit: Visit) -> None:
    answer, info = visit.ask(top_k=3)
    assert answer.citations
    assert answer.hits[0].passage.heading == "The ferry › Times"
    assert only(visit, info.id) == as_shown(answer)


def test_an_abstention_comes_back_with_its_nearest_passages(tmp_path: Path) -> None:
    with opened(tmp_path / "home", threshold=1.0) as application:
        visit = Visit(application)
        visit.add(FERRY)
        answer, info = visit.ask()
        assert (answer.status, answer.text) == (AnswerStatus.ABSTAINED, ABSTENTION)
        assert answer.hits
        assert only(visit, info.id) == as_shown(answer)


def test_why_an_answer_is_the_documents_own_comes_back(visit: Visit) -> None:
    answer, _ = visit.ask()
    told = replace(answer, fallback=Fallback("busy", "the language model is busy"), withheld=2)
    info = visit.keep(Asking(QUESTION), told)
    assert only(visit, info.id) == as_shown(told)


def test_no_word_of_a_document_is_in_the_file(visit: Visit) -> None:
    visit.add(MARKED, f"{MARKER}.md")
    first, info = visit.ask("Who crossed the lake in summer?")
    assert MARKER in first.text
    follow, _ = visit.ask("What did she build there?", info.id)
    assert MARKER in follow.effective_query
    assert [turn.answer for turn in visit.turns(info.id)] == [as_shown(first), as_shown(follow)]
    visit.history.rename(visit.visitor, info.id, "A crossing")
    assert b"crossing" in visit.stored()
    assert MARKER.encode() not in visit.stored()
    assert MARKER.lower().encode() not in visit.stored().lower()


def test_words_of_a_document_that_no_quote_stands_for_are_not_kept(visit: Visit) -> None:
    answer, _ = visit.ask()
    other = AnswerSentence(f"{MARKER} took it.", (1,))
    info = visit.keep(Asking(QUESTION), replace(answer, sentences=(*answer.sentences, other)))
    assert only(visit, info.id).sentences == answer.sentences
    assert MARKER.encode() not in visit.stored()


def test_what_a_visitor_typed_is_kept_as_it_was_typed(visit: Visit) -> None:
    question = f"Did  {MARKER} take the ferry \n to Kallinge?"
    _, info = visit.ask(question)
    (turn,) = visit.turns(info.id)
    assert turn.question == turn.answer.question == question
    assert turn.answer.effective_query == " ".join(question.split())


def test_what_a_model_wrote_is_kept_over_its_quotes(tmp_path: Path) -> None:
    script = [
        said("At nine it departs.", "The ferry to Kallinge leaves at nine"),
        said("It takes forty minutes.", "It takes forty minutes"),
    ]
    with opened(tmp_path / "home", ScriptedWriter(*script)) as application:
        visit = Visit(application)
        visit.add(FERRY)
        answer, info = visit.ask()
        assert answer.written_by == "scripted"
        assert [sentence.text for sentence in answer.sentences] == [entry.text for entry in script]
        assert only(visit, info.id) == as_shown(answer)
        assert b"At nine it departs." in visit.stored()
        # The second one is what the document says.
        assert b"forty minutes" not in visit.stored()


def test_what_was_deleted_does_not_come_back(visit: Visit) -> None:
    _, info = visit.ask()
    visit.delete("ferry.md")
    (turn,) = visit.turns(info.id)
    assert turn.lost == 1
    answer = turn.answer
    assert (answer.status, answer.text) == (AnswerStatus.ABSTAINED, ABSTENTION)
    assert (answer.citations, answer.sentences, answer.hits) == ((), (), ())
    assert turn.question == QUESTION


def test_what_is_put_back_comes_back(visit: Visit) -> None:
    answer, info = visit.ask()
    visit.delete("ferry.md")
    visit.add(FERRY)
    assert only(visit, info.id) == as_shown(answer)


def test_what_was_replaced_is_not_quoted_at_its_old_place(visit: Visit) -> None:
    _, info = visit.ask()
    visit.add(FERRY.replace("nine", "five"))
    (turn,) = visit.turns(info.id)
    assert (turn.lost, turn.answer.text) == (1, ABSTENTION)


def test_an_answer_keeps_what_still_stands_under_its_markers(visit: Visit) -> None:
    visit.add(BUS, "bus.txt")
    bus, _ = visit.ask("When do buses leave the harbour?")
    ferry, _ = visit.ask()
    cited = (bus.citations[0], replace(ferry.citations[0], marker=2))
    sentences = tuple(AnswerSentence(found.quote.text, (found.marker,)) for found in cited)
    info = visit.keep(Asking(QUESTION), replace(ferry, citations=cited, sentences=sentences))
    visit.delete("bus.txt")
    (turn,) = visit.turns(info.id)
    assert turn.lost == 1
    assert turn.answer.citations == cited[1:]
    assert turn.answer.sentences == sentences[1:]
    assert turn.answer.text == "The ferry to Kallinge leaves at nine."
    assert turn.answer.status is AnswerStatus.ANSWERED
    assert {hit.source for hit in turn.answer.hits} == {"ferry.md"}


def test_a_written_sentence_goes_with_any_of_its_quotes(tmp_path: Path) -> None:
    both = said(
        "A ferry and a bus leave.", (None, "leaves at nine"), (None, "Buses leave the harbour at ten")
    )
    script = [
        both,
        said("A ferry leaves.", (None, "The ferry to Kallinge leaves at nine")),
        said("Whatever.", (None, "Dragons guard the harbour")),
    ]
    with opened(tmp_path / "home", ScriptedWriter(*script), unsupported="mark") as application:
        visit = Visit(application)
        visit.add(FERRY)
        visit.add(BUS, "bus.txt")
        answer, info = visit.ask()
        assert [len(sentence.markers) for sentence in answer.sentences] == [2, 1, 0]
        assert only(visit, info.id) == as_shown(answer)
        visit.delete("bus.txt")
        assert [sentence.text for sentence in only(visit, info.id).sentences] == ["A ferry leaves."]
        visit.delete("ferry.md")
        assert only(visit, info.id).text == ABSTENTION


def test_a_name_taken_over_from_a_deleted_document_is_gone_from_the_effective_query(visit: Visit) -> None:
    visit.add(MARKED, "diary.md")
    _, info = visit.ask("Who crossed the lake in summer?")
    visit.ask("What did she build there?", info.id)
    visit.delete("diary.md")
    follow = visit.turns(info.id)[1].answer
    assert MARKER not in follow.effective_query
    assert follow.effective_query.startswith("What did she build there")


def test_of_a_deleted_collection_only_the_questions_are_left(visit: Visit) -> None:
    visit.home.create("news")
    visit.add(BUS, "bus.txt", "news")
    _, info = visit.ask("When do buses leave?", collection="news")
    _, info = visit.ask(QUESTION, info.id)
    visit.home.delete("news")
    news, ferry = visit.turns(info.id)
    assert (news.collection, ferry.collection) == ("news", DEFAULT_COLLECTION)
    assert (news.answer.text, news.answer.hits) == (ABSTENTION, ())
    assert news.lost >= 1
    assert ferry.answer.citations


def test_a_collection_made_anew_is_another(visit: Visit) -> None:
    visit.home.create("news")
    visit.add(BUS, "bus.txt", "news")
    _, info = visit.ask("When do buses leave?", collection="news")
    visit.home.delete("news")
    visit.home.create("news")
    assert only(visit, info.id).text == ABSTENTION


def test_a_quote_that_is_not_verbatim_any_more_is_dropped_by_the_invariant(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, info = visit.ask()
    verifier = visit.application.assistant.verifier
    dropped = verifier.dropped
    monkeypatch.setattr("rag.citations.citation_fault", lambda *_: "text differs from what is stored there")
    assert only(visit, info.id).text == ABSTENTION
    assert verifier.dropped > dropped


def test_a_quote_of_another_version_is_dropped(visit: Visit) -> None:
    answer, _ = visit.ask()
    other = tuple(
        replace(citation, quote=replace(citation.quote, sha256="0" * 64)) for citation in answer.citations
    )
    info = visit.keep(Asking(QUESTION), replace(answer, citations=other))
    (turn,) = visit.turns(info.id)
    assert (turn.lost, turn.answer.text) == (len(other), ABSTENTION)


def test_documents_that_were_asked_are_kept(visit: Visit) -> None:
    (document,) = visit.home.collection().catalog.documents()
    _, info = visit.ask(documents=(document.id,))
    (turn,) = visit.turns(info.id)
    assert turn.documents == (document.id,)


def test_pages_and_places_come_back(visit: Visit) -> None:
    visit.add("Name,Port\nFerry,Kallinge\nBarge,Ronneby\n", "ports.csv")
    answer, info = visit.ask("Which port has the barge, Ronneby?")
    assert any(citation.source == "ports.csv" for citation in answer.citations)
    assert only(visit, info.id) == as_shown(answer)
