"""The real page over a language model that is scripted: what it writes, and each of its failures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import ask, free_port, opened, quotebound, ready, service
from llm_failures import BREAKS, FAILURES
from llm_replies import Gate, Reply, Request, Spoken, spoken
from llm_server import LanguageModelServer
from playwright.sync_api import Browser, Page, expect
from writing import EXACT, FERRY, QUESTION

pytestmark = pytest.mark.browser


class Stage:
    """What the language model does with the next question."""

    def __init__(self) -> None:
        self.next: Any = spoken(EXACT)

    def __call__(self, request: Request) -> Reply:
        reply: Reply = self.next(request) if callable(self.next) else self.next
        return reply


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, stage: Stage) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("writing")
    (folder / "ferry.txt").write_text(FERRY)
    quotebound(["ingest", str(folder / "ferry.txt")], folder / "home")
    with LanguageModelServer(stage) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUOTEBOUND_LLM_URL", server.base_url)
        patch.setenv("QUOTEBOUND_LLM_FORMAT", "lines")
        patch.setenv("QUOTEBOUND_LLM_RETRIES", "0")
        patch.setenv("QUOTEBOUND_LLM_TIMEOUT", "1")
        with service(folder / "home", free_port()) as url:
            yield url


@pytest.fixture
def page(browser: Browser, address: str, stage: Stage) -> Iterator[Page]:
    shown, _ = opened(browser, address)
    stage.next = spoken(EXACT)
    yield shown
    shown.context.close()


def test_a_written_answer_is_shown_over_its_evidence(page: Page) -> None:
    ask(page, QUESTION)
    expect(page.locator(".sentences")).to_contain_text("The ferry leaves at nine.")
    expect(page.locator(".meta")).to_contain_text("written by scripted")
    page.locator("button.marker").first.click()
    expect(page.locator("#viewer mark.here")).to_have_text("The ferry to Kallinge leaves at nine.")
    page.get_by_role("tab", name="Evidence").click()
    card = page.locator("#panel-evidence .card").first
    expect(card.locator("mark")).to_have_text("The ferry to Kallinge leaves at nine")


def test_sentences_are_shown_while_the_rest_is_being_written(page: Page, stage: Stage) -> None:
    gate = Gate()
    first, rest = EXACT.split("\nQ1: It")
    stage.next = Spoken([f"{first}\n", gate, f"Q1: It{rest}"])
    page.get_by_role("textbox", name="Question").fill(QUESTION)
    page.get_by_role("textbox", name="Question").press("Enter")
    expect(page.locator(".sentences")).to_contain_text("The ferry leaves at nine.")
    expect(page.locator(".pending")).to_have_text("Writing…")
    gate.set()
    expect(page.locator(".sentences")).to_contain_text("The crossing lasts forty minutes.")
    expect(page.locator(".pending")).to_have_count(0)


def test_a_sentence_that_was_withheld_is_told_of(page: Page, stage: Stage) -> None:
    stage.next = spoken(f"Q1: The ferry to Kallinge leaves at ten\nS: It leaves at ten.\n{EXACT}")
    ask(page, QUESTION)
    expect(page.locator(".meta")).to_contain_text("1 sentence withheld")
    expect(page.locator("#conversation")).not_to_contain_text("It leaves at ten.")


def test_a_question_that_depends_on_the_one_before_is_understood(page: Page) -> None:
    ask(page, QUESTION)
    expect(page.locator(".meta")).to_contain_text("written by")
    ask(page, "How long does it take?")
    expect(page.locator(".meta").last).to_contain_text("searched for")


def test_a_link_that_a_model_writes_is_text_and_asks_nobody(page: Page, stage: Stage, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    stage.next = spoken(
        "Q1: The ferry to Kallinge leaves at nine\n"
        'S: It leaves at nine ![x](http://127.0.0.1:9/?q=1) <img src="http://127.0.0.1:9/y"> indeed.\n'
    )
    ask(page, QUESTION)
    expect(page.locator(".meta")).to_contain_text("Confidence")
    assert page.locator("#conversation img, #conversation a").count() == 0
    assert all(url.startswith((address, "data:", "blob:")) for url in asked)


def test_each_failure_shows_the_documents_own_answer_with_its_reason(page: Page, stage: Stage) -> None:
    broken = {name: (Spoken(parts, **how), reason) for name, (parts, how, reason) in BREAKS.items()}
    for place, (script, _) in enumerate((FAILURES | broken).values()):
        if place % 3 == 0:
            # A server that failed four times in a row would be left alone.
            page.reload()
            ready(page)
            stage.next = spoken(EXACT)
            turn = ask(page, QUESTION)
            expect(turn.locator(".meta")).to_contain_text("written by")
        stage.next = script
        turn = ask(page, QUESTION)
        expect(turn.locator(".instead")).to_contain_text("These are sentences of your documents")
        expect(turn.locator(".sentences")).to_contain_text("The ferry to Kallinge leaves at nine.")


def test_a_narrow_window_holds_a_written_answer(browser: Browser, address: str, stage: Stage) -> None:
    page, _ = opened(browser, address, width=390)
    stage.next = FAILURES["is overloaded"][0]
    ask(page, QUESTION)
    expect(page.locator(".instead")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.close()


def test_an_answer_that_is_stopped_is_written_no_further(page: Page, stage: Stage) -> None:
    gate = Gate()
    first, rest = EXACT.split("\nQ1: It")
    stage.next = Spoken([f"{first}\n", gate, f"Q1: It{rest}"])
    page.get_by_role("textbox", name="Question").fill(QUESTION)
    page.get_by_role("textbox", name="Question").press("Enter")
    expect(page.locator(".sentences")).to_contain_text("The ferry leaves at nine.")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_hidden()
    # One question at a time: another one stays in the field.
    page.get_by_role("textbox", name="Question").fill("And on Sundays?")
    page.get_by_role("textbox", name="Question").press("Enter")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".turn .notice")).to_have_text("Stopped.")
    gate.set()
    expect(page.locator(".turn")).to_have_count(1)
    expect(page.get_by_role("textbox", name="Question")).to_have_value("And on Sundays?")
    stage.next = spoken(EXACT)
    page.locator(".turn").get_by_role("button", name="Ask again").click()
    expect(page.locator(".turn").nth(1).locator(".meta")).to_contain_text("written by", timeout=60_000)
    expect(page.locator(".turn").first).not_to_contain_text("The crossing lasts forty minutes.")


def test_who_waits_long_is_told_that_the_answer_still_comes(page: Page, stage: Stage) -> None:
    gate = Gate()
    stage.next = Spoken([gate, EXACT])
    page.get_by_role("textbox", name="Question").fill(QUESTION)
    page.get_by_role("textbox", name="Question").press("Enter")
    slow = page.locator(".turn .slow")
    slow.wait_for(state="attached")
    expect(slow).to_have_css("visibility", "hidden")
    page.evaluate(
        "document.getAnimations().filter((a) => a.animationName === 'qb-reveal').forEach((a) => a.finish())"
    )
    expect(slow).to_be_visible()
    gate.set()
    expect(page.locator(".sentences")).to_contain_text("The ferry leaves at nine.")


def test_a_service_that_goes_away_and_comes_back_loses_no_conversation(
    browser: Browser, tmp_path: Path, stage: Stage
) -> None:
    (tmp_path / "ferry.txt").write_text(FERRY)
    quotebound(["ingest", str(tmp_path / "ferry.txt")], tmp_path / "home")
    port = free_port()
    with service(tmp_path / "home", port) as url:
        page, _ = opened(browser, url)
        ask(page, QUESTION)
        page.get_by_role("textbox", name="Question").fill("How much are tickets?")
    expect(page.locator("#banner")).to_contain_text("cannot be reached", timeout=60_000)
    page.get_by_role("textbox", name="Question").press("Enter")
    expect(page.get_by_role("textbox", name="Question")).to_have_value("How much are tickets?")
    with service(tmp_path / "home", port):
        expect(page.locator("#banner")).to_have_text("The service is back.", timeout=60_000)
        # What was said and typed is there again.
        expect(page.locator(".turn")).to_have_count(1)
        expect(page.get_by_role("textbox", name="Question")).to_have_value("How much are tickets?")
        turn = ask(page, QUESTION)
        expect(turn.locator(".sentences")).to_contain_text("The ferry leaves at nine.")
        page.reload()
        ready(page)
        expect(page.locator(".turn")).to_have_count(2)
    page.context.close()
