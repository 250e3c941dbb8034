"""Addresses that are kept from others as rows of their tables: in quarantine, and static ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from ipaddress import ip_address

from ipvl.model.pools import Quarantine, StaticAddress


def put_address(database: sqlite3.Connection, record: Quarantine | StaticAddress) -> None:
    """Insert an address that is kept from others, or replace the record of the same."""
    if isinstance(record, Quarantine):
        database.execute(
            "INSERT INTO quarantines (parent, address, holder, until) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (parent, address) DO UPDATE SET holder = excluded.holder, until = excluded.until",
            (record.parent, str(record.address), record.holder, record.until),
        )
    else:
        database.execute(
            "INSERT INTO static_addresses (network_id, owner, name, address) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (network_id, owner, address) DO UPDATE SET name = excluded.name",
            (record.network_id, record.owner, record.name, str(record.address)),
        )


def drop_address(database: sqlite3.Connection, record: Quarantine | StaticAddress) -> None:
    """Delete the record of an address that is kept from others."""
    if isinstance(record, Quarantine):
        database.execute(
            "DELETE FROM quarantines WHERE parent = ? AND address = ?", (record.parent, str(record.address))
        )
    else:
        database.execute(
            "DELETE FROM static_addresses WHERE network_id = ? AND owner = ? AND address = ?",
            (record.network_id, record.owner, str(record.address)),
        )


def quarantines(database: sqlite3.Connection) -> Iterator[Quarantine]:
    """Yield every quarantine in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    for parent, address, holder, until in database.execute(
        "SELECT parent, address, holder, until FROM quarantines ORDER BY rowid"
    ):
        yield Quarantine(parent, ip_address(address), holder, until)


def static_addresses(database: sqlite3.Connection) -> Iterator[StaticAddress]:
    """Yield every static address in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    for network_id, owner, name, address in database.execute(
        "SELECT network_id, owner, name, address FROM static_addresses ORDER BY rowid"
    ):
        yield StaticAddress(network_id, owner, name, ip_address(address))
