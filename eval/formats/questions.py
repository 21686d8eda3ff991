"""The same questions, asked of the article as text and of the article in another format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.cases import Case, InvalidCase
from eval.formats.places import Found, PageTexts
from eval.formats.words import letters
from index.sync import SyncRequest
from rag.types import AnswerStatus
from rag.wiring import Application


@dataclass(frozen=True, slots=True)
class Given:
    """What a question was answered with first; `quote` is empty for an abstention, `file` the cited name."""

    question: str
    status: AnswerStatus
    quote: str = ""
    file: str = ""
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A question that another format answers with another sentence."""

    question: str
    text: str
    other: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the questions on the article fared in another format.

    `asked` are those whose first evidence stands in the article where that is text: `same` counts those
    with the same sentence but for white space, `alike` those with the same letters and digits. `abstained`
    are those that the text abstains from, and `abstained_too` those where the other format does as well.
    `on_page` counts the quotes of the article whose page shows them, of `paged` that name one.
    """

    asked: int
    same: int
    alike: int
    abstained: int
    abstained_too: int
    paged: int
    on_page: int
    differences: tuple[Difference, ...]

    @property
    def share(self) -> float:
        """The share of questions with the same sentence."""
        return self.same / self.asked if self.asked else 1.0

    @property
    def alike_share(self) -> float:
        """The share of questions with a sentence of the same letters and digits."""
        return self.alike / self.asked if self.asked else 1.0


def ask_all(
    application: Application,
    collection: str,
    article: Path,
    others: Sequence[Path],
    cases: Sequence[Case],
) -> list[Given]:
    """Bring an article and other documents into a collection of their own, and ask every question.

    Raise `InvalidCase` where one of them cannot be read.
    """
    application.ingestor(collection)
    report = application.runner(collection).sync(SyncRequest.of([article, *others]))
    if not report.complete:
        failed = next((record.reason for record in report.files if record.reason), report.job.message)
        raise InvalidCase(f"{article.name} was not read: {failed}")
    given = []
    for case in cases:
        answer = application.assistant.ask(case.question, collection)
        first = answer.citations[0] if answer.citations else None
        given.append(
            Given(case.question, answer.status, first.quote.text, Path(first.source).name, first.page)
            if first
            else Given(case.question, answer.status)
        )
    return given


def compare(
    text: Sequence[Given], other: Sequence[Given], stem: str, pages: PageTexts | None = None
) -> Comparison:
    """Compare the answers of another format with those of the text, question by question.

    `stem` is the name of the article without its suffix; `pages` is what the pages of it show, None
    for a format without pages.
    """
    paired = list(zip(text, other, strict=True))
    asked = [(one, two) for one, two in paired if Path(one.file).stem == stem]
    abstained = [two for one, two in paired if one.status is AnswerStatus.ABSTAINED]
    paged = [two for _, two in paired if Path(two.file).stem == stem] if pages else []
    return Comparison(
        asked=len(asked),
        same=sum(_same(one, two) for one, two in asked),
        alike=sum(letters(one.quote) == letters(two.quote) for one, two in asked),
        abstained=len(abstained),
        abstained_too=sum(two.status is AnswerStatus.ABSTAINED for two in abstained),
        paged=len(paged),
        on_page=sum(_is_on_page(given, pages) for given in paged),
        differences=tuple(
            Difference(one.question, one.quote, two.quote) for one, two in asked if not _same(one, two)
        ),
    )


def _same(one: Given, other: Given) -> bool:
    return one.quote.split() == other.quote.split()


def _is_on_page(given: Given, pages: PageTexts | None) -> bool:
    return bool(pages and given.page and pages.found(given.quote, given.page) is not Found.NOT)


def beside(article: Path) -> list[Path]:
    """Return the other documents of the folder that an article is in."""
    return [path for path in sorted(article.parent.iterdir()) if path != article]
