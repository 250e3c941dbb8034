"""Sandboxes as rows of their table."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from ipvl.model.endpoints import Sandbox
from ipvl.store.tables import put_row, row_of, rows


def sandboxes(database: sqlite3.Connection) -> Iterator[Sandbox]:
    """Yield every sandbox in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    for row in rows(database, "sandboxes"):
        row["command"] = tuple(json.loads(row["command"]))
        row["removed_at_end"] = bool(row["removed_at_end"])
        yield Sandbox(**row)


def put_sandbox(database: sqlite3.Connection, sandbox: Sandbox) -> None:
    """Insert a sandbox, or replace the one with its id."""
    put_row(database, "sandboxes", row_of(sandbox) | {"command": json.dumps(sandbox.command)})
