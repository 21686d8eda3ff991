"""Whether the service lives, and whether it can answer."""

from __future__ import annotations

import time

from rag.client.errors import ConnectionFailed, ConnectionLost, Overloaded, QuoteboundError, TimedOut
from rag.client.methods import HasSession, Method
from rag.client.session import Request
from rag.client.stored import Status

_PAUSE = 0.25

# What passes by itself: nobody listens yet, or the process came and went.
_PASSING = (ConnectionFailed, ConnectionLost, TimedOut)


class HealthMethods(HasSession):
    """Of clients: what asks whether there is a service."""

    @Method
    async def healthy(self) -> bool:
        """Tell whether the service lives; what is no answer to that is raised. Asked once."""
        return await self._says("/healthz")

    @Method
    async def ready(self) -> bool:
        """Tell whether the service can answer now: it lives, and its model is loaded; else as `healthy`."""
        return await self._says("/readyz")

    @Method
    async def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Wait until the service can answer; raise `TimedOut` after `timeout` seconds.

        What does not pass by waiting, as a wrong key or a model that is not there, is raised at once.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                await self._session.call(Request("GET", "/readyz"), Status)
            except (*_PASSING, Overloaded) as error:
                if not _passes(error):
                    raise
                if time.monotonic() + _PAUSE > deadline:
                    raise TimedOut(f"not ready within {timeout:g} s: {error.message}") from error
            else:
                return
            await self._session.pause(_PAUSE)

    async def _says(self, path: str) -> bool:
        try:
            await self._session.call(Request("GET", path), Status)
        except (*_PASSING, Overloaded):
            return False
        return True


def _passes(error: QuoteboundError) -> bool:
    # A service whose model cannot be loaded answers 503 as well, with another code than while it loads.
    return not isinstance(error, Overloaded) or error.code == "overloaded"
