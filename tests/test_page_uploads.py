"""Files on their way into the library, and its table, in a real browser."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from browsing import opened
from playwright.sync_api import Browser, FilePayload, Page, Route, expect

from index.coverage import Coverage
from index.home import CollectionInfo
from index.types import DocumentInfo
from ui.rendering.library import Drawing, Shelf, shelf

pytestmark = pytest.mark.browser

TOWER = "# The tower\n\nThe lighthouse keeper of Utklippan is Berta Lund.\n"
HOSTILE = "<img src=x onerror=alert(1)>.md"
FIRST = Drawing(run="a run", number=2)
_DROP = """([selector, name, text]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], name));
  const at = document.querySelector(selector);
  at.dispatchEvent(new DragEvent("dragover", { dataTransfer, bubbles: true, cancelable: true }));
  const over = "dropping" in document.body.dataset;
  at.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  return over;
}"""


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    shown, watched = opened(browser, address)
    library(shown)
    yield shown
    shown.context.close()
    # Of a request that fails the browser itself complains.
    assert [said for said in watched.complaints if "Failed to load resource" not in said] == []


def library(page: Page) -> None:
    page.get_by_role("button", name="Library").click()
    page.locator("#documents .shelves li").first.wait_for()


def give(page: Page, name: str = "tower.md", data: bytes = TOWER.encode()) -> None:
    page.locator("#files").set_input_files([FilePayload(name=name, mimeType="", buffer=data)])


def state(page: Page, said: str) -> None:
    expect(page.locator(".uploads li .state").last).to_contain_text(said, timeout=60_000)


def many(count: int, drawing: Drawing = FIRST) -> str:
    """Return the patch of a library with many documents, the one added first called last."""
    documents = [
        DocumentInfo(
            id=f"{number:032x}",
            source=f"folder/{number}.pdf",
            origin=f"upload:{number}",
            title=f"Bericht über Ærø {count - number}",
            media_type="application/pdf",
            sha256="0" * 64,
            content_sha256="0" * 64,
            characters=10,
            passages=1,
            pages=3,
            added=f"2026-03-04T05:{number // 60 % 60:02}:{number % 60:02}Z",
            coverage=Coverage(text=3),
        )
        for number in range(count)
    ]
    return shelf(
        Shelf("default", "default", [CollectionInfo("default", count, None)], documents), drawing=drawing
    )


def draw(page: Page, patch: str) -> None:
    told = "value => ({ detail: { region: 'documents', value } })"
    page.evaluate(
        f"value => document.dispatchEvent(new CustomEvent('quotebound:shown', ({told})(value)))", patch
    )


def titles(page: Page) -> Sequence[str]:
    return page.locator("#documents tbody th").all_inner_texts()


def test_a_file_sent_again_is_there_already_and_a_later_version_replaces_it(page: Page) -> None:
    give(page)
    state(page, "Added")
    give(page)
    state(page, "There already")
    give(page, data=TOWER.replace("Berta", "Karin").encode())
    state(page, "Replaced")


def test_a_file_that_is_dropped_on_the_library_is_added(page: Page) -> None:
    assert page.evaluate(_DROP, ["#documents .library", "dropped.md", TOWER])
    state(page, "Added")
    expect(page.locator("body")).not_to_have_attribute("data-dropping", "")


def test_a_file_that_is_dropped_elsewhere_does_not_lead_away(page: Page) -> None:
    assert not page.evaluate(_DROP, ["#top", "dropped.md", TOWER])
    expect(page.locator(".uploads")).to_be_hidden()


def test_a_folder_is_added_with_its_paths_and_without_what_is_hidden(page: Page, tmp_path: Path) -> None:
    for name in ("one.md", "inner/two.md", ".hidden/three.md", "Thumbs.db"):
        file = tmp_path / "reports" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {name}\n\nThis is the text of {name}.\n")
    page.locator("#folder").set_input_files(tmp_path / "reports")
    expect(page.locator(".uploads .tally")).to_have_text("2 of 2 files finished", timeout=60_000)
    assert set(page.locator(".uploads .name").all_inner_texts()) == {"reports/one.md", "reports/inner/two.md"}


def test_an_upload_that_broke_off_says_so_and_can_be_tried_again(page: Page) -> None:
    page.route("**/documents", lambda route: route.abort())
    give(page, "broken.md")
    state(page, "Failed: the service went away")
    page.unroute_all()
    page.get_by_role("button", name="Try again: broken.md").click()
    state(page, "Added")
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)


def test_a_file_that_was_accepted_is_followed_again_once_the_service_is_back(page: Page) -> None:
    page.route("**/jobs/**", lambda route: route.abort())
    give(page, "kept.md")
    state(page, "The service went away. The file is kept")
    page.unroute_all()
    state(page, "Added")


def test_what_is_refused_for_now_can_be_tried_again_and_what_is_wrong_cannot(page: Page) -> None:
    busy = '{"code": "overloaded", "message": "too many uploads are waiting"}'
    page.route("**/documents", lambda route: route.fulfill(status=503, body=busy))
    give(page, "busy.md")
    state(page, "Failed: too many uploads are waiting")
    expect(page.get_by_role("button", name="Try again: busy.md")).to_be_visible()
    page.unroute_all()
    give(page, "picture.png", b"\x89PNG\r\n\x1a\n nothing")
    state(page, "Failed: picture.png is a PNG image, which is not read")
    expect(page.get_by_role("button", name="Try again: picture.png")).to_have_count(0)


def test_a_file_over_the_limit_is_refused_before_it_is_sent(page: Page) -> None:
    page.locator("#documents .library").evaluate("element => element.dataset.limit = 10")
    give(page)
    state(page, "Failed: tower.md has 0.0 MB, more than the limit")


def test_leaving_while_a_file_is_sent_asks_first(browser: Browser, address: str) -> None:
    page = browser.new_context().new_page()
    page.goto(address)
    library(page)
    held: list[Route] = []
    page.route("**/documents", lambda route: held.append(route))  # noqa: PLW0108 - it is marked
    give(page)
    state(page, "Uploading")
    with page.expect_event("dialog") as asked:
        page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.accept()
    page.context.close()


def test_the_name_of_a_file_is_text_and_nothing_else(page: Page) -> None:
    give(page, HOSTILE, b"# Zebra <script>alert(2)</script>\n\nThe zebra <b>sleeps</b> at noon.\n")
    state(page, "Added")
    page.get_by_text("Jobs", exact=True).click()
    for region in (".uploads", "#documents tbody", "#jobs"):
        expect(page.locator(region).get_by_text(HOSTILE).first).to_be_visible()
    expect(page.locator("#shelf :is(img, script, b)")).to_have_count(0)


def test_many_documents_are_narrowed_down_as_one_types(page: Page) -> None:
    draw(page, many(2_000))
    count = page.locator("#documents .count")
    expect(count).to_have_text("200 of 2,000 shown")
    field = page.locator("#document-filter")
    field.fill("UBER 1983")  # in a title or a source
    expect(count).to_have_text("2 of 2,000 shown")
    field.fill("folder/17.pdf")
    expect(count).to_have_text("1 of 2,000 shown")
    assert titles(page) == ["Bericht über Ærø 1983"]
    field.fill("nothing like it")
    expect(count).to_have_text("0 of 2,000 shown")


def test_more_of_many_documents_are_shown_when_asked_for(page: Page) -> None:
    draw(page, many(450))
    for shown in (400, 450):
        page.get_by_role("button", name="Show more").click()
        expect(page.locator("#documents .count")).to_have_text(f"{shown} of 450 shown")
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()


def test_documents_are_sorted_by_title_and_by_when_they_were_added(page: Page) -> None:
    draw(page, many(12))
    by_title, by_added = (page.get_by_role("columnheader", name=name) for name in ("Document", "Added"))
    by_title.get_by_role("button").click()
    assert [title.rsplit(" ", 1)[1] for title in titles(page)] == [str(number) for number in range(1, 13)]
    expect(by_title).to_have_attribute("aria-sort", "ascending")
    by_added.get_by_role("button").click()
    by_added.get_by_role("button").click()
    expect(by_added).to_have_attribute("aria-sort", "descending")
    expect(by_title).to_have_attribute("aria-sort", "none")
    assert titles(page)[0] == "Bericht über Ærø 1"


def test_a_question_whether_to_delete_outlasts_what_else_changes(page: Page) -> None:
    draw(page, many(3))
    page.get_by_role("button", name="Delete Bericht über Ærø 2", exact=True).click()
    draw(page, many(3, Drawing(run="a run", number=3)))
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete Bericht über Ærø 2", exact=True)).to_be_focused()


def test_what_was_drawn_earlier_and_comes_later_is_not_shown(page: Page) -> None:
    draw(page, many(3))
    draw(page, many(2, Drawing(run="a run", number=1)))
    expect(page.locator("#documents tbody tr")).to_have_count(3)
    draw(page, many(2, Drawing(run="another run", number=1)))
    expect(page.locator("#documents tbody tr")).to_have_count(2)


def test_the_library_fits_a_narrow_window(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    draw(page, many(3))
    give(page, "bad.pdf", b"%PDF-1.7 nothing that can be read")
    state(page, "Failed: bad.pdf is damaged")
    for box in ("html", "#shelf"):
        assert page.locator(box).evaluate("element => element.scrollWidth <= element.clientWidth")
    assert page.get_by_role("row").count() > 3  # still a table to those who do not see it
