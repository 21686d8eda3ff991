"""What has to be true of every response, whatever was sent; schemathesis runs these beside its own checks."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

import schemathesis
import structlog
from schemathesis import Case, CheckContext, Response

# What may keep a service from answering for a while.
_BUSY = frozenset({"overloaded"})
# The `openai` client reads errors in the form of its own API.
_FORMS = {"/v1/": {"error"}, "/": {"code", "message", "request_id"}}


@dataclass(frozen=True, slots=True)
class Excuse:
    """What is no fault after all: of which check, at which operations (`fnmatch`), told how, and why."""

    check: str
    operations: str
    told: str
    reason: str


# As it stands in the command that sends a form again.
_EMPTY_FIELD = r'name="collection"\r\n\r\n\r\n--'

EXCUSES = (
    Excuse("negative_data_rejection", "POST /documents", "`type`", "in a form all is text, or a file"),
    Excuse("negative_data_rejection", "POST /documents", _EMPTY_FIELD, "a field left empty is not given"),
    Excuse("a_valid_request_is_understood", "GET /documents/*/words", "no span", "a schema compares no two"),
    Excuse("a_valid_request_is_understood", "POST /ask*", "not both", "null counts as not given"),
)


def form_of_errors(path: str) -> set[str]:
    """Return the fields that the errors of a path have."""
    return next(form for beginning, form in _FORMS.items() if path.startswith(beginning))


def is_excused(check: str, operation: str, told: str) -> bool:
    """Return whether what a check says of an operation, with the request that shows it, is excused."""
    return any(
        excuse.check == check and fnmatch(operation, excuse.operations) and excuse.told in told
        for excuse in EXCUSES
    )


@contextmanager
def unexpected_errors() -> Iterator[list[str]]:
    """Yield the errors that the service logs as such: it raised, perhaps after the answer had begun."""
    errors: list[str] = []

    def noting(_: object, method: str, told: structlog.typing.EventDict) -> str:
        if method in ("error", "exception"):
            error = told.get("exc_info")
            raised = traceback.format_exception(error)[-5:] if isinstance(error, BaseException) else ()
            errors.append("\n".join([str(told["event"]), *raised]))
        return ""

    before = structlog.get_config()
    structlog.configure(processors=[noting], logger_factory=structlog.ReturnLoggerFactory())
    try:
        yield errors
    finally:
        structlog.configure(**before)


@schemathesis.check
def no_unexpected_server_error(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """Nothing that is sent breaks the service: it may only say that it is busy, where that is documented."""
    status = response.status_code
    if status < 500:
        return
    code = _told(response).get("code")
    documented = str(status) in case.operation.responses.status_codes
    assert status == 503, f"{status} {code}"
    assert code in _BUSY, f"503 {code}"
    assert documented, f"503 is not documented for {case.operation.label}"


# No word by itself: Hypothesis sends words that it finds in files of tests, and messages name what was sent.
_INSIDE = re.compile(r"Traceback \(most recent|\w\.py\b")


@schemathesis.check
def errors_have_one_form(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """Every error is JSON with a code, a message and its request's id, and says nothing of the inside."""
    if response.status_code < 400 or case.method == "HEAD":
        return
    told = _told(response)
    assert set(told) == form_of_errors(case.path), f"an error with {sorted(told)}"
    if "request_id" in told:
        assert [told["request_id"]] == response.headers["x-request-id"], "the body has another request's id"
        assert told["code"], "an error without a code"
        assert told["message"], "an error without a message"
    assert not _INSIDE.search(response.text)


@schemathesis.check
def the_status_is_listed(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """A status is documented by itself, beside what `4XX` says of all errors; 405 is every path's."""
    listed = case.operation.responses.status_codes
    assert response.status_code == 405 or str(response.status_code) in listed, (
        f"only {', '.join(listed)} are listed"
    )


@schemathesis.check
def a_valid_request_is_understood(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """A request that the document allows is not refused for its shape, only for what it asks for."""
    if case.meta is None or not case.meta.generation.mode.is_positive or _has_whole_float(case.body):
        return
    assert _told(response).get("code") != "invalid_request", str(_told(response).get("message"))


def _told(response: Response) -> dict[str, Any]:
    """Return what an error says, nothing of what is no JSON."""
    try:
        told = response.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _has_whole_float(value: object) -> bool:
    """Return whether a 1.0 is in a body: an integer to JSON Schema, and a slip to a strict reader."""
    if isinstance(value, dict):
        return any(map(_has_whole_float, value.values()))
    if isinstance(value, list):
        return any(map(_has_whole_float, value))
    return isinstance(value, float) and value.is_integer()


CHECKS = (
    no_unexpected_server_error.__name__,
    errors_have_one_form.__name__,
    the_status_is_listed.__name__,
    a_valid_request_is_understood.__name__,
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "use_after_free",
    "ensure_resource_availability",
    "unsupported_method",
    "allow_header_conformance",
)
