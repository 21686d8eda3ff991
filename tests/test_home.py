"""The home: its lock and its collections."""

import subprocess
import sys
from pathlib import Path

import pytest
from doubles import HashingEmbedder

from index.errors import CollectionNotFound, HomeLocked, InvalidName, StorageUnavailable
from index.home import Home

SPACE = HashingEmbedder().identity.space("test")


def opened(path: Path, *, writable: bool = True) -> Home:
    return Home(path, SPACE, writable=writable)


def test_a_second_writer_is_refused_and_readers_are_not(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.collection(create=True)
    with pytest.raises(HomeLocked, match="QUOTEBOUND_HOME"):
        opened(tmp_path)
    opened(tmp_path, writable=False).collection()
    first.close()
    opened(tmp_path).close()


def test_a_writer_in_another_process_is_refused(tmp_path: Path) -> None:
    held = opened(tmp_path)
    program = (
        "import sys; from filelock import FileLock, Timeout\n"
        "try: FileLock(sys.argv[1]).acquire(blocking=False)\n"
        "except Timeout: sys.exit(3)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "lock")]
    assert subprocess.run(command, check=False).returncode == 3
    held.close()
    assert subprocess.run(command, check=False).returncode == 0


def test_collections_are_apart_and_listed(tmp_path: Path) -> None:
    home = opened(tmp_path)
    assert home.collections() == []
    assert home.collection("news", create=True) is not home.collection("laws", create=True)
    assert home.collection("news") is home.collection("news")
    assert home.collections() == ["laws", "news"]


def test_an_unknown_collection_is_not_made_by_asking(tmp_path: Path) -> None:
    home = opened(tmp_path)
    with pytest.raises(CollectionNotFound, match="quotebound ingest"):
        home.collection()
    home.collection("news", create=True)
    with pytest.raises(CollectionNotFound, match="there are: news"):
        home.collection("laws")
    assert home.collections() == ["news"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "../../etc", "UPPER", "-x", "a" * 65, "a\0", "name\n"])
def test_names_that_are_no_folder_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidName, match="collection"):
        opened(tmp_path).collection(name, create=True)


def test_a_home_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageUnavailable, match="QUOTEBOUND_HOME"):
        opened(tmp_path / "file" / "home")


def test_a_reader_of_a_home_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    home = opened(tmp_path / "none", writable=False)
    assert home.collections() == []
    with pytest.raises(CollectionNotFound):
        home.collection(create=True)
    assert not (tmp_path / "none").exists()
