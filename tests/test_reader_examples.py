"""What the reader is trained on: the question sets, and the examples and tokens made of them."""

from __future__ import annotations

import random
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import chain
from pathlib import Path

import pytest
from public_sets import PLACES, sentences, written

from index.embedding.model_files import PACKAGED_MODEL, find_model
from index.errors import SourceNotFound
from rag.reading.pairs import MAX_PASSAGE_TOKENS, PairTokenizer
from rag.reading.training.examples import Composer, Contexts, Example, occurrences
from rag.reading.training.features import features
from rag.reading.training.passes import Passes, TrainingData, nearest_without_answer
from rag.reading.training.sources import (
    ORIGINS,
    QAMR_FILE,
    QED_FILE,
    SELQA_FILE,
    SQUAD2_FILE,
    Asked,
    records,
    squad,
)

TOKENIZER = PairTokenizer(find_model(PACKAGED_MODEL) / "tokenizer.json")
WORDS = (20, 30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def data(folder: Path) -> TrainingData:
    return TrainingData.load(folder)


@pytest.fixture(scope="module")
def made(data: TrainingData) -> list[Example]:
    """Return two passes' examples."""
    passes = Passes(data, 1)
    return [*passes.examples(0), *passes.examples(1)]


# The question sets.


def test_squad_is_read_in_the_order_of_titles(folder: Path) -> None:
    read = squad(folder / SQUAD2_FILE)
    assert [title for title, _ in read] == list(PLACES)
    dated, _, misleading = read[0][1][:3]
    assert dated.question == "When was the bridge of Arlen finished?"
    assert (dated.answers, dated.evidence, dated.group) == (("1535",), (), "Arlen")
    assert (misleading.answers, misleading.answerable) == ((), False)


def test_answers_that_do_not_stand_in_their_context_are_left_out(folder: Path) -> None:
    assert records(folder / QED_FILE) == [
        Asked("Who drew it?", "Amara drew the dam.", ("Amara",), (), "A title")
    ]


def test_where_sentences_answer_they_are_the_evidence(folder: Path) -> None:
    (read,) = records(folder / SELQA_FILE)
    assert (read.answers, read.evidence) == ((), (sentences("Jura", 1)[0],))
    assert read.answerable


def test_single_sentences_are_grouped_by_their_document(folder: Path) -> None:
    assert {read.group for read in records(folder / QAMR_FILE)} == {"Wiki:w:0", "Wiki:w:1", "Wiki:w:2"}


@pytest.mark.parametrize("missing", ORIGINS)
def test_a_missing_file_is_named_with_where_it_comes_from(
    folder: Path, tmp_path: Path, missing: Path
) -> None:
    for name in set(ORIGINS) - {missing}:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(folder / name)
    with pytest.raises(SourceNotFound) as raised:
        TrainingData.load(tmp_path)
    assert str(missing) in str(raised.value)
    assert ORIGINS[missing] in str(raised.value)


def test_the_last_five_titles_are_never_trained_on(data: TrainingData) -> None:
    assert {asked.group for asked in data.development} == set(PLACES[-5:])
    assert {asked.group for asked in data.misleading} == set(PLACES[:-5])
    trained = chain(data.misleading, data.paragraphs, data.sentences)
    assert not {asked.context for asked in trained} & {asked.context for asked in data.development}


def test_a_sample_is_of_each_part_and_the_same_for_a_seed(folder: Path) -> None:
    sampled = TrainingData.load(folder, sample=2, seed=5)
    assert len(sampled.misleading) == len(sampled.paragraphs) == len(sampled.sentences) == 2
    assert TrainingData.load(folder, sample=2, seed=5) == sampled
    assert TrainingData.load(folder, sample=2, seed=6) != sampled


# The examples.


def answered(data: TrainingData) -> list[Asked]:
    return [asked for asked in (*data.misleading, *data.paragraphs) if asked.answerable]


def composer(data: TrainingData, seed: int = 0) -> Composer:
    return Composer(Contexts([*data.misleading, *data.paragraphs]), random.Random(seed))


def holds(asked: Asked, text: str) -> bool:
    """Return whether words or sentences that answer stand in a text."""
    return any(sentence in text for sentence in asked.evidence) or any(
        any(occurrences(answer, text)) for answer in asked.answers
    )


def marked(example: Example) -> list[str]:
    spans = [example.sentences[place] for place in example.evidence]
    return [example.passage[span.start : span.end] for span in spans]


@pytest.mark.parametrize("seed", range(5))
def test_a_window_around_an_answer_holds_and_marks_it(data: TrainingData, seed: int) -> None:
    for asked in answered(data):
        example = composer(data, seed).answerable(asked, words=WORDS)
        assert example is not None
        assert example.passage in asked.context
        assert marked(example)
        assert all(holds(asked, sentence) for sentence in marked(example))
        found = {example.passage[span.start : span.end] for span in example.answers}
        assert found == set(asked.answers)


def test_a_context_without_its_answer_holds_none(data: TrainingData) -> None:
    for asked in data.misleading:
        example = composer(data).without_answer(asked)
        assert (example is None) == (not asked.answerable)
        if example is not None:
            assert not holds(asked, example.passage)
            assert (example.answers, example.evidence) == ((), ())


@pytest.mark.parametrize("seed", range(5))
def test_an_exchanged_question_differs_in_one_place_and_has_no_answer(data: TrainingData, seed: int) -> None:
    for asked in data.misleading:
        if (other := composer(data, seed).exchanged(asked)) is None:
            continue
        left, right = asked.question.split(), other.question.split()
        changes = [code for code in SequenceMatcher(None, left, right).get_opcodes() if code[0] != "equal"]
        assert len(changes) == 1
        assert len(left) == len(right)
        assert (other.answers, other.evidence, other.context) == ((), (), asked.context)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("who came first?", {"who came last?"}),
        ("who came in 1947?", {f"who came in {1947 + years}?" for years in range(-30, 31) if years}),
        ("who met Amara?", {"who met Bodo?"}),
        ("who came?", {None}),
    ],
)
def test_an_opposite_a_number_or_a_name_is_exchanged(question: str, expected: set[str | None]) -> None:
    asked = Asked(question, "They met Amara, and Bodo.", ("Bodo",), (), "g")
    for seed in range(20):
        other = Composer(Contexts([asked]), random.Random(seed)).exchanged(asked)
        assert (None if other is None else other.question) in expected


@pytest.mark.parametrize("seed", range(5))
def test_a_sentence_among_others_is_the_evidence_and_without_it_there_is_none(
    data: TrainingData, seed: int
) -> None:
    single = Composer(Contexts(data.sentences), random.Random(seed))
    for asked in data.sentences:
        with_it, without = single.composed(asked, others=4), single.among_others(asked, others=5)
        assert asked.context in marked(with_it)
        assert all(holds(asked, sentence) for sentence in marked(with_it))
        assert not holds(asked, without.passage)
        assert (without.answers, without.evidence) == ((), ())


def test_a_pass_can_be_made_again_and_differs_from_the_next(data: TrainingData, made: list[Example]) -> None:
    passes = Passes(data, 1)
    second, first = passes.examples(1), passes.examples(0)
    assert [*first, *second] == made
    assert first != second
    assert Passes(data, 2).examples(0) != first


def test_the_nearest_contexts_hold_no_answer_and_the_nearest_is_first(data: TrainingData) -> None:
    asked = answered(data)
    contexts = Contexts([*data.misleading, *data.paragraphs])
    found = nearest_without_answer(asked, contexts.all)
    assert all(found[question.question] for question in asked)
    for question in asked:
        assert not any(holds(question, context) for context in found[question.question])
        assert question.context not in found[question.question]
    near = found["When was the bridge of Arlen finished?"]
    assert "Arlen" in near[0] or "bridge" in near[0]


# Their tokens.


def test_answers_and_evidence_are_found_in_the_tokens(made: list[Example]) -> None:
    for example in made:
        (read,) = features([example], TOKENIZER)
        (pair,) = TOKENIZER.pairs(example.question, [example.passage])
        assert (read.ids, read.passage_start) == (pair.ids, pair.passage_start)
        assert [pair.characters(*tokens) for tokens in read.sentences] == list(example.sentences)
        assert read.evidence == example.evidence
        places = [pair.places(span) for span in example.answers]
        assert {(start, end) for start, end in places} <= {
            (start, last + 1) for start in read.starts for last in read.ends
        }
        assert [pair.characters(*tokens) for tokens in places] == list(example.answers)
        assert len(read.starts) <= len(places)
        assert read.has_span == (bool(example.answers) or not example.evidence)


@pytest.mark.parametrize("before", ["Rain came. ", "rain "])
def test_an_example_whose_answer_is_cut_off_is_left_out(before: str) -> None:
    context = before * MAX_PASSAGE_TOKENS + "Bodo drew it."
    asked = Asked("Who drew it?", context, ("Bodo",), (), "g")
    composed = Composer(Contexts([asked]), random.Random(0))
    assert features([composed.whole(asked)], TOKENIZER) == []
    assert len(features([composed.whole(replace(asked, answers=()))], TOKENIZER)) == 1
