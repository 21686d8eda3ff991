"""Nothing leaves the machine: shown where leaving is impossible and every attempt is counted."""

import loopback
import pytest

pytestmark = pytest.mark.skipif(not loopback.available(), reason="this user may not make a network namespace")

ATTEMPT = """
import socket
for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.connect_ex((address, 443))
print(attempts())
"""

COMMANDS = """
import sys
from rag.cli.main import run
question = "what justification did Pakistan give?"
for arguments in (["ingest", "seeds"], ["ask", question], ["search", question]):
    assert run(arguments) == 0, arguments
assert attempts() == 0, f"{attempts()} attempts to leave the machine"
"""

# Chromium asks at times whether there is IPv6, by connecting a socket to this address: its own errand.
CHAT = """
import sys
from pathlib import Path
from browsing import ask, chromium, connected, free_port, quotebound, ready, service
PROBE = "[2001:4860:4860::8888]:443"
home, log = Path(sys.argv[1]), Path(sys.argv[2])
quotebound(["ingest", "seeds"], home)
with service(home, free_port()) as address:
    assert attempts() == 0, "the service tried to leave the machine"
    with chromium(log) as browser:
        page = browser.new_page()
        page.goto(address)
        ready(page)
        ask(page, "what justification did Pakistan give?")
        page.locator("button.marker").first.click()
        print(page.locator("#viewer mark.here").first.inner_text())
        page.goto(address + "/docs")
        page.locator(".opblock").first.wait_for(timeout=60_000)
found = connected(log)
assert address.removeprefix("http://") in found, found
assert set(found) <= {PROBE, address.removeprefix("http://")}, found
assert attempts() == found.count(PROBE), "something besides Chromium's probe tried to leave the machine"
"""


def test_an_attempt_to_leave_is_counted() -> None:
    assert int(loopback.run(ATTEMPT)) == 2


def test_ingest_ask_and_search_do_not_try_to_leave(tmp_path: object) -> None:
    said = loopback.run(COMMANDS, QUOTEBOUND_HOME=f"{tmp_path}/home")
    assert "necessary measures" in said


@pytest.mark.browser
def test_a_chat_turn_in_the_browser_does_not_try_to_leave(tmp_path: object) -> None:
    assert "necessary measures" in loopback.run(CHAT, [f"{tmp_path}/home", f"{tmp_path}/net.json"])
