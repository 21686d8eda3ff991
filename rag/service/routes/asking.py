"""Questions and searches."""

from __future__ import annotations

from fastapi import APIRouter

from rag.service.access import BackendOf
from rag.service.wire import AskRequest, AskResponse, SearchRequest, SearchResponse

# A question of the greatest length fits many times over; one that is longer is told so by its length.
router = APIRouter(tags=["asking"], max_body_size=2**20)


@router.post("/ask")
async def ask(asked: AskRequest, backend: BackendOf) -> AskResponse:
    """Answer a question with verbatim quotes, or say that the documents do not."""
    return AskResponse.of(await backend.ask(asked.question, asked.collection, asked.top_k))


@router.post("/search")
async def search(asked: SearchRequest, backend: BackendOf) -> SearchResponse:
    """Find the passages nearest to a query."""
    return SearchResponse.of(await backend.search(asked.query, asked.collection, asked.top_k))
