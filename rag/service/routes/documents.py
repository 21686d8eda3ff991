"""The documents of a collection: list, add, read, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Header, Query, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from index.boxes import boxes_at
from index.catalog import Catalog
from index.types import DEFAULT_COLLECTION, Span
from rag.service.access import BackendOf
from rag.service.document_wire import DocumentDetailOut, PagesOut, WordsOut
from rag.service.errors import documented
from rag.service.pictures import LEAST_WIDTH, MOST_WIDTH, WIDTH
from rag.service.wire import CollectionName, DocumentOut, DocumentsOut, JobAccepted, TextOut

router = APIRouter(prefix="/documents", tags=["documents"], responses=documented(404, 422))

Collection = Annotated[CollectionName, Query()]
Offset = Annotated[int, Query(ge=0)]

_MOST_WORDS = 10_000


@router.get("")
async def list_documents(backend: BackendOf, collection: Collection = DEFAULT_COLLECTION) -> DocumentsOut:
    """List the documents of a collection."""
    return DocumentsOut(documents=[DocumentOut.of(info) for info in await backend.documents(collection)])


@router.post("", status_code=202, responses=documented(400, 413, 415))
async def add_document(
    file: UploadFile,
    backend: BackendOf,
    response: Response,
    collection: Annotated[CollectionName, Form()] = DEFAULT_COLLECTION,
) -> JobAccepted:
    """Accept a file, to be stored by a job; an earlier upload of the same name is replaced.

    Once this returns the file is kept, whatever happens then. The same file sent again while its job
    goes on is the same job.
    """
    job = await backend.desk.upload(file.file, file.filename or "upload.txt", collection)
    response.headers["Location"] = f"/jobs/{job.id}?collection={collection}"
    return JobAccepted(job=job.id)


@router.get("/{document_id}")
async def get_document(
    document_id: str, backend: BackendOf, collection: Collection = DEFAULT_COLLECTION
) -> DocumentDetailOut:
    """Describe a document, with what of it was read and what was not."""

    def described(catalog: Catalog) -> DocumentDetailOut:
        info = catalog.document(document_id)
        language, metadata = catalog.language(document_id), catalog.metadata(document_id)
        return DocumentDetailOut.of_document(info, language, metadata)

    return await backend.read_for(described, collection)


@router.get("/{document_id}/pages", response_model=PagesOut)
async def get_pages(
    document_id: str, backend: BackendOf, collection: Collection = DEFAULT_COLLECTION
) -> Response:
    """List the pages of a document: where each is in the text, how it was read, and its size."""

    def listed(catalog: Catalog) -> Response:
        return _body(PagesOut.of(document_id, catalog.pages(document_id), catalog.layouts(document_id)))

    return await backend.read_for(listed, collection)


@router.get(
    "/{document_id}/pages/{number}/image",
    response_class=Response,
    responses={
        200: {
            "description": "The page as it is displayed",
            "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "The picture that the client has is still the right one"},
    },
)
async def get_page_image(
    document_id: str,
    number: int,
    backend: BackendOf,
    width: Annotated[int, Query(ge=LEAST_WIDTH, le=MOST_WIDTH)] = WIDTH,
    collection: Collection = DEFAULT_COLLECTION,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return a page of a PDF as a picture of a width in pixels; a page far taller than wide comes narrower.

    A place in points, as `/words` gives it, times the picture's width over the page's, as `/pages` gives it,
    is that place in the picture.
    """
    found = await backend.pictures.find(document_id, number, width, collection)
    headers = {"ETag": f'"{found.tag}"', "Cache-Control": "private, no-cache"}
    if _is_known(found.tag, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(await backend.pictures.picture(found), media_type="image/png", headers=headers)


@router.get("/{document_id}/words", response_model=WordsOut)
async def get_words(
    document_id: str,
    backend: BackendOf,
    start: Offset,
    end: Offset,
    collection: Collection = DEFAULT_COLLECTION,
) -> Response:
    """Return where the words stand on their pages that overlap a span of the text, at most 10,000 of them.

    `start` and `end` are offsets into the stored text. Formats that do not say where words stand have none.
    """

    def placed(catalog: Catalog) -> Response:
        _check_span(start, end, catalog.document(document_id).characters)
        boxes = boxes_at(catalog, document_id, Span(start, end), _MOST_WORDS)
        return _body(WordsOut.of(document_id, boxes))

    return await backend.read_for(placed, collection)


@router.get("/{document_id}/text")
async def get_text(
    document_id: str, backend: BackendOf, collection: Collection = DEFAULT_COLLECTION
) -> TextOut:
    """Return the stored text, which the offsets of every citation refer to."""
    info = await backend.document(document_id, collection)
    text = await backend.text(document_id, collection=collection)
    return TextOut(document_id=info.id, sha256=info.sha256, text=text)


@router.delete("/{document_id}", status_code=204)
async def delete_document(
    document_id: str, backend: BackendOf, collection: Collection = DEFAULT_COLLECTION
) -> None:
    """Delete a document; once this returns, no search and no answer uses it."""
    await backend.delete(document_id, collection)


def _is_known(tag: str, told: str | None) -> bool:
    """Tell whether a client that tells the tags of what it has, has this one."""
    return any(one.strip().removeprefix("W/").strip('"') == tag for one in (told or "").split(","))


def _check_span(start: int, end: int, characters: int) -> None:
    """Refuse what is no span of a text, as what is no number is refused."""
    if not start < end <= characters:
        fault = f"no span: it has to be after start, and at most {characters}, where the text ends"
        raise RequestValidationError([{"loc": ("query", "end"), "msg": fault}])


def _body(shown: BaseModel) -> Response:
    """Return a response that is made where this is called, and not in the event loop: it can be long."""
    return Response(shown.model_dump_json(), media_type="application/json")
