"""IP addresses and prefixes of either version."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import TypeAlias

IPAddress = IPv4Address | IPv6Address


IPNetwork = IPv4Network | IPv6Network


IPInterface = IPv4Interface | IPv6Interface


OwnAddresses: TypeAlias = Mapping[IPAddress, str]
"""The addresses of this host on any of its links, link-local ones left out, each with the name of its link."""


BOTH_FAMILIES = frozenset({4, 6})
"""Both versions of the Internet Protocol."""
