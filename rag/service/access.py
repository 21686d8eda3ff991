"""How a route gets the backend."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from rag.service.backend import Backend


# A coroutine, or each request would wait for a thread to look this up.
async def _backend(request: Request) -> Backend:
    return cast(Backend, request.app.state.backend)


BackendOf = Annotated[Backend, Depends(_backend)]
