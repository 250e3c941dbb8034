"""Parents as rows of their table."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from ipvl.model.networks import Parent, ParentKind, VlanProtocol
from ipvl.store.tables import put_row, row_of, rows


def parents(database: sqlite3.Connection) -> Iterator[Parent]:
    """Yield every parent in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    for row in rows(database, "parents"):
        row["kind"], row["protocol"] = ParentKind(row["kind"]), VlanProtocol(row["protocol"])
        row["made"], row["also"] = bool(row["made"]), tuple(map(str, json.loads(row["also"])))
        yield Parent(**row)


def put_parent(database: sqlite3.Connection, parent: Parent) -> None:
    """Insert a parent, or replace the one with its name."""
    put_row(database, "parents", row_of(parent) | {"also": json.dumps(parent.also)}, ("name",))
