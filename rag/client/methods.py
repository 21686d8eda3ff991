"""One coroutine as a method of both clients: one signature and one docstring, typed for each.

Python has no type for "T, or an awaitable of T, as the class has it", but a descriptor's `__get__` may
return another type for another kind of instance. So `Client.ask` is seen by type checkers and editors as
`(question: str, …) -> Answer`, `AsyncClient.ask` as the same that is awaited, and neither is written twice.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from rag.client.connection import completed
from rag.client.session import Session
from rag.client.streams import AsyncStream, Stream

P = ParamSpec("P")
T = TypeVar("T")


class Blocks:
    """The kind of client whose methods return when what they do is done."""


class Awaits:
    """The kind of client whose methods are awaited."""


class _Adapted:
    """A method that is one function of clients that block, and another of those that are awaited."""

    def __init__(self, blocking: Callable[..., Any], awaited: Callable[..., Any]) -> None:
        self._blocking = blocking
        self._awaited = awaited
        self.__doc__ = awaited.__doc__

    def _of(self, client: object, owner: type) -> Callable[..., Any]:
        function = self._blocking if issubclass(owner, Blocks) else self._awaited
        return function if client is None else MethodType(function, client)


class Method(_Adapted, Generic[P, T]):
    """A coroutine function of clients, which the blocking client runs to its end."""

    def __init__(self, function: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]) -> None:
        @functools.wraps(function)
        def blocking(*args: Any, **given: Any) -> T:
            return completed(function(*args, **given))

        super().__init__(blocking, function)

    @overload
    def __get__(self, client: Blocks, owner: type) -> Callable[P, T]: ...

    @overload
    def __get__(self, client: Awaits, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...

    @overload
    def __get__(self, client: None, owner: type) -> Callable[Concatenate[Any, P], Any]: ...

    def __get__(self, client: object, owner: type) -> Callable[..., Any]:
        return self._of(client, owner)


class StreamMethod(_Adapted, Generic[P, T]):
    """An async generator function of clients, which give what it yields as their kind of stream."""

    def __init__(self, function: Callable[Concatenate[Any, P], AsyncGenerator[T, None]]) -> None:
        @functools.wraps(function)
        def blocking(*args: Any, **given: Any) -> Stream[T]:
            return Stream(function(*args, **given))

        @functools.wraps(function)
        def awaited(*args: Any, **given: Any) -> AsyncStream[T]:
            return AsyncStream(function(*args, **given))

        super().__init__(blocking, awaited)
        for method, kind in ((blocking, Stream), (awaited, AsyncStream)):
            # Where `inspect` and `help` look for it.
            told = inspect.signature(function).replace(return_annotation=kind)
            vars(method)["__signature__"] = told

    @overload
    def __get__(self, client: Blocks, owner: type) -> Callable[P, Stream[T]]: ...

    @overload
    def __get__(self, client: Awaits, owner: type) -> Callable[P, AsyncStream[T]]: ...

    @overload
    def __get__(self, client: None, owner: type) -> Callable[Concatenate[Any, P], Any]: ...

    def __get__(self, client: object, owner: type) -> Callable[..., Any]:
        return self._of(client, owner)


class HasSession:
    """What has methods: it asks one service."""

    _session: Session
