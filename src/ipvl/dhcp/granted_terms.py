"""What a server's answer grants, and until when: nothing that a hostile or broken server says is taken as it is."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface

from ipvl.dhcp.dhcp_messages import Reply
from ipvl.model.dhcp_leases import GrantedTerms

INFINITE_LEASE_SECONDS = 0xFFFFFFFF  # RFC 2131, 3.3
SHORTEST_LEASE_SECONDS = 10
"""Seconds; a server that grants less is not taken at its word, since its clients would do nothing but ask."""
SOONEST_RENEWAL_SECONDS = 5.0
SMALLEST_MTU = 68  # RFC 2132, 5.1
LONGEST_PREFIX = 30
"""A longer one leaves no room for a server on the subnet; with one of 31 or 32 bits no gateway would be reached."""


def granted_terms(reply: Reply, asked: float) -> GrantedTerms | None:
    """Return what an offer or acknowledgement grants; None when it cannot be used.

    Args:
        reply: the answer.
        asked: when it was asked for, in seconds since the epoch: a lease begins there (RFC 2131, 4.4.1).
    """
    server, seconds, length = reply.server, reply.lease_seconds, reply.prefix_length
    if server is None or seconds is None or seconds < SHORTEST_LEASE_SECONDS or length is None:
        return None
    interface = _usable(reply.address, length)
    if interface is None:
        return None
    renews, rebinds = _times(seconds, reply.renewal_seconds, reply.rebinding_seconds)
    lasts = seconds != INFINITE_LEASE_SECONDS
    return GrantedTerms(
        address=interface,
        server=server.address,
        server_mac=server.mac,
        gateway=_gateway(reply, interface),
        routes=tuple(route for route in reply.routes if route.destination.prefixlen > 0),
        resolvers=reply.resolvers,
        domain=reply.domain,
        mtu=reply.mtu if reply.mtu is not None and reply.mtu >= SMALLEST_MTU else None,
        obtained=asked,
        renews=asked + renews if lasts else None,
        rebinds=asked + rebinds if lasts else None,
        expires=asked + seconds if lasts else None,
    )


def _usable(address: IPv4Address, length: int) -> IPv4Interface | None:
    """Return an address with its prefix length, None for one that no host can have."""
    special = address.is_multicast or address.is_loopback or address.is_unspecified or address.is_reserved
    if special or not 1 <= length <= LONGEST_PREFIX:
        return None
    interface = IPv4Interface((address, length))
    ends = (interface.network.network_address, interface.network.broadcast_address)
    return None if address in ends else interface


def _times(lease: int, renewal: int | None, rebinding: int | None) -> tuple[float, float]:
    """Return when to renew and rebind; a server's own times only where they make sense (RFC 2131, 4.4.5)."""
    rebinds = float(rebinding) if rebinding is not None and 0 < rebinding < lease else lease * 0.875
    renews = float(renewal) if renewal is not None and 0 < renewal < rebinds else min(lease * 0.5, rebinds)
    return max(renews, min(SOONEST_RENEWAL_SECONDS, rebinds)), rebinds


def _gateway(reply: Reply, interface: IPv4Interface) -> IPv4Address | None:
    """Return the way out: that of the classless routes if there are any, which go before routers (RFC 3442)."""
    if reply.routes:
        ways = [route.via for route in reply.routes if route.destination.prefixlen == 0]
    else:
        ways = list(reply.routers)
    return next(
        (way for way in ways if isinstance(way, IPv4Address) and way in interface.network and way != interface.ip), None
    )
