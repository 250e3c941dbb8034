"""Subnets for networks that were given none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import TypeVar

from ipvl.errors import conflict, invalid
from ipvl.model.addresses import IPNetwork

DEFAULT_POOLS4 = tuple(
    (IPv4Network(base), size)
    for base, size in (
        # Docker's own for local networks (moby, daemon/libnetwork/ipamutils/utils.go); docker0 mostly has the first.
        ("172.17.0.0/16", 16),
        ("172.18.0.0/16", 16),
        ("172.19.0.0/16", 16),
        ("172.20.0.0/14", 16),
        ("172.24.0.0/14", 16),
        ("172.28.0.0/14", 16),
        ("192.168.0.0/16", 20),
    )
)
UNIQUE_LOCAL_SIZE = 64
SHORTEST_ROUTE = 2
"""Shorter prefixes are default routes, whole or in two halves as VPNs set them: they say nothing of what is in use."""

_Network = TypeVar("_Network", IPv4Network, IPv6Network)


def is_default_pool(subnet: IPNetwork) -> bool:
    """Tell whether this is a subnet that Docker could have chosen itself: one of its default IPv4 pools."""
    return isinstance(subnet, IPv4Network) and any(
        subnet.prefixlen == size and subnet.subnet_of(base) for base, size in DEFAULT_POOLS4
    )


def default_subnet4(taken: Iterable[IPNetwork], prefix_length: int | None = None) -> IPv4Network:
    """Return the first of Docker's default IPv4 pools that overlaps nothing.

    Args:
        taken: the host's addresses and routes, and every subnet that is known.
        prefix_length: ask for a subnet of this size instead of the pools' own; Docker's `--subnet 0.0.0.0/24`.

    Raises:
        IpvlError: every one of them overlaps, or none is as large.
    """
    known = list(taken)
    fits = False
    for base, size in DEFAULT_POOLS4:
        length = size if prefix_length is None else prefix_length
        if length < base.prefixlen:
            continue
        fits = True
        found = _first_free(base, length, known)
        if found is not None:
            return found
    if not fits:
        raise invalid(f"no default IPv4 pool is as large as a /{prefix_length}", "give the --subnet in full")
    raise conflict(
        "every default IPv4 pool overlaps an address or route of this host, or a subnet that is in use",
        "give a --subnet",
    )


def default_subnet6(taken: Iterable[IPNetwork], machine: str, prefix_length: int | None = None) -> IPv6Network:
    """Return the first /64 of this host's own unique local prefix that overlaps nothing.

    The prefix is `fd` and 40 bits that are derived from the host's identity (RFC 4193, 3.2.2; Docker does so since
    27): the same on this host every time, and another elsewhere.

    Args:
        taken: the host's addresses and routes, and every subnet that is known.
        machine: what tells this host from all others.
        prefix_length: ask for a subnet of this size instead, 48 to 128.

    Raises:
        IpvlError: every one of them overlaps, or the prefix is not as large.
    """
    base = unique_local_prefix(machine)
    if prefix_length is not None and prefix_length < base.prefixlen:
        raise invalid(f"this host's IPv6 prefix {base} has no room for a /{prefix_length}", "give the --subnet in full")
    found = _first_free(base, UNIQUE_LOCAL_SIZE if prefix_length is None else prefix_length, list(taken))
    if found is None:
        raise conflict(f"every default IPv6 pool of {base} overlaps a subnet or route in use", "give a --subnet")
    return found


def unique_local_prefix(machine: str) -> IPv6Network:
    """Return a host's own /48 of fd00::/8."""
    # machine-id(5) asks that the id itself is not shown to others, so it is hashed with a name of our own.
    global_id = hashlib.sha256(b"ipvl " + machine.encode()).digest()[:5]
    return IPv6Network((b"\xfd" + global_id + bytes(10), 48))


def _first_free(base: _Network, prefix_length: int, taken: list[IPNetwork]) -> _Network | None:
    """Return the first subnet of a size that overlaps nothing, stepping over what is taken a whole prefix at a time."""
    size = 1 << (base.max_prefixlen - prefix_length)
    number, end = int(base.network_address), int(base.broadcast_address)
    ends = sorted(
        (int(one.network_address), int(one.broadcast_address))
        for one in taken
        if one.version == base.version and one.prefixlen >= SHORTEST_ROUTE
    )
    for first, last in ends:
        if first > number + size - 1:
            break
        if last >= number:
            number = (last // size + 1) * size
    if number + size - 1 > end:
        return None
    return type(base)((number, prefix_length))
