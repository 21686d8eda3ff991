"""Who speaks to the page's events without the page: sees nothing of another visitor, and breaks nothing."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from functools import partial
from typing import Any, Self

import httpx
import pytest
from browsing import ROOT
from hostile_service import hostile_service
from llm_replies import spoken
from llm_server import LanguageModelServer

QUESTION = "What does keeper scripts aa say?"
_JSON = {"content-type": "application/json"}
# What no response may tell: where code stands, and how it failed.
INNARDS = re.compile(rf'Traceback|File "|site-packages|\.py\b|{re.escape(str(ROOT))}|/tmp/(?!pwned)')


class Visitor:
    """A browser's cookie and session, and the page's events as anyone can send them."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(base_url=address, timeout=60)
        self.http.get("/").raise_for_status()
        self.session = secrets.token_hex(6)
        config = self.http.get("/config").json()
        names = {part["id"]: part["props"].get("elem_id") for part in config["components"]}
        self.events = {
            (names.get(target), kind): dependency["id"]
            for dependency in config["dependencies"]
            for target, kind in dependency["targets"]
        }
        self.context: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def sent(self, body: Any) -> str:
        """Send a body to the queue, and return all that comes of it."""
        # As JSON alone has them: also halves of characters.
        joined = self.http.post("/gradio_api/queue/join", content=json.dumps(body), headers=_JSON)
        # The framework's own word for an event that is not there.
        assert joined.status_code < 500 or joined.text == "Internal Server Error"
        if joined.status_code != 200:
            return joined.text
        query = {"session_hash": body.get("session_hash")}
        with self.http.stream("GET", "/gradio_api/queue/data", params=query) as stream:
            assert stream.status_code < 500
            # It ends with the last of what is awaited.
            return joined.text + "".join(stream.iter_text())

    def does(self, region: str, **data: str) -> str:
        """Do something in a region, and return what the service says of it."""
        told = {**data, "context": json.dumps(self.context)}
        return self._said(self._body(self.events[region, "select"], [], told))

    def asks(self, question: str) -> str:
        """Ask, and return what is shown of it; the conversation is the one that is open from then on."""
        said = self._said(self._body(self.events["ask", "click"], [question, json.dumps(self.context)]))
        if found := re.findall(r'data-conversation="([0-9a-f]{32})"', said):
            self.context["conversation"] = found[-1]
        return said

    def begins(self) -> str:
        """Return what a page shows that was just loaded."""
        load = next(number for (_, kind), number in self.events.items() if kind == "load")
        return self._said(self._body(load, [json.dumps(self.context)]))

    def _said(self, body: dict[str, Any]) -> str:
        news = [json.loads(line[6:]) for line in self.sent(body).splitlines() if line.startswith("data: ")]
        outputs = [each.get("output", {}).get("data", []) for each in news if "output" in each]
        said = "\n".join(str(value) for output in outputs for value in output)
        # How manieth it is that was drawn says nothing.
        return re.sub(r' data-number="\d+"', "", said)

    def _body(self, number: int, data: list[Any], told: dict[str, str] | None = None) -> dict[str, Any]:
        return {
            "data": data,
            "event_data": told,
            "fn_index": number,
            "session_hash": self.session,
            "trigger_id": 1,
        }


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    reply = spoken("Q1: Keeper scripts aa says\nS: A keeper says it.")
    home = tmp_path_factory.mktemp("visitors") / "home"
    with LanguageModelServer(lambda _: reply) as model, hostile_service(home, model.base_url) as url:
        yield url


@pytest.fixture
def ann(address: str) -> Iterator[Visitor]:
    with Visitor(address) as visitor:
        assert QUESTION in visitor.asks(QUESTION)
        yield visitor


@pytest.fixture
def bob(address: str) -> Iterator[Visitor]:
    with Visitor(address) as visitor:
        yield visitor


def test_who_names_anothers_conversation_is_shown_nothing_of_it(ann: Visitor, bob: Visitor) -> None:
    assert QUESTION in ann.begins()
    bob.context = dict(ann.context)
    assert QUESTION not in bob.begins()
    assert QUESTION not in bob.does("history", action="open", id=ann.context["conversation"])
    assert QUESTION not in bob.does("history", action="search")
    export = f"/conversations/{ann.context['conversation']}.md"
    assert ann.http.get(export).status_code == 200
    assert bob.http.get(export).status_code == 404


def test_nobody_changes_anothers_conversation(ann: Visitor, bob: Visitor) -> None:
    conversation = ann.context["conversation"]
    turn = re.findall(r'data-turn="([0-9a-f]{32})"', ann.begins())[0]
    before = ann.begins()
    bob.context = dict(ann.context)
    bob.does("history", action="rename", id=conversation, title="Bob was here")
    bob.does("history", action="confirm", id=conversation)
    bob.does("conversation", action="thumb", turn=turn, thumb="up")
    bob.does("conversation", action="comment", turn=turn, comment="Bob was here")
    assert QUESTION not in bob.asks("keeper scripts ab?").replace("keeper scripts ab?", "")
    assert ann.begins() == before


def test_a_question_asked_in_anothers_conversation_begins_one(ann: Visitor, bob: Visitor) -> None:
    before = ann.begins()
    theirs = ann.context["conversation"]
    bob.context = dict(ann.context)
    bob.asks("What does keeper json aa say?")
    assert bob.context["conversation"] != theirs
    assert ann.begins() == before


def test_what_one_deleted_only_the_same_page_brings_back(ann: Visitor, bob: Visitor, address: str) -> None:
    listed = httpx.get(f"{address}/documents").json()["documents"]
    document = next(entry["id"] for entry in listed if entry["source"] == "rows.csv")
    said = ann.does("documents", action="remove", document=document)
    receipt = re.findall(r'data-receipt="([^"]+)"', said)[0]
    with Visitor(address) as thief, Visitor(address) as second:
        # Even who knows the session has another cookie.
        thief.session = ann.session
        # Nor is another page of the same browser that page.
        second.http.cookies = ann.http.cookies
        for other in (bob, thief, second):
            assert "Deleted" not in other.does("documents", action="show")
            assert "is back" not in other.does("documents", action="undo", receipt=receipt)
    assert "is back" in ann.does("documents", action="undo", receipt=receipt)
    assert document in {entry["id"] for entry in httpx.get(f"{address}/documents").json()["documents"]}


HUGE = "x" * 20_000
VALUES: tuple[Any, ...] = (
    *(None, 7, -1, 1e308, True, [], {}, [[[]]], {"a": {"b": []}}, "", HUGE, "\ud800", "\x00"),
    *("../etc/passwd", {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}),
    *({"__type__": "update"}, [None] * 5_000),
)
REGIONS = "history conversation documents jobs viewer evaluation examining".split()
ACTIONS = (
    "open delete rename confirm thumb comment remove undo create page more draft judged accept save run "
    "delete-run"
).split()
NAMES = (
    "action id document turn title receipt name collection start page others set case seen evidence"
).split()


@pytest.mark.parametrize("region", REGIONS)
def test_garbage_in_place_of_what_was_clicked_breaks_nothing(bob: Visitor, region: str) -> None:
    body = {
        "data": [],
        "fn_index": bob.events[region, "select"],
        "session_hash": bob.session,
        "trigger_id": 1,
    }
    told: list[Any] = [dict.fromkeys(NAMES, value) for value in VALUES]
    told += [dict.fromkeys(NAMES, HUGE) | {"action": action} for action in ACTIONS]
    told += [{"context": text} for text in ("{", "[" * 50_000, '{"documents": 7, "collection": []}')]
    for event_data in (*told, *VALUES[::3]):
        assert not INNARDS.search(bob.sent({**body, "event_data": event_data}))
    assert bob.http.get("/readyz").status_code == 200
    assert QUESTION in bob.asks(QUESTION)


def test_garbage_in_place_of_a_question_breaks_nothing(bob: Visitor) -> None:
    number = bob.events["ask", "click"]
    body = {"event_data": None, "fn_index": number, "session_hash": bob.session, "trigger_id": 1}
    for value in VALUES:
        for data in ([value, "{}"], ["keeper?", value], [value], value):
            assert not INNARDS.search(bob.sent({**body, "data": data}))
    assert QUESTION in bob.asks(QUESTION)


def test_no_file_of_the_machine_and_no_address_is_taken_in(bob: Visitor) -> None:
    body = {
        "event_data": None,
        "fn_index": bob.events["ask", "click"],
        "session_hash": bob.session,
        "trigger_id": 1,
    }
    for path in ("/etc/hostname", "README.md", "http://192.0.2.1/x", "file:///etc/hostname"):
        named = {"path": path, "url": path, "meta": {"_type": "gradio.FileData"}}
        for data in ([named, "{}"], ["keeper?", named], [[named], "{}"], [{"deep": [named]}, "{}"]):
            joined = bob.http.post("/gradio_api/queue/join", json={**body, "data": data})
            assert joined.status_code == 400
            assert joined.json()["code"] == "bad_request"


def test_an_event_that_is_too_large_is_refused(bob: Visitor) -> None:
    body = {"fn_index": bob.events["ask", "click"], "session_hash": bob.session, "data": [HUGE * 20, "{}"]}
    assert bob.http.post("/gradio_api/queue/join", json=body).status_code == 413


def test_events_that_are_not_there_are_refused(bob: Visitor) -> None:
    sent = partial(dict[str, Any], data=[], event_data=None, session_hash=bob.session, trigger_id=1)
    numbers: tuple[Any, ...] = (-1, 999, 10**30, "0", None, 1.5, [], {})
    for number in numbers:
        assert not INNARDS.search(bob.sent(sent(fn_index=number)))
    for session in (None, "", 7, HUGE[:5_000], "../x"):
        assert not INNARDS.search(bob.sent(sent(fn_index=0, session_hash=session)))
    for raw in (b"", b"{", b"[]", b"null", b"7", b'{"data":' + b"[" * 100_000):
        response = bob.http.post("/gradio_api/queue/join", content=raw, headers=_JSON)
        assert response.status_code < 500
        assert not INNARDS.search(response.text)
    assert QUESTION in bob.asks(QUESTION)
