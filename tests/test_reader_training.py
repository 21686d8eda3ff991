"""Training the reader: batches, the loss, what is measured, and a run that goes on where it was killed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from models import small_model
from public_sets import written
from torch import Tensor, nn

from index.embedding.model_files import PACKAGED_MODEL, find_model
from index.errors import SourceNotFound
from rag.reading import train
from rag.reading.outputs import END, EVIDENCE, RELEVANCE, START
from rag.reading.pairs import PairTokenizer
from rag.reading.train import Plan, Training
from rag.reading.training.development import Development, overlap_f1
from rag.reading.training.examples import occurrences
from rag.reading.training.features import Arrays, Features, arrays, batches
from rag.reading.training.network import losses
from rag.reading.training.passes import TrainingData

PUBLIC_DATA = Path(__file__).parents[2] / "shared" / "data"
TOKENIZER = PairTokenizer(find_model(PACKAGED_MODEL) / "tokenizer.json")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return TrainingData.load(written(tmp_path_factory.mktemp("data")))


# Batches and the loss.


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(0, 9))
def test_every_example_is_in_one_batch_and_no_batch_is_over_its_budget(lengths: list[int], seed: int) -> None:
    examples = [
        Features((number,) * length, 0, (), (), (), (), True) for number, length in enumerate(lengths)
    ]
    found = batches(examples, 100, random.Random(seed))
    assert sorted(chain.from_iterable(found), key=lambda example: example.ids[0]) == examples
    assert all(len(batch) == 1 or arrays(batch).ids.size <= 100 for batch in found)
    assert batches(examples, 100, random.Random(seed)) == found


WITH_SPAN = Features(tuple(range(12)), 4, ((4, 8), (8, 11)), (5,), (6,), (0,), True)
UNANSWERED = Features(tuple(range(9)), 4, ((4, 8),), (), (), (), True)
SENTENCE_ONLY = replace(WITH_SPAN, starts=(), ends=(), evidence=(1,), has_span=False)


def right_scores(batch: Arrays) -> Tensor:
    """Return the scores of a network that is right, and fairly sure of it."""
    scores = torch.zeros((*batch.ids.shape, 4))
    scores[..., START] = 5.0 * torch.from_numpy(batch.starts)
    scores[..., END] = 5.0 * torch.from_numpy(batch.ends)
    evidence = torch.from_numpy(batch.evidence)
    scores[..., EVIDENCE] = 5.0 * evidence.gather(1, torch.from_numpy(batch.sentence_of))
    scores[:, 0, EVIDENCE] = 5.0 * evidence[:, 0]
    scores[:, 0, RELEVANCE] = torch.where(evidence[:, 0], -5.0, 5.0)
    return scores


@pytest.mark.parametrize("example", [WITH_SPAN, UNANSWERED, SENTENCE_ONLY])
def test_a_network_that_is_right_loses_less_than_one_that_is_not(example: Features) -> None:
    batch = arrays([example])
    right, wrong = (losses(sign * right_scores(batch), batch) for sign in (1, -1))
    assert right.total < 0.5 < wrong.total
    assert right.sentence < wrong.sentence
    assert right.relevance < wrong.relevance
    assert (right.span < wrong.span) == example.has_span


def test_any_place_that_holds_the_answer_will_do() -> None:
    twice = arrays([replace(WITH_SPAN, starts=(5, 9), ends=(6, 10))])
    for place in (5, 9):
        scores = right_scores(arrays([replace(WITH_SPAN, starts=(place,), ends=(place + 1,))]))
        assert losses(scores, twice).span < 0.2


def test_no_span_is_learnt_where_only_the_sentence_is_known() -> None:
    batch = arrays([WITH_SPAN, SENTENCE_ONLY])
    scores = torch.randn((*batch.ids.shape, 4), generator=torch.manual_seed(1)).requires_grad_()
    losses(scores, batch).span.backward()
    assert scores.grad is not None
    assert scores.grad[0].any()
    assert not scores.grad[1].any()


def test_what_stands_past_the_end_of_a_text_is_not_learnt_from() -> None:
    batch = arrays([WITH_SPAN, UNANSWERED])
    scores = right_scores(batch)
    expected = losses(scores, batch).total
    scores[torch.from_numpy(batch.mask) == 0] += 100
    assert losses(scores, batch).total == expected


# Measuring.


class Knowing(nn.Module):
    """Stands in for a network: it marks what it was told, as surely as `sign` says."""

    def __init__(self, told: Development, sign: float) -> None:
        super().__init__()
        self._right = {}
        for posed in told.posed:
            spans = [span for text in posed.asked.answers for span in occurrences(text, posed.asked.context)]
            places = [tokens for span in spans if (tokens := posed.pair.places(span)) is not None][:1]
            starts, ends = tuple(first for first, _ in places), tuple(end - 1 for _, end in places)
            gold = tuple(posed.gold)
            example = Features(
                posed.pair.ids, posed.pair.passage_start, posed.sentences, starts, ends, gold, True
            )
            self._right[posed.pair.ids] = sign * right_scores(arrays([example], 1))[0]

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        scores = torch.full((*ids.shape, 4), 99.0)
        for row, count in enumerate(mask.sum(1).tolist()):
            scores[row, :count] = self._right[tuple(ids[row, :count].tolist())]
        return scores


def test_a_network_that_knows_has_full_marks_and_one_that_errs_has_none(data: TrainingData) -> None:
    told = Development.of(data.development, TOKENIZER, 30)
    assert len(told.posed) == 30
    assert set(told.measure(Knowing(told, 1)).values()) == {1.0}
    assert set(told.measure(Knowing(told, -1)).values()) <= {0.0, 0.5}


def test_the_same_questions_are_measured_each_time(data: TrainingData) -> None:
    assert Development.of(data.development, TOKENIZER, 9) == Development.of(data.development, TOKENIZER, 9)


@pytest.mark.parametrize(
    ("found", "gold", "f1"),
    [
        ("The dam.", "a DAM", 1),
        ("the old dam", "dam", 2 / 3),
        ("mill", "dam", 0),
        ("", "dam", 0),
        ("the", "a", 1),
    ],
)
def test_two_answers_are_compared_by_their_words(found: str, gold: str, f1: float) -> None:
    assert overlap_f1(found, gold) == pytest.approx(f1)


# A run.


class Killed(Exception):
    pass


def killing_at(words: str) -> Callable[[str], None]:
    def tell(line: str) -> None:
        if words in line:
            raise Killed

    return tell


@pytest.fixture
def run(data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Training]:
    """Give a function that begins or goes on with a run of a small model in a folder."""
    model = small_model(tmp_path / "model")
    monkeypatch.setattr(train, "find_model", lambda _: model)
    for name, value in {"_BATCH_TOKENS": 512, "_CHECKPOINT_EVERY": 10, "_MEASURE_EVERY": 7}.items():
        monkeypatch.setattr(train, name, value)

    def begun(work: str, plan: Plan, tell: Callable[[str], None] = lambda _: None) -> Training:
        (tmp_path / work).mkdir(exist_ok=True)
        training = Training(data, plan, tmp_path / work, tell)
        training.resume()
        return training

    return begun


# Of two passes and a bit.
PLAN = Plan(tokens=14_000, rate=1e-3, development=10)


def test_a_run_that_was_killed_ends_as_if_it_had_not_been(
    run: Callable[..., Training], tmp_path: Path
) -> None:
    whole = run("whole", PLAN)
    whole.run()
    with pytest.raises(Killed):
        run("killed", PLAN, killing_at("development at step 21")).run()
    told: list[str] = []
    again = run("killed", PLAN, told.append)
    assert told == ["going on from step 20"]
    again.run()
    assert again.progress == whole.progress
    assert whole.progress.steps > 24 and whole.progress.number > 0
    ends = [torch.load(tmp_path / work / "checkpoint.pt") for work in ("whole", "killed")]
    for part in ("network", "mean"):
        torch.testing.assert_close(ends[0][part], ends[1][part], rtol=0, atol=0)
    torch.testing.assert_close(again.network.state_dict(), whole.network.state_dict(), rtol=0, atol=0)


def test_the_result_of_a_run_is_the_mean_of_its_weights(run: Callable[..., Training], tmp_path: Path) -> None:
    training = run("work", replace(PLAN, tokens=9000))
    training.run()
    end = torch.load(tmp_path / "work" / "checkpoint.pt")
    torch.testing.assert_close(dict(training.network.state_dict()), dict(end["mean"]), rtol=0, atol=0)
    assert not torch.equal(end["mean"]["head.weight"], end["network"]["head.weight"])


def test_a_folder_with_a_run_of_another_plan_is_refused_with_the_way_out(
    run: Callable[..., Training],
) -> None:
    run("work", replace(PLAN, tokens=1000)).run()
    with pytest.raises(ValueError, match="name another folder"):
        run("work", replace(PLAN, tokens=2000))


def test_a_short_run_on_the_public_data_finds_the_sentence_more_often_than_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        data = TrainingData.load(PUBLIC_DATA, sample=500, seed=1)
    except SourceNotFound as missing:
        pytest.skip(f"{missing}; it is looked for in {PUBLIC_DATA}")
    # More steps to the same tokens than a long run takes. The words that answer take longer to learn.
    monkeypatch.setattr(train, "_BATCH_TOKENS", 1024)
    # A third of a gigabyte, from which nobody goes on.
    monkeypatch.setattr(Training, "_save", lambda _: None)
    plan = Plan(tokens=70_000, rate=6e-4, development=160)
    training = Training(data, plan, tmp_path, lambda _: None)
    before = Development.of(data.development, TOKENIZER, plan.development).measure(training.network)
    training.run()
    after = training.progress.log[-1]
    assert after["sentence_first"] > before["sentence_first"] + 0.05
