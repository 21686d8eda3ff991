"""Pictures of the pages of documents: drawn away from the service's own process, and kept for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from index.errors import DocumentNotFound, NoPageImages, PageNotFound
from index.loading.loader import Drawer
from index.loading.registry import drawer_of
from index.loading.sandbox import Limits, Sandbox
from rag.service.work import Work
from rag.wiring import Application

LEAST_WIDTH, MOST_WIDTH = 64, 2400
WIDTH = 1000

_KEPT_BYTES = 64 * 2**20
# A page takes some 50 ms.
_WAITING = 64
# No picture of as many pixels as one may have is longer.
_OUTPUT_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class PicturePlace:
    """A page of a stored document, and how many pixels wide it is wanted.

    `content` is the digest of the document's file: its id is that of its text, and another file may have
    the same. `name` is for messages, `media_type` what the page is drawn by.
    """

    collection: str
    document_id: str
    content: str
    page: int
    width: int
    name: str = field(compare=False)
    media_type: str = field(compare=False)

    @property
    def tag(self) -> str:
        """What the picture is known by: equal tags are of equal pictures."""
        return f"{self.content[:32]}-{self.page}-{self.width}"


class Pictures:
    """Draws pages one after another, in a sandbox of its own, and keeps the pictures shown last.

    A picture is served only after the catalog was asked for its document, so none of a deleted one is.
    `reading` does what is asked of the catalog meanwhile.
    """

    def __init__(self, application: Application, reading: Work) -> None:
        settings = application.settings
        self._home = application.home
        self._reading = reading
        self._drawing = Work("drawing", 1, _WAITING)
        seconds = settings.parse_seconds
        self._sandbox = Sandbox(
            Limits(seconds, seconds, settings.parse_memory_mb * 2**20, output_bytes=_OUTPUT_BYTES)
        )
        self._kept = _Kept(_KEPT_BYTES)

    async def find(self, document_id: str, page: int, width: int, collection: str) -> PicturePlace:
        """Return where a picture is to be had; raise `DocumentNotFound`, `NoPageImages`, `PageNotFound`."""
        return await self._reading.run(self._found, document_id, page, width, collection)

    async def picture(self, place: PicturePlace) -> bytes:
        """Return a picture that was just found, as PNG.

        Raise as `find` does, `Overloaded`, and the `InputError` of a page that cannot be drawn.
        """
        kept = self._kept.get(place)
        return kept if kept is not None else await self._drawing.run(self._drawn, place)

    def close(self) -> None:
        """Let the page that is being drawn be finished, and end the processes."""
        self._drawing.close()
        self._sandbox.close()

    def _found(self, document_id: str, page: int, width: int, collection: str) -> PicturePlace:
        catalog = self._home.collection(collection).catalog
        try:
            info = catalog.document(document_id)
        except DocumentNotFound:
            self._kept.forget(collection, document_id)
            raise
        name = PurePosixPath(info.source).name
        _drawer(info.media_type, name)
        if not info.has_original:
            raise _not_kept(name)
        if page not in {found.number for found in catalog.pages(document_id)}:
            raise PageNotFound(f"{name} has no page {page}; it has {info.pages}")
        return PicturePlace(
            collection, info.id, info.content_sha256, page, width, name=name, media_type=info.media_type
        )

    def _drawn(self, place: PicturePlace) -> bytes:
        # Others may have waited for the same.
        if (kept := self._kept.get(place)) is not None:
            return kept
        data = self._home.collection(place.collection).catalog.original(place.document_id)
        if data is None:
            raise _not_kept(place.name)
        drawer = _drawer(place.media_type, place.name)
        drawn = self._sandbox.draw(drawer, data, place.name, place.page, place.width)
        self._kept.keep(place, drawn)
        return drawn


class _Kept:
    """Pictures by their places, the ones used last, up to so many bytes; for any number of threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._pictures: OrderedDict[PicturePlace, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, place: PicturePlace) -> bytes | None:
        with self._lock:
            if place in self._pictures:
                self._pictures.move_to_end(place)
            return self._pictures.get(place)

    def keep(self, place: PicturePlace, picture: bytes) -> None:
        with self._lock:
            self._drop(place)
            self._pictures[place] = picture
            self._bytes += len(picture)
            while self._bytes > self._most_bytes:
                self._drop(next(iter(self._pictures)))

    def forget(self, collection: str, document_id: str) -> None:
        with self._lock:
            for place in list(self._pictures):
                if (place.collection, place.document_id) == (collection, document_id):
                    self._drop(place)

    def _drop(self, place: PicturePlace) -> None:
        self._bytes -= len(self._pictures.pop(place, b""))


def _drawer(media_type: str, name: str) -> Drawer:
    drawer = drawer_of(media_type)
    if drawer is None:
        raise NoPageImages(f"{name} has no page images: its format is not shown page by page, as PDF is")
    return drawer


def _not_kept(name: str) -> NoPageImages:
    return NoPageImages(
        f"{name} has no page images, since its file was not kept: add it again, with "
        "QUOTEBOUND_KEEP_ORIGINALS on"
    )
