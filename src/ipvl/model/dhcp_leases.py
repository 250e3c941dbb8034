"""Leases of DHCP servers."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from ipvl.model.networks import Route


@dataclass(frozen=True, slots=True)
class GrantedTerms:
    """What a DHCP server granted.

    `server_mac` is where its answer came from. Times are in seconds since the epoch: when the lease was asked for, when
    to ask its server for more, when to ask any, and when it ends; None for a lease that never does.
    """

    address: IPv4Interface
    server: IPv4Address
    server_mac: str
    obtained: float
    renews: float | None = None
    rebinds: float | None = None
    expires: float | None = None
    gateway: IPv4Address | None = None
    routes: tuple[Route, ...] = ()
    resolvers: tuple[IPv4Address, ...] = ()
    domain: str = ""
    mtu: int | None = None


@dataclass(frozen=True, slots=True)
class DhcpLease:
    """A client identifier of a network, and what the DHCP server granted it.

    The identifier outlives its endpoints, so that the next one gets the address of the one before. `endpoint_id` is
    None while nobody uses it. `shape` tells alike endpoints from others where nobody said which identifier to use,
    and is empty where somebody did. `terms` is None until a server granted any, and stays when the lease ends. `lost`
    says why the server no longer grants the address, and is empty as long as it does. `changed` is when it was used
    or released last, in seconds since the epoch.
    """

    network_id: str
    client_id: str
    endpoint_id: str | None
    shape: str
    changed: float
    terms: GrantedTerms | None = None
    lost: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.network_id, self.client_id
