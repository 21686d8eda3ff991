"""`/metrics` for Prometheus: requests by route, and quotes checked and dropped."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector
from prometheus_fastapi_instrumentator import Instrumentator

from rag.citations import Verifier
from rag.service.errors import documented


class _Quotes(Collector):
    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def collect(self) -> Iterator[Metric]:
        """Yield the two counters."""
        yield CounterMetricFamily(
            "quotebound_quotes_checked", "Quotes compared with the stored text", value=self._verifier.checked
        )
        yield CounterMetricFamily(
            "quotebound_quotes_dropped", "Quotes that were not verbatim", value=self._verifier.dropped
        )


def install(app: FastAPI, verifier: Verifier) -> None:
    """Count the app's requests and serve the counts."""
    # A registry of its own: two apps in one process, as in tests, must not share counts.
    registry = CollectorRegistry()
    registry.register(_Quotes(verifier))
    instrumentator = Instrumentator(registry=registry, excluded_handlers=["/metrics", "/healthz"])
    instrumentator.instrument(app).expose(
        app, tags=["health"], response_class=PlainTextResponse, responses=documented("4XX", "5XX")
    )
