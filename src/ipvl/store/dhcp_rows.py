"""DHCP leases as rows of their table."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import fields
from ipaddress import IPv4Address, IPv4Interface

from ipvl.model.dhcp_leases import DhcpLease, GrantedTerms
from ipvl.store.column_values import routes_in, routes_text
from ipvl.store.tables import put_row, row_of, rows

_OF_TERMS = tuple(field.name for field in fields(GrantedTerms))
"""Columns of what the server granted, all of them null without a grant."""


def dhcp_leases(database: sqlite3.Connection) -> Iterator[DhcpLease]:
    """Yield every lease in the order they were made.

    Raises:
        ValueError: a row does not hold what ipvl writes.
    """
    for row in rows(database, "dhcp_leases"):
        terms = {name: row.pop(name) for name in _OF_TERMS}
        if terms["address"] is None:
            yield DhcpLease(**row)
            continue
        terms["address"], terms["server"] = IPv4Interface(terms["address"]), IPv4Address(terms["server"])
        terms["gateway"] = None if terms["gateway"] is None else IPv4Address(terms["gateway"])
        terms["routes"] = routes_in(terms["routes"])
        terms["resolvers"] = tuple(map(IPv4Address, json.loads(terms["resolvers"])))
        yield DhcpLease(**row, terms=GrantedTerms(**terms))


def put_dhcp_lease(database: sqlite3.Connection, lease: DhcpLease) -> None:
    """Insert a lease, or replace the one with its network and client identifier."""
    row, terms = row_of(lease), lease.terms
    del row["terms"]
    if terms is None:
        row |= dict.fromkeys(_OF_TERMS)
    else:
        row |= row_of(terms)
        row |= {"routes": routes_text(terms.routes), "resolvers": json.dumps([str(one) for one in terms.resolvers])}
    put_row(database, "dhcp_leases", row, ("network_id", "client_id"))
