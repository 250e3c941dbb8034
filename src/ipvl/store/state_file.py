"""The records in an SQLite file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ipvl.errors import IpvlError, missing, unavailable
from ipvl.model.boots import Boot
from ipvl.records.changes import Change, Put, Record
from ipvl.store.boot_rows import begin_boot, boots, keep_ahead, newest_time
from ipvl.store.migrations import migrate, newest_schema, schema_of
from ipvl.store.record_rows import delete_record, put_record, rename_parent, select_records

SECONDS_TO_WAIT_FOR_A_READER = 5.0


class SqliteStore:
    """Records in one SQLite file, each commit on the disk before it returns; its owner closes it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def load(self) -> tuple[Record, ...]:
        """Return every record, kind by kind, each after what it refers to and in the order they were made.

        Raises:
            IpvlError: the file cannot be read or does not hold what ipvl wrote.
        """
        with _named_errors(self._path):
            return tuple(select_records(self._connection))

    def commit(self, changes: Iterable[Change]) -> None:
        """Make all of the changes durable, or none.

        Raises:
            IpvlError: the file cannot be written (full, read-only, damaged); it is as it was.
        """
        with _named_errors(self._path), _transaction(self._connection) as database:
            for change in changes:
                if isinstance(change, Put):
                    put_record(database, change)
                else:
                    delete_record(database, change)

    def boots(self) -> tuple[Boot, ...]:
        """Return the boots that are kept, oldest first.

        Raises:
            IpvlError: the file cannot be read.
        """
        with _named_errors(self._path):
            return tuple(boots(self._connection))

    def newest_time(self) -> float:
        """Return the newest time at which something recorded happened, 0 without any.

        Raises:
            IpvlError: the file cannot be read.
        """
        with _named_errors(self._path):
            return newest_time(self._connection)

    def begin_boot(self, boot: Boot, needless: Iterable[Boot]) -> None:
        """Keep a boot unless another process has kept it already, and forget the needless ones.

        Raises:
            IpvlError: the file cannot be written; it is as it was.
        """
        with _named_errors(self._path), _transaction(self._connection) as database:
            begin_boot(database, boot, needless)

    def keep_ahead(self, boot: Boot) -> None:
        """Keep how far the wall clock is ahead in a boot.

        Raises:
            IpvlError: the file cannot be written; it is as it was.
        """
        with _named_errors(self._path), _transaction(self._connection) as database:
            keep_ahead(database, boot)

    def rename_parent(self, before: str, after: str) -> None:
        """Call a parent by another name, that no parent has, in every record.

        Raises:
            IpvlError: the file could not take it; nothing changed.
        """
        with _named_errors(self._path), _transaction(self._connection) as database:
            # Networks refer to parents by name.
            database.execute("PRAGMA defer_foreign_keys = ON")
            rename_parent(database, before, after)

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        self._connection.close()


def open_store(path: Path) -> SqliteStore:
    """Open the state file, making it (mode 0600) and bringing its schema up to date where needed.

    Raises:
        IpvlError: it cannot be opened, is damaged, or was written by a newer ipvl.
    """
    with _named_errors(path):
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        _check_access(path)
        connection = _connect(path)
        try:
            # WAL with FULL: one fsync a commit, and readers such as `ipvl status` never wait.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            migrate(path, connection)
        except (sqlite3.Error, IpvlError):
            connection.close()
            raise
        return SqliteStore(path, connection)


def open_store_read_only(path: Path) -> SqliteStore:
    """Open an existing state file without the right to change it, beside a daemon that has it open.

    Raises:
        IpvlError: it does not exist, cannot be read, or was not written by this version of ipvl.
    """
    with _named_errors(path):
        if not path.exists():
            raise missing(
                f"there is no state file {path}: ipvl has not run here yet", "start the daemon: systemctl start ipvl"
            )
        _check_access(path)
        connection = _connect(f"file:{path}?mode=ro")
        version, newest = schema_of(connection), newest_schema()
        if version != newest:
            connection.close()
            raise unavailable(
                f"state file {path} has schema {version}, this ipvl reads {newest}",
                "start the daemon of this version once",
            )
        return SqliteStore(path, connection)


def _check_access(path: Path) -> None:
    # SQLite would only say that it is unable to open it.
    if not os.access(path, os.R_OK, effective_ids=True):
        raise PermissionError


def _connect(target: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        target, timeout=SECONDS_TO_WAIT_FOR_A_READER, isolation_level=None, uri=isinstance(target, str)
    )
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, ValueError) as error:
        raise unavailable(
            f"state file {path} cannot be used: {error}",
            "check its disk, owner and mode, or move it away to start afresh",
        ) from error
    except PermissionError as error:
        raise unavailable(f"state file {path} may not be used by this user", "run it as root") from error
    except OSError as error:
        raise unavailable(
            f"state file {path} cannot be used: {error.strerror}", "check its folder, owner and mode"
        ) from error
