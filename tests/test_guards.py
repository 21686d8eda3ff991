"""Who may ask: the service's own page and programs with a key, and no other site's script."""

import base64
import json
from collections.abc import Iterator

import pytest
from doubles import HashingEmbedder
from serving import served
from starlette.testclient import TestClient

from rag.errors import InvalidSetting
from rag.service.app import check_exposure
from rag.settings import Settings

KEY = "a-key-of-some-length"


@pytest.fixture
def keyed(settings: Settings) -> Iterator[TestClient]:
    with served(Settings(**{**settings.model_dump(), "api_key": KEY})) as client:
        yield client


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost:8000@evil", "a/?x=", "", "a b", "localhost:x"],
)
def test_a_name_that_is_not_the_services_own_is_refused(client: TestClient, host: str) -> None:
    response = client.get("/documents", headers={"host": host})
    assert response.status_code == 403
    assert response.json()["code"] == "forbidden"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:8000", "[::1]:8000"])
def test_the_names_of_this_machine_are_its_own(client: TestClient, host: str) -> None:
    assert client.get("/documents", headers={"host": host}).status_code == 200


def test_a_host_that_was_allowed_is_served(settings: Settings) -> None:
    with served(Settings(**{**settings.model_dump(), "allowed_hosts": ("qb.test",)})) as client:
        assert client.get("/documents", headers={"host": "qb.test"}).status_code == 200
        assert client.get("/documents", headers={"host": "other.test"}).status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:9000", "file://", "http://127.0.0.1:8000.evil.example"],
)
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_another_sites_script_is_refused(client: TestClient, method: str, origin: str) -> None:
    response = client.request(method, "/documents", headers={"origin": origin})
    assert response.status_code == 403


def test_the_services_own_page_may_ask(client: TestClient) -> None:
    headers = {"origin": "http://127.0.0.1:8000"}
    assert client.post("/search", json={"query": "x"}, headers=headers).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_sites_page_embeds_is_refused_and_its_links_are_not(
    client: TestClient, site: str
) -> None:
    embedded = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}
    followed = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
    assert client.get("/documents", headers=embedded).status_code == 403
    assert client.get("/docs", headers=followed).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/documents"), ("post", "/documents"), ("post", "/ask"), ("post", "/search"),
        ("get", "/docs"), ("get", "/openapi.json"), ("get", "/metrics"), ("get", "/readyz"),
        ("get", "/"), ("get", "/config"), ("post", "/gradio_api/upload"), ("get", "/nothing"),
        ("delete", "/documents/x"), ("get", "/docs/assets/swagger-ui.css"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": "wrong"},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {KEY}x"},
        {"authorization": "Basic !!!"},
        {"authorization": "Basic " + base64.b64encode(b"user:wrong").decode()},
    ],
)
def test_without_the_key_nothing_is_served(
    keyed: TestClient, method: str, path: str, headers: dict[str, str]
) -> None:
    response = keyed.request(method, path, headers=headers)
    assert response.status_code == 401
    assert response.json()["code"] == "unauthorized"
    assert "Basic" in response.headers["www-authenticate"]
    assert KEY not in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": KEY},
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"authorization": "Basic " + base64.b64encode(f"me:{KEY}".encode()).decode()},
    ],
)
def test_each_way_of_sending_the_key_is_taken(keyed: TestClient, headers: dict[str, str]) -> None:
    assert keyed.get("/documents", headers=headers).status_code == 200


def test_health_needs_no_key(keyed: TestClient) -> None:
    assert keyed.get("/healthz").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_other_machines_are_not_served_without_a_key(settings: Settings, host: str) -> None:
    exposed = settings.model_copy(update={"host": host})
    with pytest.raises(InvalidSetting, match="QUOTEBOUND_API_KEY"):
        check_exposure(exposed)
    check_exposure(Settings(**{**exposed.model_dump(), "api_key": KEY}))


@pytest.mark.parametrize("path", ["/documents", "/docs", "/nothing"])
def test_a_browser_is_told_to_load_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "http:" not in policy and "https:" not in policy and "*" not in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "access-control-allow-origin" not in headers


def test_a_pages_scripts_carry_a_nonce_of_their_own(client: TestClient) -> None:
    pages = [client.get("/docs") for _ in range(2)]
    nonces = []
    for page in pages:
        nonce = page.headers["content-security-policy"].partition("'nonce-")[2].partition("'")[0]
        assert len(nonce) >= 16
        assert page.text.count("<script") == page.text.count(f'<script nonce="{nonce}"') > 0
        nonces.append(nonce)
    assert nonces[0] != nonces[1]


def test_a_request_keeps_the_id_that_it_came_with(client: TestClient) -> None:
    assert (
        client.get("/healthz", headers={"x-request-id": "abc-12345"}).headers["x-request-id"] == "abc-12345"
    )


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "a b c d e f", 'a","b":"injected'])
def test_an_id_that_could_forge_a_log_line_is_not_kept(client: TestClient, given: str) -> None:
    assert client.get("/healthz", headers={"x-request-id": given}).headers["x-request-id"] != given


def test_a_path_with_line_ends_is_one_line_in_the_log(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    from rag.service.logs import configure

    configure("info")
    with served(settings, HashingEmbedder()) as client:
        capsys.readouterr()
        client.get("/nothing%0a%1b[31mforged%0d", headers={"x-api-key": "canary-canary"})
    lines = [line for line in capsys.readouterr().err.splitlines() if "forged" in line]
    assert len(lines) == 1
    assert json.loads(lines[0])["path"].startswith("/nothing\n")
    assert "\x1b" not in lines[0]
    assert "canary" not in lines[0]
