"""Networks as rows of their tables: the network itself, its subnets, and the addresses that it keeps free."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from ipvl.model.addresses import IPAddress
from ipvl.model.networks import Addressing, ConflictCheck, Flag, Mode, Network, Phase, Subnet, VlanProtocol
from ipvl.store.column_values import routes_in, routes_text
from ipvl.store.tables import delete_rows, put_row, row_of, rows


def put_network(database: sqlite3.Connection, network: Network) -> None:
    """Insert a network, or replace the one with its id."""
    row = row_of(network) | {"labels": json.dumps(dict(network.labels)), "routes": routes_text(network.routes)}
    row |= {f"default_route{version}": version in network.default_routes for version in (4, 6)}
    del row["subnets"], row["default_routes"]
    put_row(database, "networks", row)
    delete_rows(database, "subnets", network_id=network.id)
    for position, subnet in enumerate(network.subnets):
        place = {"network_id": network.id, "position": position}
        row = row_of(subnet) | place
        del row["reserved"]
        put_row(database, "subnets", row, tuple(place))
        database.executemany(
            "INSERT INTO reserved (network_id, position, address) VALUES (?, ?, ?)",
            ((network.id, position, str(address)) for address in subnet.reserved),
        )


def networks(database: sqlite3.Connection) -> Iterator[Network]:
    """Yield every network in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    subnets: dict[str, list[Subnet]] = {}
    reserved: dict[tuple[str, int], list[IPAddress]] = {}
    for row in rows(database, "reserved", "network_id, position"):
        reserved.setdefault((row["network_id"], row["position"]), []).append(ip_address(row["address"]))
    for row in rows(database, "subnets", "network_id, position"):
        subnets.setdefault(row["network_id"], []).append(
            Subnet(
                pool=ip_network(row["pool"]),
                gateway=None if row["gateway"] is None else ip_address(row["gateway"]),
                range=None if row["range"] is None else ip_network(row["range"]),
                reserved=tuple(sorted(reserved.get((row["network_id"], row["position"]), ()), key=int)),
                host=None if row["host"] is None else ip_address(row["host"]),
            )
        )
    for row in rows(database, "networks"):
        given = {version: row.pop(f"default_route{version}") for version in (4, 6)}
        row["default_routes"] = frozenset(version for version, is_given in given.items() if is_given)
        row["subnets"] = tuple(subnets.get(row["id"], ()))
        row["labels"] = tuple(json.loads(row["labels"]).items())
        row["routes"] = routes_in(row["routes"])
        row |= {name: bool(row[name]) for name in ("isolated", "host_access")}
        row |= {name: kind(row[name]) for name, kind in _CHOICES.items() if row[name] is not None}
        yield Network(**row)


_CHOICES = {
    "mode": Mode,
    "flag": Flag,
    "phase": Phase,
    "conflict_check": ConflictCheck,
    "addressing": Addressing,
    "vlan_protocol": VlanProtocol,
}
"""Columns that hold one of a few words."""
