"""Networks as rows of their tables: the network itself, its subnets, and the addresses that it keeps free."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from ipvl.model.addresses import IPAddress
from ipvl.model.networks import Addressing, ConflictCheck, Flag, Mode, Network, Phase, Subnet, VlanProtocol
from ipvl.store.column_values import routes_in, routes_text, text_of


def put_network(database: sqlite3.Connection, network: Network) -> None:
    """Insert a network, or replace the one with its id."""
    database.execute(
        "INSERT INTO networks"
        " (id, name, door, parent, mode, flag, isolated, mtu, interface_prefix, created, phase, labels,"
        " conflict_check, announcements, announce_interval, routes, default_route4, default_route6, metric,"
        " host_access, addressing, vlan_protocol, unused_parent, seen_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, phase = excluded.phase, seen_by = excluded.seen_by",
        (
            network.id,
            network.name,
            network.door,
            network.parent,
            network.mode,
            network.flag,
            network.isolated,
            network.mtu,
            network.interface_prefix,
            network.created,
            network.phase,
            json.dumps(dict(network.labels)),
            network.conflict_check,
            network.announcements,
            network.announce_interval,
            routes_text(network.routes),
            4 in network.default_routes,
            6 in network.default_routes,
            network.metric,
            network.host_access,
            network.addressing,
            network.vlan_protocol,
            network.unused_parent,
            network.seen_by,
        ),
    )
    database.execute("DELETE FROM subnets WHERE network_id = ?", (network.id,))
    database.executemany(
        "INSERT INTO subnets (network_id, position, pool, gateway, range, host) VALUES (?, ?, ?, ?, ?, ?)",
        (
            (
                network.id,
                position,
                str(subnet.pool),
                text_of(subnet.gateway),
                text_of(subnet.range),
                text_of(subnet.host),
            )
            for position, subnet in enumerate(network.subnets)
        ),
    )
    database.executemany(
        "INSERT INTO reserved (network_id, position, address) VALUES (?, ?, ?)",
        (
            (network.id, position, str(address))
            for position, subnet in enumerate(network.subnets)
            for address in subnet.reserved
        ),
    )


def networks(database: sqlite3.Connection) -> Iterator[Network]:
    """Yield every network in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    subnets: dict[str, list[Subnet]] = {}
    reserved: dict[tuple[str, int], list[IPAddress]] = {}
    for network_id, position, address in database.execute("SELECT network_id, position, address FROM reserved"):
        reserved.setdefault((network_id, position), []).append(ip_address(address))
    for network_id, position, pool, gateway, within, host in database.execute(
        "SELECT network_id, position, pool, gateway, range, host FROM subnets ORDER BY network_id, position"
    ):
        subnets.setdefault(network_id, []).append(
            Subnet(
                pool=ip_network(pool),
                gateway=None if gateway is None else ip_address(gateway),
                range=None if within is None else ip_network(within),
                reserved=tuple(sorted(reserved.get((network_id, position), ()), key=int)),
                host=None if host is None else ip_address(host),
            )
        )
    rows = database.execute(
        "SELECT id, name, door, parent, mode, flag, isolated, mtu, interface_prefix, created, phase, labels,"
        " conflict_check, announcements, announce_interval, routes, default_route4, default_route6, metric,"
        " host_access, addressing, vlan_protocol, unused_parent, seen_by FROM networks ORDER BY rowid"
    )
    for identity, name, door, parent, mode, flag, isolated, mtu, prefix, created, phase, labels, *requests in rows:
        check, announcements, announce_interval, routes, default4, default6, metric, host_access, *later = requests
        addressing, protocol, unused_parent, seen_by = later
        yield Network(
            id=identity,
            name=name,
            door=door,
            parent=parent,
            mode=Mode(mode),
            flag=Flag(flag),
            isolated=bool(isolated),
            subnets=tuple(subnets.get(identity, ())),
            mtu=mtu,
            interface_prefix=prefix,
            created=created,
            phase=Phase(phase),
            labels=tuple(json.loads(labels).items()),
            conflict_check=ConflictCheck(check),
            announcements=announcements,
            announce_interval=announce_interval,
            routes=routes_in(routes),
            default_routes=frozenset(version for version, given in ((4, default4), (6, default6)) if given),
            metric=metric,
            host_access=bool(host_access),
            addressing=Addressing(addressing),
            vlan_protocol=None if protocol is None else VlanProtocol(protocol),
            unused_parent=unused_parent,
            seen_by=seen_by,
        )
