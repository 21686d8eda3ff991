"""Eval sets: reading them, finding their evidence, and the one that comes with the project."""

import json
from pathlib import Path
from typing import Any

import pytest
from contracts import chunked
from doubles import HashingEmbedder

from eval.cases import Case, EvalSet, Evidence, InvalidCase, Quotation, load_eval_set, locate
from index.catalog import Catalog
from index.chunking import indexed_text
from index.errors import SourceNotFound
from index.loading import load_bytes
from index.store import Store
from index.types import Document, Span

SEEDS = Path(__file__).parents[1] / "eval" / "sets" / "seeds.jsonl"


def case(**changes: Any) -> dict[str, Any]:
    record = {
        "id": "one",
        "question": "When was the dam built?",
        "answers": ["1947"],
        "evidence": [{"source": "dam.txt", "quote": "The dam was built in 1947."}],
        "answerable": True,
        "labels_by": "a person",
    }
    return {name: value for name, value in (record | changes).items() if value is not None}


def written(folder: Path, *lines: dict[str, Any] | str) -> Path:
    path = folder / "made.jsonl"
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def stored(folder: Path, **texts: str) -> Catalog:
    """Store documents under their names, with `_` for a slash, and return their catalog."""
    embedder = HashingEmbedder()
    store = Store(folder, embedder.identity.space("test"), writable=True)
    for name, text in texts.items():
        made, passages = chunked(text, f"{name.replace('_', '/')}.txt")
        store.put(made, passages, embedder.embed_passages([indexed_text(passage) for passage in passages]))
    return store.catalog


def places(catalog: Catalog, source: str, quote: str) -> list[tuple[str, Span]]:
    return list(locate(Quotation(source, quote), catalog.documents(), catalog).places)


def test_a_case_is_read_with_its_answers_and_evidence(tmp_path: Path) -> None:
    loaded = load_eval_set(written(tmp_path, case(kind="fact")))
    assert loaded.name == "made"
    assert loaded.cases == (
        Case(
            id="one",
            question="When was the dam built?",
            answers=("1947",),
            evidence=(Evidence((Quotation("dam.txt", "The dam was built in 1947."),)),),
            answerable=True,
            labels_by="a person",
            kind="fact",
        ),
    )


def test_alternatives_are_further_choices_of_one_piece_of_evidence(tmp_path: Path) -> None:
    other = {"source": "b.txt", "quote": "It dates from 1947."}
    entry = {"source": "a.txt", "quote": "The dam was built in 1947.", "alternatives": [other]}
    (found,) = load_eval_set(written(tmp_path, case(evidence=[entry]))).cases
    (evidence,) = found.evidence
    assert [choice.source for choice in evidence.choices] == ["a.txt", "b.txt"]


def test_empty_lines_are_no_cases(tmp_path: Path) -> None:
    loaded = load_eval_set(written(tmp_path, case(), "", "   ", case(id="two")))
    assert [found.id for found in loaded.cases] == ["one", "two"]


def test_the_hash_of_a_set_changes_with_any_of_its_bytes(tmp_path: Path) -> None:
    first = load_eval_set(written(tmp_path, case())).sha256
    assert load_eval_set(written(tmp_path, case(), "")).sha256 != first
    assert load_eval_set(written(tmp_path, case())).sha256 == first


def test_an_id_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidCase, match=r"made\.jsonl, line 3: the id 'one' stands twice"):
        load_eval_set(written(tmp_path, case(), case(id="two"), case()))


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[1, 2]",
        "3",
        case(question=None),
        case(labels_by=None),
        case(evidence=[{"source": "dam.txt"}]),
        case(evidence=["The dam was built in 1947."]),
        case(answers=7),
        case(answers="1947"),
        case(answers=[1947]),
        case(evidence=[{"source": "dam.txt", "quote": ""}]),
        case(evidence=[{"source": "dam.txt", "quote": 5}]),
    ],
)
def test_a_line_that_is_no_case_is_named(tmp_path: Path, line: dict[str, Any] | str) -> None:
    with pytest.raises(InvalidCase, match=r"made\.jsonl, line 2 is not a case"):
        load_eval_set(written(tmp_path, case(id="zero"), line))


def test_an_unanswerable_case_with_evidence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCase, match="line 1: an answerable case has evidence, and only that"):
        load_eval_set(written(tmp_path, case(answerable=False)))


def test_an_answerable_case_without_evidence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCase, match="line 1: an answerable case has evidence"):
        load_eval_set(written(tmp_path, case(evidence=[])))


def test_a_set_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCase, match="holds no cases"):
        load_eval_set(written(tmp_path, ""))


def test_a_set_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"nowhere\.jsonl"):
        load_eval_set(tmp_path / "nowhere.jsonl")


def test_the_documents_of_the_manifest_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "made.toml").write_text('documents = ["docs", "../more/a.txt"]\n')
    loaded = load_eval_set(written(tmp_path, case()))
    assert loaded.documents == (tmp_path / "docs", tmp_path / ".." / "more" / "a.txt")


@pytest.mark.parametrize("text", ['documents = "docs"', "documents = [1]", "documents = ["])
def test_a_manifest_that_lists_no_paths_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "made.toml").write_text(text)
    with pytest.raises(InvalidCase, match=r"made\.toml"):
        load_eval_set(written(tmp_path, case()))


def test_a_set_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, case())
    path.write_bytes(path.read_bytes() + b"\xff")
    with pytest.raises(InvalidCase, match="not UTF-8"):
        load_eval_set(path)


def test_a_set_may_begin_with_a_byte_order_mark_and_hold_other_line_separators(tmp_path: Path) -> None:
    path = written(tmp_path, case())
    text = path.read_text().replace("dam", "dam\u2028")
    path.write_text("\ufeff" + text, encoding="utf-8")
    assert "\u2028" in load_eval_set(path).cases[0].question


def test_a_set_without_a_manifest_names_no_documents(tmp_path: Path) -> None:
    assert load_eval_set(written(tmp_path, case())).documents == ()


def test_a_quotation_is_found_where_it_stands(tmp_path: Path) -> None:
    catalog = stored(tmp_path, dam="A river flows. The dam was built in 1947.")
    (info,) = catalog.documents()
    assert places(catalog, "dam.txt", "The dam was built") == [(info.id, Span(15, 32))]


def test_a_quotation_is_found_everywhere_it_stands_even_over_itself(tmp_path: Path) -> None:
    catalog = stored(tmp_path, dam="nana nanana")
    assert [span for _, span in places(catalog, "dam.txt", "nana")] == [Span(0, 4), Span(5, 9), Span(7, 11)]


def test_a_source_is_the_whole_path_or_its_end_at_a_slash(tmp_path: Path) -> None:
    catalog = stored(tmp_path, docs_dam="The dam holds.", docs_olddam="The dam holds.", dam="The dam holds.")
    names = {info.id: info.source for info in catalog.documents()}
    found = {names[document_id] for document_id, _ in places(catalog, "dam.txt", "dam")}
    assert found == {"docs/dam.txt", "dam.txt"}


@pytest.mark.parametrize("quote", ["the dam holds", "The  dam holds", "The dam broke"])
def test_a_quotation_that_differs_in_a_letter_stands_nowhere(tmp_path: Path, quote: str) -> None:
    catalog = stored(tmp_path, dam="The dam holds.")
    assert places(catalog, "dam.txt", quote) == []


def test_a_quotation_is_not_looked_for_in_another_document(tmp_path: Path) -> None:
    catalog = stored(tmp_path, dam="The dam holds.", river="The river flows.")
    assert places(catalog, "dam.txt", "The river flows.") == []


@pytest.fixture(scope="module")
def seeds() -> EvalSet:
    return load_eval_set(SEEDS)


@pytest.fixture(scope="module")
def seed_documents(seeds: EvalSet) -> dict[str, Document]:
    files = [file for folder in seeds.documents for file in folder.iterdir()]
    return {
        file.name: load_bytes(file.read_bytes(), file.name, origin=file.name, max_bytes=2**20)
        for file in files
    }


def test_the_seeds_set_has_enough_cases_of_either_kind(seeds: EvalSet) -> None:
    assert len(seeds.cases) >= 80
    assert sum(not case.answerable for case in seeds.cases) >= 30


def test_the_ids_and_questions_of_the_seeds_set_are_unique(seeds: EvalSet) -> None:
    assert len({case.id for case in seeds.cases}) == len(seeds.cases)
    assert len({case.question for case in seeds.cases}) == len(seeds.cases)


def test_all_evidence_of_the_seeds_set_stands_verbatim_in_the_seeds(
    seeds: EvalSet, seed_documents: dict[str, Document]
) -> None:
    missing = [
        (case.id, choice.quote)
        for case in seeds.cases
        for evidence in case.evidence
        for choice in evidence.choices
        if choice.quote not in seed_documents[choice.source].text
    ]
    assert missing == []


def test_every_case_of_the_seeds_set_says_who_labelled_it(seeds: EvalSet) -> None:
    assert [case.id for case in seeds.cases if not case.labels_by.strip()] == []
