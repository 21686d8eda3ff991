"""Evidence whose document changed: found, told with its reason, and anchored anew where it stands once."""

import json
from pathlib import Path
from typing import Any

import pytest
from casework import (
    BAKERY,
    HARBOUR,
    OPENED,
    STOPPED,
    command_line_home,
    draft,
    put,
    quoted,
    record,
    records,
    stored,
    written,
)

from eval.anchoring import Anchoring, reanchored, require_fresh, without_stale
from eval.case_files import read_cases
from eval.cases import Case, InvalidCase, load_eval_set
from eval.reviewing import reanchor
from index.types import text_sha256
from rag.cli.main import run

MOVED = f"News of the harbour.\n{HARBOUR}"
REASONS = {
    "": "no document is called that",
    "Nothing of it is left.\n": "the document does not have these words",
    MOVED: "the document changed, and has these words once",
    f"{HARBOUR}{OPENED}\n": "the document changed, and has these words 2 times",
}


def cases(tmp_path: Path, *entries: dict[str, Any]) -> list[Case]:
    return read_cases(written(tmp_path / "set.jsonl", *entries))


def anchoring(tmp_path: Path, text: str = HARBOUR, source: str = "docs/harbour.txt") -> Anchoring:
    return Anchoring(stored(tmp_path / "store", {source: text, "docs/bakery.txt": BAKERY}).catalog)


def test_evidence_in_the_version_it_was_taken_from_is_fresh(tmp_path: Path) -> None:
    (case,) = cases(tmp_path, record())
    looked = anchoring(tmp_path)
    assert looked.stale(case) == []
    found = looked.place(case.evidence[0].choices[0])
    assert found is not None
    assert (found[0].source, found[1].start) == ("docs/harbour.txt", 0)


@pytest.mark.parametrize("text", REASONS)
def test_evidence_whose_document_changed_is_stale_for_a_reason(tmp_path: Path, text: str) -> None:
    (case,) = cases(tmp_path, record())
    source = "docs/harbour.txt" if text else "docs/elsewhere.txt"
    (stale,) = anchoring(tmp_path, text or HARBOUR, source).stale(case)
    assert stale.reason == REASONS[text]
    assert str(stale) == f"one: harbour.txt: {OPENED!r}: {REASONS[text]}"
    assert (stale.anew is not None) == (text == MOVED)


def test_what_stands_once_is_anchored_in_the_version_there_is(tmp_path: Path) -> None:
    (case,) = cases(tmp_path, record())
    looked = anchoring(tmp_path, MOVED)
    mended = reanchored(case, looked.stale(case))
    anchor = mended.evidence[0].choices[0].anchor
    assert anchor is not None
    assert anchor.sha256 == text_sha256(MOVED)
    assert MOVED[anchor.span.start : anchor.span.end] == OPENED
    assert looked.stale(mended) == []


def test_a_span_at_which_other_words_stand_is_stale(tmp_path: Path) -> None:
    entry = quoted(OPENED, HARBOUR, "harbour.txt")
    entry |= {"start": entry["start"] + 1, "end": entry["end"] + 1}
    (case,) = cases(tmp_path, record(evidence=[entry]))
    (stale,) = anchoring(tmp_path).stale(case)
    assert stale.anew is not None
    assert stale.anew.anchor is not None
    assert stale.anew.anchor.span.start == 0


def test_evidence_without_an_anchor_is_fresh_as_long_as_its_words_stand(tmp_path: Path) -> None:
    (case,) = cases(tmp_path, record(evidence=[{"source": "harbour.txt", "quote": "of Orwen"}]))
    looked = anchoring(tmp_path, MOVED)
    assert looked.stale(case) == []
    assert looked.anchored(case.evidence[0].choices[0]) is None


def test_the_same_words_in_two_documents_of_a_source_are_not_chosen_between(tmp_path: Path) -> None:
    (case,) = cases(tmp_path, record())
    store = stored(tmp_path / "store", {"new/harbour.txt": MOVED, "old/harbour.txt": f"Old.\n{MOVED}"})
    (stale,) = Anchoring(store.catalog).stale(case)
    assert stale.reason.endswith("2 times")
    put(store, "older/harbour.txt", HARBOUR)
    assert Anchoring(store.catalog).stale(case) == []


def test_stale_alternatives_are_found_and_only_they_are_changed(tmp_path: Path) -> None:
    entry = quoted(STOPPED, BAKERY, "bakery.txt")
    (case,) = cases(
        tmp_path, record(evidence=[entry | {"alternatives": [quoted(OPENED, HARBOUR, "harbour.txt")]}])
    )
    stale = anchoring(tmp_path, MOVED).stale(case)
    assert [found.quotation.source for found in stale] == ["harbour.txt"]
    before, after = case.evidence[0].choices, reanchored(case, stale).evidence[0].choices
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_set_with_stale_cases_is_refused_with_each_of_them_and_the_way_out(tmp_path: Path) -> None:
    loaded = load_eval_set(
        written(
            tmp_path / "set.jsonl",
            *(record(id=f"c{number}", question=f"Question {number}?") for number in range(25)),
        )
    )
    with pytest.raises(InvalidCase) as raised:
        require_fresh(loaded, anchoring(tmp_path, MOVED))
    first, *lines, more, way_out = str(raised.value).splitlines()
    assert first == "25 quotations of set are stale:"
    assert (len(lines), more) == (20, "… and 5 more")
    assert "quotebound eval review SET --reanchor" in way_out
    assert "--allow-stale" in way_out


def test_stale_cases_are_left_out_and_counted(tmp_path: Path) -> None:
    other = record(id="two", evidence=[quoted(STOPPED, BAKERY, "bakery.txt")])
    path = written(tmp_path / "set.jsonl", record(), other, draft("three"))
    found = without_stale(load_eval_set(path), anchoring(tmp_path, MOVED))
    assert [case.id for case in found.cases] == ["two"]
    assert found.left_out == {"stale": 1, "draft": 1}


def test_a_set_of_which_all_is_stale_has_nothing_to_ask(tmp_path: Path) -> None:
    loaded = load_eval_set(written(tmp_path / "set.jsonl", record()))
    with pytest.raises(InvalidCase, match="all 1 cases of set are stale"):
        without_stale(loaded, anchoring(tmp_path, MOVED))


def test_rejected_cases_are_not_anchored_anew(tmp_path: Path) -> None:
    found = reanchor(
        cases(tmp_path, record(state="rejected"), draft("two"), record(id="three")),
        anchoring(tmp_path, MOVED),
    )
    assert [case.id for case in found.cases] == ["two", "three"]
    assert found.left == ()


def test_a_document_changes_the_run_refuses_and_goes_on_once_anchored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = command_line_home(tmp_path, monkeypatch)
    gone = record(id="gone", question="Where?", evidence=[quoted("62 berths", HARBOUR, "harbour.txt")])
    path = written(tmp_path / "set.jsonl", record(), gone)
    (folder / "harbour.txt").write_text(MOVED.replace("62", "64"))
    run(["ingest", "documents"])
    asked = ["eval", "run", str(path), "-c", "default"]
    capsys.readouterr()
    assert run(asked) == 2
    said = capsys.readouterr().err
    assert "2 quotations of set are stale:" in said
    assert "gone: harbour.txt: '62 berths': the document does not have these words" in said
    assert run([*asked, "--allow-stale"]) == 2
    assert "all 2 cases of set are stale" in capsys.readouterr().err

    assert run(["eval", "review", str(path), "--reanchor"]) == 1
    said = capsys.readouterr().err
    assert "1 cases anchored anew, 1 quotations stale still" in said
    assert "stale: gone: harbour.txt: '62 berths'" in said
    assert [entry["evidence"][0]["start"] for entry in records(path)] == [21, HARBOUR.index("62 berths")]
    assert run(asked) == 2
    capsys.readouterr()
    assert run([*asked, "--allow-stale", "--json"]) == 0
    captured = capsys.readouterr()
    assert [case["id"] for case in json.loads(captured.out)["cases"]] == ["one"]
    assert "cases left out: 1 stale" in captured.err
