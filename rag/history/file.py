"""The file that conversations are kept in: transactions, and what is said where they fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError

from index.errors import DamagedStore, StorageError, StorageFull, StorageUnavailable
from index.sql.database import durable_mode, raw_of, sqlite_engine, storage_errors
from rag.history.schema import migrate

HISTORY_FILE = "history.db"
WAY_OUT = f"restore a backup, or move {HISTORY_FILE} out of the home to begin anew"

_log = structlog.get_logger(__name__)


class HistoryFile:
    """A file of kept conversations, made where there is none, and brought to today's format.

    Raise `StorageError` for a file of a newer format, and as `history_errors` does.
    """

    def __init__(self, path: Path) -> None:
        self._reader = sqlite_engine(path, writable=False)
        self._writer = sqlite_engine(path, writable=True)
        try:
            with history_errors(), self._writer.begin() as connection:
                migrate(connection)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one moment, and writes nothing."""
        with history_errors(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Give a connection within a transaction that is committed at the end."""
        with history_errors(), self._writer.begin() as connection:
            yield connection

    def wipe(self) -> None:
        """Empty the write-ahead log, where there is one, of what was overwritten since.

        What a disk refuses is done with the next call, or at the end.
        """
        if durable_mode()[0] == "WAL":
            self._run("PRAGMA wal_checkpoint(TRUNCATE)")

    def write_anew(self) -> None:
        """Leave nothing in the file but the rows there are; what a disk refuses is done with the next call.

        What is deleted is overwritten, and still SQLite may have left a copy of it on a page whose rows
        it once rearranged: two of 4,800 deletions had left one.
        """
        self._run("VACUUM")
        self.wipe()

    def _run(self, statement: str) -> None:
        try:
            with history_errors(), self._writer.connect() as connection:
                # Outside of a transaction.
                raw_of(connection).execute(statement)
        except StorageError as error:
            _log.warning("what was deleted may be left in the file", error=str(error))

    def close(self) -> None:
        """Let go of files and connections."""
        self._reader.dispose()
        self._writer.dispose()


@contextmanager
def history_errors() -> Iterator[None]:
    """Turn what the database raises into `StorageFull`, `DamagedStore` or `StorageUnavailable`."""
    try:
        with storage_errors():
            yield
    except StorageFull as error:
        raise StorageFull("the disk is full; nothing was kept: free some space and retry") from error
    except DamagedStore as error:
        raise DamagedStore(f"the kept conversations are damaged: {WAY_OUT}") from error
    except StorageUnavailable as error:
        cause = error.__cause__.orig if isinstance(error.__cause__, DBAPIError) else error.__cause__
        raise StorageUnavailable(f"the kept conversations cannot be used: {cause}") from error
