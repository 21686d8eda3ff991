"""The collections of a home: list, make, remove; and the model that each is made with."""

from __future__ import annotations

from fastapi import APIRouter, Response

from index.errors import InvalidReindex, ModelNotFound
from rag.service.access import BackendOf
from rag.service.collection_wire import CollectionOut, CollectionRequest, CollectionsOut, ReindexRequest
from rag.service.errors import documented
from rag.service.wire import JobAccepted

router = APIRouter(prefix="/collections", tags=["collections"], max_body_size=2**16)


@router.get("")
async def list_collections(backend: BackendOf) -> CollectionsOut:
    """List the collections there are."""
    return CollectionsOut(collections=[CollectionOut.of(found) for found in await backend.collections()])


@router.post("", status_code=201, responses=documented(400, 409, 413, 422))
async def create_collection(asked: CollectionRequest, backend: BackendOf) -> CollectionOut:
    """Make a collection; 409 where there is one of that name."""
    return CollectionOut.of(await backend.create_collection(asked.name))


@router.delete("/{name}", status_code=204, responses=documented(404, 422))
async def delete_collection(name: str, backend: BackendOf) -> None:
    """Remove a collection with all its documents; once this returns nothing answers from it."""
    await backend.delete_collection(name)


@router.post("/{name}/reindex", status_code=202, responses=documented(400, 404, 413, 422))
async def reindex(name: str, asked: ReindexRequest, backend: BackendOf, response: Response) -> JobAccepted:
    """Embed a collection anew, with another model if one is named; what is there serves until all is done."""
    try:
        job_id = await backend.desk.reindex(name, asked.model, rollback=asked.rollback)
    except ModelNotFound as error:
        if asked.model is None:
            raise
        raise InvalidReindex(str(error)) from error
    response.headers["Location"] = f"/jobs/{job_id}?collection={name}"
    return JobAccepted(job=job_id)
