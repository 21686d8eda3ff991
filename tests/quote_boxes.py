"""Measures how well the boxes that the page draws cover the words of quotes in real PDFs.

    python tests/quote_boxes.py --data DIR [--quotes 50]

`DIR` holds PDFs, at any depth. Each quote is opened by its link in Chromium, and the rectangles that are
drawn are compared with the words' own boxes (`/documents/{id}/words`), and with where pdfium and, if it is
installed, pdftotext place the same characters: the area that both cover over the area that any covers.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from browsing import chromium, free_port, get, quotebound, service
from drawn_boxes import Rectangle, by_pdfium, by_poppler, drawn_on, iou, show
from playwright.sync_api import Page

from index.home import COLLECTIONS_FOLDER
from index.sql.catalog import SqlCatalog
from index.store import CATALOG_FILE
from index.types import DEFAULT_COLLECTION, Span

_SEED = 8
_ENOUGH = 0.8
_LEAST_CHARACTERS = 12


@dataclass(slots=True)
class Quote:
    """A sentence of a document that could be quoted, with what was measured of it, by what it was held to."""

    document: str
    source: str
    span: Span
    text: str
    measured: dict[str, float] = field(default_factory=dict)


def quotes_of(home: Path, most: int) -> list[Quote]:
    """Return sentences of the PDFs of a home, from each as many as from any other as far as they go."""
    catalog = SqlCatalog(home / COLLECTIONS_FOLDER / DEFAULT_COLLECTION / CATALOG_FILE, writable=False)
    chance = random.Random(_SEED)
    heaps: list[list[Quote]] = []
    for info in catalog.documents():
        if not info.has_original or not catalog.layouts(info.id):
            continue
        spans = [span for _, passage in catalog.passages_of(info.id) for span in passage.sentences]
        found = [
            Quote(info.id, info.source, span, catalog.text(info.id, span.start, span.end)) for span in spans
        ]
        found = [quote for quote in found if len(quote.text) >= _LEAST_CHARACTERS]
        heaps.append(chance.sample(found, len(found)))
    catalog.close()
    chosen: list[Quote] = []
    while len(chosen) < most and any(heaps):
        chosen += [heap.pop() for heap in heaps if heap]
    return chosen[:most]


def measure(page: Page, address: str, quote: Quote) -> None:
    """Open a quote and note how well what is drawn covers it: the worst of its pages."""
    start, end = quote.span.start, quote.span.end
    show(page, quote.document, start, end)
    words = json.loads(get(f"{address}/documents/{quote.document}/words?start={start}&end={end}"))["words"]
    text = json.loads(get(f"{address}/documents/{quote.document}/text"))["text"]
    for number in sorted({word["page"] for word in words}):
        drawn = drawn_on(page, number)
        of_page = [word for word in words if word["page"] == number]
        own = [Rectangle(word["left"], word["top"], word["right"], word["bottom"]) for word in of_page]
        _note(quote, "words", iou(drawn, own))
        part = text[max(start, of_page[0]["start"]) : min(end, of_page[-1]["end"])]
        for name, places in _READERS.items():
            if found := places(Path(quote.source), number, part):
                # Where a text stands on a page more than once, the nearest is meant.
                _note(quote, name, max(iou(drawn, place) for place in found))


def _note(quote: Quote, name: str, value: float) -> None:
    quote.measured[name] = min(value, quote.measured.get(name, 1.0))


_READERS: dict[str, Callable[[Path, int, str], list[list[Rectangle]]]] = {"pdfium": by_pdfium}
if shutil.which("pdftotext"):
    _READERS["poppler"] = by_poppler


def main() -> None:
    """Measure and print a line for each quote, and what came out of all."""
    parser = argparse.ArgumentParser(description="How well drawn boxes cover the words of quotes.")
    parser.add_argument("--data", type=Path, required=True, help="a folder with PDFs")
    parser.add_argument("--quotes", type=int, default=50)
    given = parser.parse_args()
    files = sorted(path.resolve() for path in given.data.rglob("*.pdf"))
    if not files:
        parser.error(f"there is no PDF below {given.data}: give a folder that holds some")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        # Files that cannot be read are told with its exit code; the others are there all the same.
        with suppress(subprocess.CalledProcessError):
            quotebound(["ingest", *map(str, files)], home)
        quotes = quotes_of(home, given.quotes)
        with service(home, free_port()) as address, chromium() as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(address)
            page.locator("#question").wait_for()
            for quote in quotes:
                measure(page, address, quote)
    _print(quotes)


def _print(quotes: list[Quote]) -> None:
    names = ["words", *_READERS]
    for quote in sorted(quotes, key=lambda quote: quote.measured.get("words", 0.0)):
        values = "  ".join(f"{quote.measured.get(name, float('nan')):7.3f}" for name in names)
        told = " ".join(quote.text.split())[:48]
        print(f"{values}  {Path(quote.source).name[:28]:28}  {told}")  # noqa: T201
    for name in names:
        values_of = [quote.measured[name] for quote in quotes if name in quote.measured]
        enough = sum(value >= _ENOUGH for value in values_of)
        print(  # noqa: T201
            f"{name}: {len(values_of)} of {len(quotes)} quotes compared; minimum {min(values_of):.3f}, "
            f"median {statistics.median(values_of):.3f}, {enough} with {_ENOUGH} or more"
        )


if __name__ == "__main__":
    main()
