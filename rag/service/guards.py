"""What every request passes before anything else sees it, the mounted page included.

ASGI middleware, because FastAPI's dependencies do not cover mounted apps: a request's id and its line
in the log; who may ask (key, host, origin); and what a browser may do with what it gets.
"""

from __future__ import annotations

import re

import structlog

_log = structlog.get_logger(__name__)

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
# Answers to anyone: it says nothing but that the process lives.
OPEN_PATHS = frozenset({"/healthz"})

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_SCRIPT = re.compile(rb"<script(?=[\s>])")
