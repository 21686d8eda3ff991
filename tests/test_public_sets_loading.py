"""How each public set becomes documents and cases: what is evidence, what is asked of what, what is odd."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from eval.cases import Case, Quotation
from eval.public import QED_FILE
from eval.public_sets import clapnq, hotpotqa, multihop_rag, rgb
from eval.public_sets.catalogue import named
from eval.public_sets.types import PublicQuestions
from index.types import text_sha256
from rag.reading.training.sources import SQUAD2_FILE

MILL = "The mill of Orwen was built in 1703. It burnt down in 1811, and was built again by 1820."
BRIDGE = "The bridge is of 1820. It is of wood."


def lines(records: Iterable[object]) -> str:
    return "\n".join(map(json.dumps, records))


def read(data: Path, name: str, files: dict[str, str]) -> PublicQuestions:
    """Load a set of files, and see that each quotation stands where its anchor says."""
    for file, content in files.items():
        (data / file).parent.mkdir(parents=True, exist_ok=True)
        (data / file).write_text(content)
    found = named(name).load(data)
    texts = {document.name: document.text for document in found.documents}
    for case in found.cases:
        assert set(case.scope) <= set(texts)
        for quotation in quotations(case):
            assert quotation.anchor is not None
            text = texts[quotation.source]
            assert quotation.anchor.sha256 == text_sha256(text)
            assert text[quotation.anchor.span.start : quotation.anchor.span.end] == quotation.quote
    return found


def quotations(case: Case) -> list[Quotation]:
    return [choice for evidence in case.evidence for choice in evidence.choices]


def quotes(case: Case) -> list[list[str]]:
    return [[choice.quote for choice in evidence.choices] for evidence in case.evidence]


def asked(number: int, *answers: tuple[str, int], impossible: bool = False) -> dict[str, Any]:
    return {
        "id": f"q{number}",
        "question": f" Question {number}? ",
        "answers": [{"text": text, "answer_start": start} for text, start in answers],
        "is_impossible": impossible,
    }


def squad2(data: Path, *questions: dict[str, Any]) -> PublicQuestions:
    paragraphs = [{"context": MILL, "qas": []}, {"context": BRIDGE, "qas": list(questions)}]
    articles = [
        {"title": "Orwen", "paragraphs": paragraphs},
        {"title": "A place", "paragraphs": [{"context": MILL, "qas": [asked(0, ("1703", 31))]}]},
    ]
    return read(data, "squad2", {SQUAD2_FILE.as_posix(): json.dumps({"data": articles})})


def test_evidence_in_squad_is_the_sentence_of_each_answer_in_its_paragraph(tmp_path: Path) -> None:
    found = squad2(tmp_path, asked(1, ("1820", 17), ("wood", 32), ("of 1820", 14), ("1820", 17)))
    first, second = found.cases
    assert first.labels_by == "SQuAD 2.0 annotators"
    assert (second.id, second.question, second.kind, second.scope) == ("q1", "Question 1?", "answerable", ())
    assert second.answers == ("1820", "wood", "of 1820")
    assert quotes(second) == [["The bridge is of 1820.", "It is of wood."]]
    assert second.evidence[0].choices[0].source == "Orwen.txt"
    assert found.odd == {}


def test_an_article_is_its_paragraphs_with_blank_lines_between(tmp_path: Path) -> None:
    found = squad2(tmp_path)
    assert [(document.name, document.text) for document in found.documents] == [
        ("A place.txt", f"{MILL}\n\n"),
        ("Orwen.txt", f"{MILL}\n\n{BRIDGE}\n\n"),
    ]


def test_a_question_that_was_worded_to_mislead_has_neither_answers_nor_evidence(tmp_path: Path) -> None:
    misleading = squad2(tmp_path, asked(1, ("1820", 17), impossible=True)).cases[1]
    assert (misleading.kind, misleading.answerable) == ("misleading", False)
    assert (misleading.answers, misleading.evidence) == ((), ())


def test_an_answer_elsewhere_than_it_is_said_to_be_is_found_nearest_and_counted(tmp_path: Path) -> None:
    found = squad2(tmp_path, asked(1, ("is", 24)), asked(2, ("1703", 0)), asked(3, (" ", 3), ("of", 14)))
    assert [case.id for case in found.cases] == ["q0", "q1", "q3"]
    assert quotes(found.cases[1]) == [["It is of wood."]]
    assert found.odd == {
        "an answer that stands elsewhere than it is said to": 1,
        "an answer left out that its paragraph does not have": 1,
        "an answer left out without words": 1,
        "a question left out whose evidence is not in its text": 1,
    }


def test_an_answer_over_two_sentences_has_both_as_its_evidence(tmp_path: Path) -> None:
    case = squad2(tmp_path, asked(1, ("1820. It", 17))).cases[1]
    assert quotes(case) == [[BRIDGE]]


def test_xquad_is_of_squad_s_first_form_and_split_as_its_language_is(tmp_path: Path) -> None:
    question = {"id": "z", "question": "哪里？", "answers": [{"text": "奥文", "answer_start": 16}]}
    context = "磨坊建于一七〇三年，是白色的。它在奥文。桥建于一八二〇年。" * 3
    articles = [{"title": "磨坊", "paragraphs": [{"context": context, "qas": [question]}]}]
    content = json.dumps({"version": "1.1", "data": articles})
    found = read(tmp_path, "xquad-zh", {"dev/xquad/zh.json.gz": content})
    assert quotes(found.cases[0]) == [["它在奥文。"]]
    assert found.odd["an answer that stands elsewhere than it is said to"] == 1
    assert found.documents[0].name == "磨坊.txt"


def qed_record(
    number: int, selected: tuple[int, int] | None, answers: list[str], *given: list[str]
) -> object:
    sentence = None if selected is None else {"start": selected[0], "end": selected[1]}
    return {
        "example_id": number,
        "title_text": "Orwen",
        "question_text": f"question {number}",
        "paragraph_text": MILL,
        "original_nq_answers": [[{"string": text} for text in parts] for parts in given],
        "annotation": {
            "selected_sentence": sentence,
            "answer": [{"paragraph_reference": {"string": text}} for text in answers],
        },
    }


def test_a_question_of_qed_is_asked_of_its_own_paragraph_for_the_sentence_selected(tmp_path: Path) -> None:
    records = [
        qed_record(-1, (0, 37), ["1703"], ["in 1703"], ["1703"], ["1811", "1820"]),
        qed_record(-2, (37, len(MILL)), ["1811", "1820"], ["by 1820"]),
        qed_record(-3, None, []),
    ]
    found = read(tmp_path, "qed", {QED_FILE.as_posix(): lines(records)})
    first, second = found.cases
    assert (first.id, first.scope, second.scope) == ("-1", ("Orwen.txt",), ("Orwen.txt",))
    assert quotes(first) == [["The mill of Orwen was built in 1703."]]
    assert quotes(second) == [["It burnt down in 1811, and was built again by 1820."]]
    assert (first.answers, second.answers) == (("1703", "in 1703"), ("by 1820",))
    assert found.odd == {"a question left out for which no sentence was selected": 1}


def hotpot(data: Path, *facts: list[list[object]]) -> PublicQuestions:
    corpus = {
        "AC/DC": ["It is a band.", " It is of 1973."],
        "Orwen": ["Orwen has a mill.", " ", " It is old."],
    }
    questions = [
        {
            "_id": f"h{number}",
            "question": "Which?",
            "answer": "yes",
            "type": "comparison",
            "supporting_facts": fact,
        }
        for number, fact in enumerate(facts)
    ]
    return read(
        data,
        "hotpotqa",
        {hotpotqa.CORPUS_FILE: json.dumps(corpus), hotpotqa.QUESTIONS_FILE: json.dumps(questions)},
    )


def test_every_supporting_fact_of_hotpotqa_is_evidence_of_its_own(tmp_path: Path) -> None:
    found = hotpot(tmp_path, [["AC/DC", 1], ["Orwen", 2]])
    (case,) = found.cases
    assert quotes(case) == [["It is of 1973."], ["It is old."]]
    assert (case.kind, case.answers, case.scope) == ("comparison", ("yes",), ())
    assert [(document.name, document.text) for document in found.documents] == [
        ("AC-DC.txt", "AC/DC\n\nIt is a band. It is of 1973."),
        ("Orwen.txt", "Orwen\n\nOrwen has a mill.  It is old."),
    ]


@pytest.mark.parametrize("fact", [["AC/DC", 2], ["AC/DC", -1], ["Nobody", 0], ["Orwen", 1]])
def test_a_question_of_hotpotqa_with_a_fact_that_is_not_there_is_left_out(
    fact: list[object], tmp_path: Path
) -> None:
    found = hotpot(tmp_path, [["AC/DC", 0], fact], [["AC/DC", 0]])
    assert [case.id for case in found.cases] == ["h1"]
    assert found.odd["a supporting fact whose sentence is not there"] == 1


def multihop(data: Path, *questions: dict[str, Any]) -> PublicQuestions:
    about = {"author": "A. Writer", "source": "The Tarn", "published_at": "2023-09-28", "category": "x"}
    corpus = [
        {"title": "News", "url": "one", "body": "The mill\n\nburnt. It was old.", **about},
        {"title": "News", "url": "two", "body": "The bridge fell. It was new.", **about},
        {"title": "Other", "url": None, "body": "The mill burnt. Nobody was hurt."},
    ]
    files = {multihop_rag.CORPUS_FILE: json.dumps(corpus), multihop_rag.QUESTIONS_FILE: json.dumps(questions)}
    return read(data, "multihop-rag", files)


def multihop_question(*facts: tuple[str, str | None, str]) -> dict[str, Any]:
    evidence = [{"title": title, "url": url, "fact": fact} for title, url, fact in facts]
    return {"query": "Which?", "answer": "Yes", "question_type": "temporal_query", "evidence_list": evidence}


def test_facts_of_multihop_rag_are_found_in_the_article_of_their_address(tmp_path: Path) -> None:
    found = multihop(
        tmp_path,
        multihop_question(("News", "two", "The bridge fell."), ("News", "one", "The mill burnt.")),
        multihop_question(("Other", None, "Nobody  was hurt. ")),
    )
    first, second = found.cases
    assert quotes(first) == [["The bridge fell."], ["The mill\n\nburnt."]]
    assert [quotation.source for quotation in quotations(first)] == ["News (2).txt", "News.txt"]
    assert quotes(second) == [["Nobody was hurt."]]
    assert [case.id for case in found.cases] == ["multihop-rag-0", "multihop-rag-1"]
    assert found.documents[0].text == "News\n\nThe Tarn, 2023-09-28\n\nThe mill\n\nburnt. It was old."
    assert found.documents[2].text == "Other\n\nThe mill burnt. Nobody was hurt."


def test_a_null_query_is_unanswerable_and_a_question_with_a_fact_nowhere_is_left_out(tmp_path: Path) -> None:
    null = {"query": "What?", "answer": "Insufficient information.", "question_type": "null_query"}
    found = multihop(
        tmp_path,
        multihop_question(("News", "one", "The bridge fell.")),
        multihop_question(("Nowhere", "three", "The bridge fell.")),
        null | {"evidence_list": []},
    )
    (case,) = found.cases
    assert (case.id, case.kind, case.answerable, case.answers) == ("multihop-rag-2", "null_query", False, ())
    assert found.odd["a fact that is not in its article"] == 2


def clapnq_record(number: int, *outputs: tuple[str | None, list[str], int]) -> dict[str, Any]:
    given = [
        {"answer": answer, "selected_sentences": selected, "meta": {"round": turn} if turn else None}
        for answer, selected, turn in outputs
    ]
    return {
        "id": number,
        "input": f"question {number}",
        "passages": [{"title": "Mill", "text": MILL, "sentences": []}],
        "output": given,
    }


def test_a_question_of_clapnq_has_the_sentences_of_the_last_round_and_all_answers(tmp_path: Path) -> None:
    one, other = MILL[:36], MILL[37:]
    records = [
        clapnq_record(1, ("Later.", [f"{other}&"], 2), ("Sooner.\r\nTwice.", [one], 1)),
        clapnq_record(2, ("Both.", [one, other], 0)),
        clapnq_record(3, ("Gone.", [one, "It is not there."], 2)),
    ]
    none = [clapnq_record(4, (None, [], 0)), clapnq_record(5, ("", [], 0))]
    found = read(tmp_path, "clapnq", dict(zip(clapnq.FILES, (lines(records), lines(none)), strict=True)))
    first, second, *unanswerable = found.cases
    assert (first.answers, quotes(first)) == (("Later.", "Sooner. Twice."), [[other]])
    assert (second.answers, quotes(second)) == (("Both.",), [[one], [other]])
    assert [(case.id, case.kind, case.answerable) for case in unanswerable] == [
        ("4", "unanswerable", False),
        ("5", "unanswerable", False),
    ]
    assert {case.scope for case in found.cases} == {("Mill.txt",)}
    assert found.documents[0].text == f"Mill\n\n{MILL}"
    assert found.odd["a selected sentence that is not in its passage"] == 1


def rgb_record(number: int, answer: object, positive: int, negative: int) -> dict[str, Any]:
    return {
        "id": number,
        "query": "When?",
        "answer": answer,
        "positive": [f"Some words. It was on May {day}, 2022 in Orwen." for day in range(1, positive + 1)],
        "negative": [f"It was not on day {day}." for day in range(1, negative + 1)],
    }


def rgb_set(data: Path, *records: dict[str, Any]) -> PublicQuestions:
    return read(data, "rgb", {rgb.FILE: lines(records)})


@pytest.mark.parametrize(
    ("positive", "negative", "given"),
    [(9, 9, (3, 2)), (9, 1, (4, 1)), (1, 9, (1, 4)), (1, 1, (1, 1)), (2, 2, (2, 2))],
)
def test_five_passages_of_rgb_are_given_by_the_ratio_of_noise(
    positive: int, negative: int, given: tuple[int, int], tmp_path: Path
) -> None:
    found = rgb_set(tmp_path, rgb_record(7, ["2022"], positive, negative))
    noisy, rejected = found.cases
    texts = {document.name: document.text for document in found.documents}
    told = ["not" not in texts[name] for name in noisy.scope]
    assert (sum(told), len(told) - sum(told)) == given
    assert (rejected.id, rejected.kind, rejected.answerable) == ("rgb-7-rejection", "rejected", False)
    assert len(rejected.scope) == min(5, negative)
    assert all("not" in texts[name] for name in rejected.scope)
    assert not any("positive" in name or "negative" in name for name in texts)


def test_evidence_in_rgb_is_a_sentence_with_a_spelling_of_each_part_of_the_answer(tmp_path: Path) -> None:
    found = rgb_set(
        tmp_path,
        rgb_record(1, [["1 May 2022", "may 1, 2022"]], 2, 1),
        rgb_record(2, [["May 2, 2022"], ["Orwen", "the town of Orwen"]], 2, 1),
        rgb_record(3, "Orwen", 1, 0),
        rgb_record(4, ["May 9, 2022"], 3, 2),
    )
    one, _, several, _, alone, other = found.cases
    assert (one.kind, one.answers) == ("answerable", ("1 May 2022", "may 1, 2022"))
    assert quotes(one) == [["It was on May 1, 2022 in Orwen."]]
    assert (several.kind, several.answers) == ("several", ("May 2, 2022", "Orwen | the town of Orwen"))
    assert list(map(len, quotes(several))) == [1, 2]
    assert (alone.id, alone.answers, other.id) == ("rgb-3-noise", ("Orwen",), "rgb-4-rejection")
    assert found.odd == {
        "a rejection left out without negative passages": 1,
        "an answer that is in no positive passage given": 1,
        "a question left out whose evidence is not in its text": 1,
    }
