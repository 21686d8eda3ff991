"""Uploads as jobs over HTTP: accepted at once, kept whatever happens, followed to their ends."""

import asyncio
import io
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from doubles import HashingEmbedder
from serving import accepted, end_of, events, served
from starlette.testclient import TestClient

from index.embedding import Vectors
from index.errors import StorageFull
from index.jobs import Job, JobState
from index.report import Report
from index.running import add_sync, add_upload
from index.store import Store
from index.sync import SyncRequest
from rag.service.app import create_app
from rag.service.backend import Backend
from rag.settings import Settings
from rag.wiring import Application

_BOUND_SECONDS = 30


class Gate(HashingEmbedder):
    """Embeds passages once it is opened; `reached` tells that some are waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.reached = threading.Event()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.reached.set()
        assert self.open.wait(_BOUND_SECONDS)
        return super().embed_passages(texts)


def failing(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def sources(client: TestClient) -> list[str]:
    return [entry["source"] for entry in client.get("/documents").json()["documents"]]


def test_an_upload_is_accepted_with_the_place_of_its_job(client: TestClient) -> None:
    response = client.post(
        "/documents", files={"file": ("a.txt", b"The dam holds.")}, data={"collection": "dams"}
    )
    assert response.status_code == 202
    job = response.json()["job"]
    assert response.headers["location"] == f"/jobs/{job}?collection=dams"
    end_of(client, job, "dams")
    told = client.get(response.headers["location"]).json()
    assert set(told) == {
        "id", "kind", "state", "collection", "created", "updated", "request", "error", "counts",
        "passages_embedded", "files",
    }  # fmt: skip
    assert (told["id"], told["kind"], told["state"], told["collection"]) == (job, "upload", "done", "dams")
    assert (told["request"]["name"], told["error"], told["counts"]["added"]) == ("a.txt", None, 1)
    (file,) = told["files"]
    assert set(file) == {"source", "status", "document_id", "passages", "reason"}
    assert (file["source"], file["status"], file["passages"]) == ("a.txt", "added", 1)


def test_jobs_are_listed_the_newest_first(client: TestClient) -> None:
    ids = [accepted(client, f"The dam {number} holds.", f"{number}.txt") for number in range(3)]
    for job in ids:
        end_of(client, job)
    assert [job["id"] for job in client.get("/jobs").json()["jobs"]] == ids[::-1]


@pytest.mark.parametrize("path", ["/jobs/nothing", "/jobs/nothing/events"])
def test_a_job_that_is_not_there_is_an_error_like_any_other(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()["code"]) == (404, "job_not_found")
    response = client.get(path, params={"collection": "other"})
    assert (response.status_code, response.json()["code"]) == (404, "collection_not_found")


def test_the_same_upload_twice_is_unchanged(client: TestClient) -> None:
    jobs = [end_of(client, accepted(client, "The dam holds.", "dam.txt")) for _ in range(2)]
    assert [job["files"][0]["status"] for job in jobs] == ["added", "unchanged"]
    assert jobs[0]["id"] != jobs[1]["id"]
    assert sources(client) == ["dam.txt"]


def test_the_same_upload_while_the_first_goes_on_is_the_same_job(settings: Settings) -> None:
    gate = Gate()
    with served(settings, gate) as client:
        first = accepted(client, "The dam holds.", "dam.txt")
        assert gate.reached.wait(_BOUND_SECONDS)
        assert accepted(client, "The dam holds.", "dam.txt") == first
        other = accepted(client, "The dam broke.", "dam.txt")
        assert other != first
        gate.open.set()
        assert end_of(client, other)["files"][0]["status"] == "replaced"
        assert end_of(client, first)["state"] == "done"


def test_fifty_racing_uploads_of_one_file_are_one_document(client: TestClient) -> None:
    with ThreadPoolExecutor(50) as threads:
        jobs = list(threads.map(lambda _: accepted(client, "The dam holds.", "dam.txt"), range(50)))
    assert {end_of(client, job)["state"] for job in set(jobs)} == {"done"}
    assert sources(client) == ["dam.txt"]


def test_uploads_past_the_bound_are_refused_and_nothing_of_them_is_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.service.desk._WAITING_UPLOADS", 2)
    gate = Gate()
    with served(settings, gate) as client:
        jobs = [accepted(client, f"The dam {number} holds.", f"{number}.txt") for number in range(2)]
        refused = client.post("/documents", files={"file": ("2.txt", b"The dam 2 holds.")})
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert refused.headers["retry-after"]
        assert len(client.get("/jobs").json()["jobs"]) == 2
        gate.open.set()
        assert {end_of(client, job)["state"] for job in jobs} == {"done"}
        assert end_of(client, accepted(client, "The dam 2 holds.", "2.txt"))["state"] == "done"


def test_what_was_accepted_before_a_kill_is_stored_after_the_restart(settings: Settings) -> None:
    with Application(settings, writable=True, embedder=HashingEmbedder()) as killed:
        jobs = {
            name: add_upload(
                killed.home.collection(name, create=True).catalog.jobs, b"The dam holds.", "a.txt"
            )
            for name in ("default", "other")
        }
        killed.home.collection("other").catalog.jobs.start(jobs["other"].id)
    with served(settings) as client:
        for name, job in jobs.items():
            assert end_of(client, job.id, name)["files"][0]["status"] == "added"


def test_a_disk_that_is_full_at_once_accepts_nothing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.sql.jobs.SqlJobs.add", failing(StorageFull("there is no room left")))
    response = client.post("/documents", files={"file": ("a.txt", b"The dam holds.")})
    assert (response.status_code, response.json()["code"]) == (507, "storage_full")


def test_a_fault_inside_fails_its_job_and_not_the_next(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("index.ingest.document_of", failing(RuntimeError("secret /home/someone/place.py")))
        failed = end_of(client, accepted(client, "The dam holds.", "dam.txt"))
    assert (failed["state"], failed["error"]["code"]) == ("failed", "internal_error")
    assert "secret" not in json.dumps(failed)
    assert end_of(client, accepted(client, "The dam holds.", "dam.txt"))["state"] == "done"


def test_a_stream_tells_of_progress_and_then_of_the_end(settings: Settings) -> None:
    gate = Gate()
    with served(settings, gate) as client, ThreadPoolExecutor(1) as thread:
        job = accepted(client, "The dam holds.", "dam.txt")
        assert gate.reached.wait(_BOUND_SECONDS)
        stream = thread.submit(client.get, f"/jobs/{job}/events")
        gate.open.set()
        response = stream.result(_BOUND_SECONDS)
        again = client.get(f"/jobs/{job}/events")
    assert response.headers["content-type"].startswith("text/event-stream")
    *progress, (name, whole) = events(response.text)
    assert {event for event, _ in progress} <= {"progress"}
    assert (name, whole["state"], whole["counts"]["added"]) == ("done", "done", 1)
    assert [event for event, _ in events(again.text)] == ["done"]


def test_a_place_on_the_server_is_shown_as_it_was_given(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The dam holds.")
    with Application(settings, writable=True, embedder=HashingEmbedder()) as application:
        jobs = application.home.collection(create=True).catalog.jobs
        job = add_sync(jobs, SyncRequest.of([Path("docs")]))
    with served(settings) as client:
        told = end_of(client, job.id)
        shown = json.dumps([told, client.get(f"/jobs/{job.id}").json(), client.get("/jobs").json()])
    assert told["request"] == {"paths": ["docs"], "prune": False, "yes": False}
    assert told["files"][0]["source"] == "docs/a.txt"
    assert str(tmp_path) not in shown


@asynccontextmanager
async def running(
    settings: Settings, embedder: HashingEmbedder, watched: Sequence[SyncRequest] = ()
) -> AsyncIterator[tuple[Backend, Callable[..., Awaitable[None]]]]:
    with Application(settings, writable=True, embedder=embedder) as application:
        backend = Backend(application, watched)
        await backend.start()
        try:
            yield backend, create_app(application, backend=backend)
        finally:
            await backend.stop()


async def uploaded(backend: Backend, data: bytes, name: str) -> Job:
    return await backend.desk.upload(io.BytesIO(data), name)


def test_a_job_that_goes_on_when_the_service_stops_is_finished_by_the_next_one(settings: Settings) -> None:
    gate = Gate()

    async def stopped() -> list[Job]:
        async with running(settings, gate) as (backend, _):
            jobs = [await uploaded(backend, b"The dam holds.", name) for name in ("a.txt", "b.txt")]
            assert await asyncio.to_thread(gate.reached.wait, _BOUND_SECONDS)
            backend.dismiss()
            gate.open.set()
        return jobs

    jobs = asyncio.run(stopped())
    with served(settings) as client:
        assert [end_of(client, job.id)["files"][0]["status"] for job in jobs] == ["added", "added"]
        assert sources(client) == ["a.txt", "b.txt"]


def test_a_full_disk_keeps_the_upload_and_says_so_until_it_is_stored(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Store.put
    monkeypatch.setattr(Store, "put", failing(StorageFull("there is no room left")))

    async def scenario() -> None:
        async with running(settings, HashingEmbedder()) as (backend, _):
            job = await uploaded(backend, b"The dam holds.", "dam.txt")
            put_off = await backend.desk.end_of(job)
            assert (put_off.job.state, put_off.job.code) == (JobState.WAITING, "storage_full")
            assert (await backend.desk.report(job.id)).job.message == "there is no room left"
            monkeypatch.setattr(Store, "put", put)
            # Who asks again need not wait for the next try.
            assert (await uploaded(backend, b"The dam holds.", "dam.txt")).id == job.id
            async with asyncio.timeout(_BOUND_SECONDS):
                told = [told async for told in backend.desk.follow(job.id)]
            assert isinstance(told[-1], Report)
            assert told[-1].complete

    asyncio.run(scenario())


class Stream:
    """A request for a job's events, read as they come."""

    def __init__(self, app: Callable[..., Awaitable[None]], job_id: str) -> None:
        self._leaving = asyncio.Event()
        self.begun = asyncio.Event()
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "path": f"/jobs/{job_id}/events", "raw_path": f"/jobs/{job_id}/events".encode(),
            "query_string": b"", "root_path": "", "scheme": "http",
            "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1),
            "headers": [(b"host", b"127.0.0.1:8000")],
        }  # fmt: skip
        self._sent = False
        self.ended = asyncio.create_task(app(scope, self._receive, self._send))  # type: ignore[arg-type]

    async def _receive(self) -> dict[str, Any]:
        if not self._sent:
            self._sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._leaving.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message.get("body"):
            self.begun.set()

    async def leave(self) -> None:
        self._leaving.set()
        await asyncio.wait_for(self.ended, _BOUND_SECONDS)


def test_who_leaves_a_stream_leaves_nothing_behind(settings: Settings) -> None:
    async def scenario() -> None:
        gate = Gate()
        async with running(settings, gate) as (backend, app):
            job = await uploaded(backend, b"The dam holds.", "a.txt")
            streams = [Stream(app, job.id) for _ in range(20)]
            for stream in streams:
                await asyncio.wait_for(stream.begun.wait(), _BOUND_SECONDS)
            assert sum(map(len, backend._worker._followers.values())) == 20
            for stream in streams:
                await stream.leave()
            assert backend._worker._followers == {}
            gate.open.set()
            assert (await backend.desk.end_of(job)).complete

    asyncio.run(scenario())


def test_a_service_that_stops_ends_the_streams_that_are_open(settings: Settings) -> None:
    async def scenario() -> None:
        gate = Gate()
        async with running(settings, gate) as (backend, app):
            job = await uploaded(backend, b"The dam holds.", "a.txt")
            stream = Stream(app, job.id)
            await asyncio.wait_for(stream.begun.wait(), _BOUND_SECONDS)
            assert await asyncio.to_thread(gate.reached.wait, _BOUND_SECONDS)
            backend.dismiss()
            await asyncio.wait_for(stream.ended, _BOUND_SECONDS)
            late = Stream(app, job.id)
            await asyncio.wait_for(late.ended, _BOUND_SECONDS)
            gate.open.set()

    asyncio.run(scenario())


def test_a_folder_is_followed_while_it_is_served(settings: Settings, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.txt").write_text("The dam holds.")

    async def scenario() -> None:
        stored = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with running(settings, HashingEmbedder(), [SyncRequest.of([docs])]) as (backend, _):
            sync = backend._watchers[0]._sync

            def told(request: SyncRequest) -> None:
                sync(request)
                loop.call_soon_threadsafe(stored.set)

            backend._watchers[0]._sync = told
            await asyncio.wait_for(stored.wait(), _BOUND_SECONDS)
            stored.clear()
            (docs / "b.txt").write_text("The dam broke.")
            await asyncio.wait_for(stored.wait(), _BOUND_SECONDS)
            assert len(await backend.documents()) == 2
            report = await backend.desk.report((await backend.desk.jobs())[0].id)
            assert isinstance(report, Report)
            assert [Path(record.source).name for record in report.files] == ["b.txt"]

    asyncio.run(scenario())
