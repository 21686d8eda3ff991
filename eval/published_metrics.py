"""The metrics that SQuAD 2.0, HotpotQA and MultiHop-RAG publish, as their own scripts compute them.

Each follows its script also where that does something of its own, so that figures can stand beside published
ones. All are shares; SQuAD's script prints them times 100.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from eval.metrics import f_measure

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_CLOSED_ANSWERS = ("yes", "no", "noanswer")


def published_form(text: str) -> str:
    """Return an answer without case, ASCII punctuation, articles and extra blanks, as SQuAD and HotpotQA do.

    `eval.metrics.normalized_answer` takes typographic punctuation away too, which they leave.
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _shared(prediction: Sequence[str], answer: Sequence[str]) -> int:
    return sum((Counter(prediction) & Counter(answer)).values())


def _mean(values: Collection[float]) -> float:
    return sum(values) / len(values)


@dataclass(frozen=True, slots=True)
class SquadPrediction:
    """What was answered to a question of SQuAD 2.0, empty for nothing, and its gold answers if it has any.

    `no_answer` is the probability that it has none, as the system holds it.
    """

    text: str
    answers: tuple[str, ...]
    no_answer: float = 0.0


@dataclass(frozen=True, slots=True)
class SquadScores:
    """Exact match and F1 as means over some questions, of which there are `total`."""

    exact: float
    f1: float
    total: int


@dataclass(frozen=True, slots=True)
class BestThreshold:
    """The greatest score that a threshold on the probability of no answer gives, and that threshold."""

    score: float
    threshold: float


@dataclass(frozen=True, slots=True)
class SquadFigures:
    """What `evaluate-v2.0.py` prints: HasAns and NoAns are None where there are no such questions."""

    overall: SquadScores
    has_answer: SquadScores | None
    no_answer: SquadScores | None
    best_exact: BestThreshold
    best_f1: BestThreshold


def squad2_figures(predictions: Sequence[SquadPrediction], threshold: float = 1.0) -> SquadFigures:
    """Return exact match and F1 as the official script of SQuAD 2.0 does (Rajpurkar, Jia and Liang, 2018).

    The gold answer of an unanswerable question is the empty text, so that one without an answer scores 1 and
    any other 0. Above `threshold` the prediction counts as empty. Raise `ValueError` without predictions.
    """
    if not predictions:
        raise ValueError("there are no predictions to score")
    exact = [_best(squad2_exact, prediction) for prediction in predictions]
    f1 = [_best(squad2_f1, prediction) for prediction in predictions]
    kept = [
        (float(not prediction.answers),) * 2 if prediction.no_answer > threshold else pair
        for prediction, *pair in zip(predictions, exact, f1, strict=True)
    ]

    def scores(places: Sequence[int]) -> SquadScores:
        chosen = [kept[place] for place in places]
        return SquadScores(
            _mean([exact for exact, _ in chosen]), _mean([f1 for _, f1 in chosen]), len(chosen)
        )

    answerable = [place for place, prediction in enumerate(predictions) if prediction.answers]
    unanswerable = [place for place, prediction in enumerate(predictions) if not prediction.answers]
    return SquadFigures(
        scores(range(len(predictions))),
        scores(answerable) if answerable else None,
        scores(unanswerable) if unanswerable else None,
        _best_threshold(predictions, exact),
        _best_threshold(predictions, f1),
    )


def squad2_exact(prediction: str, answer: str) -> float:
    """Return whether prediction and answer are equal in their published form, as 1 or 0."""
    return float(published_form(prediction) == published_form(answer))


def squad2_f1(prediction: str, answer: str) -> float:
    """Return the F1 of the bags of words of the two; if either has none, 1 if both have none, else 0."""
    predicted, expected = published_form(prediction).split(), published_form(answer).split()
    if not predicted or not expected:
        return float(predicted == expected)
    same = _shared(predicted, expected)
    return f_measure(same / len(predicted), same / len(expected))


def _best(metric: Callable[[str, str], float], prediction: SquadPrediction) -> float:
    answers = [answer for answer in prediction.answers if published_form(answer)] or [""]
    return max(metric(prediction.text, answer) for answer in answers)


def _best_threshold(predictions: Sequence[SquadPrediction], scores: Sequence[float]) -> BestThreshold:
    """Return the best of the thresholds, tried from the least on, as `find_best_thresh` does.

    To start with nothing is answered, and the unanswerable are right. Each question in order of its
    `no_answer` adds its score if it has an answer, else takes 1 away if something was predicted. The script
    looks after each question, also amid equal probabilities, where no threshold lies; so does this, and
    like there the order of such questions can matter.
    """
    held = float(sum(not prediction.answers for prediction in predictions))
    best = BestThreshold(held, 0.0)
    for place in sorted(range(len(predictions)), key=lambda place: predictions[place].no_answer):
        prediction = predictions[place]
        held += scores[place] if prediction.answers else -float(bool(prediction.text))
        if held > best.score:
            best = BestThreshold(held, prediction.no_answer)
    return BestThreshold(best.score / len(predictions), best.threshold)


@dataclass(frozen=True, slots=True)
class HotpotPrediction:
    """What was answered to a question of HotpotQA and named as its supporting facts, with what is right.

    A fact is the title of a paragraph and the number of a sentence in it. An answer or facts that are None
    are missing: they score 0, and so does the joint.
    """

    answer: str | None
    facts: frozenset[tuple[str, int]] | None
    gold_answer: str
    gold_facts: frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class HotpotScores:
    """Exact match, F1, precision and recall, of a question or as means over some."""

    exact: float
    f1: float
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class HotpotFigures:
    """The twelve figures of `hotpot_evaluate_v1.py`: of the answers, of the supporting facts, and joint."""

    answer: HotpotScores
    facts: HotpotScores
    joint: HotpotScores


_MISSING = HotpotScores(0.0, 0.0, 0.0, 0.0)


def hotpot_figures(predictions: Sequence[HotpotPrediction]) -> HotpotFigures:
    """Return HotpotQA's figures (Yang et al., 2018, section 5.2): means over all questions of `hotpot_case`.

    Raise `ValueError` without predictions.
    """
    if not predictions:
        raise ValueError("there are no predictions to score")
    cases = [hotpot_case(prediction) for prediction in predictions]

    def mean(scores: Sequence[HotpotScores]) -> HotpotScores:
        return HotpotScores(
            _mean([score.exact for score in scores]),
            _mean([score.f1 for score in scores]),
            _mean([score.precision for score in scores]),
            _mean([score.recall for score in scores]),
        )

    return HotpotFigures(
        mean([case.answer for case in cases]),
        mean([case.facts for case in cases]),
        mean([case.joint for case in cases]),
    )


def hotpot_case(prediction: HotpotPrediction) -> HotpotFigures:
    """Return the figures of a question.

    Joint: P = P(answer) · P(facts), R = R(answer) · R(facts), F1 of these two, and exact if both are.
    """
    answer = (
        _MISSING if prediction.answer is None else _hotpot_answer(prediction.answer, prediction.gold_answer)
    )
    facts = _MISSING if prediction.facts is None else _hotpot_facts(prediction.facts, prediction.gold_facts)
    precision, recall = answer.precision * facts.precision, answer.recall * facts.recall
    joint = HotpotScores(answer.exact * facts.exact, f_measure(precision, recall), precision, recall)
    return HotpotFigures(answer, facts, joint)


def _hotpot_answer(prediction: str, answer: str) -> HotpotScores:
    """Return an answer's scores; "yes", "no" and "noanswer" share words with nothing but themselves.

    As in the script two answers without words match exactly and have an F1 of 0.
    """
    said, wanted = published_form(prediction), published_form(answer)
    exact = float(said == wanted)
    if not exact and (said in _CLOSED_ANSWERS or wanted in _CLOSED_ANSWERS):
        return _MISSING
    same = _shared(said.split(), wanted.split())
    if not same:
        return HotpotScores(exact, 0.0, 0.0, 0.0)
    precision, recall = same / len(said.split()), same / len(wanted.split())
    return HotpotScores(exact, f_measure(precision, recall), precision, recall)


def _hotpot_facts(named: frozenset[tuple[str, int]], right: frozenset[tuple[str, int]]) -> HotpotScores:
    """Return the scores of two sets of facts; a set that is empty has precision or recall 0."""
    same = len(named & right)
    precision, recall = same / max(1, len(named)), same / max(1, len(right))
    return HotpotScores(float(named == right), f_measure(precision, recall), precision, recall)


@dataclass(frozen=True, slots=True)
class MultiHopFigures:
    """Retrieval of MultiHop-RAG to a depth k: Hits@k, MAP@k and MRR@k, as means over questions."""

    hits: float
    map: float
    mrr: float


def multihop_figures(
    questions: Sequence[tuple[Sequence[str], Sequence[str]]], depth: int = 10
) -> MultiHopFigures:
    """Return what `retrieval_evaluate.py` does (Tang and Yang, "MultiHop-RAG", 2024) of texts and facts.

    A question is the texts retrieved, best first, and the facts that it needs; one that needs none is no
    question of retrieval, and the script leaves it out. A text holds a fact if that is part of it, blanks
    and newlines aside. Hits@k: some text among k holds a fact. MRR@k: 1 / the rank of the first. MAP@k:
    Σ (facts found first at a rank) / rank, divided by min(facts, k).

    The script's MAP is no average precision as others have it: facts found before do not count at a
    rank, so that two facts at ranks 1 and 2 come to ¾, and more facts than k in one text to more than 1.
    Raise `ValueError` without questions, and for one without facts.
    """
    if not questions:
        raise ValueError("there are no questions to score")
    cases = [_multihop_case(texts, facts, depth) for texts, facts in questions]
    return MultiHopFigures(
        _mean([case.hits for case in cases]),
        _mean([case.map for case in cases]),
        _mean([case.mrr for case in cases]),
    )


def _multihop_case(texts: Sequence[str], facts: Sequence[str], depth: int) -> MultiHopFigures:
    if not facts:
        raise ValueError("a question needs no fact; leave such out, as the script does its null queries")
    wanted = [_unspaced(fact) for fact in facts]
    found: set[str] = set()
    first: int | None = None
    gain = 0.0
    for rank, text in enumerate(map(_unspaced, texts[:depth]), start=1):
        held = {fact for fact in wanted if fact in text}
        if held and first is None:
            first = rank
        gain += len(held - found) / rank
        found |= held
    return MultiHopFigures(
        float(first is not None), gain / min(len(facts), depth), 1 / first if first else 0.0
    )


def _unspaced(text: str) -> str:
    return text.replace(" ", "").replace("\n", "")
