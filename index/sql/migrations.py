"""From the catalogs of earlier versions to today's, append-only.

A new catalog gets today's tables at once (`schema.metadata`); an older one is brought there entry by
entry. What an entry does is fixed when it is released: it names tables and columns itself.
"""

from __future__ import annotations

import json
import secrets
import zlib
from collections.abc import Callable

import sqlalchemy as sa

from index.errors import CollectionNotFound, DamagedStore, StorageError
from index.sql.schema import checksum, meta, metadata, sealed

VERSION_KEY = "schema_version"
LEXICAL_KEY = "lexical_key"
_BATCH = 5_000


def _seal_rows(connection: sa.Connection) -> None:
    """Give every row a checksum over all its columns, and every passage and vector the space it is of.

    Before, only texts, passages and vectors had one, and over a part of their columns. Rows that were
    damaged stay so. Each passage belongs to one space, so that another one can be built beside it.
    """
    active = connection.exec_driver_sql("SELECT id FROM spaces WHERE active").scalar()
    for statement in _SEALED_TABLES:
        connection.exec_driver_sql(statement)
    for table, columns in _COPIED.items():
        _copy(connection, table, columns, active)
    connection.exec_driver_sql(
        "INSERT INTO new_cuts SELECT id, ?, passages, 0 FROM documents WHERE passages > 0", (active,)
    )
    _reseal(connection, "new_cuts", ("document_id", "space", "passages"))
    # Children first: a table that others refer to cannot go before them.
    for table in ("vectors", "passages", "segments", "changes", "documents", "spaces", "meta"):
        connection.exec_driver_sql(f"DROP TABLE {table}")
    for table in ("meta", "spaces", "documents", "segments", "cuts", "passages", "vectors", "changes"):
        connection.exec_driver_sql(f"ALTER TABLE new_{table} RENAME TO {table}")
    connection.exec_driver_sql("CREATE INDEX vectors_by_key ON vectors (space, key)")
    _keep(connection, LEXICAL_KEY, secrets.token_hex(16))


def _copy(connection: sa.Connection, table: str, columns: tuple[str, ...], space: str | None) -> None:
    rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"')
    names = [name for name in columns if name != "activated"]
    statement = f'INSERT INTO "new_{table}" VALUES ({", ".join("?" * (len(columns) + 1))})'
    while batch := rows.mappings().fetchmany(_BATCH):
        records = []
        for row in batch:
            record = {name: row.get(name, space) for name in names}
            if table == "spaces":
                record["active"] = int(record["active"])
                # The only space there can have been; a number below that of any later one.
                record["activated"] = 0 if record["active"] else None
            values = [record[name] for name in columns]
            crc = checksum(*values)
            records.append((*values, crc if _was_whole(table, dict(row)) else crc ^ 1))
        connection.exec_driver_sql(statement, records)


def _was_whole(table: str, row: dict[str, object]) -> bool:
    """Tell whether a row's checksum of format 1, where its table had one, is right."""
    if table == "segments":
        text = row["text"]
        return isinstance(text, str) and zlib.crc32(text.encode("utf-8", "surrogateescape")) == row["crc"]
    if table == "vectors":
        vector = row["vector"]
        return isinstance(vector, bytes) and zlib.crc32(vector) == row["crc"]
    if table == "passages":
        values = [row[name] for name in _PASSAGE_OF_FORMAT_1]
        if bytes in map(type, values):
            return False
        return zlib.crc32(json.dumps(values).encode()) == row["crc"]
    return True


def _reseal(connection: sa.Connection, table: str, columns: tuple[str, ...]) -> None:
    for row in connection.exec_driver_sql(f"SELECT rowid, * FROM {table}").mappings().all():
        crc = checksum(*(row[name] for name in columns))
        connection.exec_driver_sql(f"UPDATE {table} SET crc = ? WHERE rowid = ?", (crc, row["rowid"]))


_PASSAGE_OF_FORMAT_1 = (
    "row", "id", "document_id", "ordinal", "start", "end", "text", "heading", "page", "sentences",
)  # fmt: skip

# Columns of format 2 in order, without the checksum; what format 1 had not is the space.
_COPIED: dict[str, tuple[str, ...]] = {
    "meta": ("key", "value"),
    "spaces": ("id", "description", "active", "activated"),
    "documents": (
        "id", "origin", "source", "title", "media_type", "language", "sha256", "content_sha256",
        "characters", "pages", "metadata", "added",
    ),
    "segments": ("document_id", "start", "text"),
    "passages": (
        "row", "space", "id", "document_id", "ordinal", "start", "end", "text", "heading", "page",
        "sentences",
    ),
    "vectors": ("row", "space", "key", "vector"),
    "changes": ("sequence", "operation", "document_id"),
}  # fmt: skip

_SEALED_TABLES = (
    "CREATE TABLE new_meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL)",
    "CREATE TABLE new_spaces (id TEXT NOT NULL PRIMARY KEY, description TEXT NOT NULL, "
    "active INTEGER NOT NULL, activated INTEGER, crc INTEGER NOT NULL)",
    "CREATE TABLE new_documents (id TEXT NOT NULL PRIMARY KEY, origin TEXT NOT NULL UNIQUE, "
    "source TEXT NOT NULL, title TEXT NOT NULL, media_type TEXT NOT NULL, language TEXT NOT NULL, "
    "sha256 TEXT NOT NULL, content_sha256 TEXT NOT NULL, characters INTEGER NOT NULL, pages TEXT NOT NULL, "
    "metadata TEXT NOT NULL, added TEXT NOT NULL, crc INTEGER NOT NULL)",
    "CREATE TABLE outlines (document_id TEXT NOT NULL PRIMARY KEY REFERENCES new_documents (id), "
    "blocks TEXT NOT NULL, crc INTEGER NOT NULL)",
    "CREATE TABLE new_segments (document_id TEXT NOT NULL REFERENCES new_documents (id), "
    "start INTEGER NOT NULL, text TEXT NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (document_id, start))",
    "CREATE TABLE new_cuts (document_id TEXT NOT NULL REFERENCES new_documents (id), "
    "space TEXT NOT NULL REFERENCES new_spaces (id), passages INTEGER NOT NULL, crc INTEGER NOT NULL, "
    "PRIMARY KEY (document_id, space))",
    'CREATE TABLE new_passages ("row" INTEGER NOT NULL PRIMARY KEY, '
    "space TEXT NOT NULL REFERENCES new_spaces (id), id TEXT NOT NULL, "
    "document_id TEXT NOT NULL REFERENCES new_documents (id), ordinal INTEGER NOT NULL, "
    'start INTEGER NOT NULL, "end" INTEGER NOT NULL, text TEXT NOT NULL, heading TEXT, page INTEGER, '
    "sentences TEXT NOT NULL, crc INTEGER NOT NULL, UNIQUE (document_id, space, ordinal))",
    'CREATE TABLE new_vectors ("row" INTEGER NOT NULL PRIMARY KEY REFERENCES new_passages ("row"), '
    "space TEXT NOT NULL REFERENCES new_spaces (id), key BLOB NOT NULL, vector BLOB NOT NULL, "
    "crc INTEGER NOT NULL)",
    "CREATE TABLE new_changes (sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "
    "operation TEXT NOT NULL, document_id TEXT NOT NULL, crc INTEGER NOT NULL)",
    "CREATE TABLE jobs (id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, request TEXT NOT NULL, "
    "state TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL, code TEXT, message TEXT, "
    "crc INTEGER NOT NULL)",
    "CREATE TABLE job_files (job_id TEXT NOT NULL REFERENCES jobs (id), origin TEXT NOT NULL, "
    "source TEXT NOT NULL, status TEXT NOT NULL, document_id TEXT, passages INTEGER NOT NULL, reason TEXT, "
    "crc INTEGER NOT NULL, PRIMARY KEY (job_id, origin))",
    "CREATE TABLE uploads (job_id TEXT NOT NULL REFERENCES jobs (id), part INTEGER NOT NULL, "
    "data BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (job_id, part))",
    "CREATE TABLE quarantine (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, added TEXT NOT NULL, "
    "place TEXT NOT NULL, reason TEXT NOT NULL, record TEXT NOT NULL, crc INTEGER NOT NULL)",
)


def _keep_layouts(connection: sa.Connection) -> None:
    """Make the table of layouts, and room in each page for its kind, how it was read, why not, and its name.

    A page that an earlier program stored has only a number and a span, and means the same as before. One
    that is stored from now on has more, which an earlier program must not come across: it would take
    what could not be read for an empty page, and what it adds would not be counted as unread.
    """
    connection.exec_driver_sql(
        "CREATE TABLE layouts (document_id TEXT NOT NULL REFERENCES documents (id), page INTEGER NOT NULL, "
        "width REAL NOT NULL, height REAL NOT NULL, words BLOB NOT NULL, crc INTEGER NOT NULL, "
        "PRIMARY KEY (document_id, page))"
    )


def _keep_originals(connection: sa.Connection) -> None:
    """Make the table of originals. Documents that are there have none until their files are read again."""
    connection.exec_driver_sql(
        "CREATE TABLE originals (part INTEGER NOT NULL, document_id TEXT NOT NULL REFERENCES documents (id), "
        "data BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (document_id, part))"
    )


# Entry n brings a catalog of format n + 1 to format n + 2.
MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_seal_rows, _keep_layouts, _keep_originals)
FORMAT = len(MIGRATIONS) + 1


def migrate(connection: sa.Connection) -> None:
    """Bring the catalog to today's format, all or nothing within the connection's transaction."""
    version = stored_format(connection)
    if version == FORMAT:
        return
    if version > FORMAT:
        raise _too_new(version)
    if version == 0:
        metadata.create_all(connection)
        _keep(connection, LEXICAL_KEY, secrets.token_hex(16))
    else:
        for migration in MIGRATIONS[version - 1 :]:
            migration(connection)
        connection.execute(sa.delete(meta).where(meta.c.key == VERSION_KEY))
    _keep(connection, VERSION_KEY, str(FORMAT))


def _keep(connection: sa.Connection, key: str, value: str) -> None:
    connection.execute(sa.insert(meta), sealed(meta, {"key": key, "value": value}))


def require_newest(connection: sa.Connection) -> None:
    """Raise `StorageError` where the catalog is of another format than this program's,
    `CollectionNotFound` where there is nothing in it yet.

    For readers, who may not migrate it.
    """
    version = stored_format(connection)
    if version > FORMAT:
        raise _too_new(version)
    if version == 0:
        # Another process is about to make it, or was killed then.
        raise CollectionNotFound("there are no documents yet; add some with `quotebound ingest PATH`")
    if version < FORMAT:
        raise StorageError(
            f"this home is of catalog version {version}, older than {FORMAT}: run `quotebound ingest` or "
            "`quotebound serve` once, which brings it up to date"
        )


def _too_new(version: int) -> StorageError:
    return StorageError(
        f"this home was written by a newer Quotebound (catalog version {version}, "
        f"this one knows {FORMAT}); use that version, or another QUOTEBOUND_HOME"
    )


def stored_format(connection: sa.Connection) -> int:
    """Return the format of a catalog, 0 where there is none yet."""
    if not sa.inspect(connection).has_table(meta.name):
        return 0
    value = connection.scalar(sa.select(meta.c.value).where(meta.c.key == VERSION_KEY))
    try:
        return int(value) if value is not None else 0
    except ValueError as error:
        raise DamagedStore("the catalog's version is damaged: run `quotebound doctor --repair`") from error
