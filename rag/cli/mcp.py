"""`quotebound mcp`."""

from __future__ import annotations

import asyncio
import signal


def mcp() -> None:
    """Serve the documents to an MCP client, such as an assistant, on standard input and output.

    The tools are those of `/mcp` of the service: ask, search, open_document and list_documents. The home is
    only read, so that this runs beside a service or an ingest. It ends when its input ends.
    """
    from rag.cli.questions import reading_application

    # The models load while the protocol's libraries are imported.
    with reading_application(reads=True) as application:
        from rag.service.backend import Backend
        from rag.service.mcp import serve_standard_streams

        # A thread that waits for input cannot be stopped, and a home that is only read has nothing to lose.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        asyncio.run(serve_standard_streams(Backend(application)))
