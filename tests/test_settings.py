"""Settings come from the environment, else from a file, else from their defaults."""

from pathlib import Path

import pytest

from rag.errors import InvalidSetting
from rag.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_anything_set_the_defaults_hold() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.home) == ("127.0.0.1", 8000, Path(".quotebound"))
    assert settings.api_key is None


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "quotebound.toml").write_text("port = 9000\nworkers = 3\n")
    monkeypatch.setenv("QUOTEBOUND_PORT", "9001")
    settings = load_settings()
    assert (settings.port, settings.workers) == (9001, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "70000"),
        ("PORT", "eight"),
        ("THRESHOLD", "1.5"),
        ("MAX_FILE_MB", "-1"),
        ("WORKERS", "0"),
        ("LOG_LEVEL", "loud"),
        ("API_KEY", "short"),
        ("CHUNK_TOKENS", "3"),
    ],
)
def test_a_setting_that_cannot_be_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"QUOTEBOUND_{name}", value)
    with pytest.raises(InvalidSetting, match=f"QUOTEBOUND_{name}"):
        load_settings()


@pytest.mark.parametrize("text", ["port = [", "no_such_setting = 1"])
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "quotebound.toml").write_text(text)
    with pytest.raises(InvalidSetting):
        load_settings()


def test_a_key_is_not_shown_where_settings_are_printed() -> None:
    settings = Settings(api_key="a-key-of-some-length")  # type: ignore[arg-type]
    assert "a-key-of-some-length" not in f"{settings!r} {settings.model_dump()}"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("::", False), ("10.0.0.1", False), ("example.org", False)],
)  # fmt: skip
def test_loopback_is_told_from_the_rest(host: str, loopback: bool) -> None:
    assert Settings(host=host).serves_loopback_only is loopback


@pytest.mark.parametrize("given", ["qb.test,other.test", "qb.test, other.test", "qb.test other.test"])
def test_names_of_hosts_are_listed_with_commas(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUOTEBOUND_ALLOWED_HOSTS", given)
    assert load_settings().allowed_hosts == ("qb.test", "other.test")
