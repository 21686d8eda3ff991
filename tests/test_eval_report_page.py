"""A run as a page: all figures are on it, and what documents say is text and nothing else."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Watched
from hostile_payloads import ALL
from outcomes import answered, cited, kept_back, result_of
from playwright.sync_api import Browser, Page, expect
from test_eval_report import MISSED, OTHER, RUN, hostile
from test_page_access import SERIOUS

from eval.figures import intervals
from eval.gates import Failure
from eval.report.cases import told_cases
from eval.report.page import content_policy, page
from eval.report.tables import SECTIONS
from eval.results import InvalidResult, Result


class Parsed(HTMLParser):
    """What a browser would make of a page: its elements, its scripts and the text outside of them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.text = ""
        self._within = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._within = tag
        if tag in self.raw:
            self.raw[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within in self.raw:
            self.raw[self._within][-1] += data
        else:
            self.text += data

    @property
    def told(self) -> dict[str, object]:
        """What the script is given."""
        return dict(json.loads(self.raw["script"][0]))

    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]


def test_every_figure_is_on_the_page_with_its_interval() -> None:
    text = Parsed(page(RUN)).text
    bounds = intervals(RUN.outcomes)
    for name in (name for names in SECTIONS.values() for name in names):
        assert f"{RUN.figures[name]:.3f}" in text or f"{RUN.figures[name]:,.0f}" in text
        if name in bounds:
            assert f"{bounds[name].low:.3f}–{bounds[name].high:.3f}" in text


def test_the_page_begins_with_what_was_measured() -> None:
    text = Parsed(page(RUN)).text
    assert "Of 5 cases of the set tiny the documents answer 3." in text
    assert "3 got an answer, and 2 of all went right" in text
    for told in ("2" * 40, "hashing", "dam.txt, SHA-256 " + "1" * 64, "a person"):
        assert told in text


@pytest.mark.parametrize(
    ("gates", "told"),
    [(None, "No gates were looked at"), ((), "All gates passed"), (MISSED, "2 gates missed")],
)
def test_gates_passed_are_told_from_gates_that_nobody_looked_at(
    gates: Sequence[Failure | str] | None, told: str
) -> None:
    assert told in Parsed(page(RUN, gates_failed=gates)).text


def test_a_missed_gate_is_told_with_its_reason_and_beside_its_figure() -> None:
    found = Parsed(page(RUN, gates_failed=MISSED)).text
    assert "mrr is 0.5, and has to be at least 0.9" in found
    assert "MRRgate missed" in found
    assert "a bound of <b>one's own</b>" in found


def test_published_metrics_are_shown_where_the_set_has_some() -> None:
    assert "Published metrics" not in page(RUN)
    found = Parsed(page(replace(RUN, published={"squad_exact": 0.8125}))).text
    assert "Published metrics of the set" in found
    assert "squad exact0.812" in found


def test_another_run_stands_beside_with_differences_and_their_worth() -> None:
    other = result_of(*(kept_back(f"case {number}") for number in range(20)))
    run = result_of(*(answered(f"case {number}") for number in range(20)))
    text = Parsed(page(run, other)).text
    assert "Cases that went better than in the other run: 20; worse: 0" in text
    assert "answered right, of all answerable1.0000.000+1.000 better" in text
    text = Parsed(page(RUN, OTHER)).text
    assert "None of 26 figures differ by more than chance" in text
    assert "threshold: 0.5, in the other run 0.3" in text
    assert "may be chance" in text


def test_runs_of_other_cases_are_not_compared() -> None:
    with pytest.raises(InvalidResult, match="no case in common"):
        page(RUN, result_of(answered("elsewhere")))


def test_the_policy_allows_the_script_and_the_style_of_the_page_alone() -> None:
    found = Parsed(page(RUN, OTHER))
    (policy,) = (of.get("content") for tag, of in found.elements if of.get("http-equiv"))
    assert policy == content_policy()
    for kind, text in (("script", found.raw["script"][1]), ("style", found.raw["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_the_page_names_no_address_and_has_no_style_or_handler_of_an_element() -> None:
    made = page(RUN, OTHER, MISSED)
    assert "http://" not in made
    assert "https://" not in made
    for _, of in Parsed(made).elements:
        assert not [name for name in of if name.startswith("on") or name in {"src", "style", "action"}]
        assert (of.get("href") or "#").startswith("#")


def test_hostile_text_is_text_on_the_page() -> None:
    run = hostile(ALL)
    harmless = hostile(["harmless"] * len(ALL))
    harmless = replace(harmless, published={f"figure {number}": 0.5 for number in range(len(ALL))})
    found = Parsed(page(run, run, [*ALL], title=ALL[0]))
    # A table of kinds has a row for each kind, as has that of steps.
    assert set(found.tags()) == set(Parsed(page(harmless, harmless, ["x"])).tags())
    assert [tag for tag in found.tags() if tag == "script"] == ["script"] * 2
    assert found.tags().count("form") == found.tags().count("nav") == 1
    told = found.told["texts"]
    assert isinstance(told, list)
    assert set(ALL) <= set(told)
    assert set(told_cases(run, run)["texts"]) == set(told)


# In a browser.


@dataclass
class Shown:
    """A page that is open, and what it asked for and complained of."""

    page: Page
    watched: Watched

    def questions(self) -> list[str]:
        return self.page.locator("#list h3").all_text_contents()

    def count(self) -> str:
        return self.page.locator("#count").inner_text()

    def choose(self, label: str, value: str) -> None:
        self.page.get_by_label(label, exact=True).select_option(value)

    def fragment(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.page.url).fragment))


_LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.blockedURI));
"""
# Attributes that would be more than text.
_LIVE = """
[...document.all].flatMap((each) => each.getAttributeNames()).filter((name) => /^on|^style$|^src/.test(name))
"""


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Shown]]:
    """Open a report, and hold at the end that it asked nobody, complained of nothing and ran nothing else."""
    opened: list[Shown] = []

    def open_(html: str, fragment: str = "", width: int = 1280, **of: object) -> Shown:
        path = tmp_path / "report.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 900}, **of)  # type: ignore[arg-type]
        context.add_init_script(_LISTEN)
        found = context.new_page()
        opened.append(Shown(found, Watched(found)))
        found.goto(f"{path.as_uri()}{fragment}")
        return opened[-1]

    yield open_
    for each in opened:
        if each.page.evaluate("typeof window.violations") == "object":
            assert each.page.evaluate("window.violations") == []
        assert each.page.evaluate("window.pwned") is None
        assert each.watched.complaints == []
        # A file has no host.
        assert each.watched.hosts == {""}
        each.page.context.close()


def numbered(count: int) -> Result:
    """Return a run of so many cases with questions of their own, one in three of which failed."""
    return result_of(
        *(
            (kept_back if number % 3 == 0 else answered)(
                f"case-{number}",
                question=f"Question {number}?",
                kind=f"kind {number % 2}",
                confidence=number / count,
            )
            for number in range(count)
        )
    )


@pytest.mark.browser
def test_cases_are_drawn_fifty_at_a_time(show: Callable[..., Shown]) -> None:
    shown = show(page(numbered(120)))
    assert len(shown.questions()) == 50
    assert shown.count() == "50 shown of 120 cases"
    more = shown.page.get_by_role("button", name="Show more")
    more.click()
    assert len(shown.questions()) == 100
    expect(shown.page.locator("#case-50")).to_be_focused()
    more.click()
    assert shown.questions() == [f"Question {number}?" for number in range(120)]
    expect(more).to_be_hidden()


@pytest.mark.browser
def test_cases_are_filtered_and_the_address_says_how(show: Callable[..., Shown]) -> None:
    shown = show(page(RUN, OTHER))
    shown.choose("Outcome", "any")
    assert shown.count() == "3 shown of 3 cases, out of 5"
    shown.choose("Kind of question", "trap")
    assert shown.questions() == ["When was it torn down?"]
    assert shown.fragment() == {"failure": "any", "kind": "trap"}
    shown.page.get_by_role("button", name="Clear").click()
    expect(shown.page.locator("#list h3")).to_have_count(5)
    assert shown.fragment() == {}
    shown.choose("Beside the other run", "worse")
    assert [shown.page.locator("#list a").inner_text()] == ["two"]
    shown.choose("Beside the other run", "")
    shown.page.get_by_label("Text", exact=True).fill("LISBON")
    assert shown.questions() == ["Who sells tickets to Lisbon?"]
    shown.page.get_by_label("Text", exact=True).fill("there is no such text")
    assert shown.count() == "No case is like that."


@pytest.mark.browser
def test_a_view_can_be_linked_to(show: Callable[..., Shown]) -> None:
    shown = show(page(numbered(60)), "#failure=wrong_abstention&kind=kind+0&sort=down&q=question")
    assert shown.count() == "10 shown of 10 cases, out of 60"
    assert shown.questions()[0] == "Question 54?"
    expect(shown.page.get_by_label("Outcome", exact=True)).to_have_value("wrong_abstention")
    expect(shown.page.locator("#cases")).to_be_focused()


@pytest.mark.browser
@pytest.mark.parametrize("fragment", ["#failure=no+such&kind=x&sort=%ff", "#cases", "#nothing", "#&=&"])
def test_an_address_that_asks_for_nothing_there_is_shows_all(
    show: Callable[..., Shown], fragment: str
) -> None:
    assert show(page(RUN), fragment).count() == "5 shown of 5 cases"


@pytest.mark.browser
def test_a_kind_of_failure_leads_to_its_cases_by_keyboard(show: Callable[..., Shown]) -> None:
    shown = show(page(RUN))
    link = shown.page.get_by_role("link", name="wrong abstention")
    link.focus()
    shown.page.keyboard.press("Enter")
    expect(shown.page.locator("#cases")).to_be_focused()
    assert [shown.page.locator("#list a").inner_text()] == ["two"]
    expect(link).to_have_attribute("aria-current", "true")
    shown.page.go_back()
    assert "failure" not in shown.fragment()


@pytest.mark.browser
def test_the_least_confident_come_first_where_that_is_asked_for(show: Callable[..., Shown]) -> None:
    shown = show(page(RUN))
    shown.choose("Order", "up")
    ids = shown.page.locator("#list .facts a").all_inner_texts()
    assert ids == ["four", "two", "five", "three", "one"]


@pytest.mark.browser
def test_a_case_shows_what_was_expected_and_what_was_cited(show: Callable[..., Shown]) -> None:
    shown = show(page(RUN, OTHER), "#q=three")
    case = shown.page.locator("#list > li")
    expect(case).to_have_count(1)
    expect(case).to_contain_text("✗ Wrong: wrong sentence")
    expect(case).to_contain_text("passage 1 of 10, cited")
    expect(case).to_contain_text("Does not show the evidence · dam.txt, page 3, characters 100–121")
    expect(case).to_contain_text("failed otherwise than in the other run")
    columns = case.locator(".columns > div")
    expect(columns.nth(1).locator("mark")).to_have_text("1947")
    expect(columns.nth(2)).to_contain_text("Put first, had it been answered:")
    assert case.locator("a").count() == 1


@pytest.mark.browser
def test_a_mark_stands_right_behind_what_takes_two_units(show: Callable[..., Shown]) -> None:
    quote = "\N{BALLOON}\N{BALLOON} In 1947."
    shown = show(page(result_of(answered(citations=(cited(quote=quote, answer=(106, 110)),)))))
    expect(shown.page.locator("mark")).to_have_text("1947")


@pytest.mark.browser
def test_a_citation_links_to_its_place_where_there_is_a_base(show: Callable[..., Shown]) -> None:
    shown = show(page(RUN, link_base="https://quotes.example"), "#q=one")
    link = shown.page.locator("#list blockquote a")
    href = link.get_attribute("href")
    assert href == f"https://quotes.example/#doc={'d' * 32}&start=100&end=121&collection=default"


@pytest.mark.browser
def test_hostile_text_is_text_in_the_browser(show: Callable[..., Shown]) -> None:
    payloads = ["</script><img src=x onerror=alert(1)>", *ALL]
    run = hostile(payloads)
    shown = show(page(run, run, payloads, title=payloads[0]))
    found = shown.page
    while found.get_by_role("button", name="Show more").is_visible():
        found.get_by_role("button", name="Show more").click()
    assert found.locator("#list > li").count() == len(payloads)
    assert found.locator("script").count() == 2
    assert (
        found.locator("img, iframe, object, embed, link, base, video, audio, math, marquee, xss").count() == 0
    )
    assert found.evaluate(_LIVE) == []
    assert shown.questions() == payloads
    # What was expected, and two citations in each run.
    quotes = found.locator("#list .columns .quote").all_text_contents()
    assert quotes == [payload for payload in payloads for _ in range(5)]
    shown.page.get_by_label("Text", exact=True).fill(payloads[0])
    assert payloads[0] in shown.questions()


@pytest.mark.browser
def test_without_script_the_figures_are_there_all_the_same(show: Callable[..., Shown]) -> None:
    shown = show(page(RUN), java_script_enabled=False)
    assert "The cases are drawn by a script, which does not run here" in shown.count()
    expect(shown.page.locator("main")).to_contain_text("nDCG@10")
    expect(shown.page.locator("#filter")).to_be_hidden()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
)
def test_nothing_serious_is_found_by_axe_and_nothing_is_wider_than_the_window(
    show: Callable[..., Shown], width: int, scheme: str
) -> None:
    long = answered(
        "long", question="W" * 300, kind="k" * 80, citations=(cited(source="s" * 300, right=False),)
    )
    run = replace(result_of(*RUN.outcomes, long, set="n" * 90), published={"p" * 90: 0.5})
    shown = show(page(run, OTHER, MISSED), width=width, color_scheme=scheme)
    shown.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(shown.page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in SERIOUS] == []


@pytest.mark.browser
def test_a_printed_page_has_the_cases_and_no_controls(show: Callable[..., Shown]) -> None:
    shown = show(page(numbered(60)))
    shown.page.emulate_media(media="print")
    expect(shown.page.locator("#filter")).to_be_hidden()
    expect(shown.page.get_by_role("button", name="Show more")).to_be_hidden()
    expect(shown.page.locator("#list h3").first).to_be_visible()


@pytest.mark.browser
def test_six_thousand_cases_are_filtered_and_drawn(
    show: Callable[..., Shown], monkeypatch: pytest.MonkeyPatch
) -> None:
    # How wide the intervals are is not what this is about.
    monkeypatch.setattr("eval.figures.intervals", lambda outcomes: {})
    shown = show(page(numbered(6000)))
    assert shown.count() == "50 shown of 6000 cases"
    shown.page.get_by_label("Text", exact=True).fill("question 5999")
    assert shown.questions() == ["Question 5999?"]
