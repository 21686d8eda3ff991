"""An ASGI app behind a real socket of the loopback address, for clients that are to open connections."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, cast

import uvicorn
from starlette.types import ASGIApp


@contextmanager
def listening(app: ASGIApp, *, lifespan: bool = False) -> Iterator[str]:
    """Yield the address where an app answers, until the end of the block."""
    mode: Literal["on", "off"] = "on" if lifespan else "off"
    # uvicorn's own type of an app is narrower than Starlette's.
    served = cast(Any, app)
    config = uvicorn.Config(served, log_config=None, lifespan=mode, timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    # It listens before it is served: whoever connects meanwhile waits.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), name="listening")
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
