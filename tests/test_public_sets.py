"""Public question sets: found, told of where absent, and anchored in what the index holds."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from doubles import HashingEmbedder
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.anchoring import Anchoring
from eval.cases import InvalidCase
from eval.public_sets.catalogue import SETS, named
from eval.public_sets.hotpotqa import CORPUS_FILE, QUESTIONS_FILE, HotpotQA
from eval.public_sets.reading import SetReader, as_stored, located, titled
from eval.public_sets.squad import Squad2
from index.errors import SourceNotFound
from index.loading.text.decoding import decode_text
from index.running import JobRunner
from index.types import Span
from rag.reading.training.sources import SQUAD2_FILE
from rag.settings import Settings
from rag.wiring import Application

NAMES = (
    "squad2 xquad-en xquad-es xquad-de xquad-ar xquad-hi xquad-zh squad2-held-out qed hotpotqa scifact wice "
    "xquad-en-held-out xquad-es-held-out xquad-de-held-out xquad-ar-held-out xquad-hi-held-out "
    "xquad-zh-held-out multihop-rag clapnq rgb"
).split()
# Line ends of three kinds, controls, what looks like marks of encodings, letters in two forms, no characters.
ODD = "\ufeffThe\r\nmill\rof Orwen\x00 is\x0b\x1b$@.\x85A cafe\u0301 \x9f é \x0c \ud800 ﬁne\u2028 \ufeffup.\n"


def reader(data: Path) -> SetReader:
    return SetReader(data, "it is made up here", "nobody")


def put(data: Path, file: str, content: bytes) -> None:
    (data / file).parent.mkdir(parents=True, exist_ok=True)
    (data / file).write_bytes(content)


def squad(*contexts: str, answer: str) -> dict[str, Any]:
    """Return a file in SQuAD's form whose every paragraph is asked where `answer` is."""
    paragraphs = [
        {
            "context": context,
            "qas": [
                {
                    "id": f"{number}",
                    "question": "Where\r\nis it?",
                    "answers": [{"text": answer, "answer_start": context.index(answer)}],
                    "is_impossible": False,
                }
            ],
        }
        for number, context in enumerate(contexts)
    ]
    return {"data": [{"title": "AC/DC: a story?", "paragraphs": paragraphs}]}


def test_each_set_is_found_by_its_name() -> None:
    assert list(SETS) == NAMES
    assert [named(name).name for name in NAMES] == NAMES


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(InvalidCase, match=r"no public set 'squad'; there are squad2, xquad-en, .*, rgb"):
        named("squad")


@pytest.mark.parametrize("name", NAMES)
def test_an_absent_set_says_what_belongs_where_by_whom_and_under_which_licence(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceNotFound, match=r"there is no dev/\S+ in the data folder: it is ") as raised:
        named(name).load(tmp_path)
    told = str(raised.value)
    assert "20" in told
    assert "CC BY" in told or "ODC-BY" in told or "Apache-2.0" in told
    assert str(tmp_path) not in told


@pytest.mark.parametrize("name", NAMES)
def test_a_set_without_outcomes_has_no_figures_and_says_why_others_differ(name: str) -> None:
    assert named(name).figures([]) == {}
    assert named(name).title
    assert named(name).not_comparable.endswith(".")
    for entry in named(name).published:
        assert entry.figure.startswith(("squad2_", "xquad_", "hotpotqa_", "multihop_rag_", "scifact_"))
        assert 0 < entry.value < 1
        assert entry.source
        assert entry.note


@given(st.text(st.characters(), max_size=60))
@settings(deadline=None, max_examples=300)
def test_what_is_stored_of_a_text_is_what_was_made_of_it(text: str) -> None:
    made = as_stored(f"{text} and more")
    assert len(made) == len(text) + len(" and more")
    assert decode_text(made.encode("utf-8"), "a.txt") == made


def test_evidence_in_texts_with_odd_characters_is_fresh_once_they_are_ingested(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = f"{ODD}It lies at O\x00rwen. It is white."
    second = "\ufeff% The mill of Orwen.\r\rIt lies at O\x00rwen.\r\nIt is\x0b white."
    put(
        data,
        SQUAD2_FILE.as_posix(),
        gzip.compress(json.dumps(squad(first, second, answer="O\x00rwen")).encode()),
    )
    put(data, QUESTIONS_FILE, json.dumps([hotpot_question("...And\tJustice/All", 1)]).encode())
    put(data, CORPUS_FILE, json.dumps({"...And\tJustice/All": [ODD, " Second\r.", ODD]}).encode())
    application = Application(Settings(home=tmp_path / "home"), writable=True, embedder=HashingEmbedder())
    runner = JobRunner.over(application.ingestor())
    for read in (Squad2().load(data), HotpotQA().load(data)):
        for document in read.documents:
            runner.add(document.text.encode(), document.name)
        anchoring = Anchoring(application.home.collection().catalog)
        assert [stale for case in read.cases for stale in anchoring.stale(case)] == []
        assert all(case.evidence for case in read.cases)
        assert set(anchoring.sources()) >= {document.name for document in read.documents}
    assert [case.question for case in Squad2().load(data).cases] == ["Where is it?"] * 2
    assert Squad2().load(data).cases[0].answers == ("O rwen",)
    assert [text.name for text in HotpotQA().load(data).documents] == ["And Justice-All.txt"]


def hotpot_question(title: str, sentence: int) -> dict[str, Any]:
    return {
        "_id": "q",
        "question": "What?",
        "answer": "Second",
        "type": "bridge",
        "supporting_facts": [[title, sentence]],
    }


def test_a_file_may_be_compressed_or_not_whatever_it_is_called(tmp_path: Path) -> None:
    content = json.dumps({"a": 1}).encode()
    put(tmp_path, "plain.json", content)
    put(tmp_path, "packed.json", gzip.compress(content))
    put(tmp_path, "other.json.gz", gzip.compress(content))
    for file in ("plain.json", "plain.json.gz", "packed.json", "other.json", "other.json.gz"):
        assert reader(tmp_path).json(file) == {"a": 1}


def test_files_that_were_read_are_told_by_their_digest_and_place(tmp_path: Path) -> None:
    put(tmp_path, "dev/a.json.gz", gzip.compress(b"[1]"))
    read = reader(tmp_path)
    read.json("dev/a.json")
    read.ask(1, "Who?", "any")
    (digest,) = (read.questions().data_sha256[place] for place in ("dev/a.json.gz",))
    assert len(digest) == 64


@pytest.mark.parametrize("content", [b"{", b"\xff", gzip.compress(b"{}")[:-4], b"\x1f\x8bnothing"])
def test_a_damaged_file_is_told_by_its_name(content: bytes, tmp_path: Path) -> None:
    put(tmp_path, "dev/a.json", content)
    with pytest.raises(InvalidCase, match=r"dev/a\.json is damaged"):
        reader(tmp_path).json("dev/a.json")
    with pytest.raises(InvalidCase, match=r"dev/a\.json(, line 1)? is damaged"):
        list(reader(tmp_path).lines("dev/a.json"))


def test_a_damaged_line_is_told_by_its_number(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl", b'{"a": "\xe2\x80\xa8"}\n\n{"a"')
    with pytest.raises(InvalidCase, match=r"a\.jsonl, line 3 is damaged"):
        list(reader(tmp_path).lines("a.jsonl"))


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"data": [{"title": "A mill", "paragraphs": [{"qas": []}]}]}, ", A mill"),
        ({"data": [{"paragraphs": []}]}, ""),
        ([1], ""),
    ],
)
def test_a_record_in_another_form_is_told_by_its_place(content: object, place: str, tmp_path: Path) -> None:
    put(tmp_path, SQUAD2_FILE.as_posix(), json.dumps(content).encode())
    with pytest.raises(InvalidCase, match=f"^{SQUAD2_FILE}{place} is not in the form"):
        Squad2().load(tmp_path)


def test_a_set_with_nothing_to_ask_is_refused(tmp_path: Path) -> None:
    put(tmp_path, SQUAD2_FILE.as_posix(), b'{"data": []}')
    with pytest.raises(InvalidCase, match="there is no question that can be asked"):
        Squad2().load(tmp_path)


def test_a_list_that_is_none_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.json", b"{}")
    with pytest.raises(InvalidCase, match="it is no list"):
        list(reader(tmp_path).records("a.json"))


def test_rows_of_a_table_are_read_by_the_names_of_its_columns(tmp_path: Path) -> None:
    put(tmp_path, "a.tsv", b'query-id\tscore\r\n"7\t1\r\n8\t0\r\n')
    assert list(reader(tmp_path).rows("a.tsv")) == [
        ("a.tsv, line 2", {"query-id": '"7', "score": "1"}),
        ("a.tsv, line 3", {"query-id": "8", "score": "0"}),
    ]
    put(tmp_path, "b.tsv", b"\xff")
    with pytest.raises(InvalidCase, match=r"b\.tsv is damaged"):
        list(reader(tmp_path).rows("b.tsv"))


def test_names_of_documents_differ_and_neither_hide_nor_nest(tmp_path: Path) -> None:
    read = reader(tmp_path)
    titles = ["A/B", "a-b", "A\\B", "..", "x" * 300, "Zoë\x00 \u202eback", ".Hidden"]
    names = [text.name for number, title in enumerate(titles) if (text := read.document(title, f"{number}."))]
    assert names[:4] == ["A-B.txt", "a-b (2).txt", "A-B (3).txt", "untitled.txt"]
    assert names[4] == f"{'x' * 120}.txt"
    assert names[5:] == ["Zoë \ufffdback.txt", "Hidden.txt"]


def test_the_same_text_is_one_document(tmp_path: Path) -> None:
    read = reader(tmp_path)
    assert read.document("One", "The mill.\r") is read.document("Two", "The mill. ")
    read.ask(1, "Which?", "any")
    assert [document.name for document in read.questions().documents] == ["One.txt"]


@pytest.mark.parametrize("text", [" \n", "{\\rtf1 a}", "<!DOCTYPE html><p>a</p>", "BZh and more"])
def test_a_text_that_would_not_be_read_as_it_is_is_left_out_and_counted(text: str, tmp_path: Path) -> None:
    read = reader(tmp_path)
    assert read.document("A title", text) is None
    read.ask(1, "Which?", "any")
    assert sum(read.questions().odd.values()) == 1
    assert read.questions().documents == ()


def test_a_question_that_cannot_be_asked_is_left_out_and_counted(tmp_path: Path) -> None:
    read = reader(tmp_path)
    read.ask("1", " Which?\n", "any")
    read.ask(1, "Which else?", "any")
    read.ask(2, " \r", "any")
    read.ask(3, "Where?", "any", evidence=[])
    found = read.questions()
    assert [(case.id, case.question, case.answerable) for case in found.cases] == [("1", "Which?", False)]
    assert found.odd == {
        "a question left out whose id another one has": 1,
        "a question left out without words": 1,
        "a question left out whose evidence is not in its text": 1,
    }


def test_a_quote_is_found_apart_from_white_space_only_if_it_must_be() -> None:
    assert located("a b  c b c", "b c") == Span(7, 10)
    assert located("So a\nb  cd.", "a b c") == Span(3, 9)
    assert located("So ab", "a c") is None
    assert located("So ab", " ") is None


def test_a_text_stands_below_its_title() -> None:
    assert titled("A\n title", "Text.") == ("A title\n\nText.", 9)


def test_a_span_over_two_sentences_is_in_both_and_one_in_none_in_itself(tmp_path: Path) -> None:
    words = "The mill was white. It stood in Orwen. It is gone."
    text = reader(tmp_path).document("A mill", f"{words}\n\n\n")
    assert text is not None
    assert [words[span.start : span.end] for span in text.sentences] == [
        "The mill was white.",
        "It stood in Orwen.",
        "It is gone.",
    ]
    assert text.sentence_at(Span(25, 27)) == Span(20, 38)
    assert text.sentence_at(Span(15, 22)) == Span(0, 38)
    assert text.sentence_at(Span(51, 52)) == Span(51, 52)
    assert len(text.evidence([Span(0, 19), Span(20, 38), Span(0, 19)]).choices) == 2
