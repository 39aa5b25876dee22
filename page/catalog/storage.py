"""The catalog's file: SQLite in WAL mode, which one process may write while others read.

*Conventions.* Each write gives its rows the next number of ``changed``, so that whoever keeps rows in memory reads only
those of a higher number. Rows are never removed: a document that is deleted leaves its row with the state DELETED, so
that its id stays what a cursor names; what it held is overwritten. A file of another FORM, or one that is damaged, is
replaced: what it held can be read again.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

from page.catalog.encoding import decode
from page.catalog.records import KINDS, NUMBERS, RECORD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from page.catalog.records import Kind, Row

FORM = 2  # raise it where the schema or what a row holds changes
DELETED, LIVE, GONE = 0, 1, 2  # states, which the SQL below has as numbers; of what is gone the object is not live
MAX_TIME = 2**62
BUSY_S = 30  # another page may write for that long
SNAPSHOT, SNAPSHOT_PART = "-columns", "-columns-part"  # files of page.catalog.snapshot
SUFFIXES = ("", "-wal", "-shm", "-lock", SNAPSHOT, SNAPSHOT_PART)
SCHEMA = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    uid TEXT NOT NULL,
    name TEXT NOT NULL,
    bucket TEXT,
    generation INTEGER,
    written_at INTEGER NOT NULL,
    folder INTEGER NOT NULL,
    label INTEGER NOT NULL,
    state INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    record BLOB NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (kind, uid)
);
CREATE INDEX by_change ON entries (changed);
CREATE INDEX by_name ON entries (name);
CREATE INDEX by_text ON entries (text);
CREATE TABLE documents (id INTEGER PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE labels (code INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
UPSERT = """
INSERT INTO entries (kind, uid, name, bucket, generation, written_at, folder, label, state, changed, record, text)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (kind, uid) DO UPDATE SET
    name = excluded.name, bucket = excluded.bucket, generation = excluded.generation,
    written_at = excluded.written_at, folder = excluded.folder, label = excluded.label, state = excluded.state,
    changed = excluded.changed, record = excluded.record, text = excluded.text
RETURNING id
"""
JOIN_LISTING = """
UPDATE entries SET changed = :changed, state = CASE WHEN state = 1 THEN 2 ELSE 1 END
WHERE bucket = :bucket AND written_at < :before AND (
    state = 1 AND NOT EXISTS (SELECT 1 FROM listing WHERE object = name AND live = generation)
    OR state = 2 AND EXISTS (SELECT 1 FROM listing WHERE object = name AND live = generation)
)
"""


class Storage:
    """The rows and documents of a catalog in a file, for all threads of a process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = RLock()
        self._codes: dict[str, int] = {}
        self._writer = _open(path)
        self._reader = _connect(path)
        self._reading = RLock()

    def close(self) -> None:
        """Close the file."""
        with self._lock, self._reading:
            self._writer.close()
            self._reader.close()

    def put(self, rows: Sequence[Row], **state: str) -> int:
        """Write rows, and entries of the state beside them, in one transaction; return how many rows are new or differ.

        A sound replaces an older rejection of its uid, and the other way round: the two never exist together.
        """
        with self._writing() as changed:
            n_changed = sum(self._put(row, changed) for row in rows)
            self._set(state)
        return n_changed

    def delete(self, kind: Kind, uids: Iterable[str]) -> None:
        """Give the documents of these uids the state DELETED, and remove what they held."""
        with self._writing() as changed:
            for uid in uids:
                self._delete(KINDS.index(kind), uid, changed)

    def join_listing(self, bucket: str, objects: Iterable[list[tuple[str, int]]], before: int) -> int:
        """Mark the documents of a bucket whose generation is not live as GONE, and those that are again as LIVE.

        Return how many were marked. ``objects`` are names and live generations, a page at a time. Documents that were
        not written before ``before``, µs, are left as they are: the listing can be older than their objects.
        """
        with self._lock:
            self._writer.execute("CREATE TEMP TABLE IF NOT EXISTS listing (object TEXT PRIMARY KEY, live INTEGER)")
            self._writer.execute("DELETE FROM listing")
        for page in objects:
            with self._lock:
                self._writer.execute("BEGIN")  # of a temporary table, so that no other process waits
                self._writer.executemany("INSERT OR REPLACE INTO listing VALUES (?, ?)", page)
                self._writer.commit()
        with self._writing() as changed:
            values = {"changed": changed, "bucket": bucket, "before": before}
            return self._writer.execute(JOIN_LISTING, values).rowcount

    def write_state(self, **state: str) -> None:
        """Write entries of the state."""
        with self._writing():
            self._set(state)

    def read_state(self, name: str) -> str | None:
        """Return an entry of the state."""
        found = self._read("SELECT value FROM state WHERE name = ?", name)
        return found[0][0] if found else None

    def count(self, kind: Kind, first: str = "", end: str = "\U0010ffff") -> int:
        """Return how many documents there are with uids in a range, gone ones included."""
        query = "SELECT count(*) FROM entries WHERE kind = ? AND uid >= ? AND uid < ? AND state > 0"
        (number,) = self._read(query, KINDS.index(kind), first, end)[0]
        return int(number)

    def uids(self, kind: Kind, first: str = "", end: str = "\U0010ffff") -> set[str]:
        """Return the uids in a range."""
        query = "SELECT uid FROM entries WHERE kind = ? AND uid >= ? AND uid < ? AND state > 0"
        return {uid for (uid,) in self._read(query, KINDS.index(kind), first, end)}

    def find(self, kind: Kind, uid: str) -> int | None:
        """Return the id of a document, also of a deleted one; None where there never was one."""
        found = self._read("SELECT id FROM entries WHERE kind = ? AND uid = ?", KINDS.index(kind), uid)
        return found[0][0] if found else None

    def read_document(self, kind: Kind, uid: str) -> dict[str, Any] | None:
        """Return a document that is there."""
        query = """SELECT document FROM entries JOIN documents USING (id)
            WHERE kind = ? AND uid = ? AND state > 0"""
        found = self._read(query, KINDS.index(kind), uid)
        return decode(found[0][0]) if found else None

    def read_documents(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """Return documents in the order of their ids."""
        marks = ",".join("?" * len(ids))
        found = dict(self._read(f"SELECT id, document FROM documents WHERE id IN ({marks})", *ids))  # noqa: S608  marks
        return [decode(found[number]) for number in ids if number in found]

    def read_places(self, ids: Sequence[int]) -> list[tuple[int, str, str | None, str, int | None]]:
        """Return id, uid, bucket, name and generation of rows."""
        marks = ",".join("?" * len(ids))
        query = f"SELECT id, uid, bucket, name, generation FROM entries WHERE id IN ({marks})"  # noqa: S608  marks
        return self._read(query, *ids)

    def read_names(self, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
        """Return uid and name of the documents that are there, by their ids."""
        query = "SELECT id, uid, name FROM entries WHERE id IN (SELECT value FROM json_each(?)) AND state > 0"
        return {number: (uid, name) for number, uid, name in self._read(query, json.dumps(list(ids)))}

    def changed(self) -> int:
        """Return the number of the last write."""
        (number,) = self._read("SELECT max(changed) FROM entries")[0]
        return number or 0

    def last_id(self) -> int:
        """Return the highest id, which is how many documents there ever were."""
        (number,) = self._read("SELECT max(id) FROM entries")[0]
        return number or 0

    def read_rows(self, after: int) -> list[tuple[int, int, int, int, int, bytes, str]]:
        """Return id, kind, state, folder, label, record and text of all rows that were written after a number."""
        query = "SELECT id, kind, state, folder, label, record, text FROM entries WHERE changed > ?"
        return self._read(query, after)

    def read_labels(self, after: int) -> list[tuple[int, str]]:
        """Return folders, containers and reasons by their codes, those with a higher code than one."""
        return self._read("SELECT code, text FROM labels WHERE code > ? ORDER BY code", after)

    def ids_by_text(self) -> list[int]:
        """Return the ids of all rows in the order of their names."""
        return [number for (number,) in self._read("SELECT id FROM entries ORDER BY text, id")]

    def ids_by_uid(self, kind: Kind) -> list[int]:
        """Return the ids of the documents that are there in the order of their uids."""
        query = "SELECT id FROM entries WHERE kind = ? AND state > 0 ORDER BY uid"
        return [number for (number,) in self._read(query, KINDS.index(kind))]

    def _put(self, row: Row, changed: int) -> bool:
        kind = KINDS.index(row.kind)
        query = "SELECT id, state, document FROM entries JOIN documents USING (id) WHERE kind = ? AND uid = ?"
        held = self._writer.execute(query, (kind, row.uid)).fetchone()
        if held and held[1] != DELETED and held[2] == row.document:
            return False
        state = held[1] if held and held[1] != DELETED else self._first_state(row)
        values = (
            *(kind, row.uid, row.name, row.bucket, row.generation, row.written_at),
            *(self._code(row.folder), self._code(row.label), state, changed, row.record, row.text),
        )
        ((number,),) = self._writer.execute(UPSERT, values).fetchall()
        self._writer.execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", (number, row.document))
        self._delete(1 - kind, row.uid, changed, row.written_at)
        if row.bucket is not None and row.generation is not None:
            # Of one name only the newest generation can be live, which needs no listing.
            self._writer.execute(
                """UPDATE entries SET state = 2, changed = ?
                WHERE name = ? AND bucket = ? AND generation < ? AND state = 1""",
                (changed, row.name, row.bucket, row.generation),
            )
        return True

    def _delete(self, kind: int, uid: str, changed: int, before: int = MAX_TIME) -> None:
        """Delete a document that was written before a time; its numbers stay, as a cursor can name its place."""
        query = "SELECT id, record FROM entries WHERE kind = ? AND uid = ? AND written_at < ? AND state > 0"
        held = self._writer.execute(query, (kind, uid, before)).fetchone()
        if held is None:
            return
        record = held[1][: NUMBERS.size].ljust(RECORD.itemsize, b"\0")
        self._writer.execute(
            """UPDATE entries SET state = 0, changed = ?, name = '', bucket = NULL, text = '', record = ?
            WHERE id = ?""",
            (changed, record, held[0]),
        )
        self._writer.execute("DELETE FROM documents WHERE id = ?", (held[0],))

    def _first_state(self, row: Row) -> int:
        query = "SELECT 1 FROM entries WHERE name = ? AND bucket = ? AND generation > ? AND state = ? LIMIT 1"
        newer = self._writer.execute(query, (row.name, row.bucket, row.generation, LIVE)).fetchone()
        return GONE if newer else LIVE

    def _code(self, text: str) -> int:
        if text not in self._codes:
            self._writer.execute("INSERT OR IGNORE INTO labels (text) VALUES (?)", (text,))
            ((self._codes[text],),) = self._writer.execute("SELECT code FROM labels WHERE text = ?", (text,))
        return self._codes[text]

    def _set(self, state: dict[str, str]) -> None:
        self._writer.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", state.items())

    @contextmanager
    def _writing(self) -> Iterator[int]:
        """Hold the file for one transaction, and give the number of its changes."""
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                ((last,),) = self._writer.execute("SELECT max(changed) FROM entries")
                yield (last or 0) + 1
            except BaseException:
                self._writer.rollback()
                self._codes.clear()  # codes that were given in it are gone with it
                raise
            self._writer.commit()

    def _read(self, query: str, *values: Any) -> list[Any]:
        with self._reading:
            return self._reader.execute(query, values).fetchall()


def remove(path: Path) -> bool:
    """Remove a catalog's file and what belongs to it; return whether there was one."""
    is_there = path.exists()
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return is_there


def _open(path: Path) -> sqlite3.Connection:
    """Open a file for writing, readable by its owner alone; one that is damaged or of another form is replaced."""
    try:
        return _make(path)
    except sqlite3.OperationalError:
        raise  # it is held by another process, or the disk is full: nothing is wrong with the file
    except (sqlite3.DatabaseError, _OtherFormError):
        remove(path)
        return _make(path)


def _make(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = _connect(path)
    try:
        connection.execute("BEGIN IMMEDIATE")
        ((form,),) = connection.execute("PRAGMA user_version")
        if form == 0:
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {FORM}")
        connection.commit()
    except BaseException:
        connection.close()
        raise
    if form in {0, FORM}:
        return connection
    connection.close()
    raise _OtherFormError


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is not to be found in the file
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut can take the last seconds, but not the file
    except BaseException:
        connection.close()
        raise
    return connection


class _OtherFormError(Exception):
    """The file was written by another version of the page."""
