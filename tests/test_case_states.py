"""Cases that are drafts or rejected, and evidence bound to a version: in files, and left out of runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from casework import HARBOUR, command_line_home, draft, quoted, record, records, written

from eval.case_files import add_cases, put_cases, read_cases
from eval.cases import Anchor, InvalidCase, State, load_eval_set, source_of
from index.errors import SourceNotFound
from index.types import Span, text_sha256
from rag.cli.main import run


def anchored(**changes: Any) -> dict[str, Any]:
    entry = quoted("The harbour of Orwen", HARBOUR, "harbour.txt") | changes
    return record(evidence=[{name: value for name, value in entry.items() if value is not None}])


def test_a_case_is_accepted_unless_it_says_otherwise(tmp_path: Path) -> None:
    (case,) = load_eval_set(written(tmp_path / "set.jsonl", record())).cases
    assert (case.state, case.made_by, case.note) == (State.ACCEPTED, "", "")


def test_evidence_is_bound_to_a_stretch_of_a_version(tmp_path: Path) -> None:
    (case,) = load_eval_set(written(tmp_path / "set.jsonl", anchored())).cases
    (evidence,) = case.evidence
    assert evidence.choices[0].anchor == Anchor(text_sha256(HARBOUR), Span(0, 20))


def test_only_accepted_cases_are_in_a_set_and_others_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "set.jsonl", draft("a"), record(), draft("b"), record(id="c", state="rejected"))
    found = load_eval_set(path)
    assert [case.id for case in found.cases] == ["one"]
    assert found.left_out == {"draft": 2, "rejected": 1}
    assert [case.id for case in read_cases(path)] == ["a", "one", "b", "c"]


def test_a_set_of_drafts_says_how_to_accept_them(tmp_path: Path) -> None:
    with pytest.raises(InvalidCase, match=r"no accepted case, of 2 .*`quotebound eval review set\.jsonl`"):
        load_eval_set(written(tmp_path / "set.jsonl", draft("a"), draft("b")))


def test_a_draft_may_lack_evidence_and_an_accepted_case_may_not(tmp_path: Path) -> None:
    path = written(tmp_path / "set.jsonl", draft("a", evidence=[]))
    assert read_cases(path)[0].evidence == ()
    with pytest.raises(InvalidCase, match="line 1: an answerable case has evidence"):
        read_cases(written(path, record(evidence=[])))


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (record(state="approved"), "'approved'"),
        (record(made_by=""), "''"),
        (record(made_by=3), "3 is no text"),
        (record(note=["x"]), "no text"),
        (anchored(sha256=None), "there is only start and end"),
        (anchored(start=None, end=None), "there is only sha256"),
        (anchored(sha256="F" * 64), "'F"),
        (anchored(sha256=7), "sha256 is 7"),
        (anchored(start="0"), "'0' to 20"),
        (anchored(start=-1, end=19), "-1 to 19"),
        (anchored(end=21), "0 to 21 is no span of the quote's 20 characters"),
        (anchored(start=True, end=21), "True to 21"),
        (anchored(start=0.0), "0.0 to 20"),
    ],
)
def test_a_line_that_is_no_case_is_named_with_what_is_wrong(
    tmp_path: Path, entry: dict[str, Any], told: str
) -> None:
    path = written(tmp_path / "set.jsonl", record(id="zero"), entry)
    with pytest.raises(InvalidCase, match=r"set\.jsonl, line 2 is not a case") as raised:
        load_eval_set(path)
    assert told in str(raised.value)


def test_cases_are_added_after_what_is_in_a_file_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    before = "\ufeff" + json.dumps(record(more={"kept": 1})).replace(": ", " :  ") + "\r\n\n"
    path.write_bytes(before.encode())
    (case,) = read_cases(written(tmp_path / "other.jsonl", draft("new", note="ärger")))
    add_cases(path, [case])
    assert path.read_bytes().startswith(before.encode())
    assert read_cases(path)[1] == case


def test_a_file_without_an_end_of_line_gets_one_before_what_is_added(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps(record()))
    add_cases(path, read_cases(written(tmp_path / "other.jsonl", draft("new"))))
    assert [case.id for case in read_cases(path)] == ["one", "new"]


def test_cases_come_back_as_they_were_written(tmp_path: Path) -> None:
    other = quoted("62 berths", HARBOUR, "harbour.txt")
    entry = quoted("The harbour of Orwen has", HARBOUR, "harbour.txt") | {"alternatives": [other]}
    told = draft("a", evidence=[entry], kind="how many", note="half \ud800")
    cases = read_cases(written(tmp_path / "set.jsonl", told))
    add_cases(tmp_path / "copy.jsonl", cases)
    assert read_cases(tmp_path / "copy.jsonl") == cases
    assert records(tmp_path / "copy.jsonl") == [told]


def test_an_id_is_not_added_twice(tmp_path: Path) -> None:
    path = written(tmp_path / "set.jsonl", record())
    with pytest.raises(InvalidCase, match="the id 'one' stands twice"):
        add_cases(path, read_cases(path))
    assert records(path) == [record()]


def test_a_changed_case_leaves_other_lines_and_unknown_fields_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path / "set.jsonl", record(id="zero", odd=1), draft("a", odd=2))
    first, _ = path.read_text().splitlines()
    (changed,) = (case for case in read_cases(written(tmp_path / "x.jsonl", draft("a", question="Where?"))))
    put_cases(path, [changed])
    assert path.read_text().splitlines()[0] == first
    assert records(path)[1] == draft("a", odd=2, question="Where?")


def test_what_others_added_since_stays(tmp_path: Path) -> None:
    path = written(tmp_path / "set.jsonl", draft("a"))
    seen = read_cases(path)
    add_cases(path, read_cases(written(tmp_path / "other.jsonl", draft("b"))))
    put_cases(path, seen)
    assert [case.id for case in read_cases(path)] == ["a", "b"]


def test_a_case_that_is_gone_is_not_written(tmp_path: Path) -> None:
    path = written(tmp_path / "set.jsonl", record())
    with pytest.raises(InvalidCase, match="no case 'a' any more"):
        put_cases(path, read_cases(written(tmp_path / "other.jsonl", draft("a"))))


def test_a_write_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "set.jsonl", record())
    cases = read_cases(written(tmp_path / "other.jsonl", draft("a")))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("index.disk.os.fsync", full)
    with pytest.raises(InvalidCase, match=r"set\.jsonl' cannot be written: No space left"):
        add_cases(path, cases)
    assert records(path) == [record()]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["other.jsonl", "set.jsonl"]


def test_a_link_to_a_file_stays_one(tmp_path: Path) -> None:
    path = written(tmp_path / "set.jsonl", draft("a"))
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    add_cases(link, read_cases(written(tmp_path / "other.jsonl", draft("b"))))
    assert link.is_symlink()
    assert len(read_cases(path)) == 2


def test_a_file_that_is_not_there_is_empty_only_where_it_may_be(tmp_path: Path) -> None:
    assert read_cases(tmp_path / "new.jsonl", missing=True) == []
    with pytest.raises(SourceNotFound, match=r"new\.jsonl"):
        read_cases(tmp_path / "new.jsonl")
    with pytest.raises(SourceNotFound, match=r"no/new\.jsonl"):
        read_cases(tmp_path / "no" / "new.jsonl", missing=True)
    with pytest.raises(SourceNotFound, match="cannot be read: Is a directory"):
        read_cases(tmp_path, missing=True)


@pytest.mark.parametrize(
    ("others", "name"),
    [
        ([], "rules.txt"),
        (["docs/old/rules.txt"], "new/rules.txt"),
        (["rules.txt"], "new/rules.txt"),
        (["docs/new/old-rules.txt"], "rules.txt"),
        (["more/docs/new/rules.txt"], "docs/new/rules.txt"),
        (["docs/new/rules.txt"], "rules.txt"),
    ],
)
def test_a_source_is_the_shortest_end_of_a_path_that_is_no_other_document(
    others: list[str], name: str
) -> None:
    assert source_of("docs/new/rules.txt", ["docs/new/rules.txt", *others]) == name


def test_a_run_asks_accepted_cases_alone_and_says_how_many_were_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command_line_home(tmp_path, monkeypatch)
    path = written(tmp_path / "set.jsonl", record(), draft("a"), draft("b"), record(id="c", state="rejected"))
    (tmp_path / "set.toml").write_text('documents = ["documents"]')
    assert run(["eval", "run", str(path), "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert [case["id"] for case in result["cases"]] == ["one"]
    assert result["provenance"]["left_out"] == {"draft": 2, "rejected": 1}
    assert "cases left out: 2 draft, 1 rejected" in captured.err
