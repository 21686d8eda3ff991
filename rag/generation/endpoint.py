"""A server that speaks the OpenAI protocol: Ollama, vLLM, llama.cpp, or any other."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx2
import openai
import structlog
from openai.types.chat import ChatCompletionChunk

from rag.generation.breaker import CircuitBreaker
from rag.generation.prompts import Message
from rag.generation.writing import Reason, WritingFailed
from rag.hosts import is_loopback

_log = structlog.get_logger(__name__)

_CONNECT_SECONDS = 5.0
# The protocol wants a key; servers on one's own machine do not look at it.
_NO_KEY = "none"
# How servers say in a refusal that the prompt is too long; in `code` where they have one.
_TOO_LONG = ("context_length", "context length", "context size", "context window", "too many tokens",
             "maximum context", "exceed_context", "prompt is too long", "too long")  # fmt: skip

# Not every server takes these; what one refuses by name is left out from then on, or said otherwise.
_OPTIONAL = ("temperature", "max_tokens")
_SAID_OTHERWISE = {"max_tokens": "max_completion_tokens"}

_GARBAGE = (
    openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError, AttributeError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where a server is and how it is asked.

    `model` None takes the first that the server lists. `idle` is how many seconds it may be silent,
    `deadline` how many a whole reply may take; `parallel` requests are made at once.
    """

    url: str
    model: str | None = None
    key: str | None = None
    temperature: float = 0.0
    max_tokens: int = 800
    idle: float = 60.0
    deadline: float = 300.0
    retries: int = 2
    parallel: int = 8


class Endpoint:
    """Asks a server for replies. Raises `WritingFailed` and nothing else for whatever goes wrong there.

    Each request has connections of its own, which end with it: who closes the iterator of a reply has
    the request cancelled at the server.
    """

    def __init__(self, settings: EndpointSettings, breaker: CircuitBreaker | None = None) -> None:
        self.settings = settings
        self._breaker = breaker or CircuitBreaker()
        self._model = settings.model
        self._unknown: set[str] = set()
        self._taken = 0

    async def model(self) -> str:
        """Return the name of the model that is asked."""
        if self._model is None:
            self._breaker.check()
            async with self._told(), self._client() as client:
                with _failures():
                    async with asyncio.timeout(self.settings.idle):
                        listed = await client.models.list()
                        names = [str(model.id) for model in listed.data or ()]
                if not names:
                    raise WritingFailed(Reason.REFUSED, "the server lists no model")
                self._model = names[0]
        return self._model

    async def reply(
        self, messages: Sequence[Message], schema: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[str, None]:
        """Yield a reply in pieces of text; with a `schema`, the server is to hold the model to it.

        Raise `WritingFailed`, also where the reply ends before it is whole.
        """
        if self._taken >= self.settings.parallel:
            raise WritingFailed(Reason.BUSY)
        self._taken += 1
        try:
            model = await self.model()
            self._breaker.check()
            asked = self._asked(model, messages, schema)
            async with self._told(), aclosing(self._pieces(asked)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self._taken -= 1

    async def whole(self, messages: Sequence[Message]) -> str:
        """Return a whole reply."""
        async with aclosing(self.reply(messages)) as pieces:
            return "".join([piece async for piece in pieces])

    def _asked(
        self, model: str, messages: Sequence[Message], schema: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "model": model,
            "messages": list(messages),
            "temperature": self.settings.temperature,
            "max_tokens": self.settings.max_tokens,
            "stream": True,
        }
        if schema is not None:
            named = {"name": "answer", "schema": schema, "strict": True}
            asked["response_format"] = {"type": "json_schema", "json_schema": named}
        return asked

    async def _pieces(self, asked: dict[str, Any]) -> AsyncGenerator[str, None]:
        # Not one timeout around all: it belongs to a task, and who reads the rest may be another one.
        deadline = asyncio.get_running_loop().time() + self.settings.deadline
        begun, ended = False, None
        async with self._client() as client:
            stream = await self._begun(client, asked)
            async with stream:
                while True:
                    with _failures(begun=begun):
                        async with asyncio.timeout_at(deadline):
                            chunk = await anext(stream, None)
                        if chunk is None:
                            break
                        text, reason = _content(chunk)
                    ended = reason or ended
                    if text:
                        begun = True
                        yield text
        if ended != "stop":
            reason = Reason.CUT_OFF if begun or ended is not None else Reason.UNUSABLE
            raise WritingFailed(reason, f"finish_reason {ended}")

    async def _begun(
        self, client: openai.AsyncOpenAI, asked: dict[str, Any]
    ) -> openai.AsyncStream[ChatCompletionChunk]:
        """Return the stream of a reply; what the server does not know of the request is left out."""
        while True:
            known = {self._name_of(name): value for name, value in asked.items() if self._name_of(name)}
            try:
                with _failures():
                    # With all retries: a server that says to come back in a minute is not waited for.
                    async with asyncio.timeout(self.settings.idle):
                        stream: openai.AsyncStream[
                            ChatCompletionChunk
                        ] = await client.chat.completions.create(**known)
                        return stream
            except WritingFailed as failure:
                told = str(failure.__cause__).lower()
                refused = {name for name in _OPTIONAL if name in told} - self._unknown
                if failure.reason is not Reason.REFUSED or not refused:
                    raise
                self._unknown |= refused

    def _name_of(self, parameter: str) -> str:
        """Return what the server calls a parameter; nothing where it has none of the kind."""
        return _SAID_OTHERWISE.get(parameter, "") if parameter in self._unknown else parameter

    def _client(self) -> openai.AsyncOpenAI:
        settings = self.settings
        return openai.AsyncOpenAI(
            base_url=settings.url,
            api_key=settings.key or _NO_KEY,
            max_retries=settings.retries,
            timeout=httpx2.Timeout(settings.idle, connect=_CONNECT_SECONDS),
            http_client=httpx2.AsyncClient(
                verify=_trusted(),
                timeout=httpx2.Timeout(settings.idle, connect=_CONNECT_SECONDS),
                follow_redirects=False,
                # A proxy of the environment would look for 127.0.0.1 on its own machine.
                trust_env=not is_loopback(httpx2.URL(settings.url).host),
            ),
        )

    @asynccontextmanager
    async def _told(self) -> AsyncGenerator[None, None]:
        """Tell the breaker how it went."""
        try:
            yield
        except WritingFailed as failure:
            if failure.reason in _OF_THE_SERVER:
                self._breaker.failed()
            else:
                self._breaker.succeeded()
            _log.warning("language model failed", reason=failure.reason.value, detail=str(failure))
            raise
        except BaseException:
            self._breaker.given_up()
            raise
        else:
            self._breaker.succeeded()


@contextmanager
def _failures(*, begun: bool = False) -> Iterator[None]:
    """Raise what goes wrong with a request as `WritingFailed`; `begun` where a part of the reply came."""
    try:
        yield
    except openai.APITimeoutError as error:
        raise WritingFailed(Reason.TIMEOUT) from error
    except openai.APIConnectionError as error:
        raise WritingFailed(Reason.CUT_OFF if begun else Reason.UNREACHABLE) from error
    except openai.APIStatusError as error:
        raise WritingFailed(_refusal(error), f"status {error.status_code}") from error
    except openai.APIError as error:
        # Told within the stream, where there is no status any more.
        raise WritingFailed(Reason.CUT_OFF if begun else Reason.SERVER_ERROR) from error
    except TimeoutError as error:
        raise WritingFailed(Reason.TIMEOUT) from error
    except _GARBAGE as error:
        # The client reads what it is sent without checking it: garbage fails somewhere within.
        raise WritingFailed(Reason.UNUSABLE, type(error).__name__) from error


def _content(chunk: ChatCompletionChunk) -> tuple[str, str | None]:
    """Return the text of a piece and why the reply ends with it, None where it goes on."""
    choice = chunk.choices[0] if chunk.choices else None
    if choice is None:
        return "", None
    text = choice.delta.content if choice.delta is not None else None
    if text is not None and not isinstance(text, str):
        raise TypeError(type(text).__name__)
    return text or "", choice.finish_reason


_OF_THE_SERVER = frozenset(
    {Reason.UNREACHABLE, Reason.TIMEOUT, Reason.SERVER_ERROR, Reason.RATE_LIMITED, Reason.UNUSABLE}
)


def _refusal(error: openai.APIStatusError) -> Reason:
    """Return why a server refused a request, by its status and words."""
    status = error.status_code
    if status in (401, 403):
        return Reason.UNAUTHORIZED
    if status == 429:
        return Reason.RATE_LIMITED
    if status == 408:
        return Reason.TIMEOUT
    if status >= 500:
        return Reason.SERVER_ERROR
    told = f"{error.code or ''} {error.message}".lower()
    if status == 413 or any(phrase in told for phrase in _TOO_LONG):
        return Reason.CONTEXT_TOO_LONG
    return Reason.REFUSED


@cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates that are trusted: reading them takes longer than a short reply."""
    return httpx2.create_ssl_context()
