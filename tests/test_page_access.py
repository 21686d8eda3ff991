"""The page for those who see little or nothing: axe-core finds nothing serious in any state of it."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import free_port, opened, service
from page_states import STATES, add, afresh, survey_pdf, uploaded
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module", autouse=True)
def _survey(address: str) -> None:
    """Have a PDF to look at, too."""
    add(address, "survey.pdf", survey_pdf())


def findings(page: Page) -> list[str]:
    """Return what axe-core finds to be serious or critical, by rule and element."""
    # What is on its way in is looked at once it is there.
    page.evaluate(
        "document.getAnimations().forEach((each) => { try { each.finish(); } catch { each.cancel(); } })"
    )
    violations = Axe().run(page).response["violations"]
    return [
        f"{found['id']}: {node['html'][:160]} ({node['failureSummary'][:300]})"
        for found in violations
        if found["impact"] in SERIOUS
        for node in found["nodes"]
    ]


@pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
)
def test_nothing_serious_is_found_in_any_state(
    browser: Browser, address: str, width: int, scheme: str
) -> None:
    page, _ = opened(browser, address, width, scheme)
    found = {}
    for name, bring_about in STATES.items():
        bring_about(page)
        found[name] = findings(page)
        afresh(page)
    assert {name: serious for name, serious in found.items() if serious} == {}
    page.context.close()


def test_nothing_serious_is_found_where_files_were_uploaded(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page, _ = opened(browser, address, scheme="dark")
    uploaded(page, tmp_path)
    assert findings(page) == []
    page.context.close()


def test_nothing_serious_is_found_in_an_empty_library(browser: Browser, tmp_path: Path) -> None:
    with service(tmp_path, free_port()) as url:
        page, _ = opened(browser, url)
        assert findings(page) == []
        page.get_by_role("button", name="Add documents").click()
        page.locator("#shelf").get_by_text("Drop", exact=False).first.wait_for()
        assert findings(page) == []
        page.context.close()


def test_a_finding_would_be_seen(browser: Browser, address: str) -> None:
    page, _ = opened(browser, address)
    page.evaluate("() => { const image = new Image(); image.src = 'data:,'; document.body.append(image); }")
    assert any(found.startswith("image-alt") for found in findings(page))
    page.context.close()
