"""Addresses and prefixes as people write them."""

from __future__ import annotations

from ipaddress import ip_network

from ipvl.errors import invalid, quoted
from ipvl.model.addresses import IPNetwork


def without_zone(text: str) -> str:
    """Return the text of an address as it is, for `ipaddress` to read.

    Raises:
        ValueError: it has a zone (RFC 4007, 11), such as `fe80::1%eth0`: `ipaddress` takes any text for one, line ends
            too, and no address of a network has one.
    """
    if "%" in text:
        raise ValueError(text)
    return text


def parse_prefix(text: str, what: str = "subnet", way_out: str = "write it like 192.168.20.0/24") -> IPNetwork:
    """Return a prefix in CIDR notation, host bits allowed.

    Raises:
        IpvlError: it is none; the sentence calls it `what`.
    """
    try:
        return ip_network(without_zone(text), strict=False)
    except ValueError:
        raise invalid(f"{what} {quoted(text)} is not in CIDR notation", way_out) from None
