"""Every way in which a language model fails, with the reason that is told of it."""

from itertools import repeat
from typing import Any

from llm_replies import (
    BROKEN,
    BROKEN_EVENT,
    ERROR_EVENT,
    GARBAGE,
    NO_MODEL,
    OVERLOADED,
    RATE_LIMITED,
    TOO_LONG,
    UNAUTHORIZED,
    Cut,
    Gate,
    Held,
    Spoken,
    spoken,
)
from writing import EXACT

FIRST = EXACT.split("\nQ1: It")[0]
WHOLE_SENTENCE = FIRST + "\n"

# What the server does before it has written a sentence, and the reason that is told.
FAILURES: dict[str, tuple[Any, str]] = {
    "closes before it answers": (Cut(), "unreachable"),
    "never answers": (Held(Gate()), "timeout"),
    "never says a word": (Spoken([Gate()]), "timeout"),
    "refuses the key": (UNAUTHORIZED, "unauthorized"),
    "takes no more requests": (RATE_LIMITED, "rate_limited"),
    "fails": (BROKEN, "server_error"),
    "is overloaded": (OVERLOADED, "server_error"),
    "does not know the model": (NO_MODEL, "refused"),
    "stops within its first word": (Spoken(["Q1: The fer", Cut()]), "cut_off"),
    "stops within its first sentence": (Spoken([FIRST[:-9]], finish_reason="length"), "cut_off"),
    "does not say that it is done": (Spoken([FIRST], finish_reason=None), "cut_off"),
    "breaks off silently": (
        Spoken([FIRST[:-9]], finish_reason=None, chunked=False, done=False), "cut_off"
    ),
    "sends a broken event": (Spoken([BROKEN_EVENT]), "unusable"),
    "tells of an error in the stream": (Spoken([ERROR_EVENT]), "server_error"),
    "says nothing": (Spoken([]), "unusable"),
    "writes prose without quotes": (spoken("The ferry leaves at noon, I think."), "unusable"),
    "writes a table of numbers": (spoken("1 2 3\n4 5 6\n"), "unusable"),
    "does not end": (Spoken(repeat("bla bla bla bla bla bla bla bla bla bla bla bla bla ")), "unusable"),
    "ends within JSON": (spoken('{"sentences": [{"quotes": [{"source": 1, "wor'), "cut_off"),
    **{f"sends garbage: {name}": (reply, "unusable") for name, reply in GARBAGE.items()},
    **{f"has too small a context: {name}": (reply, "context_too_long") for name, reply in TOO_LONG.items()},
}  # fmt: skip

# What comes after the first sentence was written: parts of the reply, how it ends, and the reason.
BREAKS: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "the connection ends": ([WHOLE_SENTENCE, "Q1: It ta", Cut()], {}, "cut_off"),
    "nothing more comes": ([WHOLE_SENTENCE, Gate()], {}, "timeout"),
    "its tokens are used up": ([EXACT[:-9]], {"finish_reason": "length"}, "cut_off"),
    "the end is missing": ([EXACT], {"finish_reason": None}, "cut_off"),
    "an error is told": ([WHOLE_SENTENCE, ERROR_EVENT], {}, "cut_off"),
    "garbage comes": ([WHOLE_SENTENCE, BROKEN_EVENT], {}, "unusable"),
}
