"""What the OpenAPI document allows, and what it does not, sent to a service in this process and judged.

    python -m openapi_cases [--cases 5000] [--seed 1] [--settled]

Started in `tests`, or with it on PYTHONPATH. Prints what was sent by route and status, and every fault with
the request that shows it; the exit status is 1 where there is one. Routes are those of the document.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import schemathesis
from doubles import HashingEmbedder
from openapi_checks import CHECKS, is_excused, unexpected_errors
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.python import asgi
from serving import BASE_URL
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.embedding import Embedder
from index.embedding.model_files import find_model
from rag.service.app import create_app
from rag.service.backend import Backend
from rag.settings import Settings
from rag.wiring import Application

# Generated for each operation in each round; after a round a fresh home is made.
_EXAMPLES = 60
# A stream that has not ended then is cut off, and judged as far as it came.
_PATIENCE_SECONDS = 30
_DOCUMENTS = {
    "ferry.txt": "The ferry\n\nThe ferry to Kallinge leaves at nine. Tickets cost 120 kronor.\n",
    "bread.md": "# Bread\n\nBread needs flour, water and salt. It bakes for forty minutes.\n",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that the service should not have done: which check says so, why, and how to see it again."""

    operation: str
    check: str
    status: int
    reason: str
    request: str
    response: str

    def __str__(self) -> str:
        told = f"{self.operation} {self.status} {self.check}: {self.reason}"
        return f"{told}\n  {self.request}\n  -> {self.response}"


@dataclass(slots=True)
class Judgement:
    """How many requests were answered, by operation and status, and what was wrong with the answers."""

    sent: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """Return how many requests were answered."""
        return self.sent.total()

    def distinct(self) -> Iterator[Fault]:
        """Yield of the faults that are alike the one with the shortest request."""
        shortest: dict[tuple[str, str, int], Fault] = {}
        for fault in sorted(self.faults, key=lambda fault: len(fault.request)):
            shortest.setdefault((fault.operation, fault.check, fault.status), fault)
        yield from shortest.values()

    def table(self) -> Iterator[str]:
        """Yield a line for each operation: how many requests came to which status."""
        statuses = sorted({status for _, status in self.sent})
        yield f"{'':38}" + "".join(f"{status:>6}" for status in [*statuses, "cases"])
        for operation in sorted(
            {operation for operation, _ in self.sent}, key=lambda told: told.split()[::-1]
        ):
            counts = [self.sent[operation, status] for status in statuses]
            yield f"{operation:38}" + "".join(f"{count or '':>6}" for count in [*counts, sum(counts)])


class Settled:
    """Lets a request that began a job return once the job has ended, so that nothing depends on its speed."""

    def __init__(self, app: ASGIApp, backend: Backend) -> None:
        self._app, self._backend = app, backend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        locations: list[str] = []

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                locations.extend(value.decode() for name, value in message["headers"] if name == b"location")
            await send(message)

        await self._app(scope, receive, noting)
        for place in map(urlsplit, locations):
            collection = parse_qs(place.query)["collection"][0]
            report = await self._backend.desk.report(place.path.rpartition("/")[2], collection)
            await self._backend.desk.end_of(report.job, collection)


def judged(
    home: Path, cases: int = 1, *, examples: int = _EXAMPLES, seed: int = 1, settled: bool = True
) -> Judgement:
    """Return what came of at least so many cases, sent in rounds of `examples`, with homes below a folder.

    The first round has, beside what is generated, what the document's examples and limits give. The same
    seed makes the same cases, if `settled` has every job end before the next request.
    """
    found = Judgement()
    rounds = 0
    while found.cases < cases:
        phases = ("fuzzing", "stateful") if rounds else ("examples", "coverage", "fuzzing", "stateful")
        with unexpected_errors() as errors, _served(home / str(rounds), settled=settled) as (app, document):
            _run(app, document, _config(seed + rounds, examples, phases), found)
        found.faults += [Fault("the log", "unexpected_errors", 0, error, "", "") for error in errors]
        rounds += 1
    return found


@contextmanager
def _served(home: Path, *, settled: bool) -> Iterator[tuple[ASGIApp, dict[str, Any]]]:
    """Yield a service with some documents and its OpenAPI document."""
    settings = Settings(home=home, threshold=0.0, max_file_mb=1, chunk_tokens=48)
    application = Application(settings, writable=True, embedder=HashingEmbedder(), embedders=_model)
    backend = Backend(application)
    app = create_app(application, backend=backend)
    settling = Settled(app, backend)
    served = settling if settled else app
    try:
        # Its types know messages only as dicts.
        with asgi.get_client(cast(asgi.ASGIApp, served), max_stream_events=50) as client:
            client.base_url = BASE_URL
            while client.get("/readyz").status_code != 200:
                time.sleep(0.01)
            for name, text in _DOCUMENTS.items():
                response = client.post("/documents", files={"file": (name, text.encode(), "text/plain")})
                assert response.status_code == 202, response.text
            yield served, client.get("/openapi.json").json()
    finally:
        asgi.shutdown_lifespans()


def _model(name: str) -> Embedder:
    """Return a stand-in for a model that is on this machine, looked up as the product does; it loads fast."""
    find_model(name)
    return HashingEmbedder(name=name)


def _config(seed: int, examples: int, phases: Sequence[str]) -> schemathesis.Config:
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "cache": {"enabled": False},
            "base-url": BASE_URL,
            "request-timeout": _PATIENCE_SECONDS,
            "max-stream-events": 50,
            "continue-on-failure": True,
            "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
            "checks": {"enabled": False} | {name: {"enabled": True} for name in CHECKS},
            "phases": {"enabled": False} | {name: {"enabled": True} for name in phases},
        }
    )


def _run(app: ASGIApp, document: dict[str, Any], config: schemathesis.Config, found: Judgement) -> None:
    schema = schemathesis.openapi.from_dict(document, config=config)
    schema.app = app
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _note(event.recorder, found)
        elif isinstance(event, events.NonFatalError):
            found.faults.append(Fault(event.label, "sent", 0, str(event.value), "", ""))
        elif isinstance(event, events.FatalError):
            raise event.exception


def _note(recorder: ScenarioRecorder, found: Judgement) -> None:
    """Add to what was found the requests of a scenario, and what its checks say."""
    for identifier, interaction in recorder.interactions.items():
        case, response = recorder.cases[identifier].value, interaction.response
        if response is None:
            unanswered = f"{interaction.request.method} {interaction.request.uri}"
            found.faults.append(Fault(case.operation.label, "answered", 0, "no answer", unanswered, ""))
            continue
        found.sent[case.operation.label, response.status_code] += 1
        for check in recorder.checks.get(identifier, ()):
            failure = check.failure_info
            if failure is None:
                continue
            reason = f"{failure.failure.title}. {failure.failure.message}".strip()
            if is_excused(check.name, case.operation.label, f"{reason}\n{failure.code_sample}"):
                continue
            request, told = failure.code_sample[:2000], response.text[:500]
            found.faults.append(
                Fault(case.operation.label, check.name, response.status_code, reason, request, told)
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Send what the arguments ask for, print what came of it, and return the exit status."""
    parser = argparse.ArgumentParser(prog="openapi_cases")
    parser.add_argument("--cases", type=int, default=5000, help="at least so many")
    parser.add_argument("--examples", type=int, default=_EXAMPLES, help="of each operation in each round")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--settled", action="store_true", help="let each job end before the next request")
    options = parser.parse_args(arguments)
    # The parser of forms says what is wrong with each.
    logging.disable(logging.WARNING)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = judged(
            Path(folder),
            options.cases,
            examples=options.examples,
            seed=options.seed,
            settled=options.settled,
        )
    faults = list(found.distinct())
    seconds = time.perf_counter() - began
    summary = f"{found.cases} cases, {len(found.faults)} faults of {len(faults)} kinds, {seconds:.0f} s"
    sys.stdout.writelines(f"{line}\n" for line in [*found.table(), *map(str, faults), summary])
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
