"""The file that conversations are kept in: damaged, too new, asked by many at once, and by the service."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from descriptors import held_below
from histories import FERRY, QUESTION, Visit, opened, said

from index.errors import DamagedStore, ReadOnlyStore, StorageError
from rag.cli.main import run
from rag.history import schema
from rag.history.examination import examine_history
from rag.history.file import HISTORY_FILE
from rag.history.store import History
from rag.history.types import Feedback, Thumb
from rag.service.backend import Backend
from rag.wiring import Application


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    with opened(tmp_path / "home") as application:
        yield Visit(application)


def changed(visit: Visit, statement: str) -> None:
    """Change rows behind the program's back."""
    raw = sqlite3.connect(visit.application.settings.home / HISTORY_FILE)
    assert raw.execute(statement).rowcount > 0
    raw.commit()
    raw.close()


def test_conversations_outlive_the_process(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as application:
        first = Visit(application)
        first.add(FERRY)
        answer, info = first.ask()
    assert held_below(tmp_path) == []
    with opened(tmp_path / "home") as application:
        again = Visit(application)
        assert again.history.conversations("ann") == [info]
        assert again.turns(info.id)[0].answer.citations == answer.citations


@pytest.mark.parametrize("table", ["conversations", "turns", "answers", "feedback"])
def test_a_damaged_row_is_left_out_and_logged(visit: Visit, table: str) -> None:
    conversation = visit.say("first", turn="judged")
    visit.say("second", conversation)
    visit.say("third")
    visit.history.feedback(visit.visitor, "judged", Feedback(Thumb.UP))
    column = {"conversations": "title", "turns": "question", "answers": "answer", "feedback": "comment"}[
        table
    ]
    changed(visit, f"UPDATE {table} SET {column} = 'damaged' WHERE rowid = 1")
    with structlog.testing.capture_logs() as logged:
        if table == "conversations":
            assert visit.titles() == ["third"]
        else:
            questions = [(turn.question, turn.feedback.thumb) for turn in visit.turns(conversation)]
            left = [("first", None)] if table == "feedback" else []
            assert questions == [*left, ("second", None)]
    assert [(entry["event"], entry["log_level"]) for entry in logged] == [("row left out", "error")]
    assert table in logged[0]["reason"]


def test_a_file_of_a_newer_format_is_refused_and_the_rest_goes_on(visit: Visit) -> None:
    visit.say("first")
    visit.history.close()
    changed(visit, f"UPDATE meta SET value = {schema.FORMAT + 1}")
    with pytest.raises(StorageError, match=r"newer Quotebound.*history\.db"):
        History(visit.application.settings.home / HISTORY_FILE, lambda _: None, None)  # type: ignore[arg-type, return-value]


def test_a_file_that_is_none_is_told_with_the_way_out(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as application:
        (tmp_path / "home" / HISTORY_FILE).write_bytes(b"no database at all " * 100)
        with pytest.raises(DamagedStore, match="kept conversations are damaged: restore a backup"):
            _ = application.history
        visit = Visit(application)
        visit.add(FERRY)
        assert application.assistant.ask(QUESTION).citations


def test_an_application_that_only_reads_keeps_no_conversations(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as application:
        Visit(application).add(FERRY)
        settings = application.settings
        embedder = application.embedder
    with Application(settings, writable=False, embedder=embedder) as reading:
        with pytest.raises(ReadOnlyStore):
            _ = reading.history
        assert reading.assistant.ask(QUESTION).citations
    assert not (tmp_path / "home" / HISTORY_FILE).exists()


def test_visitors_who_keep_at_once_lose_nothing(visit: Visit) -> None:
    first = visit.say("first")
    failures: list[BaseException] = []

    def many(name: str) -> None:
        try:
            for number in range(8):
                visit.say(f"{name} {number}", first, turn=f"{name}-{number}")
                visit.history.conversations(visit.visitor, name)
                visit.history.conversation(visit.visitor, first)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=many, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(visit.turns(first)) == 25


async def _through_the_service(application: Application) -> list[str]:
    backend = Backend(application)
    await backend.start()
    try:
        await backend.kept(History.keep, "ann", None, "turn", *said("first"))
        return [info.title for info in await backend.kept(History.conversations, "ann", query="first")]
    finally:
        await backend.stop()


def test_the_service_keeps_conversations_off_the_event_loop(tmp_path: Path) -> None:
    assert asyncio.run(_through_the_service(opened(tmp_path / "home"))) == ["first"]
    assert held_below(tmp_path) == []


def test_what_sqlite_left_in_the_file_goes_with_the_next_deletion(visit: Visit) -> None:
    conversation = visit.say("first")
    raw = sqlite3.connect(home_of(visit) / HISTORY_FILE)
    raw.execute("PRAGMA secure_delete=OFF")
    raw.execute("CREATE TABLE gone AS SELECT ? AS text", ("Xanthippe " * 2000,))
    raw.execute("DROP TABLE gone")
    raw.commit()
    raw.close()
    assert b"Xanthippe" in visit.stored()
    visit.history.delete(visit.visitor, conversation)
    assert b"Xanthippe" not in visit.stored()


def home_of(visit: Visit) -> Path:
    return visit.application.settings.home


def test_the_doctor_finds_nothing_wrong_with_what_was_just_kept(visit: Visit) -> None:
    assert examine_history(home_of(visit)) == []
    visit.say("first", turn="judged")
    visit.history.feedback(visit.visitor, "judged", Feedback(Thumb.UP))
    assert examine_history(home_of(visit)) == []


@pytest.mark.parametrize(
    ("table", "column"),
    [("conversations", "title"), ("turns", "asked"), ("answers", "answer"), ("feedback", "comment")],
)
def test_the_doctor_names_a_row_that_is_damaged_and_the_way_out(
    visit: Visit, table: str, column: str
) -> None:
    visit.say("first", turn="judged")
    visit.history.feedback(visit.visitor, "judged", Feedback(Thumb.UP))
    changed(visit, f"UPDATE {table} SET {column} = x'ff00'")
    (finding,) = examine_history(home_of(visit))
    assert (finding.collection, finding.place) == ("history.db", f"row 1 of {table}")
    assert "left out: restore a backup" in finding.message


def test_the_doctor_says_that_a_file_cannot_be_read(visit: Visit) -> None:
    (home_of(visit) / HISTORY_FILE).write_bytes(b"no database at all " * 100)
    (finding,) = examine_history(home_of(visit))
    assert "kept conversations are damaged" in finding.message


@pytest.mark.parametrize("flags", [(), ("--repair",)])
def test_the_command_doctor_tells_of_kept_conversations(
    visit: Visit, flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    visit.home.collection(create=True)
    visit.say("first")
    visit.application.close()
    monkeypatch.setenv("QUOTEBOUND_HOME", str(home_of(visit)))
    assert run(["doctor", *flags]) == 0
    changed(visit, "UPDATE turns SET question = 'second'")
    capsys.readouterr()
    assert run(["doctor", *flags]) == 1
    assert "history.db: row 1 of turns: " in capsys.readouterr().out
    assert run(["doctor", "--json", *flags]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [finding["collection"] for finding in told["left" if flags else "findings"]] == ["history.db"]


def test_a_backup_carries_the_conversations(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit.add(FERRY)
    answer, info = visit.ask()
    monkeypatch.setenv("QUOTEBOUND_HOME", str(home_of(visit)))
    assert run(["backup", str(tmp_path / "file")]) == 0
    visit.history.delete(visit.visitor, info.id)
    monkeypatch.setenv("QUOTEBOUND_HOME", str(tmp_path / "again"))
    assert run(["restore", str(tmp_path / "file")]) == 0
    with opened(tmp_path / "again") as application:
        again = Visit(application)
        assert again.history.conversations("ann") == [info]
        assert again.turns(info.id)[0].answer.citations == answer.citations
