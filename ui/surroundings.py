"""What stands around quotes and when their documents were written, for the cards that show them."""

from __future__ import annotations

from collections.abc import Sequence

from index.catalog import Catalog
from index.errors import DamagedStore, NotFound
from index.types import DocumentInfo
from rag.service.backend import Backend
from rag.types import Citation
from ui.rendering.evidence import Surroundings

_AROUND_CHARACTERS = 240


async def surroundings(
    backend: Backend, citations: Sequence[Citation], collection: str
) -> dict[int, Surroundings]:
    """Return by marker what surrounds each quote; of one whose document is gone, nothing."""
    if not citations:
        return {}

    def found(catalog: Catalog) -> dict[int, Surroundings]:
        return {citation.marker: _around(catalog, citation) for citation in citations}

    return await backend.read_for(found, collection)


def _around(catalog: Catalog, citation: Citation) -> Surroundings:
    quote = citation.quote
    first = max(0, quote.start - _AROUND_CHARACTERS)
    try:
        text = catalog.text(quote.document_id, first, quote.end + _AROUND_CHARACTERS)
        date = date_of(catalog, catalog.document(quote.document_id))
    except (NotFound, DamagedStore):
        return Surroundings()
    before, after = text[: quote.start - first], text[quote.end - first :]
    # What was cut off within a word is left out up to the next one.
    if first:
        before = f"… {before.partition(' ')[2]}"
    if len(after) == _AROUND_CHARACTERS:
        after = f"{after.rpartition(' ')[0]} …"
    return Surroundings(before, after, date)


def date_of(catalog: Catalog, info: DocumentInfo) -> str:
    """Return the date that a document's own file tells, else that on which it was added, in words."""
    told = catalog.metadata(info.id).get("date")
    return f"dated {told[:10]}" if told else f"added {info.added[:10]}"
