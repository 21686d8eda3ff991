"""The application as the settings make it, from opening to closing."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from doubles import HashingEmbedder

from rag.settings import Settings
from rag.wiring import Application


def held_below(folder: Path) -> list[str]:
    """Return the files below a folder that this process has open."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
    return [name for name in found if name.startswith(os.path.realpath(folder))]


def test_a_closed_application_holds_no_file_of_its_home(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with Application(settings, writable=True, embedder=HashingEmbedder()) as application:
        application.ingestor().add(b"The ferry leaves at nine.", "ferry.txt")
        with ThreadPoolExecutor(4) as threads:
            asked = [
                threads.submit(application.assistant.ask, "When does the ferry leave?") for _ in range(20)
            ]
        assert all(future.result().hits for future in asked)
        assert held_below(tmp_path)
    assert held_below(tmp_path) == []


def test_a_threshold_of_the_settings_is_the_assistants(tmp_path: Path) -> None:
    for threshold in (0.0, 1.0):
        settings = Settings(home=tmp_path / str(threshold), threshold=threshold)
        with Application(settings, writable=True, embedder=HashingEmbedder()) as application:
            assert application.assistant.threshold == threshold
