"""The studio's database: one SQLite file with the queue and the list of pictures."""

import sqlite3
from pathlib import Path

from impasto.errors import InputError

VERSION = 1
"""Of the tables; a database of another version is refused."""

_TABLES = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    place REAL NOT NULL,
    state TEXT NOT NULL,
    sweep TEXT,
    spec TEXT NOT NULL,
    status TEXT NOT NULL
);
CREATE INDEX jobs_by_state ON jobs (state, place);
CREATE INDEX jobs_by_sweep ON jobs (sweep);
CREATE TABLE pictures (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX pictures_by_sha256 ON pictures (sha256);
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database, making it where there is none.

    Writes are in the file when they return, whatever happens to the process; a power failure may cost the last ones,
    never the file. Raises `InputError` when it is damaged or of another version.
    """
    connection: sqlite3.Connection | None = None
    try:
        # One thread at a time: the server's, which need not be the one that opens it.
        connection = sqlite3.connect(path, isolation_level=None, timeout=5, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version={VERSION}; COMMIT;")
            version = VERSION
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise InputError(f"{path}: is damaged ({error}); move it away, or name another folder with --data") from None
    if version != VERSION:
        connection.close()
        raise InputError(f"{path}: is of version {version}, and this impasto knows {VERSION}; name another --data")
    return connection
