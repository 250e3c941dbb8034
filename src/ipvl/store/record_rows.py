"""Records of every kind as rows of the tables in schema/: which file of this folder reads and writes which kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from ipvl.model.dhcp_leases import DhcpLease
from ipvl.model.endpoints import Endpoint, Sandbox
from ipvl.model.networks import Network, Parent
from ipvl.model.pools import Cursor, Pool, PoolLease, Quarantine, StaticAddress
from ipvl.records.changes import Drop, Put, Record
from ipvl.store.address_rows import put_quarantine, put_static_address, quarantines, static_addresses
from ipvl.store.dhcp_rows import dhcp_leases, put_dhcp_lease
from ipvl.store.endpoint_rows import endpoints, put_endpoint
from ipvl.store.network_rows import networks, put_network
from ipvl.store.parent_rows import parents, put_parent
from ipvl.store.pool_rows import cursors, leases, pools, put_cursor, put_lease, put_pool
from ipvl.store.sandbox_rows import put_sandbox, sandboxes
from ipvl.store.tables import delete_rows


def select_records(database: sqlite3.Connection) -> Iterator[Record]:
    """Yield every record, kind by kind, each after what it refers to and in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    yield from parents(database)
    yield from networks(database)
    yield from endpoints(database)
    yield from pools(database)
    yield from leases(database)
    yield from cursors(database)
    yield from sandboxes(database)
    yield from quarantines(database)
    yield from dhcp_leases(database)
    yield from static_addresses(database)


def put_record(database: sqlite3.Connection, change: Put) -> None:
    """Insert a record, or replace the one with its id."""
    write, _, _ = _KINDS[type(change.record)]
    write(database, change.record)


def delete_record(database: sqlite3.Connection, change: Drop) -> None:
    """Delete the record with this one's id, and what goes with it."""
    record = change.record
    _, table, key = _KINDS[type(record)]
    delete_rows(database, table, **{column: getattr(record, column) for column in key})
    if isinstance(record, Parent):
        delete_rows(database, "quarantines", parent=record.name)
    elif isinstance(record, Network | Pool):
        delete_rows(database, "cursors", owner=record.id)


def rename_parent(database: sqlite3.Connection, before: str, after: str) -> None:
    """Call a parent by another name wherever it is named; a pool keeps its id, which Docker knows it by."""
    for statement in (
        "UPDATE parents SET name = ? WHERE name = ?",
        "UPDATE parents SET base = ? WHERE base = ?",
        "UPDATE networks SET parent = ? WHERE parent = ?",
        "UPDATE endpoints SET parent = ? WHERE parent = ?",
        "UPDATE addresses SET parent = ? WHERE parent = ?",
        "UPDATE pools SET parent = ? WHERE parent = ?",
        "UPDATE quarantines SET parent = ? WHERE parent = ?",
    ):
        database.execute(statement, (after, before))


_KINDS: dict[type[Record], tuple[Callable[[sqlite3.Connection, Any], None], str, tuple[str, ...]]] = {
    Parent: (put_parent, "parents", ("name",)),
    Network: (put_network, "networks", ("id",)),
    Endpoint: (put_endpoint, "endpoints", ("id",)),
    Pool: (put_pool, "pools", ("id",)),
    PoolLease: (put_lease, "leases", ("pool_id", "address")),
    Cursor: (put_cursor, "cursors", ("owner", "subnet")),
    Sandbox: (put_sandbox, "sandboxes", ("id",)),
    Quarantine: (put_quarantine, "quarantines", ("parent", "address")),
    DhcpLease: (put_dhcp_lease, "dhcp_leases", ("network_id", "client_id")),
    StaticAddress: (put_static_address, "static_addresses", ("network_id", "owner", "address")),
}
"""What writes a record of each kind, its table, and the columns that tell one from another."""
