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

from playwright.sync_api import Browser, Locator, Page, sync_playwright

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
def service(home: Path, port: int, key: str = "") -> Iterator[str]:
    """Serve a home and yield the address once questions are answered there, of who has the key."""
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
            post(f"{address}/ask", b'{"question": "ready?"}', key=key)
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


# Gradio complains of its stream of news when a page is loaded anew while something is awaited.
_OF_A_PAGE_THAT_IS_LEFT = ("AbortError: signal is aborted", "Connection errored out")


class Watched:
    """What a page asked for and complained of."""

    def __init__(self, page: Page) -> None:
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        page.on("request", lambda request: self._asked(request.url))
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))

    def _asked(self, url: str) -> None:
        if not url.startswith(("data:", "blob:")):
            self.hosts.add(url.split("/")[2])

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" and not any(told in text for told in _OF_A_PAGE_THAT_IS_LEFT):
            self.complaints.append(text)


def opened(browser: Browser, address: str, width: int = 1440, scheme: str = "light") -> tuple[Page, Watched]:
    """Open the page for a visitor who was never there, and return it once questions can be asked."""
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    watched = Watched(page)
    page.goto(address)
    ready(page)
    return page, watched


def ready(page: Page) -> None:
    """Wait until a page shows what was said before, or that nothing was."""
    page.locator("#conversation .turn, #conversation .empty").first.wait_for(timeout=60_000)


def ask(page: Page, question: str) -> Locator:
    """Ask in the chat, wait for the answer, and return its turn."""
    turns = page.locator(".turn").count()
    page.get_by_role("textbox", name="Question").fill(question)
    page.get_by_role("textbox", name="Question").press("Enter")
    last = page.locator(".turn").nth(turns)
    last.locator(".actions, .tries, [role=alert]").first.wait_for(timeout=60_000)
    if last.locator(".thumb").count():
        # It is kept, and the list says so: nothing more is on its way.
        kept = page.locator(".turn:has(.thumb)").count()
        page.locator("#history [aria-current]", has_text=f"{kept} question").wait_for(state="attached")
    return last


def in_view(found: Locator) -> bool:
    """Tell whether an element is in the window whole, and nothing lies over its middle."""
    return bool(
        found.evaluate(
            """(element) => {
              const box = element.getBoundingClientRect();
              const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
              const inside = box.width > 0 && box.top >= 0 && box.left >= 0
                && box.bottom <= innerHeight + 1 && box.right <= innerWidth + 1;
              const top = document.elementFromPoint(x, y);
              return inside && (element.contains(top) || top?.contains(element));
            }"""
        )
    )


def connected(net_log: Path) -> list[str]:
    """Return every address that Chromium connected to, or tried to, by its own log."""
    log = json.loads(net_log.read_text(encoding="utf-8"))
    kinds = {log["constants"]["logEventTypes"][name] for name in ("TCP_CONNECT_ATTEMPT", "UDP_CONNECT")}
    events = [event.get("params", {}) for event in log["events"] if event["type"] in kinds]
    return [params["address"] for params in events if "address" in params]


def post(url: str, body: bytes, content_type: str = "application/json", key: str = "") -> bytes:
    """Send a body and return the response's."""
    headers = {"content-type": content_type, **({"x-api-key": key} if key else {})}
    request = urllib.request.Request(url, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=120) as response:
        return bytes(response.read())


def get(url: str) -> bytes:
    """Return the body of a response."""
    with urllib.request.urlopen(url, timeout=30) as response:
        return bytes(response.read())


def _environment(home: Path) -> dict[str, str]:
    # Without OCR, which is not installed everywhere.
    return {**os.environ, "QUOTEBOUND_HOME": str(home), "QUOTEBOUND_OCR": "off", "PYTHONWARNINGS": "ignore"}
