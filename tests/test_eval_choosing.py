"""Samples and shards of a set, and the results of shards put together again."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outcomes import OUTCOMES, answered, kept_back, result_of, withheld, wrongly_answered

from eval.cases import Case, EvalSet, InvalidCase
from eval.choosing import Shard, sampled, sharded
from eval.merging import merged
from eval.outcomes import Outcome
from eval.results import InvalidResult, Result, as_json

IDS = st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=30, unique=True)


def set_of(*ids: str) -> EvalSet:
    cases = tuple(Case(name, "When?", (), (), False, "a person", "") for name in ids)
    return EvalSet("tiny", "0" * 64, cases, ())


def ids_of(chosen: EvalSet) -> list[str]:
    return [case.id for case in chosen.cases]


HUNDRED = set_of(*(f"case {number}" for number in range(100)))


@given(IDS, st.integers(1, 40))
def test_a_sample_has_as_many_cases_as_were_asked_for_in_their_order(ids: list[str], cases: int) -> None:
    found = ids_of(sampled(set_of(*ids), cases))
    assert len(found) == min(cases, len(ids))
    assert found == [name for name in ids if name in found]


@given(IDS, st.integers(1, 30), st.integers(1, 30), st.randoms())
def test_a_greater_sample_holds_the_smaller_one_whatever_the_order_of_the_file(
    ids: list[str], one: int, other: int, random: Any
) -> None:
    shuffled = list(ids)
    random.shuffle(shuffled)
    smaller, greater = sorted((one, other))
    assert set(ids_of(sampled(set_of(*ids), smaller))) <= set(ids_of(sampled(set_of(*shuffled), greater)))


def test_a_sample_has_the_cases_whose_ids_have_the_least_digests() -> None:
    found = sampled(HUNDRED, 3)
    ranked = sorted(ids_of(HUNDRED), key=lambda name: hashlib.sha256(name.encode()).digest())
    assert set(ids_of(found)) == set(ranked[:3])


def test_a_case_stays_in_a_sample_or_is_pushed_out_by_a_new_one_alone() -> None:
    before = set(ids_of(sampled(HUNDRED, 20)))
    more = set_of(*ids_of(HUNDRED), "new one", "new two")
    after = set(ids_of(sampled(more, 20)))
    assert after - before <= {"new one", "new two"}
    assert len(before - after) == len(after - before)


def test_a_sample_is_of_all_parts_of_a_file() -> None:
    places = [ids_of(HUNDRED).index(name) for name in ids_of(sampled(HUNDRED, 40))]
    assert sum(place < 50 for place in places) in range(12, 29)


def test_a_set_says_of_how_many_cases_a_sample_of_it_is() -> None:
    assert sampled(HUNDRED, 20).sample == 20
    assert HUNDRED.sample is None


def test_a_sample_of_all_cases_or_more_is_the_whole_set() -> None:
    assert sampled(HUNDRED, 100) == HUNDRED
    assert sampled(HUNDRED, 500) == HUNDRED


@pytest.mark.parametrize(("text", "number", "of"), [("1/1", 1, 1), ("2/4", 2, 4), ("9999/9999", 9999, 9999)])
def test_a_shard_is_written_as_its_number_and_of_how_many(text: str, number: int, of: int) -> None:
    assert Shard.parsed(text) == Shard(number, of)
    assert str(Shard(number, of)) == text


@pytest.mark.parametrize(
    "text", ["", "2", "0/4", "5/4", "1/0", "-1/4", "2/4/8", "2 / 4", "two/four", "1/10000", "2/4\n", "1٣/20"]
)
def test_what_is_no_shard_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidCase, match="is no shard: write 2/4 for the second of four") as raised:
        Shard.parsed(text)
    assert repr(text) in str(raised.value)


@given(IDS, st.integers(1, 5))
def test_each_case_is_in_one_shard(ids: list[str], of: int) -> None:
    found: list[str] = []
    for number in range(1, of + 1):
        try:
            found += ids_of(sharded(set_of(*ids), Shard(number, of)))
        except InvalidCase:
            continue
    assert sorted(found) == sorted(ids)


def test_a_case_is_in_the_same_shard_whatever_others_there_are() -> None:
    shard = Shard(2, 4)
    whole = set(ids_of(sharded(HUNDRED, shard)))
    assert set(ids_of(sharded(sampled(HUNDRED, 50), shard))) == whole & set(ids_of(sampled(HUNDRED, 50)))
    assert 10 < len(whole) < 40


def test_a_set_says_which_shard_it_is() -> None:
    assert sharded(HUNDRED, Shard(2, 4)).shard == "2/4"
    assert HUNDRED.shard == ""


def test_a_shard_without_cases_is_refused_with_the_number_that_there_are() -> None:
    with pytest.raises(InvalidCase, match=r"shard \d/9 of tiny has none of its 1 cases"):
        for number in range(1, 10):
            sharded(set_of("one"), Shard(number, 9))


def shard_of(outcomes: list[Outcome], number: int, of: int, **provenance: Any) -> Result:
    return result_of(*outcomes[number - 1 :: of], shard=f"{number}/{of}", **provenance)


SOME = [
    *(answered(f"a{number}", confidence=number / 10) for number in range(5)),
    kept_back("b", confidence=0.45),
    withheld("c", confidence=0.1),
    wrongly_answered("d", confidence=0.35),
    answered("e", written_by="a model", withheld=1, fallback="timeout"),
]


@given(OUTCOMES, st.integers(1, 3))
def test_shards_put_together_are_the_whole_run(outcomes: list[Outcome], of: int) -> None:
    shards = [shard_of(outcomes, number, of) for number in range(1, of + 1)]
    found = merged(shards[::-1])
    assert found == result_of(*sorted(outcomes, key=lambda outcome: outcome.id))


def test_the_json_of_shards_put_together_is_that_of_the_whole_run_but_for_the_order_of_cases() -> None:
    told, whole = (
        as_json(merged([shard_of(SOME, n, 3) for n in (2, 3, 1)])),
        as_json(result_of(*SOME[::-1])),
    )
    for found in (told, whole):
        found["cases"].sort(key=lambda case: case["id"])
        # Sums of the same in another order.
        found.pop("reliability")
    assert json.dumps(told, sort_keys=True) == json.dumps(whole, sort_keys=True)


def test_one_run_that_is_whole_is_itself() -> None:
    result = replace(result_of(*SOME), published={"squad_f1": 0.5})
    assert merged([result]) is result


def test_what_shards_have_of_their_own_is_put_together() -> None:
    own = [
        {"written_by": ["one", "two"], "fallbacks": 1, "withheld": 2},
        {"written_by": ["two"], "fallbacks": 0, "withheld": 3},
    ]
    found = merged([shard_of(SOME, n, 2, **told) for n, told in enumerate(own, start=1)]).provenance
    assert {name: found[name] for name in ("written_by", "fallbacks", "withheld", "shard")} == {
        "written_by": ["one", "two"],
        "fallbacks": 1,
        "withheld": 5,
        "shard": "",
    }


def test_shards_whose_cases_were_labelled_by_others_are_of_the_same_run() -> None:
    found = merged([shard_of(SOME, 1, 2, labels_by=["a", "b"]), shard_of(SOME, 2, 2, labels_by=["b", "c"])])
    assert found.provenance["labels_by"] == ["a", "b", "c"]


@pytest.mark.parametrize("numbers", [[1], [1, 3], [2, 3], [1, 2, 2], [1, 2, 3, 3]])
def test_shards_that_are_missing_or_there_twice_are_told(numbers: list[int]) -> None:
    with pytest.raises(InvalidResult, match=rf"not all shards of one run, each once: {numbers[0]}/3"):
        merged([shard_of(SOME, number, 3) for number in numbers])


def test_shards_of_different_numbers_do_not_go_together() -> None:
    with pytest.raises(InvalidResult, match="1/2, 2/3"):
        merged([shard_of(SOME, 1, 2), shard_of(SOME, 2, 3)])


def test_a_whole_run_does_not_go_with_another_or_with_a_shard() -> None:
    for other in (result_of(*SOME), shard_of(SOME, 1, 2)):
        with pytest.raises(InvalidResult, match="a result of tiny is no shard: give one whole run"):
            merged([result_of(*SOME), other])


@pytest.mark.parametrize(
    "changes",
    [
        {"set": "other"},
        {"set_sha256": "9" * 64},
        {"commit": "9" * 40},
        {"sample": 7},
        {"settings": {"model": "hashing", "threshold": 0.25}},
        {"documents": []},
        {"left_out": {"stale": 1}},
        {"more": "than before"},
    ],
)
def test_shards_of_other_runs_are_told_by_what_differs(changes: dict[str, Any]) -> None:
    for pair in (({}, changes), (changes, {})):
        with pytest.raises(
            InvalidResult, match=f"shard 2/2 is of another run: its {next(iter(changes))} is not"
        ):
            merged([shard_of(SOME, number, 2, **own) for number, own in enumerate(pair, start=1)])


def test_a_case_that_two_shards_have_is_told() -> None:
    with pytest.raises(InvalidResult, match="a0"):
        merged([shard_of(SOME, 1, 2), replace(shard_of(SOME, 2, 2), outcomes=tuple(SOME[:1]))])


def test_published_metrics_of_shards_are_not_put_together() -> None:
    shards = [replace(shard_of(SOME, number, 2), published={"squad_f1": 0.5}) for number in (1, 2)]
    with pytest.raises(InvalidResult, match="published metrics"):
        merged(shards)


@pytest.mark.parametrize("shard", ["x", "0/2", 3])
def test_a_shard_that_is_damaged_is_refused(shard: Any) -> None:
    with pytest.raises((InvalidResult, InvalidCase), match="no shard"):
        merged([result_of(*SOME, shard=shard)])
