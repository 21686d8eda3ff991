"""A process killed at any moment: what it acknowledged is there, and what it deleted is never cited."""

import pytest
from torture import kills, reindexing


@pytest.fixture(scope="module")
def killed() -> kills.Killed:
    return kills.run(25, seed=7)


def test_what_was_acknowledged_outlives_every_kill_and_nothing_deleted_is_cited(killed: kills.Killed) -> None:
    assert killed.violations == ()


def test_the_kills_strike_openings_changes_and_jobs_while_questions_are_asked(killed: kills.Killed) -> None:
    assert set(killed.moments) == {"start", "opened", "job"}
    assert sum(killed.acknowledged.values()) > 10
    assert sum(killed.broken_off.values()) > 3
    assert killed.questions > 25
    assert killed.hits > 25


def test_a_store_that_acknowledges_too_early_is_found_out() -> None:
    assert kills.run(16, seed=7, hasty=True).violations


def test_a_reindex_killed_under_questions_resumes_and_every_answer_is_whole() -> None:
    found = reindexing.run(2, documents=30, seed=1)
    assert found.violations == ()
    assert found.answers["hashing"]
    assert found.answers["other"]
    assert found.passages < found.embedded
