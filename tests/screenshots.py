"""Screenshots of the page in each of its states: `make screenshots`, or `python screenshots.py` from tests/.

They are of the real page of a real service over the demo documents, taken in Debian's Chromium.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from browsing import ROOT, chromium, free_port, opened, quotebound, service
from page_states import STATES, add, library, survey_pdf, uploaded
from PIL import Image
from playwright.sync_api import Browser, Page

# As many colours as the page has, and few bytes in the repository.
_COLOURS = 128
# Shown in the window of a telephone too, in the dark.
_NARROW = ("empty", "answer", "abstention", "source", "source-pdf", "library")


def main() -> None:
    """Take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--only", nargs="*", default=[], help="names of states")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)

        def take(state: str, bring_about: Callable[[Page], None], url: str, width: int, scheme: str) -> None:
            told = f"{state}-narrow-dark" if width < 500 else state
            if asked.only and told not in asked.only and state not in asked.only:
                return
            with _page(browser, url, width, scheme) as page:
                bring_about(page)
                _save(page, asked.out / f"{told}.png")

        with service(folder / "empty", free_port()) as url:
            take("first-run", lambda page: None, url, 1280, "light")
        quotebound(["ingest", "seeds"], folder / "home")
        with service(folder / "home", free_port()) as url:
            add(url, "survey.pdf", survey_pdf())
            with _page(browser, url, 1280, "light") as page:
                # The example questions are made while nobody asks.
                for _ in range(100):
                    if page.locator("button.example").count():
                        break
                    page.reload()
                    page.locator(".empty").wait_for()
            for state, bring_about in STATES.items():
                take(state, bring_about, url, 1280, "light")
                if state in _NARROW:
                    take(state, bring_about, url, 390, "dark")
            take("answer-dark", STATES["answer"], url, 1280, "dark")
            take("library-upload", lambda page: uploaded(page, folder), url, 1280, "light")
            take("library-undo", _undo, url, 1280, "light")


def _undo(page: Page) -> None:
    """A document that was deleted, and can be put back."""
    library(page)
    row = page.locator("#shelf tbody tr", has_text="Lighthouse")
    row.get_by_role("button", name="Delete").click()
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Undo").wait_for()


@contextmanager
def _page(browser: Browser, url: str, width: int, scheme: str) -> Iterator[Page]:
    page, _ = opened(browser, url, width, scheme)
    try:
        yield page
    finally:
        page.context.close()


def _save(page: Page, file: Path) -> None:
    # A field that is being typed in has a caret, which blinks.
    page.screenshot(path=file, animations="disabled", caret="hide")
    with Image.open(file) as taken:
        taken.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


if __name__ == "__main__":
    main()
