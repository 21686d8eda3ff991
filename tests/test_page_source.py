"""The source viewer of the real page: a document at its quote, in view, as text and as its pages."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from browsing import get
from drawn_boxes import Rectangle, by_pdfium, drawn_on, iou, show
from pdf_writing import Pdf, at, lines, turned
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

FILLING = "Nothing of note happened at the harbour on day {}, and nobody wrote about it afterwards."
LOG = "# Harbour log\n\n" + "\n\n".join(FILLING.format(day) for day in range(400)) + "\n"
QUOTE = FILLING.format(200)
TABLE = "Island,Depth,Keeper\nSkerry,19,Berta Lund\nHolm,7,Olle Ek\nVarg,,Siv Ask\n"
HOSTILE = "# <script>alert(1)</script>\n\nThe zebra is <img src=x onerror=alert(2)> {{7*7}} ${7*7} striped.\n"
ARABIC = "المرفأ الشمالي\n\nتجمد المرفأ في الشتاء ولم تصل السفن إلى الجزيرة حتى الربيع.\n"
LEFT = [
    "The survey of the northern islands",
    "took eleven weeks and was led by",
    "Berta Lund, who kept the lights.",
]
RIGHT = [
    "Its soundings were later found to",
    "be wrong by half a fathom, which",
    "cost the Marigold her rudder.",
]
LONG = ["The report goes on", "about the winter."]


def survey() -> bytes:
    """Return a PDF in two columns, with a line that is set wide, small print, and a page that is turned."""
    wide = "".join(
        at(70 + 90 * column, 300, text) for column, text in enumerate(["All", "ships", "were", "lost."])
    )
    side = turned(300, 200, "This margin note runs up the page.", (0, 1, -1, 0))
    first = lines(60, 90, LEFT) + lines(320, 90, RIGHT) + wide
    second = lines(70, 90, LONG, size=6) + side
    third = lines(70, 90, ["A page that lies on its side is read", "from its own top to its bottom."])
    return Pdf().page(first).page(second).page(third, entries="/Rotate 90").bytes()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    made = tmp_path_factory.mktemp("documents")
    (made / "log.md").write_text(LOG, encoding="utf-8")
    (made / "islands.csv").write_text(TABLE, encoding="utf-8")
    (made / "zebra.md").write_text(HOSTILE, encoding="utf-8")
    (made / "arabic.txt").write_text(ARABIC, encoding="utf-8")
    (made / "gone.md").write_text("# Gone\n\nThis is deleted soon.\n", encoding="utf-8")
    (made / "survey.pdf").write_bytes(survey())
    return (made,)


class Library:
    """What is stored, to make links of."""

    def __init__(self, address: str) -> None:
        self.address = address
        documents = json.loads(get(f"{address}/documents"))["documents"]
        self.ids = {Path(entry["source"]).name: entry["id"] for entry in documents}

    def text(self, name: str) -> str:
        return str(json.loads(get(f"{self.address}/documents/{self.ids[name]}/text"))["text"])

    def link(self, name: str, words: str = "") -> str:
        hash_ = f"doc={self.ids[name]}"
        if words:
            start = self.text(name).index(words)
            hash_ += f"&start={start}&end={start + len(words)}"
        return f"{self.address}/#{hash_}"


@pytest.fixture(scope="module")
def library(address: str) -> Library:
    return Library(address)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 844})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown = context.new_page()
    complaints: list[str] = []
    shown.on("pageerror", lambda error: complaints.append(str(error)))
    # Nobody dismisses it: what it waits for fails.
    shown.on("dialog", lambda dialog: complaints.append(dialog.message))
    yield shown
    context.close()
    assert complaints == []


def opened(page: Page, link: str) -> None:
    page.goto(link)
    page.locator("#source-title").wait_for(timeout=60_000)


def assert_in_view(page: Page, selector: str) -> None:
    """Assert that an element is within the part of the pane that is seen."""
    page.wait_for_function(
        """(selector) => {
          const pane = document.querySelector('#viewer').getBoundingClientRect();
          const here = document.querySelector(selector)?.getBoundingClientRect();
          return here?.height > 0 && here.top >= Math.max(pane.top, 0)
            && here.bottom <= Math.min(pane.bottom, innerHeight) && here.right <= innerWidth;
        }""",
        arg=selector,
    )


def test_a_link_opens_a_document_with_its_quote_in_view(page: Page, library: Library) -> None:
    opened(page, library.link("log.md", QUOTE))
    expect(page.locator("#viewer mark.here")).to_have_text(QUOTE)
    assert_in_view(page, "#viewer mark.here")
    expect(page.locator("#source-title")).to_be_focused()
    expect(page.locator("#viewer")).to_contain_text(FILLING.format(199))
    assert page.evaluate("[scrollY, document.querySelector('#frame').scrollTop]") == [0, 0]


def test_a_marker_opens_the_source_of_its_claim(page: Page, library: Library) -> None:
    page.goto(library.address)
    page.locator("#question textarea").fill("Who keeps the lights?")
    page.locator("#question textarea").press("Enter")
    page.locator("#conversation button.marker").first.click(timeout=60_000)
    expect(page.locator("#source-title")).to_be_focused()
    expect(page.locator("#viewer .source-head .number")).to_have_text("1")
    assert_in_view(page, "#viewer .box.here")


def test_a_link_without_a_place_opens_a_document_at_its_beginning(page: Page, library: Library) -> None:
    opened(page, library.link("log.md"))
    expect(page.locator("#viewer h3")).to_have_text("Harbour log")
    expect(page.locator("#viewer mark")).to_have_count(0)
    assert page.evaluate("document.querySelector('#viewer').scrollTop") == 0


def test_more_is_shown_and_what_was_seen_stays_where_it_was(page: Page, library: Library) -> None:
    opened(page, library.link("log.md", QUOTE))
    place = "document.querySelector('#viewer mark.here').getBoundingClientRect().top"
    before = page.evaluate(place)
    expect(page.locator("#viewer")).not_to_contain_text(FILLING.format(140))
    # As the keyboard does it: a click would first scroll to the button.
    page.evaluate("document.querySelector('[data-keep=above]').click()")
    expect(page.locator("#viewer")).to_contain_text(FILLING.format(140))
    assert abs(page.evaluate(place) - before) <= 2
    page.evaluate("document.querySelector('[data-keep=below]').click()")
    expect(page.locator("#viewer")).to_contain_text(FILLING.format(270))
    assert abs(page.evaluate(place) - before) <= 2


def test_the_row_of_a_quote_is_a_row_of_a_table(page: Page, library: Library) -> None:
    row = next(line for line in library.text("islands.csv").splitlines() if "Holm" in line)
    opened(page, library.link("islands.csv", row))
    expect(page.locator("#viewer th")).to_have_text(["Island", "Depth", "Keeper"])
    expect(page.locator("#viewer tr.here td")).to_have_text(["Holm", "7", "Olle Ek"])
    expect(page.locator("#viewer tbody tr").last.locator("td")).to_have_text(["Varg", "", "Siv Ask"])


def test_text_from_the_right_is_set_from_the_right(page: Page, library: Library) -> None:
    opened(page, library.link("arabic.txt", "تجمد المرفأ في الشتاء"))
    expect(page.locator("#viewer p:has(mark.here)")).to_have_css("direction", "rtl")


def test_a_hostile_document_is_text(page: Page, library: Library) -> None:
    opened(page, library.link("zebra.md", "striped"))
    expect(page.locator("#viewer")).to_contain_text("<img src=x onerror=alert(2)> {{7*7}} ${7*7} striped")
    expect(page.locator("#viewer :is(script, img, svg, iframe, a, [onerror])")).to_have_count(0)


@pytest.mark.parametrize(
    ("hash_", "said"),
    [
        ("doc={0}&start=5&end=99999999", "are no place in this document"),
        ("doc={0}&start=nine&end=-1", "are no place in this document"),
        ("doc={0}&start=9&end=9", "are no place in this document"),
        ("doc={0}&start=5", "are no place in this document"),
        ("doc=" + "0" * 32, "it was deleted, or replaced"),
        ("doc=%F0%9F%A6%93%00..%2F", "it was deleted, or replaced"),
        ("doc={0}&collection=nothing", "collection 'nothing'"),
        ("doc={0}&collection=..%2F..", "cannot name a collection"),
    ],
)
def test_a_link_to_what_is_not_there_says_so(page: Page, library: Library, hash_: str, said: str) -> None:
    opened(page, f"{library.address}/#{hash_.format(library.ids['log.md'])}")
    expect(page.locator("#viewer").get_by_role("alert")).to_contain_text(said)


def test_a_document_deleted_meanwhile_is_said_to_be_gone(page: Page, library: Library) -> None:
    opened(page, library.link("gone.md", "This is deleted soon."))
    assert page.request.delete(f"{library.address}/documents/{library.ids['gone.md']}").ok
    show_again = library.link("gone.md").partition("#")[2]
    page.evaluate("(hash) => { location.hash = hash; }", show_again)
    expect(page.locator("#viewer").get_by_role("alert")).to_contain_text("it was deleted")
    expect(page.locator("#viewer")).not_to_contain_text("This is deleted soon.")


def test_drawn_boxes_cover_the_words_of_a_quote(page: Page, library: Library, corpus: Sequence[Path]) -> None:
    opened(page, library.link("survey.pdf"))
    document, text = library.ids["survey.pdf"], library.text("survey.pdf")
    quotes = [" ".join(LEFT), RIGHT[2], "All | ships | were", LONG[0]]
    quotes += ["This margin note runs up the page.", "A page that lies on its side"]
    for quote in quotes:
        start, end = text.index(quote), text.index(quote) + len(quote)
        show(page, document, start, end)
        told = get(f"{library.address}/documents/{document}/words?start={start}&end={end}")
        words = json.loads(told)["words"]
        number = words[0]["page"]
        drawn = drawn_on(page, number)
        own = [Rectangle(*(word[edge] for edge in Rectangle._fields)) for word in words]
        assert iou(drawn, own) >= 0.8, quote
        (elsewhere,) = by_pdfium(corpus[0] / "survey.pdf", number, quote)
        assert iou(drawn, elsewhere) >= 0.8, quote


def test_a_pdf_is_seen_as_its_page_with_the_quote_in_view(page: Page, library: Library) -> None:
    opened(page, library.link("survey.pdf", RIGHT[2]))
    image = page.get_by_role("img", name=re.compile("Page 1 of "))
    expect(image).to_be_visible()
    page.wait_for_function(
        """() => {
          const { complete, naturalWidth, currentSrc, clientWidth } = document.querySelector('#viewer img');
          return complete && naturalWidth > 0 && Number(/width=(\\d+)/.exec(currentSrc)[1]) >= clientWidth;
        }"""
    )
    expect(page.locator("#viewer .box.here")).to_have_count(1)
    assert_in_view(page, "#viewer .box.here")
    page.get_by_role("button", name="Text", exact=True).click()
    expect(page.locator("#viewer mark.here")).to_have_text(RIGHT[2])
    assert_in_view(page, "#viewer mark.here")
    expect(page.get_by_role("button", name="Text", exact=True)).to_be_focused()
    page.get_by_role("button", name="Page", exact=True).click()
    expect(image).to_be_visible()


def test_pages_are_turned_by_buttons_keys_and_number(page: Page, library: Library) -> None:
    opened(page, library.link("survey.pdf", RIGHT[2]))
    number = page.locator("#source-page")
    page.get_by_role("button", name="Next page").click()
    expect(number).to_have_value("2")
    expect(page.get_by_role("button", name="Next page")).to_be_focused()
    expect(page.locator("#viewer")).to_contain_text("The quote is on page 1")
    page.keyboard.press("ArrowRight")
    expect(number).to_have_value("3")
    expect(page.get_by_role("button", name="Next page")).to_be_disabled()
    expect(page.locator("#source-title")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(number).to_have_value("2")
    number.fill("3")
    number.press("Enter")
    expect(page.get_by_role("img")).to_have_attribute("alt", re.compile("^Page 3 of "))
    page.get_by_role("button", name="page 1").click()
    assert_in_view(page, "#viewer .box.here")


def test_a_quote_over_two_pages_is_drawn_on_both(page: Page, library: Library) -> None:
    text = library.text("survey.pdf")
    quote = text[text.index(RIGHT[2]) : text.index(LONG[0]) + len(LONG[0])]
    opened(page, library.link("survey.pdf", quote))
    expect(page.locator("#viewer .box.here")).to_have_count(2)  # the end of a column, and a line below it
    expect(page.locator("#viewer")).to_contain_text("The quote goes on on page 2")
    page.get_by_role("button", name="page 2").click()
    expect(page.locator("#viewer")).to_contain_text("The quote begins on page 1")
    expect(page.locator("#viewer .box.here")).to_have_count(1)


def test_a_page_is_made_larger_and_stays_so(page: Page, library: Library) -> None:
    opened(page, library.link("survey.pdf", LEFT[0]))
    width = "document.querySelector('#viewer img').clientWidth"
    before = page.evaluate(width)
    page.get_by_role("button", name="Larger").click()
    page.get_by_role("button", name="Larger").click()
    expect(page.locator("#viewer output")).to_have_text("150 %")
    assert page.evaluate(width) == pytest.approx(1.5 * before, abs=2)
    page.get_by_role("button", name="Next page").click()
    expect(page.locator("#source-page")).to_have_value("2")
    assert page.evaluate(width) == pytest.approx(1.5 * before, abs=2)


def test_an_image_that_cannot_be_loaded_leaves_the_text(page: Page, library: Library) -> None:
    page.route("**/image?*", lambda route: route.abort())
    opened(page, library.link("survey.pdf", RIGHT[2]))
    expect(page.get_by_role("alert")).to_have_text("The image of this page could not be loaded.")
    page.get_by_role("button", name="Show the text").click()
    expect(page.locator("#viewer mark.here")).to_have_text(RIGHT[2])


def test_a_copied_link_leads_back(page: Page, library: Library) -> None:
    link = library.link("survey.pdf", RIGHT[2])
    opened(page, link)
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#viewer").get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{link}"


def test_where_copying_is_not_allowed_the_link_is_there_to_be_copied(page: Page, library: Library) -> None:
    page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'));")
    link = library.link("log.md", QUOTE)
    opened(page, link)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_label("Link to this place")).to_have_value(link)


@pytest.mark.parametrize("name", ["log.md", "islands.csv", "survey.pdf"])
def test_a_narrow_screen_holds_it(browser: Browser, library: Library, name: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    opened(page, library.link(name))
    overflowing = page.evaluate(
        "() => [...document.querySelectorAll('#viewer *')].filter((e) => e.checkVisibility()"
        " && !e.closest('.rows, .sheets > *') && e.getBoundingClientRect().right > innerWidth + 1)"
        ".map((e) => e.className || e.tagName)"
    )
    assert overflowing == []
    page.close()
