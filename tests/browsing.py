"""A real service in a process of its own, and Debian's Chromium in front of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
# Chromium has errands of its own (updates, safe browsing, network probes); none may blur what the page does.
_QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--metrics-recording-only",
    "--disable-features=OptimizationHints,MediaRouter,Translate,DialMediaRouteProvider",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def quotebound(arguments: Sequence[str], home: Path) -> None:
    """Run a command of Quotebound on a home, with the real model."""
    command = [sys.executable, "-m", "rag.cli", *arguments]
    subprocess.run(command, check=True, cwd=ROOT, env=_environment(home), capture_output=True)


@contextmanager
def service(home: Path, port: int) -> Iterator[str]:
    """Serve a home and yield the address once questions are answered there."""
    command = [sys.executable, "-m", "rag.cli", "serve"]
    environment = {**_environment(home), "QUOTEBOUND_PORT": str(port)}
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            # It prints its address once it listens; a first question waits for the model.
            assert process.stdout is not None
            assert address in process.stdout.readline()
            post(f"{address}/ask", b'{"question": "ready?"}')
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
    assert process.returncode == 0, "SIGTERM did not end the service in an orderly way"


@contextmanager
def chromium(net_log: Path | None = None) -> Iterator[Browser]:
    """Yield a headless Chromium, which writes what it does on the network to a file."""
    path = shutil.which("chromium")
    assert path, "the browser tests need chromium: `make test` installs it on Debian"
    arguments = [*_QUIET, *([f"--log-net-log={net_log}"] if net_log else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def ask(page: Page, question: str) -> None:
    """Ask in the chat and wait for the answer."""
    turns = page.locator("article.turn").count()
    page.get_by_role("textbox").fill(question)
    page.get_by_role("textbox").press("Enter")
    last = page.locator("article.turn").nth(turns)
    last.locator(".meta, .notice, .hint").first.wait_for(timeout=60_000)


def connected(net_log: Path) -> list[str]:
    """Return every address that Chromium connected to, or tried to, by its own log."""
    log = json.loads(net_log.read_text(encoding="utf-8"))
    kinds = {log["constants"]["logEventTypes"][name] for name in ("TCP_CONNECT_ATTEMPT", "UDP_CONNECT")}
    events = [event.get("params", {}) for event in log["events"] if event["type"] in kinds]
    return [params["address"] for params in events if "address" in params]


def post(url: str, body: bytes, content_type: str = "application/json") -> bytes:
    """Send a body and return the response's."""
    request = urllib.request.Request(url, data=body, headers={"content-type": content_type})
    with urllib.request.urlopen(request, timeout=120) as response:
        return bytes(response.read())


def get(url: str) -> bytes:
    """Return the body of a response."""
    with urllib.request.urlopen(url, timeout=30) as response:
        return bytes(response.read())


def _environment(home: Path) -> dict[str, str]:
    # Without OCR, which is not installed everywhere.
    return {**os.environ, "QUOTEBOUND_HOME": str(home), "QUOTEBOUND_OCR": "off", "PYTHONWARNINGS": "ignore"}
