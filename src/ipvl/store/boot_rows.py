"""Boots as rows, and the newest time that any record holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from ipvl.model.boots import Boot
from ipvl.model.pools import QUARANTINE_SECONDS

PAST_TIMES = (
    ("networks", "created"),
    ("endpoints", "changed"),
    ("pools", "changed"),
    ("leases", "changed"),
    ("sandboxes", "started"),
    ("sandboxes", "ended"),
    ("dhcp_leases", "changed"),
    ("dhcp_leases", "obtained"),
    ("quarantines", f"until - {QUARANTINE_SECONDS}"),
)
"""Where records tell when something happened."""


def boots(database: sqlite3.Connection) -> Iterator[Boot]:
    """Yield the boots that are kept, oldest first."""
    for row in database.execute("SELECT id, began, offset, ahead FROM boots ORDER BY began, rowid"):
        yield Boot(*row)


def newest_time(database: sqlite3.Connection) -> float:
    """Return the newest time at which something recorded happened, in seconds since the epoch; 0 without any."""
    found = (
        database.execute(f"SELECT max({when}) FROM {table}").fetchone()[0]  # noqa: S608 - the names are above
        for table, when in PAST_TIMES
    )
    return max((time for time in found if time is not None), default=0.0)


def begin_boot(database: sqlite3.Connection, boot: Boot, needless: Iterable[Boot]) -> None:
    """Insert a boot unless it is there, and delete the needless ones."""
    database.executemany("DELETE FROM boots WHERE id = ?", ((one.id,) for one in needless))
    database.execute(
        "INSERT INTO boots (id, began, offset, ahead) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (boot.id, boot.began, boot.offset, boot.ahead),
    )


def keep_ahead(database: sqlite3.Connection, boot: Boot) -> None:
    """Update how far the wall clock is ahead in a boot."""
    database.execute("UPDATE boots SET ahead = ? WHERE id = ?", (boot.ahead, boot.id))
