"""Eval sets as a reviewer changes them on the page: decided on as they were seen, and always whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from casework import BAKERY, HARBOUR, OPENED, draft, quoted, record, records, written
from histories import Visit, opened

from eval.cases import InvalidCase
from index.errors import SourceNotFound
from index.types import text_sha256
from rag.history.types import Feedback, Thumb
from ui.case_sets import CaseSets, ChangedMeanwhile, Edit, InvalidEdit, ToldEvidence
from ui.rendering.evaluation import Which

BERTHS = "The harbour of Orwen has 62 berths for visitors."
DEFAULT = "default"


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    with opened(tmp_path) as application:
        made = Visit(application)
        made.add(HARBOUR, "harbour.txt")
        made.add(BAKERY, "bakery.txt")
        yield made


@pytest.fixture
def sets(visit: Visit) -> CaseSets:
    return CaseSets(visit.application)


@pytest.fixture
def file(tmp_path: Path, sets: CaseSets) -> Path:
    """A set of one draft, one accepted case and one that is stale."""
    (tmp_path / "evaluations").mkdir()
    moved = quoted(OPENED, HARBOUR, "harbour.txt") | {"sha256": text_sha256("before")}
    return written(
        tmp_path / "evaluations" / "port.jsonl",
        draft("draft"),
        record(),
        record(id="moved", evidence=[moved]),
    )


def seen(sets: CaseSets, case_id: str = "draft") -> str:
    return sets.reviewed("port", case_id, DEFAULT).seen


def edit(sets: CaseSets, *evidence: ToldEvidence, case_id: str = "draft", **changes: object) -> None:
    told = {"question": "How many berths?", "answerable": True, "answers": ["62"]} | changes
    sets.edit("port", case_id, seen(sets, case_id), Edit(**told, evidence=evidence), DEFAULT)  # type: ignore[arg-type]


def test_the_cases_of_each_state_are_counted_anew_when_file_or_documents_change(
    sets: CaseSets, file: Path, visit: Visit
) -> None:
    def counted() -> tuple[int, ...]:
        (info,) = sets.infos(DEFAULT)
        return tuple(info.counts[which] for which in Which)

    assert counted() == (1, 1, 2, 0)
    sets.reject("port", "one", seen(sets, "one"))
    assert counted() == (1, 1, 1, 1)
    visit.delete("harbour.txt")
    # What is rejected is not asked, so it is not stale either.
    assert counted() == (1, 2, 1, 1)


def test_a_damaged_file_is_told_beside_the_sets_that_are_whole(sets: CaseSets, file: Path) -> None:
    file.with_name("broken.jsonl").write_text('{"id": "one"}\n', encoding="utf-8")
    broken, port = sets.infos(DEFAULT)
    assert "broken.jsonl, line 1 is not a case" in broken.fault
    assert port.fault == "" and port.counts[Which.DRAFTS] == 1


def test_drafts_are_added_to_what_is_there_and_none_twice(sets: CaseSets, tmp_path: Path) -> None:
    assert sets.draft("new", 2, DEFAULT) == 2
    assert sets.draft("new", 1, DEFAULT) == 1
    made = records(tmp_path / "evaluations" / "new.jsonl")
    assert len({entry["id"] for entry in made}) == 3
    assert {entry["state"] for entry in made} == {"draft"}


def test_a_name_that_is_a_path_is_no_set(sets: CaseSets) -> None:
    for name in ("../port", "", "a/b"):
        with pytest.raises(InvalidCase, match="is no name for an eval set"):
            sets.draft(name, 1, DEFAULT)


def test_only_answers_that_somebody_marked_are_taken_over_and_none_twice(
    sets: CaseSets, visit: Visit
) -> None:
    for question, feedback in {
        "When did the harbour of Orwen open?": Feedback(case=True),
        "How many berths does the harbour have?": Feedback(Thumb.UP),
    }.items():
        _, conversation = visit.ask(question)
        turn = visit.turns(conversation.id)[0]
        visit.history.feedback(visit.visitor, turn.id, feedback)
    assert sets.take_over("chat", DEFAULT) == (1, 0)
    assert sets.take_over("chat", DEFAULT) == (0, 1)
    (only,) = sets.queue("chat", Which.DRAFTS, DEFAULT)
    assert sets.reviewed("chat", only, DEFAULT).case.question == "When did the harbour of Orwen open?"


def test_each_kind_of_case_can_be_looked_through(sets: CaseSets, file: Path) -> None:
    queues = [sets.queue("port", which, DEFAULT) for which in Which]
    assert queues == [["draft"], ["moved"], ["one", "moved"], []]


def test_a_case_is_shown_with_where_its_evidence_stands(sets: CaseSets, file: Path, visit: Visit) -> None:
    ((choice,),) = sets.reviewed("port", "draft", DEFAULT).pieces
    assert choice.around is not None and choice.around.quote == OPENED
    assert visit.home.collection(DEFAULT).catalog.document(choice.document).source == "harbour.txt"
    ((stale,),) = sets.reviewed("port", "moved", DEFAULT).pieces
    assert stale.around is None and stale.renewable
    assert "has these words once" in stale.stale


def test_a_case_that_is_not_there_any_more_is_told(sets: CaseSets, file: Path) -> None:
    with pytest.raises(SourceNotFound, match="port has no case 'gone' any more"):
        sets.reviewed("port", "gone", DEFAULT)


def test_what_is_accepted_says_by_whom(sets: CaseSets, file: Path) -> None:
    sets.accept("port", "draft", seen(sets), "Ann", DEFAULT)
    assert (records(file)[0]["state"], records(file)[0]["labels_by"]) == ("accepted", "Ann")


def test_a_case_with_stale_evidence_is_not_accepted(sets: CaseSets, file: Path) -> None:
    sets.reject("port", "moved", seen(sets, "moved"))
    with pytest.raises(InvalidCase, match="has these words once"):
        sets.accept("port", "moved", seen(sets, "moved"), "Ann", DEFAULT)


def test_nothing_is_decided_on_a_case_that_changed_since_it_was_seen(sets: CaseSets, file: Path) -> None:
    before = seen(sets)
    edit(sets, ToldEvidence("harbour.txt", BERTHS))
    now = file.read_bytes()
    for decide in (
        lambda: sets.accept("port", "draft", before, "Ann", DEFAULT),
        lambda: sets.reject("port", "draft", before),
        lambda: sets.edit(
            "port", "draft", before, Edit("Why?", answerable=False, answers=(), evidence=()), DEFAULT
        ),
    ):
        with pytest.raises(ChangedMeanwhile, match="decide on it again"):
            decide()
    assert file.read_bytes() == now


def test_an_edit_changes_question_answers_and_evidence(sets: CaseSets, file: Path) -> None:
    edit(sets, ToldEvidence("harbour.txt", BERTHS))
    made = records(file)[0]
    assert (made["question"], made["answers"]) == ("How many berths?", ["62"])
    assert made["evidence"] == [quoted(BERTHS, HARBOUR, "harbour.txt")]


def test_evidence_that_is_left_as_it_is_keeps_its_anchor_and_its_alternatives(
    sets: CaseSets, file: Path
) -> None:
    first, second = (quoted(quote, HARBOUR, "harbour.txt") for quote in (OPENED, BERTHS))
    written(file, draft("draft", evidence=[first | {"alternatives": [second]}]))
    edit(sets, ToldEvidence("harbour.txt", OPENED, 0))
    assert records(file)[0]["evidence"] == [first | {"alternatives": [second]}]
    edit(sets, ToldEvidence("harbour.txt", BERTHS, 0))
    assert records(file)[0]["evidence"] == [second]


@pytest.mark.parametrize(
    ("evidence", "where", "told"),
    [
        (
            (ToldEvidence("harbour.txt", "It opened in May."),),
            "0",
            "does not stand in harbour.txt, letter for",
        ),
        ((ToldEvidence("harbour.txt", OPENED), ToldEvidence("quay.txt", OPENED)), "1", "is no SOURCE:QUOTE"),
        ((ToldEvidence("harbour.txt", "harbour"),), "0", "stands 2 times"),
        ((ToldEvidence("harbour.txt", "  "),), "0", "there is no quote"),
    ],
)
def test_evidence_that_does_not_stand_is_told_with_its_place_and_changes_nothing(
    sets: CaseSets, file: Path, evidence: tuple[ToldEvidence, ...], where: str, told: str
) -> None:
    before = file.read_bytes()
    with pytest.raises(InvalidEdit, match=told) as raised:
        edit(sets, *evidence)
    assert raised.value.where == where
    assert file.read_bytes() == before


def test_a_question_that_cannot_be_asked_is_told(sets: CaseSets, file: Path) -> None:
    with pytest.raises(InvalidEdit) as raised:
        edit(sets, question="  ")
    assert raised.value.where == "question"


@pytest.mark.parametrize("answerable", [True, False])
def test_an_accepted_case_that_is_edited_is_a_draft_and_the_file_can_be_read(
    sets: CaseSets, file: Path, answerable: bool
) -> None:
    edit(sets, case_id="one", answerable=answerable)
    of = sets.reviewed("port", "one", DEFAULT).case
    assert (of.state, of.answerable, of.evidence) == ("draft", answerable, ())


def test_stale_evidence_that_stands_once_is_anchored_anew(sets: CaseSets, file: Path) -> None:
    assert sets.reanchor("port", DEFAULT, "one") == (0, 0)
    assert sets.reanchor("port", DEFAULT) == (1, 0)
    assert records(file)[2]["evidence"] == [quoted(OPENED, HARBOUR, "harbour.txt")]
