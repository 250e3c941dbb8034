"""Who the router of a network is, and for which families containers go by it."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_interface

from ipvl.errors import IpvlError, invalid, quoted
from ipvl.model.addresses import BOTH_FAMILIES, IPAddress, IPNetwork
from ipvl.model.networks import Mode
from ipvl.options.addresses import without_zone
from ipvl.options.driver_options import GATEWAY6, MODE, NO_DEFAULT_ROUTE, PARENT

_LEFT = {"false": frozenset[int](), "true": BOTH_FAMILIES, "ipv4": frozenset({4}), "ipv6": frozenset({6})}


def parse_default_routes(text: str) -> frozenset[int]:
    """Return the IP versions for which a network gives its containers a default route.

    Args:
        text: what `no_default_route` was set to, in any case.

    Raises:
        IpvlError: it is no value of that option.
    """
    left = _LEFT.get(text.lower())
    if left is None:
        raise invalid(
            f"{NO_DEFAULT_ROUTE.key} {quoted(text)} is neither true nor false, nor ipv4 or ipv6",
            f"write it as {NO_DEFAULT_ROUTE.example}",
        )
    return BOTH_FAMILIES - left


def parse_gateway(text: str, pool: IPNetwork, mode: Mode) -> IPAddress:
    """Return the router of a subnet: an address of it or, in IPv6, a link-local one (RFC 4861, section 4.2).

    Raises:
        IpvlError: it is no address, is neither, or is link-local in a mode without a segment.
    """
    try:
        address = ip_interface(without_zone(text)).ip
    except ValueError:
        raise invalid(f"gateway {quoted(text)} is not an address", f"use one of {pool}") from None
    if address in pool:
        return address
    if pool.version == 6 and isinstance(address, IPv6Address) and address.is_link_local:
        if mode.routes:
            raise refuse_link_local(f"gateway {address}", mode)
        return address
    raise invalid(f"gateway {address} is not in subnet {pool}", "give the address of the router on that subnet")


def parse_gateway6(text: str, mode: Mode, *, isolated: bool, has_ipv6: bool) -> IPv6Address:
    """Return the link-local router of a network's IPv6 subnets.

    Raises:
        IpvlError: it is not a link-local IPv6 address, or the network has no use for one.
    """
    try:
        address = ip_interface(without_zone(text)).ip
    except ValueError:
        raise invalid(f"{GATEWAY6.key} {quoted(text)} is not an address", f"write it as {GATEWAY6.example}") from None
    if not isinstance(address, IPv6Address) or not address.is_link_local:
        raise invalid(f"{GATEWAY6.key} {address} is not a link-local IPv6 address", "give any other as --gateway")
    if isolated:
        raise invalid(
            f"{GATEWAY6.key} {address} is nobody on an isolated network, which has no segment outside",
            f"drop it, or give the network a {PARENT.key}",
        )
    if mode.routes:
        raise refuse_link_local(f"{GATEWAY6.key} {address}", mode)
    if not has_ipv6:
        raise invalid(
            f"{GATEWAY6.key} {address} needs an IPv6 subnet, of which the network has none",
            "add --ipv6 and an IPv6 --subnet, or leave it out",
        )
    return address


def refuse_link_local(what: str, mode: Mode) -> IpvlError:
    """Return the refusal of a link-local router in a mode in which containers are not on the segment."""
    return invalid(
        f"{what} is link-local, and in mode {mode} containers are not on the segment of any router",
        f"leave it out, since the parent routes, or use {MODE.key}={Mode.L2}",
    )
