"""The contract of the `Support` protocol, inherited by the tests of its implementations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from rag.reading.support import Support

QUOTE = "The Mangla dam was first opened near Mirpur in 1967, and 24 villages were not moved."
SAID = "The Mangla dam was first opened near Mirpur in 1967."
PAIRS = [
    (SAID, QUOTE),
    ("Snow leopards hunt at night.", QUOTE),
    (SAID, "It stores water from the Jhelum river."),
]


class SupportContract:
    """Give `support`."""

    def support(self) -> Support:
        raise NotImplementedError

    def test_no_pairs_have_no_scores(self) -> None:
        assert self.support().score([]) == []

    def test_each_pair_has_a_probability_in_order(self) -> None:
        scores = self.support().score(PAIRS)
        assert all(0 <= score <= 1 for score in scores)
        assert self.support().score(PAIRS[::-1]) == pytest.approx(scores[::-1])
        assert scores[0] > max(scores[1:])

    def test_a_pair_has_the_same_score_whatever_stands_beside_it(self) -> None:
        alone = [self.support().score([pair])[0] for pair in PAIRS]
        assert self.support().score(PAIRS) == pytest.approx(alone, abs=1e-4)
        assert self.support().score([PAIRS[0], PAIRS[0]]) == pytest.approx([alone[0]] * 2, abs=1e-4)

    @pytest.mark.parametrize("pair", [("", QUOTE), (SAID, ""), (" \n", " "), ("", "")])
    def test_an_empty_text_is_not_supported_and_supports_nothing(self, pair: tuple[str, str]) -> None:
        assert self.support().score([PAIRS[0], pair, PAIRS[1]])[1] == 0

    @pytest.mark.parametrize(
        "text", ["…", "?!", "\u200b", "\x00", "大坝建于一九六七年。", "🙂", "the of and", "a" * 5000]
    )
    def test_any_text_has_a_score(self, text: str) -> None:
        assert all(
            0 <= score <= 1 for score in self.support().score([(text, QUOTE), (SAID, text), (text, text)])
        )

    def test_many_threads_get_the_scores_of_one(self) -> None:
        support = self.support()
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda _: support.score(PAIRS), range(8)))
        assert all(scores == found[0] for scores in found)
