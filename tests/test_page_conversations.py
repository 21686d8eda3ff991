"""Conversations in a real browser: kept, found again, renamed, taken away, and nobody else's."""

from pathlib import Path

import pytest
from browsing import ROOT, ask, free_port, opened, ready, service
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

PAKISTAN = "what justification did Pakistan give?"
UNANSWERED = "Who is the prime minister of Pakistan?"


def listed(page: Page) -> list[str]:
    return [title.split("\n")[0] for title in page.locator("#history button.title").all_inner_texts()]


def begin(page: Page) -> None:
    page.get_by_role("button", name="New conversation").click()
    page.locator("#conversation .empty").wait_for()


def test_a_page_that_is_loaded_again_shows_the_conversation_with_its_evidence(page: Page) -> None:
    said = ask(page, PAKISTAN).locator(".sentences").inner_text()
    ask(page, UNANSWERED)
    page.reload()
    ready(page)
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator(".turn .sentences")).to_have_text(said)
    expect(page.locator(".turn .abstained")).to_have_count(1)
    page.locator("button.marker").first.click()
    page.locator("#viewer mark.here").first.wait_for()


def test_a_follow_up_is_understood_after_the_page_was_loaded_again(page: Page) -> None:
    ask(page, "Which province did Pakistan strike in December 2024?")
    page.reload()
    ready(page)
    follow_up = ask(page, "And what justification did it give?")
    expect(follow_up.locator(".meta")).to_contain_text("searched for “What justification did it give (")


def test_a_new_conversation_leaves_the_old_one_in_the_list(page: Page) -> None:
    ask(page, PAKISTAN)
    begin(page)
    expect(page.get_by_role("textbox", name="Question")).to_be_focused()
    ask(page, UNANSWERED)
    expect(page.locator("#history button.title")).to_have_count(2)
    assert listed(page) == [UNANSWERED, PAKISTAN]
    page.locator("#history button.title").nth(1).click()
    expect(page.locator(".turn .question")).to_have_text(PAKISTAN)
    expect(page.locator("#history [aria-current]")).to_contain_text(PAKISTAN)


def test_conversations_are_searched(page: Page) -> None:
    ask(page, PAKISTAN)
    begin(page)
    ask(page, UNANSWERED)
    search = page.get_by_role("searchbox", name="Search conversations")
    search.fill("JUSTIFICATION")
    expect(page.locator("#history button.title")).to_have_count(1)
    assert listed(page) == [PAKISTAN]
    search.fill("zebra")
    expect(page.locator("#history")).to_contain_text("No conversation has “zebra” in it.")


def test_a_conversation_is_renamed(page: Page) -> None:
    ask(page, PAKISTAN)
    page.locator("#history summary").click()
    page.get_by_label("Title", exact=True).fill("The  border")
    page.get_by_role("button", name="Rename").click()
    expect(page.locator("#history button.title")).to_contain_text("The border")
    page.reload()
    expect(page.locator("#history button.title")).to_contain_text("The border", timeout=60_000)


def test_a_conversation_is_deleted_only_when_that_was_meant(page: Page) -> None:
    ask(page, PAKISTAN)
    for last in ("Keep", "Delete for good"):
        page.locator("#history summary").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("button", name=last).click()
    expect(page.locator("#history button.title")).to_have_count(0)
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.locator("#history [role=status]")).to_have_text("The conversation is deleted.")
    page.reload()
    ready(page)
    expect(page.locator(".turn")).to_have_count(0)


def test_a_conversation_is_exported_with_its_citations(page: Page, tmp_path: Path) -> None:
    said = ask(page, PAKISTAN).locator(".sentences p").first.inner_text().partition(" [")[0]
    page.locator("#history summary").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as Markdown").click()
    file = tmp_path / "kept.md"
    download.value.save_as(file)
    text = file.read_text(encoding="utf-8")
    assert download.value.suggested_filename.endswith(".md")
    assert PAKISTAN in text
    assert said.rstrip(".") in text
    assert "/#doc=" in text


def test_two_visitors_see_their_own_conversations_only(browser: Browser, address: str, page: Page) -> None:
    ask(page, PAKISTAN)
    conversation = page.evaluate("sessionStorage.getItem('quotebound.conversation')")
    other, _ = opened(browser, address)
    expect(other.locator("#history")).to_contain_text("Conversations are kept here.")
    ask(other, UNANSWERED)
    assert listed(other) == [UNANSWERED]
    # Not even who knows its name gets another visitor's.
    other.evaluate("id => sessionStorage.setItem('quotebound.conversation', id)", conversation)
    other.reload()
    ready(other)
    expect(other.locator(".turn")).to_have_count(0)
    assert other.request.get(f"{address}/conversations/{conversation}.md").status == 404
    assert listed(page) == [PAKISTAN]
    other.context.close()


def test_what_is_said_of_an_answer_is_kept(page: Page) -> None:
    turn = ask(page, PAKISTAN)
    turn.get_by_role("button", name="Good answer").click()
    expect(turn.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    turn.get_by_role("button", name="Bad answer").click()
    expect(turn.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "false")
    turn.locator("details.comment summary").click()
    turn.get_by_role("textbox").fill("It names the wrong ministry. <b>really</b>")
    turn.get_by_role("checkbox").check()
    turn.get_by_role("button", name="Save").click()
    expect(turn.locator("details.comment summary")).to_have_text("Commented")
    page.reload()
    ready(page)
    turn = page.locator(".turn")
    expect(turn.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    turn.locator("details.comment summary").click()
    expect(turn.get_by_role("textbox")).to_have_value("It names the wrong ministry. <b>really</b>")
    expect(turn.get_by_role("checkbox")).to_be_checked()


def test_an_answer_is_copied_with_its_quotes_asked_again_and_its_question_edited(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    turn = ask(page, PAKISTAN)
    turn.get_by_role("button", name="Copy the answer").click()
    expect(turn.get_by_role("button", name="Copy the answer")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert PAKISTAN in copied
    assert "[1] “" in copied and "characters" in copied
    turn.get_by_role("button", name="Ask again").click()
    expect(page.locator(".turn")).to_have_count(2)
    page.locator(".turn").nth(1).locator(".actions").wait_for(timeout=60_000)
    page.locator(".turn").nth(1).get_by_role("button", name="Edit the question").click()
    field = page.get_by_role("textbox", name="Question")
    expect(field).to_have_value(PAKISTAN)
    expect(field).to_be_focused()


def test_an_answer_that_comes_when_another_conversation_is_open_is_kept_in_its_own(page: Page) -> None:
    ask(page, UNANSWERED)
    begin(page)
    page.get_by_role("textbox", name="Question").fill(PAKISTAN)
    page.get_by_role("textbox", name="Question").press("Enter")
    page.locator(".turn").wait_for()
    # Not where it was: once the answer is there the list grows at its top.
    page.locator("#history button.title", has_text=UNANSWERED).dispatch_event("click")
    expect(page.locator(".turn .question")).to_have_text(UNANSWERED)
    expect(page.locator("#history button.title")).to_have_count(2, timeout=60_000)
    expect(page.locator(".turn")).to_have_count(1)
    page.locator("#history button.title", has_text=PAKISTAN).click()
    expect(page.locator(".turn .question")).to_have_text(PAKISTAN)


def test_no_script_can_read_who_a_visitor_is(page: Page) -> None:
    assert [each["name"] for each in page.context.cookies()] == ["quotebound_visitor"]
    assert page.evaluate("document.cookie") == ""


def test_an_empty_chat_offers_examples_once_there_are_documents(browser: Browser, tmp_path: Path) -> None:
    with service(tmp_path, free_port()) as url:
        page, _ = opened(browser, url)
        expect(page.locator(".empty")).to_contain_text("Add your documents first")
        page.get_by_role("button", name="Add documents").click()
        for name in ("Afghanistan-Pakistan-border-clashes-2024.txt", "quotebound-handbook.md"):
            page.locator("#shelf input[type=file]").first.set_input_files(ROOT / "seeds" / name)
        expect(page.locator("#shelf tbody tr")).to_have_count(2, timeout=60_000)
        page.get_by_role("button", name="Chat", exact=True).click()
        expect(page.locator("button.example").first).to_be_visible(timeout=60_000)
        page.context.close()
