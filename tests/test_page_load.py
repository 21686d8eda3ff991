"""What measures the page asks what it says, and leaves nobody out."""

import pytest
from browsing import opened
from page_load import at_once, compared, questions
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def test_there_are_questions_enough_to_compare() -> None:
    assert len(set(questions())) >= 32


def test_page_and_api_are_compared_on_questions_that_both_answer(browser: Browser, address: str) -> None:
    page, watched = opened(browser, address)
    found = compared(page, 2)
    assert 1 <= len(found.api) <= 2
    assert 1 <= len(found.page) <= 2
    assert min(*found.api, *found.page) > 0
    assert watched.complaints == []
    page.context.close()


def test_visitors_who_ask_at_once_are_answered_or_told_that_it_is_busy(
    browser: Browser, address: str
) -> None:
    outcomes = at_once(browser, address, 3)
    assert outcomes.total() == 3
    assert outcomes.keys() <= {"answered", "abstained", "busy"}
