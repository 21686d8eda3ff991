"""The service: routes over a backend, guarded as a whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp

from rag.errors import InvalidSetting
from rag.service import errors, mcp, metrics
from rag.service.backend import Backend
from rag.service.guards import Guard, RequestContext
from rag.service.headers import SecurityHeaders
from rag.service.routes import asking, collections, documents, health, jobs, openai_compat
from rag.settings import Settings
from rag.wiring import Application

# What a multipart upload has around its file.
_ENVELOPE_BYTES = 2**20
_DOCS_ASSETS = "/docs/assets"

Mount = Callable[[FastAPI, Backend], None]


def create_app(
    application: Application, mount: Mount | None = None, backend: Backend | None = None
) -> ASGIApp:
    """Return the service over an application, which it closes when it stops.

    `mount` adds a page at `/`; a `backend` over the application may be given by who has more to do with
    it. Raise `InvalidSetting` where the settings would serve everyone who can reach the machine.
    """
    settings = application.settings
    check_exposure(settings)
    backend = backend or Backend(application)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await backend.start()
        try:
            async with mcp.running(app):
                yield
        finally:
            await backend.stop()

    limit = settings.max_bytes + _ENVELOPE_BYTES
    app = FastAPI(
        title="Quotebound",
        summary="Questions to your own documents, answered with verbatim quotes.",
        version=version("quotebound"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        max_body_size=limit,
        form_limits={"max_fields": 10, "max_files": 1},
        responses=errors.documented("4XX", "5XX", 401, 403, 503),
    )
    app.state.backend = backend
    errors.install(app)
    for routes in (asking, documents, jobs, collections, openai_compat, health):
        app.include_router(routes.router)
    metrics.install(app, application.assistant.verifier)
    mcp.install(app, backend)
    _add_docs(app)
    if mount is not None:
        mount(app, backend)
    return RequestContext(SecurityHeaders(Guard(errors.UniformErrors(app), settings, limit)))


def check_exposure(settings: Settings) -> None:
    """Raise `InvalidSetting` where other machines could reach a service without a key."""
    if not settings.serves_loopback_only and settings.api_key is None:
        raise InvalidSetting(
            f"QUOTEBOUND_HOST is {settings.host}, which other machines can reach: set QUOTEBOUND_API_KEY "
            "to a secret of at least 16 characters, or serve on 127.0.0.1"
        )


def _add_docs(app: FastAPI) -> None:
    """Serve `/docs` with assets from a package: FastAPI's own page fetches them from another host."""
    folder = Path(fastapi_offline.__file__).parent / "static"
    app.mount(_DOCS_ASSETS, StaticFiles(directory=folder), name="docs assets")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=app.openapi_url or "",
            title="Quotebound API",
            swagger_js_url=f"{_DOCS_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{_DOCS_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{_DOCS_ASSETS}/favicon.png",
        )
