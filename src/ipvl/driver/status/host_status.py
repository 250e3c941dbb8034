"""What ipvl knows and what the host shows of it, as plain data for people and programs."""

from __future__ import annotations

from dataclasses import dataclass

from ipvl.driver.status.dhcp_lease import DhcpStatus
from ipvl.driver.status.subnet import SubnetStatus
from ipvl.model.links import Link
from ipvl.model.networks import ConflictCheck


@dataclass(frozen=True, slots=True)
class NetworkStatus:
    """A network; `trouble` is empty when containers can join it and reach what they should.

    `default_route` says whether containers have one at all, `default_route_families` for which of `ipv4` and `ipv6`.
    `unused_parent` is what was given as `-o parent` beside `--internal`, and is not used.
    `host_port` is the link by which the host reaches them, with `host_addresses`, where the network gives it access.
    """

    id: str
    name: str | None
    door: str
    parent: str
    mode: str
    flag: str
    isolated: bool
    mtu: int | None
    subnets: tuple[SubnetStatus, ...]
    endpoints: int
    trouble: tuple[str, ...]
    conflict_check: str = ConflictCheck.NONE
    routes: tuple[str, ...] = ()
    default_route: bool = True
    metric: int | None = None
    host_port: str | None = None
    host_addresses: tuple[str, ...] = ()
    addressing: str = "pool"
    default_route_families: tuple[str, ...] = ()
    unused_parent: str | None = None


@dataclass(frozen=True, slots=True)
class ParentStatus:
    """A parent; `state` is up, no carrier, down or missing, and `made` tells whether ipvl made it.

    `networks` is empty where it only is the outer tag of another.
    """

    name: str
    kind: str
    made: bool
    base: str | None
    vlan_id: int | None
    state: str
    mtu: int | None
    networks: tuple[str, ...]
    vlan_protocol: str | None = None


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """An endpoint; `state` is attached, or waiting while no sandbox holds it, or lease lost.

    `lease` is what a DHCP server granted it, on networks that ask one.
    """

    id: str
    name: str | None
    network: str
    addresses: tuple[str, ...]
    parent: str
    sandbox: str | None
    state: str
    lease: DhcpStatus | None = None


@dataclass(frozen=True, slots=True)
class PoolLeaseStatus:
    """An address of a pool that is handed out; `use` is gateway, endpoint, or reserved: for others, or on its way.

    `owner` is what the endpoint is called; `users` counts the networks that asked for the address.
    """

    address: str
    use: str
    owner: str | None
    users: int


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """A subnet that Docker takes addresses from; `parent` is None when it shares them with every parent.

    Networks that ipvl looks after itself have none: their endpoints' addresses are their leases.
    """

    id: str
    subnet: str
    range: str | None
    parent: str | None
    users: int
    leases: tuple[PoolLeaseStatus, ...]


@dataclass(frozen=True, slots=True)
class QuarantineStatus:
    """An address that is not chosen on a parent until a time (RFC 3339), since `holder` has it: a MAC address, or the
    host.
    """

    address: str
    parent: str
    holder: str
    until: str


@dataclass(frozen=True, slots=True)
class KeptStatus:
    """An address that nobody else is given, since a container or sandbox that is stopped (`owner`) asked for it."""

    address: str
    network: str
    owner: str


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at one moment."""

    networks: tuple[NetworkStatus, ...]
    parents: tuple[ParentStatus, ...]
    endpoints: tuple[EndpointStatus, ...]
    warnings: tuple[str, ...]
    pools: tuple[PoolStatus, ...] = ()
    quarantines: tuple[QuarantineStatus, ...] = ()
    kept: tuple[KeptStatus, ...] = ()


def link_state(link: Link | None) -> str:
    """Return the state of a parent's link, None for one that does not exist: up, no carrier, down or missing."""
    if link is None:
        return "missing"
    if not link.up:
        return "down"
    return "up" if link.carrier else "no carrier"
