"""Lines on pages to text: paragraphs whole over line and page ends, words whole over hyphens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from index.loading.composing import Composer, cell_starts
from index.loading.pdf.furniture import without_furniture
from index.loading.pdf.grouping import Group, Grouping
from index.loading.pdf.measures import measured
from index.loading.pdf.mending import Mender
from index.loading.pdf.placed import PageContent, PlacedLine, PlacedWord
from index.loading.pdf.reading_order import Column, columns_in_order
from index.loading.pdf.tables import TableRow, has_header, table_rows
from index.types import Block, Page, PageLayout, Span, Word

_BULLETS = "•‣◦▪●○■□➢✓·-*–—"


class PageComposer:
    """Makes the text of pages, with the place of each word on them.

    `repeated` is what was left out of the margins. `page_done` is called for each page that gets on,
    more than once.
    """

    def __init__(
        self, composer: Composer, pages: Sequence[PageContent], page_done: Callable[[], None]
    ) -> None:
        self._composer = composer
        self._page_done = page_done
        furnished = without_furniture(pages)
        self._pages = furnished.pages
        self.repeated = furnished.repeated
        self._columns = [(page, self._columns_of(page)) for page in self._pages]
        self._grouping = Grouping(measured(self._columns))
        self._mender = Mender(line for page in self._pages for line in page.lines)
        self._words: dict[int, list[Word]] = {page.number: [] for page in pages}
        self._by_number = {page.number: page for page in self._pages}
        self._noted = 0

    def compose(self) -> None:
        """Add the blocks of all pages to the composer, and the pages themselves."""
        table: list[PlacedLine] = []
        page = 0
        for group in self._grouping.groups(self._columns):
            if group.last.page != page:
                page = group.last.page
                self._page_done()
            rows = group.lines if group.last.is_row else []
            if table and (not rows or rows[0].page != table[-1].page):
                self._add_table(table)
                table = []
            table += rows
            if not rows:
                # What stands aside on a page comes before what goes on from it to the next one.
                self._add_asides(until=group.last.page)
                self._add(group)
        self._add_table(table)
        self._add_asides(until=len(self._pages) + 1)
        self._finish()

    def _columns_of(self, page: PageContent) -> list[Column]:
        self._page_done()
        return columns_in_order(page.lines)

    def _finish(self) -> None:
        end = self._composer.length
        pages: list[Page] = []
        for page in reversed(self._pages):
            words = self._words[page.number]
            start = min([end, *(word.start for word in words)])
            # A word that was broken over the end of a page belongs to both.
            pages.append(Page(page.number, start, end, reading=page.reading, reason=page.reason))
            end = start
        pages.reverse()
        layouts = [
            PageLayout.of(page.number, *_displayed_size(page), self._words[page.number])
            for page in self._pages
            if self._words[page.number]
        ]
        self._composer.place(pages, layouts)

    def _add(self, group: Group) -> None:
        words = group.words
        if self._grouping.is_heading(group):
            level = self._grouping.level(group)
            self._place_joined(words, lambda text: self._composer.heading(text, level))
        elif group.starts_item:
            lone = words[0][0].text in _BULLETS and len(words) > 1
            self._place_joined(words[1:] if lone else words, self._composer.item)
        elif group.has_leaders:
            self._place_joined(words, self._composer.item)
        else:
            self._place_joined(words, self._composer.paragraph)

    def _add_asides(self, until: int) -> None:
        """Add what stands aside on the pages before one, as notes: it can be found and not quoted."""
        while self._noted < len(self._pages) and self._pages[self._noted].number < until:
            page = self._pages[self._noted]
            self._noted += 1
            for line in page.aside:
                self._place_joined([(word, page.number) for word in line.words], self._composer.note)

    def _add_table(self, lines: Sequence[PlacedLine]) -> None:
        """Add rows that follow each other, each with the names of its columns where the first has them."""
        if not lines:
            return
        page = lines[0].page
        self._add_asides(until=page)
        rows = table_rows(lines)
        mended = [[self._mender.mended(cell) for cell in row] for row in rows]
        texts = [[text for text, _ in row] for row in mended]
        header: tuple[TableRow, list[list[Span]]] | None = None
        names: list[str] = []
        if has_header(rows, texts):
            names, header = texts[0], (rows[0], [spans for _, spans in mended[0]])
            rows, mended, texts = rows[1:], mended[1:], texts[1:]
        for row, text, found in zip(rows, texts, mended, strict=True):
            block = self._composer.row(text, names)
            if block is None:
                continue
            starts = [block.start + start for start in cell_starts(text, names)]
            for column, (cell, start) in enumerate(zip(row, starts, strict=True)):
                named = header is not None and names[column] != text[column]
                if header is not None and named:
                    # The name stands on the page once, and in the text before each of its cells.
                    before = start - len(names[column]) - len(_NAME_END)
                    self._keep([(word, page) for word in header[0][column]], header[1][column], before)
                self._keep([(word, page) for word in cell], found[column][1], start)

    def _place_joined(
        self, words: Sequence[tuple[PlacedWord, int]], add: Callable[[str], Block | None]
    ) -> None:
        text, spans = self._mender.mended([word for word, _ in words])
        if (block := add(text)) is not None:
            self._keep(words, spans, block.start)

    def _keep(self, words: Sequence[tuple[PlacedWord, int]], spans: Sequence[Span], offset: int) -> None:
        for (word, page), span in zip(words, spans, strict=True):
            box = _displayed(word, self._by_number[page])
            self._words[page].append(Word(offset + span.start, offset + span.end, *box))


_NAME_END = ": "


def _displayed_size(page: PageContent) -> tuple[float, float]:
    return (page.height, page.width) if page.turned % 2 else (page.width, page.height)


def _displayed(word: PlacedWord, page: PageContent) -> tuple[float, float, float, float]:
    """Return a word's box where it is on the page as that is displayed."""
    box = (word.left, word.top, word.right, word.bottom)
    width, height = page.width, page.height
    for _ in range(page.turned):
        left, top, right, bottom = box
        box = (height - bottom, left, height - top, right)
        width, height = height, width
    return box
