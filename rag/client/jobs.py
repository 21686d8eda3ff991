"""The jobs of a collection: list, look at one, follow it to its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from rag.client.errors import ConnectionLost, JobFailed
from rag.client.methods import HasSession, Method, StreamMethod
from rag.client.parsing import parsed
from rag.client.session import Request, Session, place
from rag.client.stored import Job, JobReport, Jobs, Progress

_PAUSE = 1.0


class JobMethods(HasSession):
    """Of clients: what tells of jobs. Without a `collection` it is the one named `default`."""

    @Method
    async def jobs(self, *, collection: str | None = None) -> Sequence[Job]:
        """List the jobs of a collection, the newest first; those that ended long ago are not kept."""
        asked = Request("GET", "/jobs", {"collection": collection}, repeatable=True)
        return (await self._session.call(asked, Jobs)).jobs

    @Method
    async def job(self, job_id: str, *, collection: str | None = None) -> JobReport:
        """Describe a job: its state, what it was asked for, and what became of every file."""
        return await job_of(self._session, job_id, collection, wait=False)

    @StreamMethod
    async def follow(
        self, job_id: str, *, collection: str | None = None
    ) -> AsyncGenerator[Progress | JobReport, None]:
        """Tell how a job goes on: a stream of `Progress`, and in the end a `JobReport`, failed or done.

        `ConnectionLost` is raised where the service stops meanwhile; the job goes on once it starts again.
        """
        async with aclosing(_news(self._session, job_id, collection)) as news:
            async for told in news:
                yield told


async def job_of(session: Session, job_id: str, collection: str | None, *, wait: bool) -> JobReport:
    """Return a job as it stands, or as it ended; raise `JobFailed` where one that is waited for fails."""
    if not wait:
        asked = Request("GET", f"/jobs/{place(job_id)}", {"collection": collection}, repeatable=True)
        return await session.call(asked, JobReport)
    ended = await _end(session, job_id, collection)
    if ended.state == "failed":
        code, message = (ended.error.code, ended.error.message) if ended.error else ("job_failed", "")
        raise JobFailed(code, message, ended)
    return ended


async def _end(session: Session, job_id: str, collection: str | None) -> JobReport:
    """Follow a job to its end, also over as many lost connections as requests are repeated."""
    lost = 0
    while True:
        try:
            async with aclosing(_news(session, job_id, collection)) as news:
                async for told in news:
                    if isinstance(told, JobReport):
                        return told
        except ConnectionLost:
            if lost >= session.retries:
                raise
        lost += 1
        await session.pause(_PAUSE)


async def _news(
    session: Session, job_id: str, collection: str | None
) -> AsyncGenerator[Progress | JobReport, None]:
    path = f"/jobs/{place(job_id)}/events"
    asked = Request("GET", path, {"collection": collection}, repeatable=True)
    async with aclosing(session.events(asked)) as events:
        async for event in events:
            if event.event == "progress":
                yield parsed(Progress, event.data)
            elif event.event in ("done", "failed"):
                yield parsed(JobReport, event.data)
                return
    raise ConnectionLost(f"the service stopped telling of job {job_id!r} before it ended; follow it again")
