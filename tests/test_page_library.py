"""The library in a real browser: files added, asked, deleted and brought back; collections; what is asked."""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from browsing import ask, get, opened
from pdf_writing import Pdf, lines
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

pytestmark = pytest.mark.browser

DOCUMENTS = Path(__file__).parent / "documents"
TOWER = "# The tower\n\nThe lighthouse keeper of Utklippan is Berta Lund. The tower was built in 1789.\n"
KEEPER = "Who is the lighthouse keeper of Utklippan?"
FERRY = "# The ferry\n\nThe ferry to Hanö leaves at nine in the morning. Its captain is Olof Frisk.\n"
CAPTAIN = "Who is the captain of the ferry to Hanö?"
MAIL = (
    "From: Ada <ada@example.org>\nTo: Bo <bo@example.org>\nSubject: The harbour\n"
    "Date: Mon, 02 Mar 2026 10:00:00 +0000\nContent-Type: text/plain; charset=utf-8\n\n"
    "The harbour master of Karlshamn is Signe Holm.\n"
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    file = tmp_path_factory.mktemp("corpus") / "ferry.md"
    file.write_text(FERRY, encoding="utf-8")
    return (file,)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    shown, watched = opened(browser, address)
    yield shown
    shown.context.close()
    # Of a file that is refused at once the browser itself complains.
    assert [said for said in watched.complaints if "Failed to load resource" not in said] == []


@pytest.fixture
def collection(page: Page, request: pytest.FixtureRequest) -> str:
    """A collection of its own, made in the library and chosen there, which the page is left in."""
    name = str(request.node.name).replace("_", "-")[:60]
    library(page)
    page.get_by_text("New collection").click()
    page.get_by_label("Name of the collection").fill(name)
    page.keyboard.press("Enter")
    expect(chosen(page)).to_contain_text(name)
    return name


def library(page: Page) -> None:
    page.get_by_role("button", name="Library").click()
    page.locator("#documents .shelves li").first.wait_for()


def chat(page: Page) -> None:
    page.get_by_role("button", name="Chat", exact=True).click()


def chosen(page: Page) -> Locator:
    return page.locator("#documents .shelves [aria-current]")


def row(page: Page, title: str) -> Locator:
    return page.locator("#documents tbody tr").filter(has=page.get_by_role("button", name=title, exact=True))


def added(page: Page, *files: tuple[str, bytes]) -> None:
    """Give files to the library, and wait until what became of them is known."""
    given = [FilePayload(name=name, mimeType="", buffer=data) for name, data in files]
    before = page.locator(".uploads li").count()
    page.locator("#files").set_input_files(given)
    ended = page.locator(".uploads li:is([data-state=done], [data-state=partly], [data-state=failed])")
    expect(ended).to_have_count(before + len(files), timeout=120_000)


def outcome(page: Page, name: str) -> Locator:
    return page.locator(".uploads li").filter(has=page.get_by_text(name, exact=True)).locator(".state")


def pdf(*texts: str) -> bytes:
    return Pdf().page(lines(70, 90, list(texts))).picture_page().bytes()


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("_", "."), data)
    return packed.getvalue()


def test_ten_files_at_once_each_tell_what_became_of_them(page: Page, collection: str) -> None:
    assert collection
    mixed = {
        "tower.md": (TOWER.encode(), "Added"),
        "survey.pdf": (pdf("The harbour of Skerry was measured in June."), "Added"),
        "lighthouse.docx": ((DOCUMENTS / "lighthouse.docx").read_bytes(), "Added"),
        "orchard.pptx": ((DOCUMENTS / "orchard.pptx").read_bytes(), "Added"),
        "harvest.xlsx": ((DOCUMENTS / "harvest.xlsx").read_bytes(), "Added"),
        "velmora.html": ((DOCUMENTS / "velmora.html").read_bytes(), "Added"),
        "harbour.eml": (MAIL.encode(), "Added"),
        "several.zip": (
            zipped(one_txt=b"The bridge of Torhamn is red.", two_md=b"It is blue.", bad_pdf=b"%PDF-1.7"),
            "Files in it: 2 added, 1 failed",
        ),
        "damaged.pdf": (b"%PDF-1.7 nothing that can be read", "Failed: damaged.pdf is damaged"),
        "empty.txt": (b"", "Failed: empty.txt holds no text"),
    }
    added(page, *((name, data) for name, (data, _) in mixed.items()))
    for name, (_, said) in mixed.items():
        expect(outcome(page, name)).to_contain_text(said)
    expect(page.locator(".uploads .tally")).to_have_text("10 of 10 files finished, 2 failed")
    expect(page.locator("#documents tbody tr")).to_have_count(9)
    page.locator(".uploads summary").click()
    expect(page.locator(".uploads details")).to_contain_text("bad.pdf")
    expect(row(page, "Survey").locator("summary")).to_have_text("1 of 2 pages unread")
    page.get_by_text("Jobs", exact=True).click()
    expect(page.locator("#jobs ol > li")).to_have_count(9)
    expect(page.locator("#jobs")).to_contain_text("damaged.pdf is damaged")
    chat(page)
    library(page)
    expect(page.locator(".uploads > ul > li")).to_have_count(10)
    page.get_by_role("button", name="Clear finished").click()
    expect(page.locator(".uploads")).to_be_hidden()


def test_what_is_deleted_answers_nothing_until_it_is_brought_back(page: Page, collection: str) -> None:
    added(page, ("tower.md", TOWER.encode()), ("ferry.md", FERRY.encode()))
    chat(page)
    expect(ask(page, KEEPER).locator(".sentences")).to_contain_text("Berta Lund")
    library(page)
    row(page, "The tower").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Keep").click()
    expect(row(page, "The tower").get_by_role("button", name="Delete The tower")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Delete The tower for good").click()
    undo = page.get_by_role("button", name="Undo: bring The tower back")
    expect(undo).to_be_focused()
    expect(row(page, "The tower")).to_have_count(0)
    told = json.loads(get(f"{page.url.partition('#')[0]}documents?collection={collection}"))["documents"]
    assert [each["title"] for each in told] == ["The ferry"]
    chat(page)
    turn = ask(page, KEEPER)
    expect(turn.locator(".abstained")).to_be_visible()
    expect(turn).not_to_contain_text("Berta Lund")
    library(page)
    undo.click()
    expect(row(page, "The tower").get_by_role("button", name="The tower", exact=True)).to_be_focused()
    expect(undo).to_have_count(0)
    chat(page)
    expect(ask(page, KEEPER).locator(".sentences")).to_contain_text("Berta Lund")


def test_several_deletions_can_each_be_undone(page: Page, collection: str) -> None:
    assert collection
    added(page, ("tower.md", TOWER.encode()), ("ferry.md", FERRY.encode()))
    for title in ("The tower", "The ferry"):
        row(page, title).get_by_role("button", name="Delete").click()
        page.get_by_role("button", name=f"Delete {title} for good").click()
    expect(page.locator(".undo")).to_have_count(2)
    expect(page.locator("#documents")).to_contain_text(f"There are no documents in {collection} yet")
    page.get_by_role("button", name="Undo: bring The tower back").click()
    expect(page.locator(".undo")).to_have_count(1)
    expect(page.locator(".undo")).to_contain_text(f"Deleted The ferry from {collection}.")
    expect(page.locator("#documents tbody tr")).to_have_count(1)


def test_two_visitors_see_only_what_they_deleted_themselves(
    page: Page, collection: str, browser: Browser, address: str
) -> None:
    added(page, ("tower.md", TOWER.encode()), ("ferry.md", FERRY.encode()))
    other, _ = opened(browser, address)
    library(other)
    other.get_by_role("button", name=collection).click()
    expect(other.locator("#documents tbody tr")).to_have_count(2)
    row(page, "The tower").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete The tower for good").click()
    expect(page.locator(".undo")).to_have_count(1)
    row(other, "The ferry").get_by_role("button", name="Delete").click()
    other.get_by_role("button", name="Delete The ferry for good").click()
    expect(other.locator("#documents tbody tr")).to_have_count(0)
    expect(other.locator(".undo")).to_have_count(1)
    expect(other.locator(".undo")).to_contain_text("Deleted The ferry")
    other.context.close()
    chat(page)
    library(page)
    expect(page.locator("#documents tbody tr")).to_have_count(0)
    expect(page.locator(".undo")).to_have_count(1)
    expect(page.locator(".undo")).to_contain_text("Deleted The tower")


def test_what_was_deleted_is_forgotten_with_the_page(page: Page, collection: str) -> None:
    added(page, ("tower.md", TOWER.encode()))
    row(page, "The tower").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete The tower for good").click()
    expect(page.locator(".undo")).to_have_count(1)
    page.reload()
    library(page)
    expect(chosen(page)).to_contain_text(collection)
    expect(page.locator("#documents")).to_contain_text(f"There are no documents in {collection} yet")
    expect(page.locator(".undo")).to_have_count(0)


def test_a_collection_is_made_filled_asked_and_deleted(page: Page, collection: str, address: str) -> None:
    added(page, ("tower.md", TOWER.encode()))
    expect(chosen(page)).to_contain_text("1 document")
    page.get_by_role("button", name="Ask this collection").click()
    expect(page.get_by_role("textbox", name="Question")).to_be_focused()
    expect(page.locator("#scope-line")).to_contain_text(f"Asking the collection {collection}")
    expect(ask(page, KEEPER).locator(".sentences")).to_contain_text("Berta Lund")
    expect(ask(page, CAPTAIN).locator(".abstained")).to_be_visible()
    library(page)
    page.get_by_role("button", name=f"Delete the collection {collection}").click()
    expect(page.locator(".sure")).to_contain_text("with its 1 document? This cannot be undone.")
    page.get_by_role("button", name=f"Delete the collection {collection} for good").click()
    expect(page.locator("#documents [role=status]").filter(has_text="is deleted")).to_be_visible()
    expect(chosen(page)).to_contain_text("default")
    chat(page)
    expect(page.locator("#scope-line")).to_be_hidden()
    names = [each["name"] for each in json.loads(get(f"{address}/collections"))["collections"]]
    assert collection not in names


def test_a_name_that_cannot_be_one_is_told_beside_it(page: Page) -> None:
    library(page)
    page.get_by_text("New collection").click()
    name = page.get_by_label("Name of the collection")
    for wrong, said in {"Annual Reports": "'Annual Reports' cannot name", "default": "already"}.items():
        name.fill(wrong)
        name.press("Enter")
        expect(page.locator("#collection-fault")).to_contain_text(said)
        expect(name).to_have_attribute("aria-invalid", "true")
        expect(name).to_have_value(wrong)


def test_only_the_documents_that_are_chosen_are_asked(page: Page, collection: str) -> None:
    assert collection
    added(page, ("tower.md", TOWER.encode()), ("ferry.md", FERRY.encode()))
    page.get_by_label("Ask only The ferry").check()
    page.get_by_role("button", name="Ask this document").click()
    line = page.locator("#scope-line")
    expect(line).to_contain_text("Asking 1 document: The ferry")
    turn = ask(page, KEEPER)
    expect(turn.locator(".abstained")).to_be_visible()
    turn.get_by_role("button", name="Ask all documents").click()
    last = page.locator(".turn").nth(1)
    expect(last.locator(".sentences")).to_contain_text("Berta Lund", timeout=60_000)
    expect(line).not_to_contain_text("The ferry")


def test_a_document_that_is_gone_is_no_longer_chosen(page: Page, collection: str) -> None:
    assert collection
    added(page, ("tower.md", TOWER.encode()), ("ferry.md", FERRY.encode()))
    for title in ("The tower", "The ferry"):
        page.get_by_label(f"Ask only {title}").check()
    expect(page.get_by_role("button", name="Ask these 2 documents")).to_be_visible()
    row(page, "The tower").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete The tower for good").click()
    expect(page.get_by_role("button", name="Ask this document")).to_be_visible()
    chat(page)
    expect(page.locator("#scope-line")).to_contain_text("Asking 1 document: The ferry")


def test_the_keyboard_alone_can_choose_delete_and_bring_back(page: Page, collection: str) -> None:
    assert collection
    added(page, ("tower.md", TOWER.encode()))
    row(page, "The tower").wait_for()
    page.locator("#document-filter").focus()

    def tab_to(wanted: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
                return
        raise AssertionError(f"no way to {wanted} by the keyboard")

    tab_to("input[type=checkbox]")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Ask this document")).to_be_visible()
    tab_to("button.danger")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Undo: bring The tower back")).to_be_focused()
    page.keyboard.press("Enter")
    expect(row(page, "The tower").get_by_role("button", name="The tower", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#viewer")).to_contain_text("Berta Lund")
