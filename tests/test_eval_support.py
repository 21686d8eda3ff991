"""Measuring and fitting the support score: the pairs that are made, the figures, and a whole run in small."""

import gzip
import io
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import public_sets
import pytest
from doubles import HashingEmbedder
from rich.console import Console

from eval.support import figures
from eval.support.figures import balanced_accuracy, best_threshold, cross_validated, gate, gate_bound
from eval.support.fitting import FittedSupport, fit, made_pairs, weights_of
from eval.support.pairs import altered, declared, reworded, shortened
from eval.support.report import as_json, as_tables
from eval.support.run import SCORES, WICE_FILE, SupportFigures, load_wice, measured, wice_path
from index.errors import SourceNotFound
from rag.reading.support import SUPPORT_SIGNALS, SupportCoefficients
from rag.reading.training.sources import SQUAD2_FILE, squad

PAGE = ["Mangla", "The dam was opened in 1967.", "It stores water.", "Leopards live far from it.", "Cookies"]


def claim(text: str, label: str, supporting: list[list[int]]) -> dict[str, Any]:
    return {"claim": text, "label": label, "evidence": PAGE, "supporting_sentences": supporting}


CLAIMS = [
    *(
        claim(f"The dam was opened in 1967, and stores water {n}.", "supported", [[2, 1], [1]])
        for n in range(6)
    ),
    *(claim(f"The dam was opened in {n}.", "partially_supported", [[1]]) for n in range(1801, 1807)),
    *(claim(f"Ships from port {n} sail north.", "not_supported", [[]]) for n in range(6)),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = public_sets.written(tmp_path_factory.mktemp("data"))
    with gzip.open(folder / WICE_FILE, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(entry) + "\n" for entry in CLAIMS)
    return folder


@pytest.fixture(scope="module")
def fitted(data: Path) -> FittedSupport:
    return fit(data, HashingEmbedder(), lambda line: None)


@pytest.fixture(scope="module")
def found(data: Path, fitted: FittedSupport) -> SupportFigures:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "_RESAMPLES", 30)
        return measured(data, HashingEmbedder(), lambda line: None, fitted.coefficients)


@pytest.mark.parametrize(
    ("question", "answer", "statement"),
    [
        ("Who drew the dam?", "Amara", "Amara drew the dam."),
        ("When was the dam built?", "1967", "The dam was built in 1967."),
        ("In what year was the dam built?", "1967", "The dam was built in 1967 year."),
        ("The dam was built in what year?", "1967", "The dam was built in 1967 year."),
        ("What is the height of the dam?", "147 m", "147 m is the height of the dam."),
        ("How many villages were moved?", "24", "24 villages were moved."),
        ("Where did Bodo study?", "in Graz", "Bodo study in Graz."),
        ("Name the river.", "Jhelum", "Name the river.: Jhelum."),
    ],
)
def test_a_question_with_its_answer_is_a_rough_statement(question: str, answer: str, statement: str) -> None:
    assert declared(question, answer) == statement


@pytest.mark.parametrize(
    ("sentence", "short"),
    [
        ("The old dam (raised twice) holds back the river.", "The old dam holds back the river."),
        ("In 1967, the dam near Mirpur was opened.", "The dam near Mirpur was opened."),
        ("The dam near Mirpur was opened, to great joy.", "The dam near Mirpur was opened."),
        ("The dam was opened.", None),
        ("It was opened, and closed again.", None),
    ],
)
def test_a_sentence_is_shortened_by_a_clause(sentence: str, short: str | None) -> None:
    found = {shortened(sentence, random.Random(seed)) for seed in range(5)}
    assert short in found


def test_a_sentence_is_reworded_by_its_order_its_pronoun_and_its_words() -> None:
    made = reworded("In 1967, the large dam was built near Mirpur.", "Mangla", random.Random(0))
    assert made is not None
    assert made.startswith("The ") and made.endswith(" in 1967.")
    assert reworded("It holds.", "Mangla", random.Random(0)) == "Mangla holds."
    assert reworded("Nothing fits here.", "Mangla", random.Random(0)) is None


def test_each_alteration_changes_what_it_is_named_for() -> None:
    sentence = "The first large dam of Mangla was opened in 1967."
    made = dict(altered(sentence, ["Tarbela", "Mangla"], random.Random(0)))
    assert made["name swapped"] == "The first large dam of Tarbela was opened in 1967."
    assert made["opposite"] == "The last large dam of Mangla was opened in 1967."
    assert made["opposite, unlisted"] == "The first small dam of Mangla was opened in 1967."
    assert made["negation added"].split("was ")[1].split()[0] in ("not", "never")
    assert made["number swapped"][:-5] == sentence[:-5] and made["number swapped"] != sentence
    assert dict(altered("It was not so.", [], random.Random(0))) == {"negation dropped": "It was so."}


def test_a_number_that_is_swapped_is_never_the_same() -> None:
    for seed in range(200):
        for number in ("0", "1", "7", "1967", "24,000"):
            made = dict(altered(f"It has {number} gates.", [], random.Random(seed)))["number swapped"]
            assert made != f"It has {number} gates."


def test_the_same_pairs_are_made_each_time_and_their_labels_hold(data: Path) -> None:
    articles = squad(data / SQUAD2_FILE)
    made = made_pairs(articles, 3, 9)
    assert made == made_pairs(articles, 3, 9)
    assert {pair.group for pair in made} == {title for title, _ in articles}
    copied = [pair for pair in made if pair.kind == "copied"]
    assert copied and all(pair.supported and pair.sentence in pair.quote for pair in copied)
    assert not any(pair.supported for pair in made if "swapped" in pair.kind or "quoted" in pair.kind)


def test_half_of_the_weight_is_supported_and_kinds_of_others_count_alike(data: Path) -> None:
    made = made_pairs(squad(data / SQUAD2_FILE), 3, 9)
    weights = weights_of(made)
    by_kind: Counter[str] = Counter()
    for pair, weight in zip(made, weights, strict=True):
        if not pair.supported:
            by_kind[pair.kind] += weight
    assert sum(weights) == pytest.approx(1)
    assert sum(by_kind.values()) == pytest.approx(0.5)
    assert max(by_kind.values()) == pytest.approx(min(by_kind.values()))


def test_the_best_threshold_lies_between_what_it_parts() -> None:
    scores, supported = np.array([0.1, 0.2, 0.6, 0.8]), np.array([False, False, True, True])
    assert best_threshold(scores, supported) == pytest.approx(0.4)
    assert best_threshold(np.full(4, 0.5), supported) == 0.5


def test_balanced_accuracy_gives_both_kinds_half_the_say() -> None:
    supported = np.array([True] + [False] * 9)
    assert balanced_accuracy(np.zeros(10, dtype=np.bool_), supported) == 0.5
    assert balanced_accuracy(supported, supported) == 1


def test_a_cross_validated_threshold_knows_nothing_of_the_pairs_it_judges() -> None:
    random_scores = np.random.default_rng(1).random(400)
    supported = np.random.default_rng(2).random(400) < 0.3
    kept = cross_validated(random_scores, supported)
    assert balanced_accuracy(kept, supported) == pytest.approx(0.5, abs=0.06)
    assert cross_validated(supported.astype(float), supported).tolist() == supported.tolist()


def test_under_the_bound_of_a_gate_nineteen_in_twenty_are_unsupported() -> None:
    scores = np.arange(60) / 60
    supported = np.array([False] * 38 + [True] * 2 + [False, True] * 10)
    bound = gate_bound(scores, supported, np.ones(60))
    assert (~supported[scores < bound]).mean() >= 0.95
    # The next two are one of each: with the first of them 39 of 41 are, with both 39 of 42.
    assert bound == pytest.approx(41 / 60)
    tied = np.where(np.arange(60) < 39, 0.1, 0.9)
    assert gate_bound(tied, supported, np.ones(60)) == 0.9
    tied = np.where(np.arange(60) < 43, 0.1, 0.9)
    assert gate_bound(tied, supported, np.ones(60)) == 0
    assert gate_bound(scores, np.ones(60, dtype=np.bool_), np.ones(60)) == 0


def test_a_gate_tells_what_it_withholds_rightly_and_wrongly() -> None:
    scores = np.array([0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.9])
    supported = np.array([False, False, False, True, True, True, True])
    found = gate(0.5, scores, supported)
    assert found.withheld == pytest.approx(2 / 3)
    assert found.lost.value == pytest.approx(1 / 4)
    assert found.precision.value == pytest.approx(2 / 3)
    # A tenth is unsupported: 0.1 * 2/3 are withheld rightly, 0.9 / 4 wrongly.
    assert found.usual_precision == pytest.approx((0.2 / 3) / (0.2 / 3 + 0.9 / 4))
    assert found.precision.low <= found.precision.value <= found.precision.high


def test_a_gate_that_withholds_nothing_is_never_wrong() -> None:
    found = gate(0.0, np.array([0.2, 0.8]), np.array([False, True]))
    assert (found.withheld, found.lost.value, found.precision.value, found.usual_precision) == (0, 0, 1, 1)


def test_a_claim_supported_in_part_counts_as_not_supported(data: Path) -> None:
    claims = load_wice(wice_path(data))
    assert [entry.supported for entry in claims] == [True] * 6 + [False] * 12
    # In the order of the page, of several choices the first.
    assert claims[0].supporting == ("The dam was opened in 1967.", "It stores water.")
    assert claims[-1].supporting == ()


def test_a_missing_set_says_where_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"no dev/wice\.jsonl\.gz in the data folder: .*WiCE"):
        measured(tmp_path, HashingEmbedder(), print)
    with pytest.raises(SourceNotFound, match=r"no dev/squad2-public\.json\.gz in the data folder: .*SQuAD"):
        fit(tmp_path, HashingEmbedder(), print)


def test_what_is_fitted_can_be_read_back(fitted: FittedSupport, tmp_path: Path) -> None:
    path = tmp_path / "support.json"
    path.write_text(json.dumps(fitted.stored()), encoding="utf-8")
    loaded = SupportCoefficients.load(path)
    assert list(loaded.support.weights) == list(SUPPORT_SIGNALS)
    assert (loaded.threshold, loaded.bound) == (fitted.coefficients.threshold, fitted.coefficients.bound)


def test_nothing_of_the_development_articles_is_fitted_on(fitted: FittedSupport, data: Path) -> None:
    # Seven titles less the five for development, and two of the other set.
    assert fitted.provenance["articles"] == 4
    pairs = made_pairs(squad(data / SQUAD2_FILE)[:-5], 12, 25)
    assert {pair.group for pair in pairs} == {"Arlen", "Borvik"}


def test_a_run_holds_every_score_against_the_others(found: SupportFigures) -> None:
    assert [(task.pairs, task.supported) for task in found.tasks[:3]] == [(12, 6), (18, 6), (18, 6)]
    for task in found.tasks:
        assert [entry.score for entry in task.scores] == list(SCORES)
        for entry in task.scores:
            assert entry.auroc.low <= entry.auroc.value <= entry.auroc.high
            assert (entry.fixed is None) == (entry.score != "support")
            assert (entry.behind is None) == (entry.score == "support")
    ours, cosine, _ = found.tasks[0].scores
    assert cosine.behind is not None
    assert cosine.behind.value == pytest.approx(ours.auroc.value - cosine.auroc.value)


def test_the_figures_are_shown_as_json_and_as_tables(found: SupportFigures) -> None:
    shown = json.loads(json.dumps(as_json(found)))
    assert shown["tasks"][0]["scores"][0]["auroc"]["value"] == pytest.approx(
        found.tasks[0].scores[0].auroc.value, abs=1e-4
    )
    console = Console(file=io.StringIO(), width=200)
    console.print(as_tables(found))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for part in ("chosen sentences", "page, three sentences", "name swapped", "cosine", "Withholding what"):
        assert part in text
