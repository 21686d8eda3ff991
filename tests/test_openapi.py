"""The OpenAPI document is true: what it allows is understood, and nothing that is sent breaks the service."""

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from openapi_cases import Judgement, judged
from openapi_checks import EXCUSES
from serving import served
from starlette.testclient import TestClient

from rag.service.guards import OPEN_PATHS
from rag.settings import Settings

KEY = "a-key-of-some-length"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    return judged(tmp_path_factory.mktemp("openapi"), examples=20)


@pytest.fixture
def operations(client: TestClient) -> dict[str, dict[str, Any]]:
    """Return what the document says of each operation, by method and path."""
    paths = client.get("/openapi.json").json()["paths"]
    return {f"{method.upper()} {path}": told for path, each in paths.items() for method, told in each.items()}


def test_nothing_that_is_sent_breaks_the_service_or_belies_its_document(found: Judgement) -> None:
    assert not found.faults, "\n".join(map(str, found.distinct()))


def test_every_operation_is_sent_something_and_serves_it(
    found: Judgement, operations: dict[str, dict[str, Any]]
) -> None:
    sent = {operation for operation, _ in found.sent}
    assert sent == set(operations)
    served = {operation for operation, status in found.sent if status < 300}
    # Which document there is, and which of its words or pages, is more than luck comes to.
    pages = "GET /documents/{document_id}/pages/{number}/image"
    assert sent - served <= {"GET /documents/{document_id}/words", pages}


def test_an_error_is_documented_as_json_even_where_the_answer_is_another_thing(
    operations: dict[str, dict[str, Any]],
) -> None:
    for operation, told in operations.items():
        for status, response in told["responses"].items():
            if status[0] in "45":
                assert list(response["content"]) == ["application/json"], (operation, status)


def test_no_request_without_the_key_is_served(
    settings: Settings, tmp_path: Path, operations: dict[str, dict[str, Any]]
) -> None:
    with served(Settings(**{**settings.model_dump(), "home": tmp_path / "keyed", "api_key": KEY})) as keyed:
        for operation in operations:
            method, path = operation.split()
            status = keyed.request(method, path).status_code
            assert status == (200 if path in OPEN_PATHS else 401), operation


def test_an_excuse_is_for_an_operation_that_is_there(operations: dict[str, dict[str, Any]]) -> None:
    for excuse in EXCUSES:
        assert any(fnmatch(operation, excuse.operations) for operation in operations), excuse
