"""What comes one by one: for the client that blocks, and for the one that is awaited."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

from rag.client.connection import completed

T = TypeVar("T")


class Stream(Iterator[T], Generic[T]):
    """An iterator that asks the service once it is begun; `close`, or the end of a `with`, ends that at once.

    So does leaving a `for` loop over it, where nothing else holds it.
    """

    def __init__(self, source: AsyncGenerator[T, None]) -> None:
        self._source = source

    def __next__(self) -> T:
        found = completed(self._next())
        if found is None:
            raise StopIteration
        return found

    async def _next(self) -> T | None:
        return await anext(self._source, None)

    def close(self) -> None:
        """End the connection; further items do not come. May be called again."""
        completed(self._source.aclose())

    def __del__(self) -> None:
        # Not left to the generator itself: in a thread with an event loop, the loop would close it some time.
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncStream(AsyncIterator[T], Generic[T]):
    """An async iterator that asks the service once it is begun.

    `aclose`, or the end of an `async with`, ends that at once; leaving an `async for` alone does not.
    """

    def __init__(self, source: AsyncGenerator[T, None]) -> None:
        self._source = source

    async def __anext__(self) -> T:
        return await self._source.__anext__()

    async def aclose(self) -> None:
        """End the connection; further items do not come. May be called again."""
        await self._source.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
