"""`quotebound serve`."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.output import console
from rag.errors import InvalidSetting

if TYPE_CHECKING:
    from rag.settings import Settings

_GRACE_SECONDS = 8
_KEEP_ALIVE_SECONDS = 5


def serve(
    watch: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file or folder to keep the default collection up to date with; may be repeated."
        ),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="With --watch: remove documents whose files vanish.")
    ] = False,
) -> None:
    """Serve the chat, the API and its docs, until Ctrl-C or SIGTERM.

    Address and port are QUOTEBOUND_HOST and QUOTEBOUND_PORT; another address than loopback needs
    QUOTEBOUND_API_KEY. Jobs that were broken off are finished meanwhile.
    """
    from index.sync import SyncRequest
    from rag.service.app import check_exposure, create_app
    from rag.service.backend import Backend
    from rag.service.logs import configure
    from rag.settings import load_settings
    from rag.wiring import Application
    from ui.app import mount

    settings = load_settings()
    check_exposure(settings)
    watched = [SyncRequest.of([path], prune=prune) for path in watch or ()]
    configure(settings.log_level)
    with _listening(settings) as listener, Application(settings, writable=True) as application:
        backend = Backend(application, watched)
        _run(create_app(application, mount, backend), listener, settings, backend.dismiss)


def _run(app: object, listener: socket.socket, settings: Settings, leave: Callable[[], None]) -> None:
    import uvicorn

    host = f"[{settings.host}]" if ":" in settings.host else settings.host

    class Server(uvicorn.Server):
        """Tells the address once it answers there, and ends streams before it waits for requests to end."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                console().print(f"Quotebound answers on http://{host}:{settings.port} (Ctrl-C stops it)")

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            leave()
            await super().shutdown(sockets=sockets)

    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI app; uvicorn's own type for one is narrower than Starlette's
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    # uvicorn stops in an orderly way and then raises the signal again: that is the end, and no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    Server(config).run(sockets=[listener])


def _listening(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise InvalidSetting(
            f"{settings.host}:{settings.port} cannot be listened on ({os.strerror(error.errno or 0)}); "
            "set QUOTEBOUND_PORT to another port, or QUOTEBOUND_HOST to an address of this machine"
        ) from error
    # Or each response waits for the client's acknowledgement of its header, 40 ms: asyncio sets it on a
    # socket that says it is TCP, and this one does not.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
