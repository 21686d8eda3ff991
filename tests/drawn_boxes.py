"""Boxes over quotes as the page draws them, and the same quotes as other readers of PDF place them."""

from __future__ import annotations

import ctypes
import re
import subprocess
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pypdfium2
from playwright.sync_api import Page
from pypdfium2 import raw

_WORD = re.compile(r'<word xMin="(.+?)" yMin="(.+?)" xMax="(.+?)" yMax="(.+?)">(.*?)</word>')
# Pages are converted to a device this many times as large, whose places are whole numbers.
_FINE = 100
_DRAWN = """
() => {
  const image = document.querySelector('#viewer .sheet img').getBoundingClientRect();
  const { width, height } = document.querySelector('#viewer .sheet').dataset;
  const [across, down] = [width / image.width, height / image.height];
  return [...document.querySelectorAll('#viewer .box.here')].map((box) => {
    const { left, top, right, bottom } = box.getBoundingClientRect();
    return [(left - image.left) * across, (top - image.top) * down,
            (right - image.left) * across, (bottom - image.top) * down];
  });
}
"""


class Rectangle(NamedTuple):
    """A rectangle on a page as it is displayed, in points from the top left corner."""

    left: float
    top: float
    right: float
    bottom: float


def iou(one: Sequence[Rectangle], other: Sequence[Rectangle]) -> float:
    """Return the area that both cover over the area that any of them does; 0 where there is none."""
    both = either = 0.0
    across = sorted({edge for box in (*one, *other) for edge in (box.left, box.right)})
    down = sorted({edge for box in (*one, *other) for edge in (box.top, box.bottom)})
    for left, right in pairwise(across):
        x = (left + right) / 2
        columns = [[box for box in boxes if box.left < x < box.right] for boxes in (one, other)]
        for top, bottom in pairwise(down):
            y = (top + bottom) / 2
            covered = [any(box.top < y < box.bottom for box in boxes) for boxes in columns]
            area = (right - left) * (bottom - top)
            both += area * all(covered)
            either += area * any(covered)
    return both / either if either else 0.0


def show(page: Page, document: str, start: int, end: int) -> None:
    """Open a place in a document by its link and wait until it is drawn."""
    page.evaluate("(hash) => { location.hash = hash; }", f"doc={document}&start={start}&end={end}")
    told = f'[data-document="{document}"][data-start="{start}"][data-end="{end}"]'
    page.locator(f"#viewer .source-tools {told}").first.wait_for()


def drawn_on(page: Page, number: int) -> list[Rectangle]:
    """Return the boxes of the opened quote on a page, turning to that."""
    field = page.locator("#source-page")
    if field.get_attribute("value") != str(number):
        field.fill(str(number))
        field.press("Enter")
        page.locator(f'#source-page[value="{number}"]').wait_for()
    return [Rectangle(*box) for box in page.evaluate(_DRAWN)]


def by_pdfium(file: Path, number: int, quote: str) -> list[list[Rectangle]]:
    """Return the boxes of the characters of a quote for each place on a page where pdfium finds it."""
    pdf = pypdfium2.PdfDocument(file)
    try:
        page = pdf[number - 1]
        text = page.get_textpage()
        width, height = page.get_size()
        characters = []
        for index in range(text.count_chars()):
            code = raw.FPDFText_GetUnicode(text, index)
            if 0x20 < code < 0x110000 and not 0xD800 <= code < 0xE000:
                box = _displayed(page, text.get_charbox(index, loose=True), width, height)
                characters.append((chr(code), box))
        return _places(characters, quote)
    finally:
        pdf.close()


def _displayed(
    page: pypdfium2.PdfPage, box: tuple[float, float, float, float], width: float, height: float
) -> Rectangle:
    places = []
    for x, y in ((box[0], box[1]), (box[2], box[3])):
        across, down = ctypes.c_int(), ctypes.c_int()
        size = (round(width * _FINE), round(height * _FINE))
        raw.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, ctypes.byref(across), ctypes.byref(down))
        places.append((across.value / _FINE, down.value / _FINE))
    (x0, y0), (x1, y1) = places
    return Rectangle(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def by_poppler(file: Path, number: int, quote: str) -> list[list[Rectangle]]:
    """Return the boxes of the words of a quote for each place on a page where pdftotext finds it."""
    command = ["pdftotext", "-bbox", "-f", str(number), "-l", str(number), str(file), "-"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    words = []
    for *edges, text in _WORD.findall(told):
        words.append((unescape(text), Rectangle(*map(float, edges))))
    return _places(words, quote)


def _places(pieces: Iterable[tuple[str, Rectangle]], quote: str) -> list[list[Rectangle]]:
    letters: list[str] = []
    boxes: list[Rectangle] = []
    for text, box in pieces:
        for letter in _letters(text):
            letters.append(letter)
            boxes.append(box)
    wanted = "".join(_letters(quote))
    joined = "".join(letters)
    found = []
    at = joined.find(wanted) if wanted else -1
    while at >= 0:
        found.append(list(dict.fromkeys(boxes[at : at + len(wanted)])))
        at = joined.find(wanted, at + 1)
    return found


def _letters(text: str) -> Iterator[str]:
    """Yield what any reading of a text has: no white space, no bars between the cells of a row, and no
    hyphens, which may have broken words.
    """
    for letter in unicodedata.normalize("NFKC", text):
        if unicodedata.category(letter)[0] not in "ZC" and letter not in "|-\u2010\u00ad":
            yield letter
