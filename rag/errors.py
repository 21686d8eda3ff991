"""What can go wrong above the index, on the same tree (`index.errors`).

QuoteboundError
├── InputError
│   ├── InvalidQuestion       empty, too long, not text, or asked for an impossible number
│   ├── NoLanguageModel       a model was to write, and none is set
│   └── InvalidSetting        a setting that cannot be used as it is
├── Overloaded                the queue is full
├── Unauthorized              no key, or not the right one
└── Forbidden                 a request that a browser made on another site's behalf
"""

from __future__ import annotations

from index.errors import InputError, QuoteboundError


class InvalidQuestion(InputError):
    """A question that is empty, too long, no text, or asks for an impossible number of passages."""

    code = "invalid_question"


class NoLanguageModel(InputError):
    """An answer was to be written by a language model, and none is set."""

    code = "no_language_model"


class InvalidSetting(InputError):
    """A setting that cannot be used as it is."""

    code = "invalid_setting"


class Overloaded(QuoteboundError):
    """More requests are waiting than the queue holds."""

    code = "overloaded"
    retryable = True


class Unauthorized(QuoteboundError):
    """The request carries no API key, or not the right one."""

    code = "unauthorized"


class Forbidden(QuoteboundError):
    """The request came from another site, or for another host."""

    code = "forbidden"
