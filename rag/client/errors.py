"""What can go wrong for a client, as one tree. It has its own: the service's stays with the service.

QuoteboundError
├── ConnectionFailed          nobody answered at the address
├── ConnectionLost            the connection ended before the response did
├── TimedOut                  the service said nothing for longer than the timeout, or was never ready
├── UnexpectedResponse        what came is not what this client knows
├── Unauthorized              401: no API key, or not the right one
├── Forbidden                 403: a host or an origin that the service does not serve
├── NotFound                  404: a well-formed name of something that is not there
├── Conflict                  409: it clashes with what is there
├── Invalid                   any other 4xx: what was given cannot be used as it is
├── Overloaded                429 and 503: try again, after `retry_after` seconds where that is told
├── ServerError               any other 5xx
├── JobFailed                 a job that was waited for failed; `job` tells of it
└── AnswerBroken              a streamed answer broke off; `answer` is what to show in its place
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from rag.client.results import Answer
    from rag.client.stored import JobReport


class QuoteboundError(Exception):
    """The root of every error that the client raises on purpose.

    `code` names the kind for programs, in the service's own words where it spoke; `message` is for
    people. `request_id` finds the request in the service's log. Without a response it and `status` are
    None. `retryable` says whether the same call may succeed later.
    """

    retryable: ClassVar[bool] = False

    def __init__(
        self, code: str, message: str, request_id: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id
        self.status = status

    def __reduce__(self) -> tuple[Any, ...]:
        # It may be sent to another process, as every error; only, its arguments are not its constructor's.
        return type(self).__new__, (type(self), *self.args), self.__dict__


class ConnectionFailed(QuoteboundError):
    """No connection was made: nothing was asked of the service."""

    retryable = True

    def __init__(self, message: str) -> None:
        super().__init__("connection_failed", message)


class ConnectionLost(QuoteboundError):
    """The connection ended before the response did: whether the service did what was asked is not known."""

    retryable = True

    def __init__(self, message: str) -> None:
        super().__init__("connection_lost", message)


class TimedOut(QuoteboundError):
    """The service said nothing for longer than the timeout, or was not ready in time."""

    retryable = True

    def __init__(self, message: str) -> None:
        super().__init__("timed_out", message)


class UnexpectedResponse(QuoteboundError):
    """What came is no response that this client knows: another service, or a release too far from it."""

    def __init__(self, message: str, request_id: str | None = None, status: int | None = None) -> None:
        super().__init__("unexpected_response", message, request_id, status)


class Unauthorized(QuoteboundError):
    """The service wants an API key, or another one: `Client(api_key=…)`."""


class Forbidden(QuoteboundError):
    """The service does not serve this host or origin."""


class NotFound(QuoteboundError):
    """No document, collection or job has this name."""


class Conflict(QuoteboundError):
    """What was asked for clashes with what is there."""


class Invalid(QuoteboundError):
    """What was given cannot be used as it is; the message names it and the way out."""


class Overloaded(QuoteboundError):
    """The service has too much to do, is not ready, or cannot serve at the moment.

    `retry_after` is in seconds, None where the service did not tell.
    """

    retryable = True

    def __init__(
        self,
        code: str,
        message: str,
        request_id: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, message, request_id, status)
        self.retry_after = retry_after


class ServerError(QuoteboundError):
    """Something went wrong inside the service; its log has it under `request_id`."""


class JobFailed(QuoteboundError):
    """A job that was waited for failed; code and message are the job's, and `job` is its report."""

    def __init__(self, code: str, message: str, job: JobReport) -> None:
        super().__init__(code, message)
        self.job = job


class AnswerBroken(QuoteboundError):
    """A streamed answer broke off: nothing of it holds.

    `answer` is the documents' own answer, to be shown in its place; None where there is none.
    """

    def __init__(
        self, code: str, message: str, request_id: str | None = None, answer: Answer | None = None
    ) -> None:
        super().__init__(code, message, request_id)
        self.answer = answer
