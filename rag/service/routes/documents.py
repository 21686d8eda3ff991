"""The documents of a collection: list, add, read, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Response, UploadFile

from index.types import DEFAULT_COLLECTION
from rag.service.access import BackendOf
from rag.service.wire import CollectionName, DocumentOut, DocumentsOut, JobAccepted, TextOut

router = APIRouter(prefix="/documents", tags=["documents"])

Collection = Annotated[CollectionName, Query()]


@router.get("")
async def list_documents(backend: BackendOf, collection: Collection = DEFAULT_COLLECTION) -> DocumentsOut:
    """List the documents of a collection."""
    return DocumentsOut(documents=[DocumentOut.of(info) for info in await backend.documents(collection)])


@router.post("", status_code=202)
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
    job = await backend.upload(file.file, file.filename or "upload.txt", collection)
    response.headers["Location"] = f"/jobs/{job.id}?collection={collection}"
    return JobAccepted(job=job.id)


@router.get("/{document_id}")
async def get_document(
    document_id: str, backend: BackendOf, collection: Collection = DEFAULT_COLLECTION
) -> DocumentOut:
    """Describe a document."""
    return DocumentOut.of(await backend.document(document_id, collection))


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
