"""Questions and searches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fastapi import APIRouter, Response
from pydantic import BaseModel

from rag.service.access import BackendOf
from rag.service.wire import AskRequest, AskResponse, SearchRequest, SearchResponse

Found = TypeVar("Found")

# A question of the greatest length fits many times over; one that is longer is told so by its length.
router = APIRouter(tags=["asking"], max_body_size=2**20)


@router.post("/ask", response_model=AskResponse)
async def ask(asked: AskRequest, backend: BackendOf) -> Response:
    """Answer a question with verbatim quotes, or say that the documents do not."""
    return await backend.ask_for(_body(AskResponse.of), asked.question, asked.collection, asked.top_k)


@router.post("/search", response_model=SearchResponse)
async def search(asked: SearchRequest, backend: BackendOf) -> Response:
    """Find the passages nearest to a query."""
    return await backend.search_for(_body(SearchResponse.of), asked.query, asked.collection, asked.top_k)


def _body(shape: Callable[[Found], BaseModel]) -> Callable[[Found], Response]:
    """Return what makes a response of something found, to be called in the thread that found it.

    FastAPI would make it in the event loop: milliseconds each, in which no health check is answered.
    """

    def response(found: Found) -> Response:
        return Response(shape(found).model_dump_json(), media_type="application/json")

    return response
