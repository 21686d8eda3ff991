"""The Model Context Protocol: questions, searches and documents as tools for language models."""

from rag.service.mcp.endpoint import install, running
from rag.service.mcp.server import serve_standard_streams, server_of
from rag.service.mcp.tools import Asker

__all__ = ["Asker", "install", "running", "serve_standard_streams", "server_of"]
