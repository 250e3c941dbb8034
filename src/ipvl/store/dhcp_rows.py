"""DHCP leases as rows of their table in schema/."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

from ipvl.model.dhcp_leases import DhcpLease, GrantedTerms
from ipvl.store.column_values import routes_in, routes_text, text_of


def dhcp_leases(database: sqlite3.Connection) -> Iterator[DhcpLease]:
    """Yield every lease in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    for network_id, client_id, endpoint_id, shape, changed, lost, *terms in database.execute(
        "SELECT network_id, client_id, endpoint_id, shape, changed, lost, address, server, server_mac, obtained,"
        " renews, rebinds, expires, gateway, routes, resolvers, domain, mtu FROM dhcp_leases ORDER BY rowid"
    ):
        granted = None if terms[0] is None else _terms(terms)
        yield DhcpLease(network_id, client_id, endpoint_id, shape, changed, granted, lost)


def put_dhcp_lease(database: sqlite3.Connection, lease: DhcpLease) -> None:
    """Insert a lease, or replace the one with its network and client identifier."""
    own = (lease.network_id, lease.client_id, lease.endpoint_id, lease.shape, lease.changed, lease.lost)
    database.execute(
        "INSERT INTO dhcp_leases (network_id, client_id, endpoint_id, shape, changed, lost, address, server,"
        " server_mac, obtained, renews, rebinds, expires, gateway, routes, resolvers, domain, mtu)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (network_id, client_id) DO UPDATE SET endpoint_id = excluded.endpoint_id, shape = excluded.shape,"
        " changed = excluded.changed, lost = excluded.lost, address = excluded.address, server = excluded.server,"
        " server_mac = excluded.server_mac, obtained = excluded.obtained, renews = excluded.renews,"
        " rebinds = excluded.rebinds, expires = excluded.expires, gateway = excluded.gateway,"
        " routes = excluded.routes, resolvers = excluded.resolvers, domain = excluded.domain, mtu = excluded.mtu",
        (*own, *_values(lease.terms)),
    )


def drop_dhcp_lease(database: sqlite3.Connection, lease: DhcpLease) -> None:
    """Delete the lease with this one's network and client identifier."""
    database.execute("DELETE FROM dhcp_leases WHERE network_id = ? AND client_id = ?", lease.key)


def _values(terms: GrantedTerms | None) -> tuple[object, ...]:
    if terms is None:
        return (None,) * 12
    return (
        str(terms.address),
        str(terms.server),
        terms.server_mac,
        terms.obtained,
        terms.renews,
        terms.rebinds,
        terms.expires,
        text_of(terms.gateway),
        routes_text(terms.routes),
        json.dumps([str(one) for one in terms.resolvers]),
        terms.domain,
        terms.mtu,
    )


def _terms(row: Sequence[Any]) -> GrantedTerms:
    """Return the terms in the columns from `address` on."""
    address, server, mac, obtained, renews, rebinds, expires, gateway, routes, resolvers, domain, mtu = row
    return GrantedTerms(
        address=IPv4Interface(address),
        server=IPv4Address(server),
        server_mac=mac,
        obtained=obtained,
        renews=renews,
        rebinds=rebinds,
        expires=expires,
        gateway=None if gateway is None else IPv4Address(gateway),
        routes=routes_in(routes),
        resolvers=tuple(map(IPv4Address, json.loads(resolvers))),
        domain=domain,
        mtu=mtu,
    )
