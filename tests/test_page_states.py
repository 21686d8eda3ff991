"""What the page says when all is not well, and to whom it is hard to read, in a real browser."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from browsing import ask, free_port, opened, quotebound, ready, service
from playwright.sync_api import Browser, Page, Route, expect

pytestmark = pytest.mark.browser

PAKISTAN = "what justification did Pakistan give?"
KEY = "a key of many characters"
HEBREW = "מגדלור אוטקליפאן\n\nשומרת המגדלור של אוטקליפאן היא ברטה לונד. המגדלור נבנה בשנת 1789.\n"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    file = tmp_path_factory.mktemp("corpus") / "tower.txt"
    file.write_text(HEBREW, encoding="utf-8")
    return Path("seeds"), file


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    shown, _ = opened(browser, address)
    yield shown
    shown.context.close()


def readiness(page: Page, status: int, body: str = "{}") -> None:
    """Have the service answer whether it is ready in another way, and the page look."""
    page.unroute_all()

    def answer(route: Route) -> None:
        route.fulfill(status=status, body=body, content_type="application/json")

    page.route("**/readyz", answer)
    page.evaluate("dispatchEvent(new Event('online'))")


def test_a_model_that_is_being_loaded_is_told_of_until_it_is(page: Page) -> None:
    readiness(page, 503)
    expect(page.locator("#banner")).to_contain_text("The model is being loaded")
    readiness(page, 200)
    expect(page.locator("#banner")).to_have_text("The model is loaded.")


def test_a_service_in_trouble_is_told_of_and_a_question_can_be_asked_after_it(page: Page) -> None:
    readiness(page, 502)
    expect(page.locator("#banner")).to_contain_text("does not answer as it should")
    readiness(page, 200)
    expect(page.locator("#banner")).to_have_text("The service is back.")
    ask(page, PAKISTAN)


def test_a_key_that_is_not_accepted_any_more_asks_to_sign_in_again(browser: Browser, tmp_path: Path) -> None:
    quotebound(["ingest", "seeds"], tmp_path)
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUOTEBOUND_API_KEY", KEY)
        context = browser.new_context(http_credentials={"username": "", "password": KEY})
        with service(tmp_path, port, key=KEY) as url:
            page = context.new_page()
            page.goto(url)
            ready(page)
            ask(page, PAKISTAN)
        patch.setenv("QUOTEBOUND_API_KEY", f"{KEY} too")
        with service(tmp_path, port, key=f"{KEY} too"):
            expect(page.locator("#banner")).to_contain_text("not accepted any more", timeout=60_000)
            expect(page.get_by_role("button", name="Sign in again")).to_be_visible()
        context.close()


def test_text_that_runs_from_right_to_left_is_shown_so(page: Page) -> None:
    page.get_by_role("button", name="Library", exact=True).click()
    page.locator("#shelf tbody tr", has_text="tower.txt").locator("button.title").click()
    block = page.locator("#viewer").get_by_text("ברטה לונד").first
    block.wait_for()
    assert block.evaluate("element => getComputedStyle(element).direction") == "rtl"


def test_a_question_that_runs_from_right_to_left_is_shown_so(page: Page) -> None:
    turn = ask(page, "מי היא שומרת המגדלור של אוטקליפאן?")
    question = turn.locator(".question")
    assert question.evaluate("element => getComputedStyle(element).direction") == "rtl"


def test_nothing_moves_for_who_wants_no_motion(browser: Browser, address: str) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(address)
    ready(page)
    ask(page, PAKISTAN)
    moving = page.evaluate(
        """() => document.getAnimations().filter((animation) => {
          const { duration, iterations } = animation.effect.getComputedTiming();
          return duration > 20 || iterations === Infinity;
        }).length"""
    )
    assert moving == 0
    context.close()


def test_a_narrow_page_keeps_its_conversations_behind_a_button(browser: Browser, address: str) -> None:
    page, _ = opened(browser, address, width=390)
    ask(page, PAKISTAN)
    expect(page.locator("#side")).to_be_hidden()
    menu = page.get_by_role("button", name="Conversations")
    menu.click()
    expect(page.locator("#history button.title")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#side")).to_be_hidden()
    expect(menu).to_be_focused()
    page.context.close()
