"""Rich Text Format, by its visible text."""

from __future__ import annotations

from index.errors import UnreadableText
from index.loading.composing import Composer
from index.loading.loader import Parsed, Parsing, Signs
from index.loading.rich_text.reader import RichTextReader

_SIGNATURE = b"{\\rtf"


class RichTextLoader:
    """Reads RTF by its first bytes: paragraphs, headings by style, rows of tables, footnotes after them."""

    media_type = "application/rtf"
    harmless = False
    libraries: tuple[str, ...] = ()

    def accepts(self, signs: Signs) -> bool:
        """Accept what begins as RTF does."""
        return signs.head.lstrip().startswith(_SIGNATURE)

    def parse(self, data: bytes, name: str, parsing: Parsing) -> Parsed:
        """Return the visible text."""
        data = data.lstrip()
        if not data.startswith(_SIGNATURE):
            raise UnreadableText(f"{name} is not RTF, or is damaged")
        composer = Composer(name, parsing)
        reader = RichTextReader(composer, name)
        reader.read(data, lambda: parsing.page_done(0, 1))
        about = reader.about
        return composer.parsed(
            about.get("title"), {"author": about.get("author"), "date": _date(reader.created)}
        )


def _date(created: dict[str, int]) -> str | None:
    year, month, day = (created.get(part, 0) for part in ("yr", "mo", "dy"))
    if not (1900 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= 31):
        return None
    date = f"{year:04}-{month:02}-{day:02}"
    return f"{date}T{created['hr']:02}:{created.get('min', 0):02}" if "hr" in created else date
