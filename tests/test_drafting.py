"""Drafts made by rule: what is asked of a sentence, and how drafts are spread over documents."""

from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from casework import BAKERY, HARBOUR, command_line_home, put, records, stored

from eval.case_files import read_cases
from eval.cases import Case, State, lacks_evidence
from eval.drafting import drafts
from eval.gaps import GAP, gapped, short_answer
from eval.swapping import nowhere_in, swapped
from index.snapshot import Snapshot
from index.store import Store
from index.terms import query_terms, words
from index.types import text_sha256
from rag.cli.main import run
from rag.examples.clauses import Words
from rag.examples.forms import Kind

TEXTS = {"docs/harbour.txt": HARBOUR, "docs/bakery.txt": BAKERY}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return stored(tmp_path / "store", TEXTS)


@pytest.fixture
def snapshot(store: Store) -> Snapshot:
    return store.snapshot()


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        (
            "Captain Mara Lind sold the old lifeboat of Orwen to a museum.",
            "Who or what sold the old lifeboat of Orwen to a museum?",
            "Captain Mara Lind",
        ),
        (
            "The gates of the upper lock were repaired by divers in the winter of 1987.",
            "Who or what was repaired by divers in the winter of 1987?",
            "The gates of the upper lock",
        ),
        (
            "The harbour of Orwen has 62 berths for visiting boats.",
            "Fill in the gap: The harbour of Orwen has ____ berths for visiting boats.",
            "62",
        ),
        (
            "In May 1988, the town council opened the harbour, citing a lack of berths.",
            "Fill in the gap: In ____, the town council opened the harbour.",
            "May 1988",
        ),
        (
            "The lifeboat station was founded by the Tarn Mission a century ago.",
            "Fill in the gap: The lifeboat station was founded by the ____ a century ago.",
            None,
        ),
        (
            "The lifeboat station of the coast was founded by the Tarn Mission.",
            "Fill in the gap: The lifeboat station of the coast was founded by the ____.",
            "Tarn Mission",
        ),
    ],
)
def test_a_sentence_is_asked_about_by_what_it_leaves_out(
    sentence: str, question: str, answer: str | None
) -> None:
    found = {gap.text: gap.answer for gap in gapped(sentence, Words([sentence]), "en")}
    assert found.get(question) == answer


@pytest.mark.parametrize(
    "sentence",
    [
        "It was opened by Mara Lind in the summer of 1988.",
        "In 1988 the council agreed to sell these boats to Mara Lind.",
        "The harbour opened in 1988.",
        "| Berths | 62 | Orwen harbour, visitors and all the others of 1988.",
        "The page https://orwen.example has had all the rules since May 1988.",
        "and so the harbour of Orwen was opened on a rainy day in 1988.",
        "The harbour of Orwen opened on a very rainy day in May 1988:",
        "The captain said “all of us in Orwen were there on that day in 1988.",
    ],
)
def test_nothing_is_asked_of_a_sentence_that_needs_others_or_is_no_prose(sentence: str) -> None:
    assert list(gapped(sentence, Words([sentence]), "en")) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "The Orwen ferry leaves from the old pier below the tower on Mondays.",
        "The shops of the quay sell rope, Diesel, Paint, Tar and much else.",
        "The 4.5.2 rules of the quay were written in room A12 by 3/4 of us.",
        "The mayor of the town asked Orwen’s fishermen to sell all of the boats.",
    ],
)
def test_a_gap_is_never_part_of_a_name_a_number_or_a_list(sentence: str) -> None:
    assert [gap.text for gap in gapped(sentence, Words([sentence]), "en") if GAP in gap.text] == []


def test_in_other_languages_the_sentence_itself_is_asked() -> None:
    sentence = "Der alte Hafen von Orwen wurde im Mai 1988 endlich eröffnet."
    assert "Der alte Hafen von Orwen wurde im Mai ____ endlich eröffnet." in [
        gap.text for gap in gapped(sentence, Words([sentence]), "de")
    ]


@pytest.mark.parametrize(
    ("kind", "sentence", "answer"),
    [
        (Kind.WHEN, "The harbour of Orwen opened on 4 May 1988.", "4 May 1988"),
        (Kind.WHEN, "In late March 2021,\nthe boat was sold.", "late March 2021"),
        (Kind.HOW_MANY, "The bakery has about 14 ovens.", "about 14"),
        (Kind.WHY, "Trips stopped, because the ferry was sold.", "the ferry was sold"),
        (Kind.WHY, "Trips stopped, because the ferry (a steamer) was sold.", None),
        (Kind.WHAT_IS, "A pilot ladder is a rope ladder.", None),
    ],
)
def test_an_answer_is_given_where_a_rule_tells_it(kind: Kind, sentence: str, answer: str | None) -> None:
    assert short_answer(kind, sentence) == answer


@pytest.mark.parametrize(
    ("question", "kept", "gone"),
    [
        ("What did Captain Mara Lind warn?", "What did Captain ", "Mara"),
        ("When did Queen Mara II open it?", "When did ", "Queen"),
        ("What was the Duchy of Orwen?", "What was the Duchy of ", "Orwen"),
        ("Who signed the treaty with Chile?", "Who signed the treaty with ", "Chile"),
        ("When did the harbour of Orwen open?", "When did the harbour of ", "Orwen"),
        ("When did the Orwen Ferry Company sell it?", " Ferry Company sell it?", "Orwen"),
    ],
)
def test_a_name_is_exchanged_for_one_of_its_kind(question: str, kept: str, gone: str) -> None:
    made = swapped(question, lambda _: True, 0)
    assert made is not None
    assert kept in made.text
    assert gone not in made.text
    assert made.after in made.text


def test_a_question_without_a_name_is_not_exchanged() -> None:
    assert swapped("When did the ferry leave on Monday in May?", lambda _: True, 0) is None


def test_only_a_name_of_which_no_word_stands_anywhere_takes_a_place(snapshot: Snapshot) -> None:
    absent = nowhere_in(snapshot)
    assert absent("Henrik Solvang")
    assert not absent("Orwen")
    assert not absent("Henrik Hvid")
    tried: list[str] = []
    assert swapped("Who is Mara Lind?", lambda name: bool(tried.append(name)), 0) is None
    assert len(tried) > 5


def test_answerable_drafts_rest_on_a_sentence_bound_to_its_place(snapshot: Snapshot) -> None:
    found = [case for case in drafts(snapshot, [], 10, 0) if case.answerable]
    assert len(found) >= 4
    for case in found:
        assert (case.state, case.made_by, case.labels_by) == (State.DRAFT, "machine", "")
        assert not lacks_evidence(case)
        ((quotation,),) = (evidence.choices for evidence in case.evidence)
        text = TEXTS[f"docs/{quotation.source}"]
        assert quotation.anchor is not None
        assert quotation.anchor.sha256 == text_sha256(text)
        assert text[quotation.anchor.span.start : quotation.anchor.span.end] == quotation.quote
        assert all(answer in quotation.quote for answer in case.answers)


def test_one_in_five_drafts_asks_for_somebody_who_is_nowhere(snapshot: Snapshot) -> None:
    found = drafts(snapshot, [], 10, 0)
    (absent,) = (case for case in found if not case.answerable)
    assert found.index(absent) == 4
    assert (absent.answers, absent.evidence, absent.kind) == ((), (), "absent")
    told = set(words(" ".join(TEXTS.values())))
    assert set(words(absent.note.rpartition(" but ")[2].split(" is nowhere")[0])).isdisjoint(told)


def test_the_same_seed_gives_the_same_drafts_and_another_one_others(snapshot: Snapshot) -> None:
    first = drafts(snapshot, [], 4, 0)
    assert drafts(snapshot, [], 4, 0) == first
    assert any(drafts(snapshot, [], 4, seed) != first for seed in range(1, 5))


def test_documents_take_turns(store: Store) -> None:
    for town in ("Velk", "Ostra", "Rimne", "Sale"):
        put(
            store,
            f"docs/{town}.txt",
            f"The mill of {town} was built by Jan {town}mann in 1820 beside the weir.\n",
        )
    found = [case for case in drafts(store.snapshot(), [], 6, 0) if case.answerable]
    assert max(Counter(case.evidence[0].choices[0].source for case in found).values()) == 1


def test_no_two_drafts_ask_nearly_the_same(snapshot: Snapshot) -> None:
    asked = [set(query_terms(case.question, "en")) for case in drafts(snapshot, [], 30, 0)]
    assert all(2 * len(one & other) <= len(one | other) for one, other in combinations(asked, 2))


def test_existing_cases_are_not_drafted_again(snapshot: Snapshot) -> None:
    made: list[Case] = []
    while more := drafts(snapshot, made, 3, 0):
        made += more
    assert len({case.id for case in made}) == len({case.question for case in made}) == len(made)
    places = Counter(case.evidence[0] for case in made if case.answerable)
    assert max(places.values()) == 1
    # Nothing to answer, nothing to leave unanswered.
    assert drafts(snapshot, made, 30, 0) == []


def test_a_sentence_that_stands_in_two_places_is_no_evidence(store: Store) -> None:
    put(store, "docs/copy.txt", f"{HARBOUR}{BAKERY}")
    assert [case for case in drafts(store.snapshot(), [], 30, 0) if case.answerable] == []


def test_a_sentence_that_a_document_has_twice_is_no_evidence(tmp_path: Path) -> None:
    store = stored(tmp_path / "twice", {"harbour.txt": HARBOUR * 2})
    assert drafts(store.snapshot(), [], 30, 0) == []


def test_a_collection_without_sentences_gives_no_drafts(tmp_path: Path) -> None:
    store = stored(tmp_path / "empty", {"list.txt": "one\ntwo\nthree\n"})
    assert drafts(store.snapshot(), [], 20, 0) == []


def test_draft_adds_to_a_file_until_there_is_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_line_home(tmp_path, monkeypatch)
    run(["ingest", "documents"])
    capsys.readouterr()
    asked = ["eval", "draft", "-o", "own.jsonl", "--cases", "5"]
    assert run(asked) == 0
    assert "5 added to own.jsonl; look through them with `quotebound eval review own.jsonl`" in (
        capsys.readouterr().out
    )
    first = records(tmp_path / "own.jsonl")
    while (code := run(asked)) == 0:
        pass
    assert code == 1
    assert "nothing to add to own.jsonl" in capsys.readouterr().out
    after = records(tmp_path / "own.jsonl")
    assert after[:5] == first
    assert len({entry["id"] for entry in after}) == len(after) > 5
    assert {entry["state"] for entry in after} == {"draft"}
    assert len(read_cases(tmp_path / "own.jsonl")) == len(after)


def test_draft_of_a_collection_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_line_home(tmp_path, monkeypatch)
    run(["ingest", "documents"])
    assert run(["eval", "draft", "nowhere", "-o", "own.jsonl"]) == 2
    assert "'nowhere'" in capsys.readouterr().err
    assert not (tmp_path / "own.jsonl").exists()
