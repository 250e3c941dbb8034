"""What is there after an operation, as lines that two hosts can be compared by, and what must hold at any time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from ipvl.model.dhcp_leases import DhcpLease
from ipvl.model.endpoints import Endpoint
from ipvl.model.links import HALF_MADE_PREFIX, Link
from ipvl.model.networks import Phase
from ipvl.records.changes import Record
from ipvl.records.records import Records

TIMES = {"changed": 0.0, "started": 0.0, "created": 0.0}
CHOSEN = re.compile(r"(192\.168\.[23]0|10\.7\.0)\.\d{1,2}\b")


def timeless(records: Iterable[Record]) -> list[Record]:
    """Return records without the times of things, which a second attempt has later."""
    found = []
    for record in records:
        fields: dict[str, object] = {name: value for name, value in TIMES.items() if hasattr(record, name)}
        if getattr(record, "ended", None) is not None:
            fields["ended"] = 1.0
        if isinstance(record, Endpoint):
            # What was seen of a port is seen again a moment later; the index of its parent tells when that was made.
            fields["seen"] = None
        if isinstance(record, DhcpLease) and record.terms is not None:
            fields["terms"] = replace(record.terms, obtained=0.0, renews=0.0, rebinds=0.0, expires=0.0)
        found.append(replace(record, **fields) if fields else record)
    return found


def without_choice(lines: Iterable[str]) -> list[str]:
    """Return lines without the addresses that a second attempt may choose anew."""
    return [CHOSEN.sub("chosen", line) for line in lines]


def check_same(expected: list[str], seen: list[str]) -> None:
    """Check that everything is there that should be, and nothing else.

    Raises:
        AssertionError: it is not.
    """
    missing = [line for line in expected if line not in seen]
    too_much = [line for line in seen if line not in expected]
    assert not missing, f"missing: {missing}, too much: {too_much}"
    assert not too_much, f"too much: {too_much}"


def check_whole(records: Records, links: Iterable[Link]) -> None:
    """Check what must hold whatever anybody asks for next.

    Args:
        records: what ipvl remembers.
        links: those of the host's own namespace.

    Raises:
        AssertionError: something is half done, a link of ipvl's has no record, or an address has two holders.
    """
    here = tuple(links)
    assert {Phase.READY} >= {network.phase for network in records.networks()}, "a network is half done"
    assert {Phase.READY} >= {endpoint.phase for endpoint in records.endpoints()}, "an endpoint is half done"
    marked = {link.name for link in here if link.made_by_ipvl}
    host_ports = {network.host_port for network in records.networks() if network.host_access}
    assert marked == {parent.name for parent in records.parents() if parent.made} | host_ports, (
        "marked links are others"
    )
    assert not [link.name for link in here if link.name.startswith(HALF_MADE_PREFIX)], "a parent is half made"
    ports = {link.name for link in here if link.kind == "ipvlan"} - host_ports
    assert ports <= {endpoint.port for endpoint in records.endpoints()}, "a port has no endpoint"
    held = [
        (network.parent, interface.ip)
        for network in records.networks()
        for endpoint in records.endpoints_of(network.id)
        for interface in endpoint.addresses
    ]
    assert len(held) == len(set(held)), "an address is held twice"
