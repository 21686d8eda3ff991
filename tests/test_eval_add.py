"""Cases from answers of the chat, and by hand: what they hold, once each."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from casework import OPENED, command_line_home, record, records
from histories import BUS, FERRY, QUESTION, Visit, opened, said

from eval.adding import case_by_hand, case_of_turn, turns_wanted
from eval.anchoring import Anchoring
from eval.cases import Case, InvalidCase, State, lacks_evidence
from index.types import Span, text_sha256
from rag.cli.main import run
from rag.errors import InvalidQuestion
from rag.history.types import Feedback, Thumb

LEAVES = "The ferry to Kallinge leaves at nine."
UP, DOWN, WANTED = Feedback(Thumb.UP), Feedback(Thumb.DOWN), Feedback(case=True)


@pytest.fixture
def ferry(tmp_path: Path) -> Iterator[Visit]:
    with opened(tmp_path / "home") as application:
        visit = Visit(application)
        visit.add(FERRY)
        yield visit


def anchoring(visit: Visit) -> Anchoring:
    return Anchoring(visit.home.collection().catalog)


def made(visit: Visit, *thumbs: Thumb) -> list[Case]:
    """Return the cases that are made of what was said of answers."""
    return [
        case_of_turn(turn, anchoring(visit)) for turn in turns_wanted(visit.history.all_feedback(), thumbs)
    ]


def judged(visit: Visit, feedback: Feedback, question: str = QUESTION) -> str:
    """Ask, say something of the answer, and return the id of the conversation."""
    turn = f"turn of {question} {feedback}"
    _, info = visit.ask(question, turn=turn)
    visit.history.feedback(visit.visitor, turn, feedback)
    return info.id


def test_an_answer_that_was_asked_to_be_a_case_is_one_with_its_quotes(ferry: Visit) -> None:
    judged(ferry, WANTED)
    (case,) = made(ferry)
    assert (case.question, case.answerable, case.labels_by) == (QUESTION, True, "")
    assert (case.state, case.made_by) == (State.DRAFT, "chat")
    quotation = case.evidence[0].choices[0]
    assert (quotation.source, quotation.quote) == ("ferry.md", LEAVES)
    assert quotation.anchor is not None
    start = FERRY.index(LEAVES)
    assert quotation.anchor.sha256 == text_sha256(FERRY)
    assert quotation.anchor.span == Span(start, start + len(LEAVES))
    assert anchoring(ferry).stale(case) == []


@pytest.mark.parametrize(
    ("thumbs", "questions"),
    [
        ((), {"Case?"}),
        ((Thumb.UP,), {"Case?", "Up?"}),
        ((Thumb.DOWN,), {"Case?", "Down?"}),
        (tuple(Thumb), {"Case?", "Up?", "Down?"}),
    ],
)
def test_thumbs_make_cases_only_where_they_are_asked_for(
    ferry: Visit, thumbs: tuple[Thumb, ...], questions: set[str]
) -> None:
    for feedback, question in (
        (WANTED, "Case?"),
        (UP, "Up?"),
        (DOWN, "Down?"),
        (Feedback(comment="x"), "No?"),
    ):
        turn = ferry.keep(*said(question), turn=question)
        assert turn.turns == 1
        ferry.history.feedback(ferry.visitor, question, feedback)
    assert {case.question for case in made(ferry, *thumbs)} == questions


def test_after_a_thumb_down_the_quotes_are_no_evidence_and_the_comment_is_kept(ferry: Visit) -> None:
    judged(ferry, Feedback(Thumb.DOWN, "that is the winter timetable"))
    (case,) = made(ferry, Thumb.DOWN)
    assert (case.evidence, case.answers) == ((), ())
    assert lacks_evidence(case)
    assert case.note == "thumb down; comment: that is the winter timetable"


@pytest.mark.parametrize(("feedback", "answerable"), [(UP, False), (WANTED, False), (DOWN, True)])
def test_an_abstention_is_unanswerable_unless_somebody_said_it_is_wrong(
    ferry: Visit, feedback: Feedback, answerable: bool
) -> None:
    ferry.keep(*said("Who owns the ferry?"), turn="turn")
    ferry.history.feedback(ferry.visitor, "turn", feedback)
    (case,) = made(ferry, *Thumb)
    assert (case.answerable, case.evidence) == (answerable, ())


def test_a_follow_up_is_a_case_by_what_was_searched_for(ferry: Visit) -> None:
    _, info = ferry.ask()
    answer, _ = ferry.ask("And on Sundays?", info.id, turn="second")
    ferry.history.feedback(ferry.visitor, "second", WANTED)
    (case,) = made(ferry)
    assert answer.effective_query != "And on Sundays?"
    assert case.question == answer.effective_query
    assert "asked as: And on Sundays?" in case.note


def test_what_is_not_there_any_more_is_no_evidence(ferry: Visit) -> None:
    judged(ferry, UP)
    ferry.delete("ferry.md")
    (case,) = made(ferry, Thumb.UP)
    assert case.evidence == ()
    assert "quotes that are not there any more" in case.note


def test_a_turn_has_the_same_id_each_time_and_another_one_its_own(ferry: Visit) -> None:
    judged(ferry, WANTED)
    judged(ferry, WANTED, "What do tickets cost?")
    first, second = made(ferry)
    assert [case.id for case in made(ferry)] == [first.id, second.id]
    assert first.id != second.id


def test_add_takes_the_chat_of_a_collection_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_line_home(tmp_path, monkeypatch)
    with opened(tmp_path / "home") as application:
        visit = Visit(application)
        visit.add(FERRY)
        visit.add(BUS, "bus.txt", "other")
        judged(visit, WANTED)
        judged(visit, DOWN, "What do tickets cost?")
        visit.ask("When do buses leave?", turn="bus", collection="other")
        visit.history.feedback(visit.visitor, "bus", WANTED)
        # The service may go on keeping conversations meanwhile.
        assert run(["eval", "add", "chat.jsonl"]) == 0
        captured = capsys.readouterr()
        assert "1 added to chat.jsonl" in captured.out
        assert "left out: 1 of other collections; name one with --collection: other" in captured.err
    before = (tmp_path / "chat.jsonl").read_bytes()
    assert run(["eval", "add", "chat.jsonl"]) == 0
    assert "nothing to add to chat.jsonl" in capsys.readouterr().out
    assert (tmp_path / "chat.jsonl").read_bytes() == before
    assert run(["eval", "add", "chat.jsonl", "--thumbs", "any", "--json"]) == 0
    (added,) = json.loads(capsys.readouterr().out)["added"]
    assert (added["question"], added["evidence"]) == ("What do tickets cost?", [])


def test_add_without_any_chat_adds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_line_home(tmp_path, monkeypatch)
    run(["ingest", "documents"])
    assert run(["eval", "add", "chat.jsonl"]) == 0
    assert "nothing to add" in capsys.readouterr().out
    assert not (tmp_path / "chat.jsonl").exists()
    assert not list((tmp_path / "home").glob("history*"))


def test_a_case_by_hand_is_accepted_with_its_evidence_anchored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command_line_home(tmp_path, monkeypatch)
    run(["ingest", "documents"])
    asked = ["eval", "add", "own.jsonl", "--by", "Ann", "--question", "When did the harbour of Orwen open?"]
    evidence = ["--answer", "4 May 1988", "--evidence", f"harbour.txt: {OPENED}"]
    assert run([*asked, *evidence]) == 0
    (case,) = records(tmp_path / "own.jsonl")
    assert case == record(id=case["id"], labels_by="Ann", state="accepted", made_by="person")
    # The same question once more, and one that the documents do not answer.
    assert run([*asked, *evidence]) == 2
    assert run(["eval", "add", "own.jsonl", "--question", "Who owns it?", "--unanswerable"]) == 0
    assert [entry["answerable"] for entry in records(tmp_path / "own.jsonl")] == [True, False]
    assert records(tmp_path / "own.jsonl")[1]["labels_by"] != ""


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        ("harbour.txt:the harbour of orwen", "'the harbour of orwen' does not stand in harbour.txt"),
        ("harbour.txt:harbour of Orwen", "stands 2 times in harbour.txt: quote more words"),
        ("harbour.txt:", "there is no quote after harbour.txt"),
        ("harbor.txt:The harbour", "'harbor.txt:The harbour' is no SOURCE:QUOTE of a document; there are "),
        ("The harbour", "there are documents/bakery.txt, documents/harbour.txt"),
    ],
)
def test_evidence_that_does_not_stand_is_refused_with_what_is_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    evidence: str,
    told: str,
) -> None:
    command_line_home(tmp_path, monkeypatch)
    run(["ingest", "documents"])
    capsys.readouterr()
    assert run(["eval", "add", "own.jsonl", "--question", "When?", "--evidence", evidence]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "own.jsonl").exists()


def test_a_source_may_have_colons(ferry: Visit) -> None:
    ferry.add("Times: at nine.\n", "notes: new: 2.txt")
    case = case_by_hand("When?", ["notes: new: 2.txt: Times: at nine."], [], "Ann", anchoring(ferry))
    assert case.evidence[0].choices[0].quote == "Times: at nine."


def test_a_question_that_cannot_be_asked_is_no_case(ferry: Visit) -> None:
    with pytest.raises(InvalidQuestion):
        case_by_hand("  ", [], [], "Ann", anchoring(ferry))
    with pytest.raises(InvalidCase, match="an answer needs evidence"):
        case_by_hand("When?", [], ["at nine"], "Ann", anchoring(ferry))


@pytest.mark.parametrize(
    "options",
    [
        ["--evidence", "harbour.txt:x"],
        ["--unanswerable"],
        ["--by", "Ann"],
        ["--question", "When?"],
        ["--question", "When?", "--unanswerable", "--evidence", "harbour.txt:x"],
        ["--question", "When?", "--unanswerable", "--thumbs", "up"],
        ["--thumbs", "sideways"],
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    command_line_home(tmp_path, monkeypatch)
    assert run(["eval", "add", "own.jsonl", *options]) == 2


def test_a_file_that_holds_no_cases_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_line_home(tmp_path, monkeypatch)
    run(["ingest", "documents"])
    path = tmp_path / "notes.jsonl"
    path.write_text("dear diary\n")
    capsys.readouterr()
    for command in (["draft", "-o"], ["add", "--question", "Why?", "--unanswerable"]):
        assert run(["eval", *command, str(path)]) == 2
        assert "notes.jsonl, line 1 is not a case" in capsys.readouterr().err
    assert path.read_text() == "dear diary\n"
