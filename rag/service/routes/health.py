"""Whether the service lives, and whether it can answer."""

from __future__ import annotations

from fastapi import APIRouter

from rag.service.access import BackendOf
from rag.service.errors import documented
from rag.service.wire import StatusOut

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> StatusOut:
    """Say that the process lives. It waits for nothing."""
    return StatusOut(status="ok")


@router.get("/readyz", responses=documented(503))
async def readyz(backend: BackendOf) -> StatusOut:
    """Say whether the model is loaded: 503 until it is."""
    backend.check_ready()
    return StatusOut(status="ready")
