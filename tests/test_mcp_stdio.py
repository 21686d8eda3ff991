"""`quotebound mcp`: the tools on standard input and output, with the real model, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from browsing import ROOT, quotebound
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

TEXT = "The dam was built in 1947 by the province. It is 40 metres high.\n"


async def _talk(home: Path, log: Any) -> dict[str, Any]:
    """Return what the tools give to a client that starts the command, as assistants do."""
    environment = {**os.environ, "QUOTEBOUND_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "rag.cli", "mcp"], cwd=ROOT, env=environment
    )
    async with Client(stdio_client(command, errlog=log)) as client:
        asked = await client.call_tool("ask", {"question": "When was the dam built?"})
        (document,) = (await client.call_tool("list_documents", {})).structured_content["documents"]
        opened = await client.call_tool(
            "open_document", {"document_id": document["id"], "end": 3, "context": 0}
        )
        unknown = await client.call_tool("search", {"query": "dam", "collection": "laws"})
    return {
        "answer": asked.structured_content,
        "opened": opened.structured_content,
        "unknown": (unknown.is_error, str(unknown.content)),
    }


def test_a_client_that_starts_the_command_gets_quotes_and_errors_until_it_leaves(tmp_path: Path) -> None:
    document = tmp_path / "dam.txt"
    document.write_text(TEXT)
    home, log = tmp_path / "home", tmp_path / "log.txt"
    quotebound(["ingest", str(document)], home)
    with log.open("w+") as errors:
        told = asyncio.run(_talk(home, errors))
    assert told["answer"]["status"] == "answered"
    (citation,) = told["answer"]["citations"]
    assert TEXT[citation["start"] : citation["end"]] == citation["quote"]
    assert "1947" in citation["quote"]
    assert told["opened"]["text"] == "The"
    assert told["unknown"][0]
    assert "collection_not_found: there is no collection 'laws'; there are: default" in told["unknown"][1]
    # It ended by itself when its input ended, and had nothing to complain about.
    assert log.read_text() == ""
