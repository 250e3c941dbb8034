"""What the IPAM keeps as rows of their tables: pools, leases of their addresses, and cursors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from ipvl.model.networks import ConflictCheck
from ipvl.model.pools import Cursor, Pool, PoolLease
from ipvl.store.tables import put_row, row_of, rows


def pools(database: sqlite3.Connection) -> Iterator[Pool]:
    """Yield every pool in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    for row in rows(database, "pools"):
        row["subnet"] = ip_network(row["subnet"])
        row["range"] = None if row["range"] is None else ip_network(row["range"])
        row["conflict_check"] = ConflictCheck(row["conflict_check"])
        yield Pool(**row)


def put_pool(database: sqlite3.Connection, pool: Pool) -> None:
    """Insert a pool, or replace the one with its id."""
    put_row(database, "pools", row_of(pool))


def leases(database: sqlite3.Connection) -> Iterator[PoolLease]:
    """Yield every lease of a pool's address in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    for row in rows(database, "leases"):
        row["address"], row["gateway"] = ip_address(row["address"]), bool(row["gateway"])
        yield PoolLease(**row)


def put_lease(database: sqlite3.Connection, lease: PoolLease) -> None:
    """Insert a lease, or replace the one with its pool and address."""
    put_row(database, "leases", row_of(lease), ("pool_id", "address"))


def cursors(database: sqlite3.Connection) -> Iterator[Cursor]:
    """Yield every cursor in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    for row in rows(database, "cursors"):
        yield Cursor(row["owner"], ip_network(row["subnet"]), ip_address(row["address"]))


def put_cursor(database: sqlite3.Connection, cursor: Cursor) -> None:
    """Insert a cursor, or replace the one with its owner and subnet."""
    put_row(database, "cursors", row_of(cursor), ("owner", "subnet"))
