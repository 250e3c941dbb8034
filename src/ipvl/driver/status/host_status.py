"""What ipvl knows and what the host shows of it, side by side, as plain data for people and programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ipvl.addresses.next_address import used_gateway
from ipvl.clock.host_clocks import rfc3339
from ipvl.driver.dhcp_leases.lease_status import lease_status, lease_trouble
from ipvl.driver.interfaces import Kernel
from ipvl.driver.status.dhcp_lease import DhcpStatus
from ipvl.driver.status.subnet import SubnetStatus
from ipvl.errors import IpvlError
from ipvl.model.dhcp_leases import DhcpLease
from ipvl.model.endpoints import Endpoint
from ipvl.model.links import Link
from ipvl.model.networks import ConflictCheck, Network, Subnet
from ipvl.model.pools import Pool
from ipvl.model.troubles import Trouble
from ipvl.planning.container_routers import own_routers
from ipvl.planning.host import Host
from ipvl.planning.host_access import NO_ROUTING, host_addresses, not_reached
from ipvl.planning.host_address_conflicts import AddressConflict, address_conflicts
from ipvl.planning.host_exposure import addressed, opened
from ipvl.planning.internal_networks import unused_parent
from ipvl.planning.parent_requirements import check_link, warnings_about
from ipvl.planning.reconciliation import is_in_sandbox
from ipvl.records.records import Records


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
class Status:
    """Everything at one moment."""

    networks: tuple[NetworkStatus, ...]
    parents: tuple[ParentStatus, ...]
    endpoints: tuple[EndpointStatus, ...]
    warnings: tuple[str, ...]
    pools: tuple[PoolStatus, ...] = ()
    quarantines: tuple[QuarantineStatus, ...] = ()


async def status(
    records: Records, kernel: Kernel, troubles: Iterable[Trouble] = (), *, date: Callable[[float], str] = rfc3339
) -> Status:
    """Return what there is now.

    Args:
        records: what ipvl remembers.
        kernel: the host.
        troubles: what the last repair could not mend, and what no Docker is known to have.
        date: says when by the wall clock a moment of the records is (RFC 3339).

    Raises:
        IpvlError: the links or the host's addresses cannot be read.
    """
    host_access = any(network.host_access for network in records.networks())
    ways = await kernel.host_routing() if host_access else NO_ROUTING
    made = [parent.name for parent in records.parents() if parent.made]
    reaches = await kernel.host_exposures(made) if made else {}
    host = Host(await kernel.links(), kernel.release, frozenset(), ways=ways, reaches=reaches)
    found = tuple(address_conflicts(records, await kernel.own_addresses()))
    return Status(
        networks=tuple(_network(network, records, host, found) for network in records.networks()),
        parents=tuple(
            ParentStatus(
                name=parent.name,
                kind=parent.kind,
                made=parent.made,
                base=parent.base,
                vlan_id=parent.vlan_id,
                state=link_state(link := host.link(parent.name)),
                mtu=None if link is None else link.mtu,
                networks=tuple(network.label for network in records.networks_on(parent.name)),
                vlan_protocol=None if parent.vlan_id is None else parent.protocol,
            )
            for parent in records.parents()
        ),
        endpoints=tuple(
            EndpointStatus(
                id=endpoint.id,
                name=endpoint.name,
                network=network.label,
                addresses=tuple(map(str, endpoint.addresses)),
                parent=network.parent,
                sandbox=endpoint.sandbox,
                state=_state(endpoint, lease := records.dhcp_lease_of(endpoint.id), kernel),
                lease=None if lease is None else lease_status(lease, date),
            )
            for network in records.networks()
            for endpoint in records.endpoints_of(network.id)
        ),
        warnings=tuple(trouble.text for trouble in troubles),
        pools=tuple(
            PoolStatus(
                id=pool.id,
                subnet=str(pool.subnet),
                range=None if pool.range is None else str(pool.range),
                parent=pool.parent,
                users=pool.users,
                leases=_leases(pool, records),
            )
            for pool in records.pools()
        ),
        quarantines=tuple(
            QuarantineStatus(str(one.address), one.parent, one.holder, date(one.until)) for one in records.quarantines()
        ),
    )


def _leases(pool: Pool, records: Records) -> tuple[PoolLeaseStatus, ...]:
    parents = [parent.name for parent in records.parents()] if pool.parent is None else [pool.parent]
    found = []
    for lease in sorted(records.leases_of(pool.id), key=lambda lease: int(lease.address)):
        holders = [held.label for parent in parents if (held := records.holder_of(parent, lease.address)) is not None]
        owner = next(iter(holders), lease.owner)
        use = "gateway" if lease.gateway else "reserved" if owner is None else "endpoint"
        found.append(PoolLeaseStatus(str(lease.address), use, owner, lease.users))
    return tuple(found)


def subnet_statuses(network: Network) -> tuple[SubnetStatus, ...]:
    """Return a network's subnets with the gateways that its containers get."""
    return tuple(
        SubnetStatus(
            str(subnet.pool),
            text_of_gateway(network, subnet),
            None if subnet.range is None else str(subnet.range),
            tuple(map(str, subnet.reserved)),
        )
        for subnet in network.subnets
    )


def _network(network: Network, records: Records, host: Host, found: tuple[AddressConflict, ...]) -> NetworkStatus:
    return NetworkStatus(
        id=network.id,
        name=network.name,
        door=network.door,
        parent=network.parent,
        mode=network.mode,
        flag=network.flag,
        isolated=network.isolated,
        mtu=network.mtu,
        subnets=subnet_statuses(network),
        endpoints=len(records.endpoints_of(network.id)),
        trouble=(
            *_trouble(network, host),
            *(clash.trouble for clash in found if clash.network.id == network.id),
            *_reach(network, records, host),
            *(one.text for one in not_reached(network, records.endpoints_of(network.id), host.ways)),
            *troubles_of_records(network, records),
        ),
        addressing=network.addressing,
        conflict_check=network.conflict_check,
        routes=tuple(route.label for route in network.routes),
        default_route=bool(families := default_route_families(network)),
        default_route_families=families,
        unused_parent=network.unused_parent or None,
        metric=network.metric,
        host_port=network.host_port if network.host_access else None,
        host_addresses=tuple(map(str, host_addresses(network))),
    )


def default_route_families(network: Network) -> tuple[str, ...]:
    """Return for which of `ipv4` and `ipv6` a network gives its members a default route."""
    return () if network.isolated else tuple(f"ipv{version}" for version in sorted(network.default_routes))


def text_of_gateway(network: Network, subnet: Subnet) -> str | None:
    """Return the router of a subnet as its members have it, None where they have none."""
    gateway = used_gateway(network, subnet)
    return None if gateway is None else str(gateway)


def _state(endpoint: Endpoint, lease: DhcpLease | None, kernel: Kernel) -> str:
    if lease is not None and lease.lost:
        return "lease lost"
    return "attached" if is_in_sandbox(endpoint, kernel.namespace_inode) else "waiting"


def troubles_of_records(network: Network, records: Records) -> tuple[str, ...]:
    """Return what keeps a network's members from what they should reach, as far as the records tell."""
    return (
        *unused_parent(network),
        *map(str, own_routers(network, records)),
        *_lost_leases(network, records),
    )


def _lost_leases(network: Network, records: Records) -> tuple[str, ...]:
    found = []
    for endpoint in records.endpoints_of(network.id) if network.asks_server else ():
        lease = records.dhcp_lease_of(endpoint.id)
        trouble = None if lease is None else lease_trouble(network, endpoint, lease)
        if trouble is not None:
            found.append(trouble)
    return tuple(found)


def _reach(network: Network, records: Records, host: Host) -> tuple[str, ...]:
    """Return what is wrong with keeping the host off the network's parent and the tags under it."""
    parent = records.parent(network.parent)
    found = []
    for one in () if parent is None else records.with_bases(parent):
        networks = records.networks_on(one.name)
        found += [trouble for tell in (opened, addressed) if (trouble := tell(one, networks, host)) is not None]
    return tuple(found)


def _trouble(network: Network, host: Host) -> tuple[str, ...]:
    link = host.link(network.parent)
    if link is None:
        return (f"parent {network.parent} does not exist",)
    try:
        check_link(link, network, host)
    except IpvlError as error:
        return (str(error),)
    if network.host_access and host.link(network.host_port) is None:
        gone = (
            f"host port {network.host_port} is gone, so this host does not reach its containers: systemctl restart ipvl"
        )
        return (*warnings_about(link, host), gone)
    return warnings_about(link, host)


def link_state(link: Link | None) -> str:
    """Return the state of a parent's link, None for one that does not exist: up, no carrier, down or missing."""
    if link is None:
        return "missing"
    if not link.up:
        return "down"
    return "up" if link.carrier else "no carrier"
