"""What can go wrong above the index, on the same tree (`index.errors`).

QuoteboundError
├── InputError
│   ├── InvalidQuestion       empty, too long, not text, or asked for an impossible number
│   ├── NoLanguageModel       a model was to write, and none is set
│   ├── InvalidSetting        a setting that cannot be used as it is
│   ├── InvalidTitle          a conversation cannot be called that
│   └── InvalidFeedback       a comment on an answer that is too long
├── NotFound                  (of `index.errors`)
│   ├── ConversationNotFound  no such conversation or turn of this visitor
│   └── UndoExpired           what was removed is not held any longer, or not for who asks
├── Conflict                  (of `index.errors`)
│   ├── ConversationFull      it has as many turns as one may have
│   └── AddedMeanwhile        what would be put back would replace what came since
├── Overloaded                the queue is full
├── Unauthorized              no key, or not the right one
└── Forbidden                 a request that a browser made on another site's behalf
"""

from __future__ import annotations

from index.errors import Conflict, InputError, NotFound, QuoteboundError


class InvalidQuestion(InputError):
    """A question that is empty, too long, no text, or asks for an impossible number of passages."""

    code = "invalid_question"


class NoLanguageModel(InputError):
    """An answer was to be written by a language model, and none is set."""

    code = "no_language_model"


class InvalidSetting(InputError):
    """A setting that cannot be used as it is."""

    code = "invalid_setting"


class InvalidTitle(InputError):
    """A title that a conversation cannot have: there is nothing to read in it, or it is too long."""

    code = "invalid_title"


class InvalidFeedback(InputError):
    """A comment on an answer that is too long."""

    code = "invalid_feedback"


class ConversationNotFound(NotFound):
    """No conversation or turn of this visitor has this id, or it was deleted."""

    code = "conversation_not_found"


class ConversationFull(Conflict):
    """The conversation has as many turns as one may have."""

    code = "conversation_full"


class UndoExpired(NotFound):
    """What was removed is no longer held, so that it cannot be put back."""

    code = "undo_expired"


class AddedMeanwhile(Conflict):
    """What was removed cannot be put back: another version was added meanwhile."""

    code = "added_meanwhile"


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
