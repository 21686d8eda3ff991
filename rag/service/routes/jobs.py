"""The jobs of a collection: list, look at one, follow it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from index.report import Report
from index.types import DEFAULT_COLLECTION
from rag.service.access import BackendOf
from rag.service.errors import documented
from rag.service.job_wire import JobOut, JobReportOut, JobsOut, ProgressOut
from rag.service.wire import CollectionName

router = APIRouter(prefix="/jobs", tags=["jobs"], responses=documented(404, 422))

Collection = Annotated[CollectionName, Query()]


@router.get("")
async def list_jobs(backend: BackendOf, collection: Collection = DEFAULT_COLLECTION) -> JobsOut:
    """List the jobs of a collection, the newest first; those that ended long ago are not kept."""
    return JobsOut(jobs=[JobOut.of(job, collection) for job in await backend.desk.jobs(collection)])


async def _report(job_id: str, backend: BackendOf, collection: Collection = DEFAULT_COLLECTION) -> Report:
    return await backend.desk.report(job_id, collection)


# Before a stream begins, so that a job that is not there is an error like any other.
ReportOf = Annotated[Report, Depends(_report)]


@router.get("/{job_id}")
async def get_job(report: ReportOf, collection: Collection = DEFAULT_COLLECTION) -> JobReportOut:
    """Describe a job: its state, what it was asked for, and what became of every file."""
    return JobReportOut.of_report(report, collection)


@router.get("/{job_id}/events", response_class=EventSourceResponse, responses=documented("4XX", "5XX"))
async def follow_job(
    report: ReportOf, backend: BackendOf, collection: Collection = DEFAULT_COLLECTION
) -> AsyncIterator[ServerSentEvent]:
    """Stream how a job goes on: `progress` events, and in the end `done` or `failed` with the whole job."""
    async with aclosing(backend.desk.follow(report.job.id, collection)) as news:
        async for told in news:
            if isinstance(told, Report):
                whole = JobReportOut.of_report(told, collection)
                yield ServerSentEvent(event=told.job.state.value, data=whole)
            else:
                yield ServerSentEvent(event="progress", data=ProgressOut.of(told))
