"""The jobs on the catalog's own file, so that what became of a document is kept with the document."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from index.errors import DamagedStore, JobNotFound
from index.jobs import FileRecord, FileStatus, Job, JobKind, JobState
from index.sql.database import Database, amend, insert, reading
from index.sql.records import Row, require_whole
from index.sql.schema import is_whole, job_files, jobs, uploads

_PART_BYTES = 2**20
_KEPT_JOBS = 200
_KEPT_FILES = 50_000
_FILE = [field.name for field in fields(FileRecord)]
_UNFINISHED = (JobState.WAITING.value, JobState.RUNNING.value)


class SqlJobs:
    """Implements `JobLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, kind: JobKind, request: Mapping[str, object], data: bytes | None = None) -> Job:
        """Keep a new job, or return the one that does the same."""
        wanted = dict(request)
        if data is not None:
            wanted["content_sha256"] = hashlib.sha256(data).hexdigest()
        asked = json.dumps(wanted, sort_keys=True)
        with self._database.write() as connection:
            same = sa.select(jobs).where(
                jobs.c.kind == kind.value, jobs.c.request == asked, jobs.c.state.in_(_UNFINISHED)
            )
            for known in connection.execute(same).mappings():
                if is_whole(jobs, known):
                    return _job(known)
            time = _time_of_next(connection)
            record = {
                "id": secrets.token_hex(8),
                "kind": kind.value,
                "request": asked,
                "state": JobState.WAITING.value,
                "created": time,
                "updated": time,
            }
            insert(connection, jobs, [record])
            if data is not None:
                parts = range(0, max(len(data), 1), _PART_BYTES)
                insert(
                    connection,
                    uploads,
                    [
                        {"job_id": record["id"], "part": part, "data": data[first : first + _PART_BYTES]}
                        for part, first in enumerate(parts)
                    ],
                )
            _drop_oldest(connection)
        return self.job(record["id"])

    def job(self, job_id: str) -> Job:
        """Return a job."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).mappings().first()
        if row is None:
            raise _no_job(job_id)
        return _job(require_whole(jobs, row, f"the row of job {job_id}"))

    def all(self) -> list[Job]:
        """Return all jobs, the last one first."""
        return self._jobs(sa.select(jobs).order_by(jobs.c.created.desc()))

    def unfinished(self) -> list[Job]:
        """Return the jobs that have not ended."""
        return self._jobs(sa.select(jobs).where(jobs.c.state.in_(_UNFINISHED)).order_by(jobs.c.created))

    def _jobs(self, statement: sa.Select[tuple[object, ...]]) -> list[Job]:
        with self._database.read() as connection:
            rows = connection.execute(statement).mappings()
            return [_job(row) for row in rows if is_whole(jobs, row)]

    def start(self, job_id: str) -> None:
        """Say that work has begun."""
        self._set(job_id, state=JobState.RUNNING.value, code=None, message=None)

    def put_off(self, job_id: str, *, code: str, message: str) -> None:
        """Say that a job waits again, and why."""
        self._set(job_id, state=JobState.WAITING.value, code=code, message=message)

    def end(self, job_id: str, *, code: str | None = None, message: str | None = None) -> None:
        """Say that a job has ended, and let go of its bytes."""
        state = JobState.DONE if code is None else JobState.FAILED
        self._set(job_id, state=state.value, code=code, message=message, drop_data=True)

    def _set(self, job_id: str, *, drop_data: bool = False, **values: str | None) -> None:
        with self._database.write() as connection:
            if not amend(connection, jobs, jobs.c.id == job_id, updated=_now(), **values):
                raise _no_job(job_id)
            if drop_data:
                connection.execute(sa.delete(uploads).where(uploads.c.job_id == job_id))

    def data(self, job_id: str) -> bytes:
        """Return the bytes of an upload."""
        request = self.job(job_id).request
        statement = sa.select(uploads).where(uploads.c.job_id == job_id).order_by(uploads.c.part)
        with self._database.read() as connection:
            parts = [
                require_whole(uploads, row, f"the upload of job {job_id}")["data"]
                for row in connection.execute(statement).mappings()
            ]
        data = b"".join(parts)
        if hashlib.sha256(data).hexdigest() != request.get("content_sha256"):
            raise DamagedStore(f"the upload of job {job_id} is damaged; send the file again")
        return data

    def record(self, records: Sequence[FileRecord]) -> None:
        """Keep what became of some files."""
        if records:
            with self._database.write() as connection:
                _keep(connection, records)

    def files(self, job_id: str) -> list[FileRecord]:
        """Return what became of the files of a job."""
        self.job(job_id)
        statement = sa.select(job_files).where(job_files.c.job_id == job_id)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(job_files.c.source, job_files.c.origin)).mappings()
            return [_file(row) for row in rows if is_whole(job_files, row)]


def keep_record(connection: sa.Connection, record: FileRecord) -> None:
    """Keep what became of a file of a job, within a transaction that may do more."""
    _keep(connection, [record])


def has_unfinished(catalog: Path) -> bool:
    """Tell whether a catalog's file has jobs that did not end, without opening its collection.

    Raise `StorageError` where that cannot be told.
    """
    with reading(catalog) as connection:
        one = sa.select(jobs.c.id).where(jobs.c.state.in_(_UNFINISHED)).limit(1)
        return sa.inspect(connection).has_table(jobs.name) and connection.scalar(one) is not None


def _keep(connection: sa.Connection, records: Iterable[FileRecord]) -> None:
    rows = [
        {**{name: getattr(record, name) for name in _FILE}, "status": record.status.value}
        for record in records
    ]
    same = (job_files.c.job_id == sa.bindparam("of_job")) & (job_files.c.origin == sa.bindparam("of_origin"))
    connection.execute(
        sa.delete(job_files).where(same),
        [{"of_job": row["job_id"], "of_origin": row["origin"]} for row in rows],
    )
    insert(connection, job_files, rows)


def _drop_oldest(connection: sa.Connection) -> None:
    """Drop jobs that ended long ago, and sooner the more files the later ones name; never the last one."""
    files = sa.select(sa.func.count()).where(job_files.c.job_id == jobs.c.id).scalar_subquery()
    ended = sa.select(jobs.c.id, files).where(jobs.c.state.not_in(_UNFINISHED))
    found = connection.execute(ended.order_by(jobs.c.created.desc())).all()
    named = 0
    old = []
    for place, (job_id, count) in enumerate(found):
        named += count
        if place and (place >= _KEPT_JOBS or named > _KEPT_FILES):
            old.append(job_id)
    if old:
        connection.execute(sa.delete(job_files).where(job_files.c.job_id.in_(old)))
        connection.execute(sa.delete(jobs).where(jobs.c.id.in_(old)))


def _job(row: Row) -> Job:
    return Job(
        id=row["id"],
        kind=JobKind(row["kind"]),
        request=json.loads(row["request"]),
        state=JobState(row["state"]),
        created=row["created"],
        updated=row["updated"],
        code=row["code"],
        message=row["message"],
    )


def _file(row: Row) -> FileRecord:
    values = {name: row[name] for name in _FILE}
    return FileRecord(**{**values, "status": FileStatus(row["status"])})


def _no_job(job_id: str) -> JobNotFound:
    return JobNotFound(f"there is no job {job_id!r}; `GET /jobs` lists those there are")


def _time_of_next(connection: sa.Connection) -> str:
    # Jobs are taken in the order of this, so a clock that was put back must not make one the older.
    now = _now()
    last = connection.scalar(sa.select(sa.func.max(jobs.c.created)))
    if last is None or now > last:
        return now
    return (datetime.fromisoformat(last) + timedelta(microseconds=1)).isoformat(timespec="microseconds")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
