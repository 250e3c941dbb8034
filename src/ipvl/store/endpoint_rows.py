"""Endpoints as rows of their tables: the endpoint itself, and the addresses that it has on its network's parent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from ipaddress import ip_interface

from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Phase
from ipvl.store.column_values import seen_in, seen_text
from ipvl.store.tables import delete_rows, put_row, row_of, rows


def endpoints(database: sqlite3.Connection) -> Iterator[Endpoint]:
    """Yield every endpoint in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    interfaces: dict[str, list[str]] = {}
    for row in rows(database, "addresses", "endpoint_id, position"):
        interfaces.setdefault(row["endpoint_id"], []).append(row["interface"])
    for row in rows(database, "endpoints"):
        del row["parent"]
        row["addresses"] = tuple(map(ip_interface, interfaces.get(row["id"], ())))
        row["aliases"] = tuple(json.loads(row["aliases"]))
        row["phase"] = Phase(row["phase"])
        row["seen"] = seen_in(row["seen"])
        yield Endpoint(**row)


def put_endpoint(database: sqlite3.Connection, endpoint: Endpoint) -> None:
    """Insert an endpoint, or replace the one with its id."""
    found = database.execute("SELECT parent FROM networks WHERE id = ?", (endpoint.network_id,)).fetchone()
    parent = None if found is None else found[0]
    row = row_of(endpoint) | {"parent": parent, "aliases": json.dumps(endpoint.aliases)}
    row["seen"] = seen_text(endpoint.seen)
    del row["addresses"]
    put_row(database, "endpoints", row)
    delete_rows(database, "addresses", endpoint_id=endpoint.id)
    database.executemany(
        "INSERT INTO addresses (parent, address, interface, position, endpoint_id) VALUES (?, ?, ?, ?, ?)",
        (
            (parent, str(interface.ip), str(interface), position, endpoint.id)
            for position, interface in enumerate(endpoint.addresses)
        ),
    )
