"""The evaluation in a real browser: cases drafted, reviewed and run, and what runs found."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx2
import pytest
from browsing import ask, free_port, opened, quotebound, ready, service
from casework import BAKERY, HARBOUR, OPENED, STOPPED, draft, quoted, record, records, written
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from index.types import text_sha256

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
LEVELS = f"The gauge of Tarn shows {HOSTILE} at noon.\n"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    folder = tmp_path_factory.mktemp("corpus")
    for name, text in {"harbour.txt": HARBOUR, "bakery.txt": BAKERY, "levels.txt": LEVELS}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return (folder,)


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of eval sets in the home of the service."""
    folder = tmp_path_factory.mktemp("home") / "evaluations"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def address(corpus: Sequence[Path], sets: Path) -> Iterator[str]:
    quotebound(["ingest", *map(str, corpus)], sets.parent)
    with service(sets.parent, free_port()) as url:
        # Answers may come a moment before it says that it is ready, and of that the browser would complain.
        while httpx2.get(f"{url}/readyz").status_code != 200:
            pass
        yield url


def evaluation(page: Page, name: str = "") -> None:
    """Open the evaluation, and a set in it."""
    page.get_by_role("button", name="Evaluation", exact=True).click()
    if name:
        chosen = page.locator(".sets li button").filter(has=page.get_by_text(name, exact=True))
        chosen.click()
        expect(page.locator(".head h3")).to_have_text(name)


def case(page: Page) -> Locator:
    return page.locator("article.case")


def position(page: Page) -> Locator:
    return page.locator(".position p")


def press(page: Page, key: str) -> None:
    """Press a key once the page waits for nothing."""
    expect(page.locator(".evaluation")).not_to_have_attribute("aria-busy", "true")
    page.keyboard.press(key)


def reported(page: Page) -> FrameLocator:
    return page.frame_locator("#bench iframe")


def run(page: Page, name: str) -> None:
    """Run the set that is open and wait for its end."""
    page.get_by_role("button", name=re.compile("Run .* accepted case")).click()
    expect(page.locator(".strip")).to_contain_text(f"{name} in default is done", timeout=60_000)


def test_drafts_are_made_and_each_is_accepted_edited_rejected_or_left(page: Page, sets: Path) -> None:
    evaluation(page)
    expect(page.locator("#bench")).to_contain_text("No eval sets yet")
    page.locator("#draft-set").fill("harbour")
    page.locator("#draft-cases").fill("4")
    page.get_by_role("button", name="Draft cases").click()
    expect(position(page)).to_have_text("1 of 4 drafts", timeout=30_000)
    expect(case(page)).to_be_focused()
    expect(case(page).locator("mark").first).to_be_visible()
    first, second, third, fourth = records(sets / "harbour.jsonl")

    press(page, "a")
    expect(page.get_by_label("Reviewed by")).to_be_focused()
    page.keyboard.type("Ann")
    case(page).get_by_role("button", name="Accept").click()
    expect(case(page).locator("h3")).to_have_text(second["question"])
    expect(position(page)).to_have_text("2 of 4 drafts")

    press(page, "e")
    expect(page.locator("#edit-question")).to_be_focused()
    page.keyboard.type(" And why?")
    page.keyboard.press("Control+Enter")
    expect(case(page).locator("h3")).to_contain_text("And why?")
    press(page, "a")
    expect(case(page).locator("h3")).to_have_text(third["question"])
    press(page, "r")
    expect(case(page).locator("h3")).to_have_text(fourth["question"])
    press(page, "b")
    expect(case(page)).to_have_attribute("data-state", "rejected")
    press(page, "s")
    expect(case(page).locator("h3")).to_have_text(fourth["question"])
    press(page, "s")
    expect(page.locator(".ended")).to_contain_text("1 draft left")

    now = records(sets / "harbour.jsonl")
    assert [entry["state"] for entry in now] == ["accepted", "accepted", "rejected", "draft"]
    assert [entry["labels_by"] for entry in now] == ["Ann", "Ann", "", ""]
    assert "And why?" in now[1]["question"] and now[0]["question"] == first["question"]


def test_a_set_is_run_and_two_runs_are_shown_beside_each_other(page: Page, sets: Path) -> None:
    written(sets / "twice.jsonl", record())
    evaluation(page, "twice")
    before = len(list((sets / "runs").glob("*.summary.json")))
    run(page, "twice")
    page.get_by_role("button", name="Open the report").click()
    expect(reported(page).locator("body")).to_contain_text("twice")
    page.get_by_role("button", name="Review", exact=True).click()
    run(page, "twice")
    page.get_by_role("button", name="Runs", exact=True).click()
    rows = page.locator("#bench tbody tr")
    expect(rows).to_have_count(before + 2)
    expect(rows.first).to_contain_text("twice")
    rows.first.locator("button.title").click()
    page.get_by_label("Compare with").select_option(index=1)
    expect(page.locator("#bench iframe")).to_have_attribute("src", re.compile("against="))
    expect(page.get_by_label("Compare with")).to_be_focused()
    expect(reported(page).locator("body")).to_contain_text("twice")
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Open alone").click()
    expect(popup.value.locator("body")).to_contain_text("twice")
    popup.value.close()

    page.reload()
    ready_at_the_report(page)
    page.get_by_role("button", name="All runs").click()
    deleting = page.get_by_role("button", name="Delete the run of twice").first
    deleting.click()
    page.keyboard.press("Escape")
    expect(deleting).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile("for good")).click()
    expect(rows).to_have_count(before + 1)
    expect(page.locator("#bench")).to_contain_text("The run is deleted.")


def ready_at_the_report(page: Page) -> None:
    """A page that was left at a report shows it when it is loaded anew."""
    expect(page.locator("#bench iframe")).to_be_visible(timeout=60_000)
    expect(page.get_by_label("Compare with")).not_to_have_value("")


def test_stale_evidence_is_told_left_out_and_anchored_anew(page: Page, sets: Path) -> None:
    before = {"sha256": text_sha256("another version")}
    gone = quoted(STOPPED, BAKERY, "bakery.txt") | before | {"quote": "It burnt down."}
    gone["end"] = gone["start"] + len(gone["quote"])
    written(
        sets / "stale.jsonl",
        record(),
        record(id="moved", evidence=[quoted(OPENED, HARBOUR, "harbour.txt") | before]),
        record(id="gone", evidence=[gone]),
    )
    evaluation(page, "stale")
    expect(page.locator(".sets [aria-current]")).to_contain_text("2 stale")
    page.get_by_role("button", name="Run 3 accepted cases").click()
    strip = page.locator(".strip")
    expect(strip).to_contain_text("2 accepted cases of stale rest on evidence that does not stand")
    expect(strip).to_contain_text("moved, gone")
    page.get_by_role("button", name="Leave stale cases out and run").click()
    expect(strip).to_contain_text("is done: 1 case.", timeout=60_000)
    page.get_by_role("button", name="Stale 2", exact=True).click()
    expect(position(page)).to_have_text("1 of 2 stale cases")
    expect(case(page)).to_contain_text("the document changed, and has these words once")
    case(page).get_by_role("button", name="Re-anchor").click()
    expect(case(page).locator("mark")).to_have_text(OPENED)
    press(page, "s")
    expect(case(page)).to_contain_text("the document does not have these words")
    expect(case(page).get_by_role("button", name="Re-anchor")).to_have_count(0)
    expect(page.locator(".sets [aria-current]")).to_contain_text("1 stale")
    assert records(sets / "stale.jsonl")[1]["evidence"] == [quoted(OPENED, HARBOUR, "harbour.txt")]


def test_what_another_window_decided_is_not_overwritten(
    page: Page, sets: Path, browser: Browser, address: str
) -> None:
    written(sets / "shared.jsonl", draft("one"), draft("two", question="How many berths are there?"))
    other, _ = opened(browser, address)
    for window in (page, other):
        evaluation(window, "shared")
        expect(position(window)).to_have_text("1 of 2 drafts")
        window.get_by_label("Reviewed by").fill("Bo")
    case(page).get_by_role("button", name="Reject").click()
    expect(position(page)).to_have_text("2 of 2 drafts")
    case(other).get_by_role("button", name="Accept").click()
    expect(other.locator("#bench [role=alert]").filter(has_text="changed meanwhile")).to_be_visible()
    expect(case(other)).to_have_attribute("data-state", "rejected")
    assert records(sets / "shared.jsonl")[0]["state"] == "rejected"
    case(other).get_by_role("button", name="Accept").click()
    expect(position(other)).to_have_text("2 of 2 drafts")
    assert [entry["state"] for entry in records(sets / "shared.jsonl")] == ["accepted", "draft"]
    other.context.close()


def test_a_quote_that_does_not_stand_is_told_in_place_and_what_was_typed_stays(
    page: Page, sets: Path
) -> None:
    written(sets / "mended.jsonl", draft("one"))
    evaluation(page, "mended")
    press(page, "e")
    quote = page.get_by_label("Quote, letter for letter as it stands there")
    quote.fill("The harbour of Orwen opened in May.")
    page.get_by_role("button", name="Save").click()
    fault = case(page).get_by_role("alert").filter(has_text="does not stand in harbour.txt")
    expect(fault).to_be_visible()
    expect(quote).to_be_focused()
    expect(quote).to_have_attribute("aria-invalid", "true")
    quote.fill("harbour")
    page.keyboard.press("Control+Enter")
    expect(case(page).get_by_role("alert").filter(has_text="stands 2 times in harbour.txt")).to_be_visible()
    quote.fill("The harbour of Orwen opened in May.")
    page.reload()
    ready_to_edit(page)
    expect(quote).to_have_value("The harbour of Orwen opened in May.")
    quote.fill("The harbour of Orwen has 62 berths for visitors.")
    page.get_by_role("button", name="Save").click()
    expect(case(page).locator("mark")).to_have_text("The harbour of Orwen has 62 berths for visitors.")
    press(page, "e")
    page.get_by_label("No", exact=True).check()
    page.keyboard.press("Control+Enter")
    expect(case(page)).to_contain_text("said not to answer it")
    assert records(sets / "mended.jsonl")[0]["evidence"] == []


def ready_to_edit(page: Page) -> None:
    """A page that was left while a case was edited shows it so when it is loaded anew."""
    page.locator("form.editing").wait_for(timeout=60_000)


def test_hostile_text_in_a_question_and_a_quote_is_text(page: Page, sets: Path) -> None:
    quote = LEVELS.strip()
    written(
        sets / "hostile.jsonl",
        record(
            question=f"What does the gauge show, {HOSTILE}?",
            answers=[HOSTILE],
            evidence=[quoted(quote, LEVELS, "levels.txt")],
            labels_by=HOSTILE,
            note=HOSTILE,
        ),
    )
    evaluation(page, "hostile")
    page.get_by_role("button", name="Accepted 1", exact=True).click()
    expect(case(page).locator("h3")).to_have_text(f"What does the gauge show, {HOSTILE}?")
    expect(case(page).locator("mark")).to_have_text(quote)
    press(page, "e")
    expect(page.get_by_label("Quote, letter for letter as it stands there")).to_have_value(quote)
    assert page.locator("#bench :is(img, script)").count() == 0
    page.keyboard.press("Escape")
    expect(case(page).get_by_role("button", name="Edit")).to_be_focused()
    page.get_by_role("button", name="Open evidence 1 in its source").click()
    expect(page.locator("#viewer mark.here")).to_have_text(quote)
    run(page, "hostile")
    page.get_by_role("button", name="Open the report").click()
    expect(reported(page).locator("body")).to_contain_text(HOSTILE)
    assert reported(page).locator("img").count() == 0


def test_a_damaged_file_is_told_and_other_sets_are_not_the_worse_for_it(page: Page, sets: Path) -> None:
    file = sets / "broken.jsonl"
    file.write_text('{"id": "one"}\n', encoding="utf-8")
    written(sets / "whole.jsonl", draft("one"))
    evaluation(page, "whole")
    expect(case(page)).to_be_visible()
    broken = page.locator(".sets li").filter(has_text="broken")
    expect(broken).to_contain_text("its file cannot be read")
    broken.get_by_role("button").click()
    expect(
        page.locator("#bench [role=alert]").filter(has_text="broken.jsonl, line 1 is not a case")
    ).to_be_visible()
    file.unlink()


def test_a_run_can_be_cancelled_and_the_chat_answers_meanwhile(page: Page, sets: Path) -> None:
    many = [
        record(id=f"case-{number}", question=f"When did the harbour of Orwen open, {number}?")
        for number in range(400)
    ]
    written(sets / "long.jsonl", *many)
    evaluation(page, "long")
    page.get_by_role("button", name="Run 400 accepted cases").click()
    strip = page.locator(".strip")
    expect(strip).to_contain_text(re.compile(r"[1-9]\d* of 400"))
    page.get_by_role("button", name="Run 400 accepted cases").click()
    expect(page.locator("#bench [role=alert]").filter(has_text="A run of long is going on")).to_be_visible()
    page.get_by_role("button", name="Chat", exact=True).click()
    expect(ask(page, "When did the harbour of Orwen open?").locator(".sentences")).to_contain_text("1988")
    evaluation(page)
    expect(strip).to_contain_text("of 400")
    page.get_by_role("button", name="Cancel the run").click()
    expect(strip).to_contain_text("was cancelled; nothing of it is kept")
    page.get_by_role("button", name="Close this message").click()
    expect(strip).to_be_hidden()


def test_an_answer_that_was_marked_in_the_chat_becomes_a_draft(page: Page, sets: Path) -> None:
    turn = ask(page, "When did the harbour of Orwen open?")
    turn.locator("details.comment summary").click()
    turn.get_by_label("Make this a case of the evaluation").check()
    turn.locator("details.comment button").click()
    expect(turn.locator("details.comment summary")).to_have_text("Commented")
    evaluation(page)
    page.get_by_text("Take over from the chat").click()
    page.locator("#judged-set").fill("no/name")
    page.get_by_role("button", name="Take over", exact=True).click()
    expect(page.locator(".judging [role=alert]")).to_contain_text("is no name for an eval set")
    expect(page.locator("#judged-set")).to_be_focused()
    page.locator("#judged-set").fill("chat")
    page.keyboard.press("Enter")
    expect(position(page)).to_have_text("1 of 1 drafts")
    expect(case(page)).to_contain_text("from the chat")
    assert [entry["made_by"] for entry in records(sets / "chat.jsonl")] == ["chat"]


def test_the_view_is_not_loaded_before_it_is_opened(page: Page) -> None:
    ready(page)
    expect(page.locator(".sets [data-slot=sets]")).to_have_text("Loading…")
