"""The documents of a collection: list, add, read, delete."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rag.client.jobs import job_of
from rag.client.methods import HasSession, Method
from rag.client.session import Request, Session, place
from rag.client.stored import (
    Accepted,
    Document,
    DocumentDetail,
    Documents,
    JobReport,
    Page,
    Pages,
    Text,
    Word,
    Words,
)


class DocumentMethods(HasSession):
    """Of clients: what reads and changes documents. Without a `collection` it is the one named `default`."""

    @Method
    async def documents(self, *, collection: str | None = None) -> Sequence[Document]:
        """List the documents of a collection, by source."""
        asked = Request("GET", "/documents", {"collection": collection}, repeatable=True)
        return (await self._session.call(asked, Documents)).documents

    @Method
    async def document(self, document_id: str, *, collection: str | None = None) -> DocumentDetail:
        """Describe a document, with what of it was read and what was not."""
        return await self._session.call(_read(document_id, "", collection), DocumentDetail)

    @Method
    async def text(
        self, document_id: str, start: int = 0, end: int | None = None, *, collection: str | None = None
    ) -> str:
        """Return `text[start:end]` of a document, by default the whole, as the offsets of citations count."""
        if start < 0 or (end is not None and end < start):
            raise ValueError(f"{start}:{end} is no span: give 0 <= start <= end")
        return (await text_of(self._session, document_id, collection))[start:end]

    @Method
    async def pages(self, document_id: str, *, collection: str | None = None) -> Sequence[Page]:
        """List the pages of a document in order; formats without pages have none."""
        return (await self._session.call(_read(document_id, "/pages", collection), Pages)).pages

    @Method
    async def page_image(
        self, document_id: str, number: int, width: int = 1000, *, collection: str | None = None
    ) -> bytes:
        """Return a page of a PDF as a PNG of 64 to 2400 pixels' width; a very tall page comes narrower.

        The box of a word, times the picture's width over the page's, is where it is in the picture.
        """
        asked = _read(document_id, f"/pages/{number}/image", collection, width=width)
        return await self._session.content(asked)

    @Method
    async def words(
        self, document_id: str, start: int, end: int, *, collection: str | None = None
    ) -> Sequence[Word]:
        """Return where the words of `text[start:end]` stand on their pages, at most 10,000 of them.

        Formats that do not say where words stand have none.
        """
        asked = _read(document_id, "/words", collection, start=start, end=end)
        return (await self._session.call(asked, Words)).words

    @Method
    async def add(
        self,
        source: str | os.PathLike[str] | bytes | BinaryIO,
        name: str | None = None,
        *,
        collection: str | None = None,
        wait: bool = True,
    ) -> JobReport:
        """Add a file, given by its path, or as bytes or an open file with a `name`; the collection is made.

        The document takes the place of an earlier one of its name, by default the file's own. With `wait`
        the job that reads it is followed to its end, and `JobFailed` is raised where it fails; else the
        job is returned as it stands, and `follow(job.id)` tells how it goes on.
        """
        with _upload(source, name) as upload:
            sent = Request("POST", "/documents", body={"collection": collection}, upload=upload)
            accepted = await self._session.call(sent, Accepted)
        return await job_of(self._session, accepted.job, collection, wait=wait)

    @Method
    async def delete(self, document_id: str, *, collection: str | None = None) -> None:
        """Delete a document; once this returns, no search and no answer uses it."""
        await self._session.do(
            Request("DELETE", f"/documents/{place(document_id)}", {"collection": collection})
        )


async def text_of(session: Session, document_id: str, collection: str | None) -> str:
    """Return the whole stored text of a document."""
    return (await session.call(_read(document_id, "/text", collection), Text)).text


def _read(document_id: str, part: str, collection: str | None, **params: int) -> Request:
    path = f"/documents/{place(document_id)}{part}"
    return Request("GET", path, {"collection": collection, **params}, repeatable=True)


@contextmanager
def _upload(
    source: str | os.PathLike[str] | bytes | BinaryIO, name: str | None
) -> Iterator[tuple[str, bytes | BinaryIO]]:
    """Yield a file's name and content; raise `ValueError` without a name, `OSError` without the file."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        with path.open("rb") as file:
            yield name or path.name, file
    elif name:
        yield name, source
    else:
        raise ValueError("what is added as bytes or as an open file needs a name: add(data, 'notes.txt')")
