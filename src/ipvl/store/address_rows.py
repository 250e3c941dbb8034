"""Addresses that are kept from others as rows of their tables: in quarantine, and static ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from ipaddress import ip_address

from ipvl.model.pools import Quarantine, StaticAddress
from ipvl.store.tables import put_row, row_of, rows


def quarantines(database: sqlite3.Connection) -> Iterator[Quarantine]:
    """Yield every quarantine in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    for row in rows(database, "quarantines"):
        yield Quarantine(**row | {"address": ip_address(row["address"])})


def put_quarantine(database: sqlite3.Connection, quarantine: Quarantine) -> None:
    """Insert a quarantine, or replace that of the same address on the same parent."""
    put_row(database, "quarantines", row_of(quarantine), ("parent", "address"))


def static_addresses(database: sqlite3.Connection) -> Iterator[StaticAddress]:
    """Yield every static address in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    for row in rows(database, "static_addresses"):
        yield StaticAddress(**row | {"address": ip_address(row["address"])})


def put_static_address(database: sqlite3.Connection, static: StaticAddress) -> None:
    """Insert a static address, or replace the one with its network, owner and address."""
    put_row(database, "static_addresses", row_of(static), ("network_id", "owner", "address"))
