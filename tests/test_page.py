"""The real page of a real service in a real browser: asking, and the evidence of what is answered."""

import json
import urllib.error
from pathlib import Path

import pytest
from browsing import ROOT, ask, get, in_view, opened
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

PAKISTAN = "what justification did Pakistan give?"
UNANSWERED = "Who is the prime minister of Pakistan?"


def text_of(address: str, name: str) -> str:
    documents = json.loads(get(f"{address}/documents"))["documents"]
    identifier = next(entry["id"] for entry in documents if name in entry["source"])
    return str(json.loads(get(f"{address}/documents/{identifier}/text"))["text"])


def test_an_answer_is_quoted_with_its_place(page: Page, address: str) -> None:
    turn = ask(page, PAKISTAN)
    expect(turn.locator(".sentences")).to_contain_text("necessary measures against militants")
    card = page.locator("#panel-evidence .card").first
    expect(card.locator("mark")).to_contain_text("necessary measures")
    expect(card.locator(".place")).to_contain_text("Afghanistan-Pakistan-border-clashes-2024.txt")
    expect(card.locator(".score")).to_contain_text("match · 0.")
    expect(card.locator("blockquote")).to_contain_text("Paktika province")  # the text around it
    start, end = (int(card.get_attribute(f"data-{name}") or "") for name in ("start", "end"))
    assert card.locator(".quote").inner_text() == text_of(address, "border-clashes")[start:end]


def test_a_marker_opens_the_source_at_the_quote(page: Page, address: str) -> None:
    turn = ask(page, PAKISTAN)
    marker = turn.locator("button.marker").first
    start, end = (int(marker.get_attribute(f"data-{name}") or "") for name in ("start", "end"))
    marker.click()
    quote = page.locator("#viewer mark.here").first
    quote.wait_for()
    assert in_view(quote)
    shown = "".join(page.locator("#viewer mark.here").all_inner_texts())
    assert shown.split() == text_of(address, "border-clashes")[start:end].split()
    assert f"start={start}&end={end}" in page.url


def test_a_link_to_a_place_opens_the_source_there(page: Page, address: str) -> None:
    marker = ask(page, PAKISTAN).locator("button.marker").first
    marker.click()
    page.locator("#viewer mark.here").first.wait_for()
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    quote = page.locator("#viewer mark.here").first
    quote.wait_for(timeout=60_000)
    assert in_view(quote)


def test_what_the_documents_do_not_say_is_said_plainly(page: Page) -> None:
    turn = ask(page, UNANSWERED)
    expect(turn.locator(".abstained")).to_have_text("The documents do not say.")
    expect(turn).to_contain_text("They are not evidence")
    nearest = turn.get_by_role("region", name="Nearest passages")
    expect(nearest.locator(".card")).to_have_count(3)
    expect(turn.locator("button.marker, mark")).to_have_count(0)
    nearest.get_by_role("button", name="Open nearest passage 1 in its source").click()
    page.locator("#viewer mark.here").first.wait_for()


def test_why_an_answer_is_what_it_is_can_be_unfolded(page: Page) -> None:
    why = ask(page, PAKISTAN).locator("details.why")
    expect(why.locator("table")).to_be_hidden()
    why.locator("summary").click()
    expect(why).to_contain_text(f"Searched for “{PAKISTAN}”")
    expect(why.locator("tbody tr").first).to_contain_text("#1")
    expect(why.locator("tbody")).to_contain_text("[1]")
    expect(why.locator(".timings")).to_contain_text("total")


def test_the_keyboard_alone_can_ask_open_the_source_and_come_back(page: Page) -> None:
    field = page.get_by_role("textbox", name="Question")
    expect(field).to_be_focused()
    page.keyboard.type(PAKISTAN)
    page.keyboard.press("Enter")
    page.locator("button.marker").first.wait_for(timeout=60_000)
    page.locator(".turn .meta").wait_for()
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('button.marker')"):
            break
    page.keyboard.press("Enter")
    page.locator("#viewer mark.here").first.wait_for()
    expect(page.locator("#viewer h2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("button.marker").first).to_be_focused()
    expect(page.locator("#pane")).to_be_hidden()


def test_what_is_being_read_is_not_drawn_anew_by_another_question(page: Page) -> None:
    why = ask(page, PAKISTAN).locator("details.why")
    why.locator("summary").click()
    why.evaluate("element => element.dataset.seen = 'yes'")
    ask(page, UNANSWERED)
    expect(page.locator("details.why").first).to_have_attribute("open", "")
    expect(page.locator("details.why").first).to_have_attribute("data-seen", "yes")


def test_an_example_that_the_documents_answer_is_asked_with_a_click(page: Page, address: str) -> None:
    # They are made while nobody asks: the page is asked again until they are there.
    example = page.locator("button.example").first
    for _ in range(60):
        if example.is_visible():
            break
        page.reload()
        page.locator(".empty").wait_for(timeout=60_000)
    question = example.inner_text()
    example.click()
    turn = page.locator(".turn")
    expect(turn.locator(".question")).to_have_text(question)
    turn.locator("button.marker").first.wait_for(timeout=60_000)


def test_a_blank_question_asks_nothing(page: Page) -> None:
    page.get_by_role("textbox", name="Question").fill("   ")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text("Ask your documents a question")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(0)


def test_a_question_that_is_too_long_says_so(page: Page) -> None:
    field = page.get_by_role("textbox", name="Question")
    field.evaluate("element => element.removeAttribute('maxlength')")
    field.fill("why " * 1100)
    field.press("Enter")
    expect(page.locator(".turn [role=alert]")).to_contain_text("more than 4000; shorten it", timeout=60_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 1000, 390])
def test_the_page_fits_at_every_width(browser: Browser, address: str, width: int, scheme: str) -> None:
    page, watched = opened(browser, address, width, scheme)
    turn = ask(page, PAKISTAN)
    assert overflowing(page) == []
    turn.locator("button.marker").first.click()
    page.locator("#viewer mark.here").first.wait_for()
    assert overflowing(page) == []
    page.keyboard.press("Escape")
    ask(page, UNANSWERED).locator("details.why summary").click()
    assert overflowing(page) == []
    page.get_by_role("button", name="Library", exact=True).click()
    page.locator("#shelf table").wait_for()
    assert overflowing(page) == []
    assert watched.complaints == []
    page.context.close()


def overflowing(page: Page) -> list[str]:
    """Return what is cut off at the right: more than its frame shows, where that does not scroll."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter((element) => {
          if (!element.checkVisibility() || element.closest('.visually-hidden, .scroll')) return false;
          const box = element.getBoundingClientRect();
          return box.width && (box.right > innerWidth + 1 || box.left < -1);
        }).map((element) => `${element.tagName}.${element.className}#${element.id}`)"""
    )
    return found


def test_the_seeds_are_served_as_they_are(address: str) -> None:
    documents = json.loads(get(f"{address}/documents"))["documents"]
    for entry in documents:
        text = json.loads(get(f"{address}/documents/{entry['id']}/text"))["text"]
        name = Path(entry["source"]).name
        if (ROOT / "seeds" / name).is_file():
            assert text == (ROOT / "seeds" / name).read_bytes().decode()


def test_a_path_that_is_not_there_is_an_error_like_the_apis(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(f"{address}/nothing")
    assert refused.value.code == 404
    assert json.loads(refused.value.read())["code"] == "not_found"


def test_a_script_that_is_written_into_the_page_does_not_run(browser: Browser, address: str) -> None:
    page, watched = opened(browser, address)
    ran = page.evaluate(
        """() => {
          const script = document.createElement('script');
          script.textContent = 'window.ran = true';
          const image = new Image();
          image.setAttribute('onerror', 'window.ran = true');
          image.src = '/nothing';
          document.body.append(script, image);
          return window.ran ?? false;
        }"""
    )
    assert ran is False
    assert any("Content Security Policy" in complaint for complaint in watched.complaints)
    page.context.close()
