"""What both Python clients have in common, and what they know of the service's responses."""

import inspect
import subprocess
import sys
import textwrap
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel

import rag.client
from rag.client import Answer, AsyncClient, Client, JobReport, Progress
from rag.client.results import Retrieval, SearchResult
from rag.client.stored import Collection, DocumentDetail, Page, Word
from rag.service import asking_wire, collection_wire, document_wire, job_wire, wire


def methods_of(kind: type) -> dict[str, Any]:
    return {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}


def test_both_clients_have_the_same_methods_documented_and_typed() -> None:
    blocking, awaited = methods_of(Client), methods_of(AsyncClient)
    assert blocking.keys() == awaited.keys()
    assert {"ask", "stream", "search", "verify", "add", "follow", "close"} <= blocking.keys()
    for name, method in blocking.items():
        told, other = inspect.signature(method), inspect.signature(awaited[name])
        assert told.parameters == other.parameters
        assert inspect.getdoc(method) == inspect.getdoc(awaited[name])
        assert (inspect.getdoc(method) or "").splitlines()[0].endswith((".", ";"))
        assert all(
            parameter.annotation is not inspect.Parameter.empty
            for name, parameter in told.parameters.items()
            if name != "self"
        )
        assert not inspect.iscoroutinefunction(method)
        streams = other.return_annotation is rag.client.AsyncStream
        assert streams == (told.return_annotation is rag.client.Stream)
        assert streams or inspect.iscoroutinefunction(awaited[name])
    constructors = [inspect.signature(kind) for kind in (Client, AsyncClient)]
    assert [list(found.parameters) for found in constructors] == [
        ["base_url", "api_key", "timeout", "retries", "transport"]
    ] * 2


SHAPES: list[tuple[type[BaseModel], type, set[str]]] = [
    (wire.AskResponse, Answer, {"collection"}),
    (wire.SearchResponse, SearchResult, set()),
    (asking_wire.RetrievalOut, Retrieval, set()),
    (document_wire.DocumentDetailOut, DocumentDetail, set()),
    (document_wire.PageOut, Page, set()),
    (document_wire.WordOut, Word, set()),
    (job_wire.JobReportOut, JobReport, set()),
    (job_wire.ProgressOut, Progress, set()),
    (collection_wire.CollectionOut, Collection, set()),
]


@pytest.mark.parametrize(("told", "known", "own"), SHAPES, ids=lambda given: getattr(given, "__name__", ""))
def test_the_client_knows_every_field_that_the_service_tells(
    told: type[BaseModel], known: type, own: set[str]
) -> None:
    assert {
        "text" if told is wire.AskResponse and name == "answer" else name for name in told.model_fields
    } == {field.name for field in fields(known)} - own
    # What is within: by the types of the fields, as deep as they go.
    for name, annotation in get_type_hints(known).items():
        inner = [kind for kind in nested(annotation) if hasattr(kind, "__dataclass_fields__")]
        outer = (
            [kind for kind in nested(told.model_fields[name].annotation) if issubclass(kind, BaseModel)]
            if name in told.model_fields
            else []
        )
        for model, shape in zip(outer, inner, strict=True):
            assert set(model.model_fields) == {field.name for field in fields(shape)}


def nested(annotation: Any) -> list[type]:
    if isinstance(annotation, type) and not get_args(annotation):
        return [annotation]
    return [kind for part in get_args(annotation) for kind in nested(part)]


def test_the_client_loads_nothing_of_the_service() -> None:
    program = """
        import sys, rag.client
        heavy = {"torch", "faiss", "numpy", "openvino", "fastapi", "starlette", "uvicorn", "gradio", "index"}
        ours = [name for name in sys.modules if name.startswith(("rag.", "ui"))]
        known = ("rag.client", "rag.hosts")
        found = heavy & set(sys.modules) | {name for name in ours if not name.startswith(known)}
        print(sorted(found))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
