"""The states that the page can be in, each brought about in a real browser: to be checked, and shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import httpx2
from browsing import ask
from pdf_writing import Pdf, lines
from playwright.sync_api import Page, Route

PAKISTAN = "what justification did Pakistan give?"
UNANSWERED = "Who is the prime minister of Pakistan?"
SURVEY = "How deep is the harbour of Skerry?"


def survey_pdf() -> bytes:
    """Return a report of two pages to ask `SURVEY` of."""
    first = lines(70, 90, ["Survey of the islands", "The islands were surveyed in the spring of 2021."])
    second = lines(
        70,
        90,
        [
            "The harbour of Skerry was measured in June, at low water.",
            "Its depth is nineteen fathoms at the mole and twelve at the pier.",
            "Larger ships should wait for the flood.",
        ],
    )
    return Pdf().page(first).page(second).bytes()


def add(url: str, name: str, content: bytes) -> None:
    """Upload a file and wait until it is stored."""
    job = httpx2.post(f"{url}/documents", files={"file": (name, content)}).raise_for_status().json()["job"]
    httpx2.get(f"{url}/jobs/{job}/events", timeout=60)


def empty(page: Page) -> None:
    """Nothing was asked yet."""


def answered(page: Page) -> None:
    """A question was answered, its evidence beside it."""
    ask(page, PAKISTAN)


def abstained(page: Page) -> None:
    """The documents do not say."""
    ask(page, UNANSWERED)


def explained(page: Page) -> None:
    """Why an answer is what it is."""
    ask(page, PAKISTAN).locator("details.why summary").click()


def commented(page: Page) -> None:
    """What is said of an answer."""
    turn = ask(page, PAKISTAN)
    turn.get_by_role("button", name="Good answer").click()
    turn.locator("[aria-pressed=true]").wait_for()
    turn.locator("details.comment summary").click()


def source(page: Page) -> None:
    """The document at the quote."""
    ask(page, PAKISTAN).locator("button.marker").first.click()
    page.locator("#viewer mark.here").first.wait_for()


def source_page(page: Page) -> None:
    """The page of a PDF at the quote."""
    ask(page, SURVEY).locator("button.marker").first.click()
    page.locator("#viewer img").wait_for()
    page.wait_for_function("document.querySelector('#viewer img').complete")


def menu(page: Page) -> None:
    """What can be done with a conversation."""
    ask(page, PAKISTAN)
    show_conversations(page)
    page.locator("#history summary").first.click()


def doomed(page: Page) -> None:
    """A conversation that is about to be deleted."""
    menu(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete for good").wait_for()


def failed(page: Page) -> None:
    """A question that cannot be asked."""
    field = page.get_by_role("textbox", name="Question")
    field.evaluate("element => element.removeAttribute('maxlength')")
    field.fill("why " * 1100)
    field.press("Enter")
    page.locator(".turn [role=alert]").wait_for(timeout=60_000)


def gone(page: Page) -> None:
    """The service cannot be reached."""

    def refuse(route: Route) -> None:
        route.abort()

    ask(page, PAKISTAN)
    page.route("**/readyz", refuse)
    page.evaluate("dispatchEvent(new Event('offline'))")
    page.locator("#banner:not([hidden])").wait_for()


def library(page: Page) -> None:
    """What there is to ask."""
    page.get_by_role("button", name="Library", exact=True).click()
    page.locator("#shelf table").wait_for()


def uploaded(page: Page, folder: Path) -> None:
    """Files that were added, and one that could not be."""
    library(page)
    good, bad = folder / "lighthouse.md", folder / "report.pdf"
    good.write_text("# Lighthouse\n\nThe lighthouse keeper of Utklippan is Berta Lund.\n")
    bad.write_bytes(b"%PDF-1.7 nothing that can be read")
    page.locator("#shelf input[type=file]").first.set_input_files([good, bad])
    page.get_by_text("it cannot be read as PDF").first.wait_for(timeout=60_000)


def evaluation(page: Page) -> None:
    """A case of an eval set that is looked at; made of the documents where there is no set yet."""
    page.get_by_role("button", name="Evaluation", exact=True).click()
    page.locator(".sets [data-none], .sets li").first.wait_for(state="attached")
    if page.locator(".sets [data-none]").count():
        page.locator("#draft-set").fill("handbook")
        page.locator("#draft-cases").fill("6")
        page.get_by_role("button", name="Draft cases").click()
    if page.locator(".parts [data-part=runs][aria-current]").count():
        page.get_by_role("button", name="Review", exact=True).click()
    page.locator("article.case").wait_for(timeout=60_000)
    page.locator(".evaluation:not([aria-busy])").wait_for()


def evaluation_edit(page: Page) -> None:
    """A case that is edited."""
    evaluation(page)
    page.locator("article.case").get_by_role("button", name="Edit").click()
    page.locator("#edit-question").wait_for()


def evaluation_run(page: Page) -> None:
    """A case was accepted, and the set was run."""
    evaluation(page)
    page.get_by_label("Reviewed by").fill("Ann")
    if page.get_by_role("button", name="Run 0 accepted cases").count():
        page.locator("article.case").get_by_role("button", name="Accept").click()
    # Of the run before.
    closing = page.get_by_role("button", name="Close this message")
    if closing.count():
        closing.click()
        closing.wait_for(state="detached")
    page.get_by_role("button", name=re.compile("^Run [1-9]")).click()
    page.get_by_role("button", name="Open the report").wait_for(timeout=60_000)


def evaluation_report(page: Page) -> None:
    """The report of a run."""
    evaluation_run(page)
    page.get_by_role("button", name="Open the report").click()
    page.frame_locator("#bench iframe").locator("h1").wait_for()


def evaluation_runs(page: Page) -> None:
    """The runs that are kept."""
    evaluation_report(page)
    page.get_by_role("button", name="All runs").click()
    page.locator("#bench tbody tr").first.wait_for()


def afresh(page: Page) -> None:
    """Leave a state for an empty chat, as after the page was opened."""
    page.unroute_all()
    page.evaluate("dispatchEvent(new Event('online'))")
    page.locator("#banner").wait_for(state="hidden")
    page.locator("#conversation [role=log] > *").first.wait_for(state="attached")
    page.get_by_role("button", name="Chat", exact=True).click()
    page.keyboard.press("Escape")
    page.evaluate("window.quotebound.view('chat'); window.quotebound.type('')")
    show_conversations(page)
    page.get_by_role("button", name="New conversation").click()
    page.locator("#conversation .empty").wait_for()


def show_conversations(page: Page) -> None:
    """Open the list of conversations where it is behind a button."""
    button = page.get_by_role("button", name="Conversations", exact=True)
    if button.is_visible():
        button.click()


STATES: dict[str, Callable[[Page], None]] = {
    "empty": empty,
    "answer": answered,
    "abstention": abstained,
    "why": explained,
    "comment": commented,
    "source": source,
    "source-pdf": source_page,
    "conversation-menu": menu,
    "conversation-delete": doomed,
    "error": failed,
    "service-gone": gone,
    "library": library,
    "evaluation": evaluation,
    "evaluation-edit": evaluation_edit,
    "evaluation-run": evaluation_run,
    "evaluation-report": evaluation_report,
    "evaluation-runs": evaluation_runs,
}
