"""Hostile texts in all that the page shows: each is text there, runs nothing, and asks no other host."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from browsing import ask, chromium, connected, get
from hostile_payloads import ALL, BROKEN_TEXTS, PAYLOADS
from hostile_service import (
    ABSTAIN,
    COMMENTED,
    TITLE,
    TITLES,
    VISITOR,
    archive,
    family_text,
    hostile_service,
    keeper,
)
from hostile_stage import hostile_page, live, requested, scope, seen
from llm_replies import Reply, Request, spoken
from llm_server import LanguageModelServer
from markdown_it import MarkdownIt
from playwright.sync_api import FilePayload, Locator, Page, expect

from index.loading.composing import one_line
from rag.generation import plain
from rag.history.store import MAX_TITLE_CHARACTERS

pytestmark = pytest.mark.browser

families = pytest.mark.parametrize("family", PAYLOADS)


class Stage:
    """What the language model writes next."""

    lines = ""

    def __call__(self, request: Request) -> Reply:
        assert request.streamed
        return spoken(self.lines)


@dataclass
class Visit:
    """A page that is open, what the language model writes, and what the page did not like."""

    page: Page
    address: str
    stage: Stage
    complaints: list[str]
    hosts: set[str]
    documents: dict[str, str]


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    folder = tmp_path_factory.mktemp("hostile")
    stage = Stage()
    with LanguageModelServer(stage) as model, hostile_service(folder / "home", model.base_url) as address:
        listed = json.loads(get(f"{address}/documents"))["documents"]
        with chromium(folder / "net.json") as browser:
            page, watched = hostile_page(browser, address)
            ids = {entry["source"]: entry["id"] for entry in listed}
            yield Visit(page, address, stage, watched.complaints, watched.hosts, ids)
        # Once the browser is closed, its log is whole.
        assert [each for each in requested(folder / "net.json") if "evil" in each] == []
        own = address.removeprefix("http://")
        assert own in connected(folder / "net.json")


@pytest.fixture(autouse=True)
def _harmless(visit: Visit) -> Iterator[None]:
    """Hold after each test that nothing is live, nobody complained, and nobody else was asked."""
    yield
    assert live(visit.page) == []
    assert visit.complaints == []
    assert visit.hosts == {visit.address.removeprefix("http://")}
    assert visit.page.url.startswith(visit.address)
    assert len(visit.page.context.pages) == 1


def missing(payloads: tuple[str, ...], *shown: str) -> list[str]:
    """Return the payloads that are not shown letter for letter."""
    text = seen(" ".join(shown))
    return [payload for payload in payloads if seen(payload) not in text]


def begin(page: Page) -> None:
    """Begin a conversation, so that no question is taken to follow another one."""
    scope(page)
    page.get_by_role("button", name="New conversation").click()
    page.locator("#conversation .empty").wait_for()


def follow(page: Page, **place: str) -> None:
    """Follow a link to a place, and wait until the viewer shows what there is to say of it."""
    told = dict(place)
    link = "told => { location.hash = `#${new URLSearchParams(told)}`; }"
    shown_again(page, lambda: page.evaluate(link, told))


def shown_again(page: Page, act: Callable[[], object], region: str = "viewer") -> None:
    """Do something, and wait until what came of it is drawn in a region."""
    before = page.evaluate("region => window.drawn[region] ?? 0", region)
    act()
    page.wait_for_function("([region, before]) => window.drawn[region] > before", arg=[region, before])


def kept(payload: str) -> str:
    """Return a payload as a title is kept: on one line, without what cannot be seen."""
    return plain.one_line(payload, MAX_TITLE_CHARACTERS)


def texts(found: Locator) -> list[str]:
    return found.all_text_contents()


def test_the_payloads_are_many_and_all_different() -> None:
    assert len(set(ALL)) == len(ALL) >= 200


@families
def test_questions_and_nearest_passages_are_text(visit: Visit, family: str) -> None:
    begin(visit.page)
    scope(visit.page, visit.documents[f"{family}.txt"])
    question = "\n".join((ABSTAIN, *PAYLOADS[family]))
    turn = ask(visit.page, question)
    assert missing(PAYLOADS[family], *texts(turn.locator(".question"))) == []
    assert missing(PAYLOADS[family], *texts(turn.locator(".nearest blockquote"))) == []
    assert missing(PAYLOADS[family], *texts(turn.locator("details.why p"))) == []


@families
def test_written_answers_and_the_quotes_under_them_are_text(visit: Visit, family: str) -> None:
    begin(visit.page)
    scope(visit.page, visit.documents[f"{family}.txt"])
    said = [f"He says {' '.join(payload.split())} ." for payload in PAYLOADS[family]]
    visit.stage.lines = "".join(f"Q1: {keeper(family, n)}\nS: {text}\n" for n, text in enumerate(said))
    turn = ask(visit.page, "\n".join(("Keeper", *PAYLOADS[family])))
    written = [plain.sentence(text) for text in said]
    shown = [seen(text) for text in texts(turn.locator(".sentences p"))]
    # A sentence whose numbers or addresses its quote lacks is withheld; no other text comes instead.
    assert [line for line in shown if not any(line.startswith(seen(text)) for text in written)] == []
    assert len(shown) >= 0.8 * len(said)
    assert missing(PAYLOADS[family], *texts(turn.locator(".evidence blockquote"))) == []
    assert missing(PAYLOADS[family], *texts(visit.page.locator("#panel-evidence blockquote"))) == []
    exported(visit)


def exported(visit: Visit) -> None:
    """Hold that the conversation that is open comes as a file in which nothing is live."""
    address = visit.page.locator("#history li:has([aria-current]) a").get_attribute("href")
    response = visit.page.request.get(f"{visit.address}{address}")
    assert response.headers["content-type"] == "text/markdown; charset=utf-8"
    name = r'attachment; filename="conversation-\d{4}-\d\d-\d\d\.md"'
    assert re.fullmatch(name, response.headers["content-disposition"])
    parsed = (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(response.text())
    )
    tokens = [each for token in parsed for each in (token, *(token.children or ()))]
    assert {"image", "html_inline", "html_block", "fence", "code_block", "table_open", "s_open"}.isdisjoint(
        token.type for token in tokens
    )
    links = [str(token.attrs["href"]) for token in tokens if token.type == "link_open"]
    assert links
    assert [link for link in links if not re.fullmatch(r"/#doc=[0-9a-f]{32}&start=\d+&end=\d+", link)] == []


@families
def test_sources_are_text(visit: Visit, family: str) -> None:
    follow(visit.page, doc=visit.documents[f"{family}.txt"], start="0", end="40")
    visit.page.locator("#viewer mark.here").first.wait_for()
    shown = "".join(texts(visit.page.locator("#viewer .source-text")))
    assert "".join(seen(shown).split()) == "".join(seen(family_text(family)).split())


def test_the_cells_of_a_table_are_text(visit: Visit) -> None:
    follow(visit.page, doc=visit.documents["rows.csv"])
    more = visit.page.get_by_role("button", name="Show more below")
    while more.count():
        shown_again(visit.page, more.click)
    cells = [seen(text) for text in texts(visit.page.locator("#viewer td"))]
    # Cells are parted by `|`, and what cannot be seen is not stored.
    stored = [one_line(payload) for payload in ALL if "|" not in payload]
    assert [text for text in stored if seen(text) not in cells] == []


def test_the_pages_of_a_pdf_are_an_image_over_which_nothing_is_live(visit: Visit) -> None:
    text = get(f"{visit.address}/documents/{visit.documents['pages.pdf']}/text").decode()
    assert "<script>window.pwned=1</script>" in text
    follow(visit.page, doc=visit.documents["pages.pdf"], start="0", end="900")
    visit.page.locator("#viewer .sheet .box").first.wait_for(state="attached")
    caption = visit.page.locator("#viewer figcaption").text_content() or ""
    assert missing(PAYLOADS["scripts"][:6], caption) == []
    assert live(visit.page) == []
    shown_again(visit.page, visit.page.get_by_role("button", name="Text", exact=True).click)
    assert missing(PAYLOADS["scripts"][:6], *texts(visit.page.locator("#viewer .source-text"))) == []


def test_the_title_of_a_web_page_is_text(visit: Visit) -> None:
    follow(visit.page, doc=visit.documents["page.html"])
    expect(visit.page.locator("#source-title")).to_have_text(TITLE)
    assert missing(ALL[:20], *texts(visit.page.locator("#viewer .source-text"))) == []


def test_links_to_places_that_are_payloads_are_refused_as_text(visit: Visit) -> None:
    for at in range(0, len(ALL), 4):
        doc, start, end, collection = (ALL * 2)[at : at + 4]
        follow(visit.page, doc=doc, start=start, end=end, collection=collection)
        assert visit.page.locator("#viewer [role=alert]").text_content()
        if at % 40 == 0:
            assert live(visit.page) == []


def test_places_in_a_document_that_are_payloads_are_refused_as_text(visit: Visit) -> None:
    for payload in ALL[::12]:
        follow(visit.page, doc=visit.documents["json.txt"], start=payload, end=payload)
        told = visit.page.locator("#viewer [role=alert]").text_content() or ""
        assert payload[:20] in told
    follow(visit.page, doc=visit.documents["json.txt"], start="0", end="9")


def test_titles_and_comments_of_conversations_are_text(visit: Visit) -> None:
    browser = visit.page.context.browser
    assert browser is not None
    page, watched = hostile_page(browser, visit.address, VISITOR)
    titles = page.locator("#history button.title")
    assert missing(tuple(map(kept, TITLES)), *texts(titles)) == []
    for number in range(len(TITLES) - 1, 0, -COMMENTED):
        # The last one was asked last, and stands first.
        shown_again(page, titles.nth(number).click, "conversation")
        asked = page.locator(".turn .question").text_content() or ""
        said = page.locator(".turn textarea").text_content() or ""
        assert said == plain.seen(asked).strip()
        assert live(page) == []
    assert watched.complaints == []
    page.context.close()


def test_a_conversation_that_is_renamed_is_called_by_the_text(visit: Visit) -> None:
    begin(visit.page)
    ask(visit.page, f"{ABSTAIN}, keeper")
    entry = visit.page.locator("#history li").filter(has=visit.page.locator("[aria-current]"))
    for payload in TITLES[:: len(TITLES) // 14]:
        entry.locator("summary").click()
        entry.get_by_label("Title", exact=True).fill(payload)
        entry.get_by_role("button", name="Rename").click()
        expect(entry.locator("button.title")).to_contain_text(kept(payload))
        assert entry.locator("summary").get_attribute("aria-label") == f"More for {kept(payload)}"
        assert live(visit.page) == []
    entry.locator("summary").click()
    entry.get_by_role("button", name="Delete", exact=True).click()
    entry.get_by_role("button", name="Delete for good").click()
    expect(visit.page.locator("#history [role=status]")).to_contain_text("deleted")


def test_a_comment_is_kept_as_the_text_it_is(visit: Visit) -> None:
    begin(visit.page)
    ask(visit.page, f"{ABSTAIN}, keeper")
    for family, payloads in PAYLOADS.items():
        turn = visit.page.locator(".turn")
        turn.locator("details.comment summary").click()
        turn.locator("textarea").fill(f"{family}\n" + "\n".join(payloads))
        shown_again(visit.page, turn.get_by_role("button", name="Save").click, "conversation")
        assert missing(payloads, turn.locator("textarea").text_content() or "") == []
        assert live(visit.page) == []


def test_what_is_searched_for_is_text(visit: Visit) -> None:
    search = visit.page.get_by_role("searchbox", name="Search conversations")
    for payload in ALL[::20]:
        words = f"zebra {seen(payload)}"
        shown_again(visit.page, partial(search.fill, words), "history")
        expect(visit.page.locator("#history")).to_have_text(f"No conversation has “{words}” in it.")
    shown_again(visit.page, lambda: search.fill(""), "history")


def test_halves_of_characters_and_controls_do_no_harm(visit: Visit) -> None:
    begin(visit.page)
    for number, text in enumerate(BROKEN_TEXTS, start=1):
        codes = [ord(character) for character in f"{ABSTAIN}, keeper {text}"]
        visit.page.evaluate("codes => window.quotebound.ask(String.fromCharCode(...codes))", codes)
        turn = visit.page.locator(".turn").nth(number - 1)
        turn.locator(".actions, [role=alert]").first.wait_for()
        visit.page.locator("#history [aria-current]", has_text=f"{number} question").wait_for()


# One of each family, without what parts a path, and what a browser writes otherwise in the name of a file.
FILES = tuple(
    f"{kept(payloads[2])}.txt".replace("/", "\u2215").replace('"', "'") for payloads in PAYLOADS.values()
)


@pytest.fixture(scope="module")
def library(visit: Visit) -> Iterator[Page]:
    """The library with a collection to which a file was added a family, one that fails, and one with all."""
    page = visit.page
    page.get_by_role("button", name="Library", exact=True).click()
    page.get_by_text("New collection").click()
    page.get_by_label("Name of the collection").fill("hostile")
    page.keyboard.press("Enter")
    expect(page.locator("#documents .shelves [aria-current]")).to_contain_text("hostile")
    named = {name: f"The file says {name} .".encode() for name in FILES}
    files = {"all.zip": archive(), **named, **{f"{name}.pdf": b"%PDF-1.7 nothing" for name in FILES}}
    given = [FilePayload(name=name, mimeType="", buffer=data) for name, data in files.items()]
    page.locator("#files").set_input_files(given)
    ended = page.locator(".uploads li:is([data-state=done], [data-state=partly], [data-state=failed])")
    expect(ended).to_have_count(len(files), timeout=120_000)
    expect(page.locator("#documents .count")).to_contain_text("200 of 3", timeout=60_000)
    yield page
    scope(page)
    page.get_by_role("button", name="Chat", exact=True).click()


def test_names_of_files_are_text_while_they_are_added(library: Page) -> None:
    assert texts(library.locator(".uploads li .name")) == [
        "all.zip",
        *FILES,
        *(f"{name}.pdf" for name in FILES),
    ]
    failed = texts(library.locator(".uploads li[data-state=failed] .state"))
    assert failed == [f"Failed: {name}.pdf is damaged: it cannot be read as PDF" for name in FILES]


def test_titles_and_sources_in_the_library_are_text(library: Page, visit: Visit) -> None:
    library.get_by_role("button", name="Show more", exact=True).click()
    expect(library.get_by_role("button", name="Show more", exact=True)).to_be_hidden()
    listed = json.loads(get(f"{visit.address}/documents?collection=hostile"))["documents"]
    assert len(listed) > len(ALL)
    assert missing(ALL, *(entry["title"] for entry in listed)) == []
    titles = {"title": "button.title", "source": "[data-head=Source]"}
    for name, selector in titles.items():
        shown = texts(library.locator(f"#documents tbody {selector}"))
        assert sorted(shown) == sorted(entry[name] for entry in listed)
    labels = library.locator("#documents tbody .does button").evaluate_all(
        "all => all.map((each) => each.ariaLabel)"
    )
    assert sorted(labels) == sorted(f"Delete {entry['title']}" for entry in listed)


def test_a_filter_that_is_a_payload_finds_the_document_of_that_name(library: Page) -> None:
    for number, payload in enumerate(ALL[::12]):
        library.locator("#document-filter").fill(f"{12 * number} {payload}")
        rows = library.locator("#documents tbody tr")
        expect(rows.filter(has_text=f"{12 * number} ")).not_to_have_count(0)
    library.locator("#document-filter").fill("")


def test_jobs_tell_names_and_reasons_as_text(library: Page) -> None:
    library.locator("#jobs summary").click()
    expect(library.locator("#jobs li")).to_have_count(20)
    named = [f"{name}.pdf" for name in FILES]
    assert missing(tuple(named), *texts(library.locator("#jobs li"))) == []
    library.locator("#jobs summary").click()


def test_what_is_deleted_and_brought_back_is_told_as_text(library: Page) -> None:
    undone = library.locator("#documents .undo")
    for number, name in enumerate(FILES):
        library.locator("#document-filter").fill(name)
        row = library.locator("#documents tbody tr").filter(has=library.get_by_text(name, exact=True)).first
        title = row.locator("button.title").text_content() or ""
        row.get_by_role("button", name="Delete").click()
        row.locator(".sure button.danger").click()
        expect(undone).to_have_count(number + 1)
        assert undone.last.locator("span").text_content() == f"Deleted {title} from hostile."
        assert undone.last.get_by_role("button").get_attribute("aria-label") == f"Undo: bring {title} back"
    undone.last.get_by_role("button").click()
    expect(undone).to_have_count(len(FILES) - 1)
    assert f"{title} is back." in texts(library.locator("#documents [data-slot=said] p"))
    library.locator("#document-filter").fill("")


def test_names_of_collections_are_refused_as_text(library: Page) -> None:
    library.get_by_text("New collection").click()
    for payload in ALL[::12]:
        if re.fullmatch("[a-z_-]+", payload):
            continue  # a name like any other
        name = seen(payload)[:64]
        library.get_by_label("Name of the collection").fill(name)
        shown_again(library, lambda: library.keyboard.press("Enter"), "documents")
        expect(library.locator("#collection-fault")).to_contain_text(name[:30])
