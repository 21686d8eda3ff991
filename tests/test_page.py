"""The real page of a real service in a real browser."""

import json
import re
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import ROOT, ask, chromium, free_port, get, post, quotebound, service
from pdf_writing import Pdf, lines
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

PAKISTAN = "what justification did Pakistan give?"
HOSTILE_NAME = '"><img src=x onerror=alert(1)><script>alert(2)<script>.md'
HOSTILE = """# <script>alert("heading")</script> Zanzibar

The zebra of Zanzibar is called <script>alert("text")</script> <img src="http://127.0.0.1:9/x.png"
onerror="alert(3)"> ![picture](http://evil.example/x.png) [link](javascript:alert(4)) {{7*7}} ${7*7}.
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    quotebound(["ingest", "seeds"], home)
    with service(home, free_port()) as url:
        yield url


class Watched:
    """What a page asked for and complained of."""

    def __init__(self, page: Page) -> None:
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        page.on("request", lambda request: self._asked(request.url))
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))

    def _asked(self, url: str) -> None:
        if not url.startswith(("data:", "blob:")):
            self.hosts.add(url.split("/")[2])

    def _said(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)


def opened(browser: Browser, address: str, width: int = 1280, scheme: str = "light") -> tuple[Page, Watched]:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    watched = Watched(page)
    page.goto(address)
    page.get_by_role("textbox").wait_for(timeout=60_000)
    return page, watched


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    shown, watched = opened(browser, address)
    yield shown
    shown.context.close()
    assert watched.complaints == []
    assert watched.hosts == {address.removeprefix("http://")}


def test_an_answer_is_quoted_with_its_place(page: Page, address: str) -> None:
    ask(page, PAKISTAN)
    expect(page.locator(".sentences")).to_contain_text("necessary measures against militants")
    card = page.locator("details.card").first
    page.get_by_role("button", name="Open evidence 1").click()
    expect(card).to_have_attribute("open", "")
    expect(card.locator("mark")).to_contain_text("necessary measures")
    expect(card.locator(".source")).to_contain_text("Afghanistan-Pakistan-border-clashes-2024.txt")
    expect(card.locator("blockquote")).to_contain_text("Paktika province")  # the text around it
    start, end = map(int, re.findall(r"\d+", card.locator(".span").inner_text()))
    documents = json.loads(get(f"{address}/documents"))["documents"]
    identifier = next(entry["id"] for entry in documents if "border-clashes" in entry["source"])
    text = json.loads(get(f"{address}/documents/{identifier}/text"))["text"]
    assert card.locator(".quote").inner_text() == text[start:end]


def test_what_the_documents_do_not_say_is_said_plainly(page: Page) -> None:
    ask(page, "Who is the prime minister of Pakistan?")
    expect(page.locator(".abstained")).to_have_text("The documents do not say.")
    expect(page.get_by_text("They are not evidence")).to_be_visible()
    expect(page.get_by_role("region", name="Nearest passages").locator("details")).to_have_count(3)
    expect(page.locator("button.marker")).to_have_count(0)
    expect(page.locator("mark")).to_have_count(0)


def test_the_keyboard_alone_can_ask_and_open_evidence(page: Page) -> None:
    expect(page.get_by_role("textbox")).to_be_focused()
    page.keyboard.type(PAKISTAN)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Open evidence 1").wait_for(timeout=60_000)
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('button.marker')"):
            break
    page.keyboard.press("Enter")
    card = page.locator("details.card").first
    expect(card).to_have_attribute("open", "")
    expect(card.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(card).not_to_have_attribute("open", "")
    page.keyboard.press("Space")
    expect(card).to_have_attribute("open", "")


def test_a_card_stays_open_when_another_question_is_asked(page: Page) -> None:
    ask(page, PAKISTAN)
    page.get_by_role("button", name="Open evidence 1").click()
    ask(page, "Who is the prime minister of Pakistan?")
    expect(page.locator("details.card").first).to_have_attribute("open", "")


def test_a_hostile_document_is_text_and_nothing_else(page: Page, address: str) -> None:
    boundary = "b0undary"
    escaped = HOSTILE_NAME.replace('"', "%22")
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{escaped}"\r\n\r\n'
        f"{HOSTILE}\r\n--{boundary}--\r\n"
    )
    job = json.loads(
        post(f"{address}/documents", body.encode(), f"multipart/form-data; boundary={boundary}")
    )["job"]
    get(f"{address}/jobs/{job}/events")  # ends when the job does
    (added,) = json.loads(get(f"{address}/jobs/{job}"))["files"]
    page.reload()
    page.get_by_role("textbox").wait_for(timeout=60_000)
    page.get_by_role("button", name="Documents").click()
    expect(page.locator("#documents")).to_contain_text("<img src=x onerror=alert(1)>")
    ask(page, "What is the zebra of Zanzibar called? <script>alert(5)</script>")
    for card in page.locator("details.card summary").all():
        card.click()
    shown = page.locator("#conversation")
    expect(shown).to_contain_text('<script>alert("text")</script>')
    expect(shown).to_contain_text("![picture](http://evil.example/x.png)")
    expect(shown).to_contain_text("{{7*7}} ${7*7}")
    for region in ("#conversation", "#documents"):
        hostile = (
            f":is({region}) :is(script, img, svg, iframe, object, a, [onerror], [onload], [src], [href])"
        )
        expect(page.locator(hostile)).to_have_count(0)
    page.request.delete(f"{address}/documents/{added['document_id']}")


def test_a_file_is_added_asked_about_and_deleted(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "lighthouse.md"
    file.write_text("# Lighthouse\n\nThe lighthouse keeper of Utklippan is Berta Lund.\n")
    page.get_by_role("button", name="Documents").click()
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.get_by_text("Added lighthouse.md.")).to_be_visible(timeout=60_000)
    ask(page, "Who is the lighthouse keeper of Utklippan?")
    expect(page.locator(".sentences")).to_contain_text("Berta Lund")
    page.get_by_role("button", name="Delete Lighthouse").click()
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("button", name="Delete Lighthouse").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Deleted lighthouse.md.")).to_be_visible()
    expect(page.locator("#documents")).not_to_contain_text("Lighthouse")
    ask(page, "Who is the lighthouse keeper of Utklippan?")
    expect(page.locator("article.turn").last).not_to_contain_text("Berta Lund")


def test_a_pdf_with_a_scanned_page_is_added_quoted_with_its_page_and_told_to_be_incomplete(
    page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "survey.pdf"
    text = lines(70, 90, ["The harbour of Skerry was measured in June.", "Its depth is nineteen fathoms."])
    file.write_bytes(
        Pdf().page(lines(70, 90, ["A survey of the islands."])).page(text).picture_page().bytes()
    )
    page.get_by_role("button", name="Documents").click()
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.get_by_text("Added survey.pdf.")).to_be_visible(timeout=60_000)
    expect(page.locator("#documents")).to_contain_text("1 of 3 pages unread")
    ask(page, "How deep is the harbour of Skerry?")
    answer = page.locator("article.turn").last
    expect(answer).to_contain_text("nineteen fathoms")
    answer.locator("details.card summary").first.click()
    expect(answer.locator(".place").first).to_contain_text("survey.pdf, page 2")
    expect(answer.get_by_role("note")).to_contain_text("1 page of 1 document could not be read")
    page.get_by_role("button", name="Delete Survey").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Deleted survey.pdf.")).to_be_visible()


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    file.write_bytes(b"%PDF-1.7 nothing that can be read")
    page.get_by_role("button", name="Documents").click()
    page.locator("input[type=file]").first.set_input_files(file)
    refused = "report.pdf is damaged: it cannot be read as PDF"
    expect(page.get_by_role("alert")).to_contain_text(refused, timeout=60_000)
    expect(page.locator("#documents li")).to_have_count(3)


def test_a_blank_question_asks_nothing(page: Page) -> None:
    page.get_by_role("textbox").fill("   ")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_text("Ask your documents a question")).to_be_visible()
    expect(page.locator("article.turn")).to_have_count(0)


_CONTRAST = """
() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (css) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = css; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [R, G, B] = [r, g, b].map((v) => v / 255)
      .map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * R + .7152 * G + .0722 * B;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgba(getComputedStyle(document.body).backgroundColor);
  };
  const found = [];
  const selector = '.question, .sentences p, .marker, .number, .title, .heading, blockquote, .quote, mark,'
    + ' .place, .meta, .hint, .abstained, #head p, #ask, #add, #documents button';
  for (const element of document.querySelectorAll(selector)) {
    if (!element.checkVisibility()) continue;
    const [one, other] = [luminance(rgba(getComputedStyle(element).color)), luminance(behind(element))];
    const ratio = (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
    if (ratio < 4.5) found.push(`${element.className || element.id}: ${ratio.toFixed(2)}`);
  }
  return found;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_can_be_read(browser: Browser, address: str, width: int, scheme: str) -> None:
    page, watched = opened(browser, address, width, scheme)
    ask(page, PAKISTAN)
    page.get_by_role("button", name="Open evidence 1").click()
    ask(page, "Who is the prime minister of Pakistan?")
    page.locator("details.card summary").last.click()
    page.get_by_role("button", name="Documents").click()
    page.locator("#documents li").first.wait_for()
    overflowing = page.evaluate(
        "() => [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility()"
        " && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.className || e.tagName)"
    )
    assert overflowing == []
    assert page.evaluate(_CONTRAST) == []
    assert watched.complaints == []
    page.context.close()


def test_the_seeds_are_served_as_they_are(address: str) -> None:
    documents = json.loads(get(f"{address}/documents"))["documents"]
    for entry in documents:
        text = json.loads(get(f"{address}/documents/{entry['id']}/text"))["text"]
        name = Path(entry["source"]).name
        if (ROOT / "seeds" / name).is_file():
            assert text == (ROOT / "seeds" / name).read_bytes().decode()


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../../../../etc/passwd",
        "/file=/etc/passwd",
        "/gradio_api/proxy=http://127.0.0.1:9/x",
        "/static/quotebound/..%2f..%2f..%2fetc%2fpasswd",
        "/static/..%2f..%2fetc%2fpasswd",
        "/monitoring",
        "/gradio_api/monitoring",
    ],
)
def test_files_of_the_machine_and_what_the_page_library_offers_are_not_served(
    address: str, path: str
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(address + path)
    assert refused.value.code in (400, 401, 403, 404, 405)
    assert b"root:" not in refused.value.read()


def test_a_path_that_is_not_there_is_an_error_like_the_apis(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(f"{address}/nothing")
    assert refused.value.code == 404
    assert json.loads(refused.value.read())["code"] == "not_found"
