"""A run of an eval set: what becomes of each case, its figures, its provenance and its tables."""

import io
import json
import math
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest
from doubles import HashingEmbedder
from rich.console import Console

from eval import runner
from eval.cases import EvalSet, InvalidCase, load_eval_set
from eval.evidence_metrics import EvidenceCounts
from eval.gates import Failure, failures
from eval.report.tables import as_tables
from eval.results import Result, as_json
from index.running import JobRunner
from index.sync import SyncRequest
from index.types import text_sha256
from rag.generation.phrases import ABSTENTION
from rag.settings import Settings
from rag.wiring import Application

DAM = "The Mangla dam was built near Mirpur in 1967.\n\nIt stores water from the Jhelum river.\n"
GLACIER = "The Biafo glacier is not a small ice field.\n\nPorters cross Snow Lake in summer.\n"
TEXTS = {"dam.txt": DAM, "glacier.txt": GLACIER}
BUILT = "The Mangla dam was built near Mirpur in 1967."

PERFECT: dict[str, Any] = {
    "id": "perfect",
    "question": "When was the Mangla dam built near Mirpur?",
    "answers": ["1967"],
    "evidence": [{"source": "dam.txt", "quote": BUILT}],
    "answerable": True,
    "labels_by": "this test",
    "kind": "fact",
}
# Its words stand in one sentence; what it says is wanted stands in the next.
WRONG = PERFECT | {
    "id": "wrong",
    "evidence": [{"source": "dam.txt", "quote": "It stores water from the Jhelum river."}],
    "answers": ["the Jhelum"],
    "kind": "trap",
}
ABSENT: dict[str, Any] = {
    "id": "absent",
    "question": "Which airline sells tickets to Lisbon?",
    "answers": [],
    "evidence": [],
    "answerable": False,
    "labels_by": "another person",
    "kind": "absent",
}
FIELD: dict[str, Any] = PERFECT | {
    "id": "glacier",
    "question": "Is the Biafo glacier a small ice field?",
    "answers": ["not a small ice field"],
    "evidence": [{"source": "glacier.txt", "quote": "The Biafo glacier is not a small ice field."}],
}


class Ran(Protocol):
    """Asks some cases of the two documents above."""

    def __call__(self, *cases: dict[str, Any], threshold: float = 0.5, workers: int = 1) -> Result: ...


@pytest.fixture
def ran(tmp_path: Path) -> Ran:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    settings = Settings(home=tmp_path / "home", chunk_tokens=48)
    with Application(settings, writable=True, embedder=HashingEmbedder()) as application:
        JobRunner.over(application.ingestor()).sync(SyncRequest.of([folder]))

    def run(*cases: dict[str, Any], threshold: float = 0.5, workers: int = 1) -> Result:
        asked = settings.model_copy(update={"threshold": threshold})
        with Application(asked, writable=False, embedder=HashingEmbedder()) as application:
            return runner.run(made(tmp_path, *cases), application, workers=workers)

    return run


def made(folder: Path, *cases: dict[str, Any]) -> EvalSet:
    path = folder / "tiny.jsonl"
    path.write_text("\n".join(json.dumps(case) for case in cases))
    return load_eval_set(path)


def test_a_case_answered_by_its_evidence_counts_as_right_everywhere(ran: Ran) -> None:
    figures = ran(PERFECT).figures
    rights = (
        *("recall_at_1", "recall_at_5", "recall_at_10", "mrr", "ndcg_at_10"),
        *("first_citation_right", "best_sentence_right", "exact_match", "token_f1"),
        *("evidence_precision", "evidence_recall", "evidence_f1"),
    )
    assert {name: figures[name] for name in rights} == pytest.approx(dict.fromkeys(rights, 1.0))
    assert (figures["cases"], figures["answerable"], figures["answered"]) == (1, 1, 1)
    assert figures["risk_coverage_area"] == 0.0


def test_a_case_that_the_documents_do_not_answer_is_rightly_withheld(ran: Ran) -> None:
    result = ran(PERFECT, ABSENT)
    assert result.figures["answered"] == 1
    assert result.figures["abstention_precision"] == result.figures["abstention_recall"] == 1.0
    assert result.figures["answerable_auroc"] == 1.0
    assert [outcome.abstained for outcome in result.outcomes] == [False, True]


def test_an_answer_from_the_wrong_place_counts_as_wrong(ran: Ran) -> None:
    result = ran(WRONG)
    figures = result.figures
    names = ("first_citation_right", "best_sentence_right", "exact_match", "evidence_recall", "evidence_f1")
    assert [figures[name] for name in names] == [0.0] * len(names)
    assert figures["risk_coverage_area"] == 1.0


def test_an_answer_to_what_cannot_be_answered_lowers_the_recall_of_abstaining(ran: Ran) -> None:
    unanswerable = ABSENT | {"question": PERFECT["question"]}
    figures = ran(unanswerable, PERFECT).figures
    assert figures["abstention_recall"] == 0.0
    # Nothing was withheld, so nothing was withheld wrongly.
    assert figures["abstention_precision"] == 1.0
    assert figures["evidence_precision"] == 0.5


def test_what_is_withheld_though_it_could_be_answered_lowers_the_precision_of_abstaining(ran: Ran) -> None:
    result = ran(PERFECT, ABSENT, threshold=1.0)
    assert result.figures["abstention_precision"] == 0.5
    # The best sentence is judged whether or not it was held good enough.
    assert result.figures["best_sentence_right"] == 1.0


def test_either_of_two_alternatives_is_the_evidence(ran: Ran) -> None:
    (entry,) = WRONG["evidence"]
    both = entry | {"alternatives": [{"source": "dam.txt", "quote": BUILT}]}
    assert ran(WRONG | {"evidence": [both]}).figures["evidence_recall"] == 1.0


def test_every_piece_of_evidence_counts_for_recall(ran: Ran) -> None:
    two = PERFECT | {"evidence": [*PERFECT["evidence"], *WRONG["evidence"]]}
    figures = ran(two).figures
    assert figures["evidence_recall"] == 0.5
    assert figures["evidence_precision"] == 1.0


def test_shares_lie_between_nothing_and_all(ran: Ran) -> None:
    figures = ran(PERFECT, WRONG, ABSENT, FIELD).figures
    counts = {"cases", "answerable", "answered", "quotes", "mutants", "mutants_passed", "citation_claims"}
    assert all(
        -1e-12 <= value <= 1.0
        for name, value in figures.items()
        if name not in counts | {"citation_claims_by_gold"} and not name.startswith("failures_")
    )
    assert all(math.isfinite(value) for value in figures.values())


def test_a_set_of_unanswerable_cases_alone_has_figures_too(ran: Ran) -> None:
    figures = ran(ABSENT).figures
    assert figures["answerable"] == 0
    assert figures["abstention_f1"] == 1.0


def test_every_quote_is_verbatim_and_no_altered_one_passes(ran: Ran) -> None:
    figures = ran(PERFECT, FIELD).figures
    assert figures["quotes"] == 2
    assert figures["quote_invariant"] == 1.0
    assert figures["mutants"] > 20
    assert figures["mutants_passed"] == 0


def test_kinds_are_counted_apart(ran: Ran) -> None:
    assert ran(PERFECT, WRONG, ABSENT, FIELD).by_kind == {
        "absent": {"cases": 1, "abstained": 1, "best_sentence_right": 0},
        "fact": {"cases": 2, "abstained": 0, "best_sentence_right": 2},
        "trap": {"cases": 1, "abstained": 0, "best_sentence_right": 0},
    }


def test_evidence_that_does_not_stand_in_the_documents_ends_the_run(ran: Ran) -> None:
    changed = PERFECT | {"evidence": [{"source": "dam.txt", "quote": "The dam was built in 1968."}]}
    told = r"1 quotation of tiny is stale:\nperfect: dam\.txt: 'The dam was built"
    with pytest.raises(InvalidCase, match=told):
        ran(changed, ABSENT)


def test_an_alternative_that_does_not_stand_in_the_documents_ends_the_run(ran: Ran) -> None:
    (entry,) = PERFECT["evidence"]
    both = entry | {"alternatives": [{"source": "dam.txt", "quote": "Nowhere."}]}
    with pytest.raises(InvalidCase, match=r"Nowhere\."):
        ran(PERFECT | {"evidence": [both]})


def test_a_result_says_what_it_was_measured_on_and_by_whom(tmp_path: Path, ran: Ran) -> None:
    result = ran(PERFECT, ABSENT)
    found = result.provenance
    assert found["set"] == "tiny"
    assert found["set_sha256"] == made(tmp_path, PERFECT, ABSENT).sha256
    assert found["labels_by"] == ["another person", "this test"]
    assert [entry["sha256"] for entry in found["documents"]] == [text_sha256(DAM), text_sha256(GLACIER)]
    identity = HashingEmbedder().identity
    settings = {
        "model": identity.name,
        "weights_sha256": identity.weights,
        "chunk_tokens": 48,
        "threshold": 0.5,
        "reader": "quotebound",
    }
    assert settings.items() <= found["settings"].items()


def test_a_result_names_the_commit_of_the_program(ran: Ran) -> None:
    command = ["git", "-C", str(Path(runner.__file__).parent), "rev-parse", "HEAD"]
    head = subprocess.run(command, capture_output=True, text=True, check=False)
    commit = ran(PERFECT).provenance["commit"]
    assert commit in (
        {head.stdout.strip(), f"{head.stdout.strip()}-dirty"} if not head.returncode else {None}
    )


def but_for_times(result: Result) -> str:
    told = as_json(result)
    steps = [set(part.pop("milliseconds")) for part in (told, *told["cases"])]
    return json.dumps([told, [sorted(step) for step in steps]])


def test_a_result_as_json_is_the_same_in_two_runs_but_for_its_times(ran: Ran) -> None:
    first, second = (but_for_times(ran(PERFECT, ABSENT, WRONG)) for _ in range(2))
    assert first == second


def test_several_that_ask_at_once_find_the_same_in_the_same_order(ran: Ran) -> None:
    cases = [PERFECT, WRONG, ABSENT, FIELD, *(PERFECT | {"id": f"again {n}"} for n in range(5))]
    alone, together = ran(*cases), ran(*cases, workers=3)
    assert [outcome.id for outcome in together.outcomes] == [case["id"] for case in cases]
    for one, other in zip(alone.outcomes, together.outcomes, strict=True):
        assert replace(one, milliseconds={}) == replace(other, milliseconds={})


def test_the_json_tells_each_case_with_its_places(ran: Ran) -> None:
    found = json.loads(json.dumps(as_json(ran(PERFECT, ABSENT))))
    told, silent = found["cases"]
    assert (told["id"], told["status"], told["expected"][0]["rank"]) == ("perfect", "answered", 1)
    (citation,) = told["citations"]
    assert DAM[citation["start"] : citation["end"]] == told["answer"] == BUILT
    start, end = citation["answer"]
    assert DAM[start:end] == told["predicted"] == "1967"
    assert (silent["status"], silent["citations"], silent["predicted"]) == ("abstained", [], "")


def test_an_outcome_tells_what_was_looked_for_and_what_was_found(ran: Ran) -> None:
    (found,) = ran(WRONG).outcomes
    (piece,) = found.expected
    assert (piece.source, piece.quote) == ("dam.txt", "It stores water from the Jhelum river.")
    # It is in the same passage, and another sentence of that was cited.
    assert (piece.rank, piece.cited, found.citations[0].right) == (1, False, False)
    assert piece.documents == (found.citations[0].document_id,)
    assert Path(found.documents[0]).name == "dam.txt"
    assert len(found.documents) == len(set(found.documents)) <= found.hits
    assert (found.question, found.kind, found.answers) == (WRONG["question"], "trap", ("the Jhelum",))
    assert (found.written_by, found.fallback, found.withheld) == (None, None, 0)


def test_what_was_withheld_is_known_with_the_sentence_that_was_put_first(ran: Ran) -> None:
    unsaid = ABSENT | {"id": "unsaid", "question": "Which airline paid for the Mangla dam?"}
    silent, near, far = ran(PERFECT, unsaid, ABSENT, threshold=1.0).outcomes
    assert (silent.answer, silent.citations) == (ABSTENTION, ())
    assert silent.best is not None
    assert (silent.best.quote, silent.best.right) == (BUILT, True)
    # However little it seems to answer, something comes first where there is something to read.
    assert near.best is not None
    assert not near.best.right
    assert (far.hits, far.best) == (0, None)


def test_a_case_without_answers_in_words_has_no_figures_of_them(ran: Ran) -> None:
    wordless, absent, told = ran(PERFECT | {"id": "wordless", "answers": []}, ABSENT, PERFECT).outcomes
    assert (wordless.exact_match, wordless.token_f1) == (absent.exact_match, absent.token_f1) == (None, None)
    assert (told.exact_match, told.token_f1) == (1.0, 1.0)


def test_characters_are_counted_of_what_is_cited_and_of_the_evidence(ran: Ran) -> None:
    half = PERFECT | {"evidence": [{"source": "dam.txt", "quote": BUILT[:30]}]}
    (found,) = ran(half).outcomes
    assert found.characters == EvidenceCounts(right=30, cited=len(BUILT), found=30, expected=30)


def test_a_citation_that_shares_less_than_half_with_the_evidence_does_not_show_it(ran: Ran) -> None:
    beyond = PERFECT | {"evidence": [{"source": "dam.txt", "quote": DAM[DAM.index("1967") :].strip()}]}
    (found,) = ran(beyond).outcomes
    assert (found.citations[0].quote, found.citations[0].right, found.expected[0].cited) == (
        BUILT,
        False,
        False,
    )
    assert found.characters.right == len("1967.")


def test_a_question_with_a_scope_is_asked_of_those_documents_alone(ran: Ran) -> None:
    elsewhere, there = ran(
        PERFECT | {"id": "elsewhere", "scope": ["glacier.txt"]},
        PERFECT | {"scope": ["dam.txt"]},
        threshold=0.0,
    ).outcomes
    assert {Path(source).name for source in elsewhere.documents} == {"glacier.txt"}
    assert elsewhere.expected[0].rank is None
    assert {Path(source).name for source in there.documents} == {"dam.txt"}
    assert there.first_citation_right


def test_a_scope_that_names_no_document_ends_the_run(ran: Ran) -> None:
    with pytest.raises(
        InvalidCase, match=r"perfect is asked of 'no\.txt' alone, and no document is called that"
    ):
        ran(PERFECT | {"scope": ["no.txt"]})


def test_a_run_below_its_gates_is_told_by_its_figures(tmp_path: Path, ran: Ran) -> None:
    path = tmp_path / "gates.toml"
    path.write_text("[tiny]\nevidence_recall = 0.5\nquotes = 1\n[tiny.at_most]\nrisk_coverage_area = 0.25\n")
    assert list(map(str, failures(ran(WRONG), path))) == [
        "evidence_recall is 0, and has to be at least 0.5",
        "risk_coverage_area is 1, and has to be at most 0.25",
    ]
    assert failures(ran(PERFECT), path) == []


def shown(result: Result, missed: list[Failure]) -> str:
    written = io.StringIO()
    Console(file=written, width=120).print(as_tables(result, missed))
    return written.getvalue()


def test_the_tables_show_the_figures_and_that_the_gates_were_passed(ran: Ran) -> None:
    text = shown(ran(PERFECT, ABSENT), [])
    assert "tiny: 2 questions, 1 answerable, 1 answered" in text
    assert "quote_invariant" in text
    assert "gates passed" in text


def test_the_tables_show_which_gate_was_missed(ran: Ran) -> None:
    text = shown(ran(WRONG), [Failure("evidence_recall", 0.0, 0.5, at_most=False)])
    assert "gate missed: evidence_recall is 0" in text
    assert "gates passed" not in text


def test_the_tables_of_cases_without_kinds_and_without_answers_are_shown_too(ran: Ran) -> None:
    text = shown(ran(ABSENT | {"kind": ""}), [])
    assert "By kind" not in text
    assert "1 questions, 0 answerable, 0 answered" in text
