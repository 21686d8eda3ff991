"""Chooses how SQLite writes the catalog in this process: as the product would, or as it must not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import sqlalchemy as sa
from sqlalchemy import event

from index.sql import database


@dataclass(frozen=True, slots=True)
class Mode:
    """A journal mode of SQLite with a setting of `synchronous`, and whether a commit in it is durable."""

    journal: str
    synchronous: str
    durable: bool

    @property
    def name(self) -> str:
        """The two settings as they are spoken of."""
        return f"{self.journal}+{self.synchronous}"

    @contextmanager
    def used(self) -> Iterator[None]:
        """Have every catalog that this process opens meanwhile write so."""
        with patch.object(database, "durable_mode", lambda: (self.journal, self.synchronous)):
            yield


MODES = {
    mode.name: mode
    for mode in (
        Mode("DELETE", "EXTRA", durable=True),
        Mode("WAL", "FULL", durable=True),
        Mode("DELETE", "FULL", durable=False),
        Mode("WAL", "NORMAL", durable=False),
        Mode("WAL", "OFF", durable=False),
    )
}


def product_mode() -> Mode:
    """Return the mode that the product chooses with the SQLite of this machine."""
    return MODES["+".join(database.durable_mode())]


@contextmanager
def pragmas(**values: int) -> Iterator[None]:
    """Set pragmas on every connection that this process opens meanwhile."""

    def configure(connection: Any, _record: object) -> None:
        for name, value in values.items():
            connection.execute(f"PRAGMA {name}={value}")

    event.listen(sa.pool.Pool, "connect", configure)
    try:
        yield
    finally:
        event.remove(sa.pool.Pool, "connect", configure)
