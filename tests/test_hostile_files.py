"""Files made to do harm: each is refused with a reason or read within bounds, and stops no other."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hostile_files
import pytest
from serving import accepted, end_of, served
from starlette.testclient import TestClient
from torture.natures import CANARY

from index.sources import label
from rag.settings import Settings

_MOST_GROWTH = 200 * 2**20
_PATH = re.compile(r"(?<!\w)/\w+")


@dataclass(frozen=True, slots=True)
class Ingested:
    """What came of all hostile files in one folder: by name what became of each, its reason, its text."""

    status: dict[str, str]
    reason: dict[str, str]
    texts: dict[str, str]
    grown: int
    written: list[str]
    calls: int


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    folder = tmp_path_factory.mktemp("hostile")
    with socket.create_server(CANARY, reuse_port=True) as server:
        done = subprocess.run(
            [sys.executable, hostile_files.__file__, str(folder)],
            env={"PYTHONPATH": f"{Path(__file__).parents[1]}:{Path(__file__).parent}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        calls = len(list(_waiting(server)))
    told = json.loads(done.stdout)
    return Ingested(
        {name: status for name, (status, _) in told["files"].items()},
        {name: reason for name, (_, reason) in told["files"].items()},
        told["texts"],
        told["grown"],
        told["written"],
        calls,
    )


def _waiting(server: socket.socket) -> Iterator[None]:
    server.setblocking(False)
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return
        yield


ENTITIES = "declares entities"
REFUSED = {
    "flat bomb.zip": "would unpack to 2048 MB, more than the limit of 64 MB",
    "bomb that lies.zip": "is damaged",
    "bomb.docx": "would unpack to 2048 MB",
    "bomb.xlsx": "would unpack to 2048 MB",
    "bomb of elements.docx": "takes more memory to read than one file may",
    "many pages.pdf": "has 100000 pages, more than the 10000 that are read",
    "deep.html": "nests its elements too deeply",
    "deep.rtf": "groups within each other",
    "parts in parts.eml": "parts within each other",
    # Which comes first hangs on how large the libraries are.
    "one line.csv": "holds more than 400000 characters|takes more memory",
    "huge.xlsx": "has a sheet of 1048576 rows and 16384 columns",
    "huge.ods": "has a sheet of 6000000000 rows",
    "sparse.txt": "has 4096.0 MB, more than the limit of 64 MB",
    "sparse.pdf": "has 4096.0 MB, more than the limit of 64 MB",
    **{
        f"{what}.{suffix}": ENTITIES
        for what in ("laughs", "reads", "calls")
        for suffix in ("docx", "odt", "epub", "xlsx", "pptx", "ods")
    },
    "laughs.xhtml": ENTITIES,
    "reads.xhtml": ENTITIES,
}
READ = {
    "names that lead elsewhere.zip/../../evil0.txt": "It is 0.",
    "names that lead elsewhere.zip//etc/evil.txt": "It is 3.",
    "members of odd names.zip/a\N{REPLACEMENT CHARACTER}b.txt": "A line.",
    "attached elsewhere.eml": "See below.",
    "attached elsewhere.eml/../../../tmp/evil.txt": "Attached 0.",
    "attached elsewhere.eml//etc/evil.txt": "Attached 1.",
    "mail in mail.eml/1.eml/2.eml/3.eml": "3",
    "loop.pdf": "In a loop.",
    "pages that are not there.pdf": "A page.",
    "deep.docx": "It is deep.",
    "deep.md": "It is deep.",
    "drawn.html": "It is seen.",
    "macros.docm": "The text is read.",
    "macros.xlsm": "Harvest of 2024 by village",
    "zero.txt": "A zero   within a text",
    "surrogate.txt": "A half",
    "turned.txt": "and back.",
    "name \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.txt": "Its name is not UTF-8.",
    "name \N{REPLACEMENT CHARACTER}gpj\N{REPLACEMENT CHARACTER}of.txt": "Its name is on two lines.",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_refused_for_what_is_wrong_with_it(ingested: Ingested, name: str) -> None:
    assert ingested.status[name] == "failed"
    assert re.search(REFUSED[name], ingested.reason[name])
    assert name not in ingested.texts


@pytest.mark.parametrize("name", READ)
def test_what_is_odd_and_harmless_is_read(ingested: Ingested, name: str) -> None:
    assert ingested.status[name] == "added", ingested.reason.get(name)
    assert READ[name] in ingested.texts[name]


@pytest.mark.parametrize("name", ["a good one.txt", "zz good one.txt"])
def test_the_files_beside_them_are_added(ingested: Ingested, name: str) -> None:
    assert ingested.status[name] == "added"


def test_every_hostile_file_is_told_of(ingested: Ingested) -> None:
    told = {name.partition("/")[0] for name in ingested.status}
    assert {label(name) for name in hostile_files.files(Path("/secret"))} <= told


def test_archives_in_archives_end_somewhere_and_give_nothing_of_a_bomb(ingested: Ingested) -> None:
    within = [name for name in ingested.status if name.startswith("nested bomb.zip/")]
    assert within
    assert len(within) <= hostile_files.PARSING.members
    assert {ingested.status[name] for name in within} == {"failed"}


def test_mails_in_mails_are_read_to_some_depth(ingested: Ingested) -> None:
    deepest = "mail in mail.eml/1.eml/2.eml/3.eml/4.eml"
    assert "is within 4 other files" in ingested.reason[deepest]
    assert not [name for name in ingested.status if name.startswith(f"{deepest}/")]


def test_no_file_reads_another_or_calls_anybody(ingested: Ingested) -> None:
    assert ingested.calls == 0
    everything = "\n".join([*ingested.texts.values(), *ingested.reason.values()])
    assert hostile_files.SECRET not in everything
    assert "ha ha ha ha" not in everything


def test_no_macro_or_script_is_text(ingested: Ingested) -> None:
    for said in ("AutoOpen", "macro", "evil()"):
        assert not [name for name, text in ingested.texts.items() if said in text]


def test_nothing_is_written_but_the_home(ingested: Ingested) -> None:
    assert ingested.written == []


def test_the_process_that_ingests_them_stays_small(ingested: Ingested) -> None:
    assert ingested.grown < _MOST_GROWTH


def test_no_reason_tells_of_the_inside(ingested: Ingested) -> None:
    for name, reason in ingested.reason.items():
        # One of the folder's own files is called as it was found; of any other only its name is told.
        told = re.sub(r"/\S*/docs/", "", reason)
        assert "Traceback" not in told and "\n" not in told, name
        assert not _PATH.search(told), told


def test_no_text_holds_what_cannot_be_stored_or_shown(ingested: Ingested) -> None:
    ill = re.compile("[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
    for name, text in ingested.texts.items():
        assert not ill.search(text) and not ill.search(name), name


@pytest.fixture
def large_client(settings: Settings) -> Iterator[TestClient]:
    with served(settings.model_copy(update={"max_file_mb": 8})) as client:
        yield client


@pytest.mark.parametrize("name", ["flat bomb.zip", "bomb.docx", "laughs.docx", "reads.xhtml", "deep.rtf"])
def test_an_upload_that_does_harm_fails_with_a_reason_and_the_service_goes_on(
    large_client: TestClient, tmp_path: Path, name: str
) -> None:
    data = hostile_files.files(tmp_path / "secret.txt")[name]
    job = end_of(large_client, accepted(large_client, data, name))
    assert (job["state"], job["counts"]["failed"]) == ("failed", 1)
    (file,) = job["files"]
    assert name in file["reason"]
    assert not _PATH.search(file["reason"])
    good = end_of(large_client, accepted(large_client, "The harbour holds.", "good.txt"))
    assert good["counts"]["added"] == 1


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.txt",
        "/etc/evil.txt",
        "..\\..\\evil.txt",
        "evil.txt/..",
        "a\x00b.txt",
        "\u202egpj.txt",
        "a\nb.txt",
    ],
)
def test_no_upload_leads_elsewhere_by_its_name(
    large_client: TestClient, settings: Settings, tmp_path: Path, name: str
) -> None:
    response = large_client.post("/documents", files={"file": (name, b"The harbour holds.", "text/plain")})
    assert response.status_code in (202, 400, 422), response.text
    if response.status_code == 202:
        job = end_of(large_client, response.json()["job"])
        assert job["counts"]["added"] == 1
        assert not any(character in job["files"][0]["source"] for character in "\0\n\r")
    assert "Traceback" not in response.text
    outside = [path for path in tmp_path.rglob("*") if settings.home not in (path, *path.parents)]
    assert outside == []
    assert not list(settings.home.rglob("*evil*"))
