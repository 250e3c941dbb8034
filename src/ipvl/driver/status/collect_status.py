"""Collect what `ipvl status` shows: records and host side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ipvl.addresses.next_address import used_gateway
from ipvl.clock.host_clocks import rfc3339
from ipvl.driver.dhcp_leases.lease_status import dhcp_status
from ipvl.driver.interfaces import Kernel
from ipvl.driver.status.host_status import (
    EndpointStatus,
    KeptStatus,
    NetworkStatus,
    ParentStatus,
    PoolLeaseStatus,
    PoolStatus,
    QuarantineStatus,
    Status,
    link_state,
)
from ipvl.driver.status.network_troubles import troubles_of_network
from ipvl.driver.status.subnet import SubnetStatus
from ipvl.model.dhcp_leases import DhcpLease
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network, Subnet
from ipvl.model.pools import Pool
from ipvl.model.troubles import Trouble
from ipvl.planning.host import Host
from ipvl.planning.host_access import NO_ROUTING, host_addresses
from ipvl.planning.host_address_conflicts import AddressConflict, address_conflicts
from ipvl.planning.kept_addresses import kept_for_stopped
from ipvl.planning.reconciliation import is_in_sandbox
from ipvl.records.records import Records


async def collect_status(
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
    routing = await kernel.host_routing() if host_access else NO_ROUTING
    made = [parent.name for parent in records.parents() if parent.made]
    exposures = await kernel.host_exposures(made) if made else {}
    host = Host(await kernel.links(), kernel.kernel_release, frozenset(), routing=routing, exposures=exposures)
    found = tuple(address_conflicts(records, await kernel.own_addresses()))
    return Status(
        networks=tuple(_network_status(network, records, host, found) for network in records.networks()),
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
                state=_endpoint_state(endpoint, lease := records.dhcp_lease_of(endpoint.id), kernel),
                lease=None if lease is None else dhcp_status(lease, date),
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
                leases=_lease_statuses(pool, records),
            )
            for pool in records.pools()
        ),
        quarantines=tuple(
            QuarantineStatus(str(one.address), one.parent, one.holder, date(one.until)) for one in records.quarantines()
        ),
        kept=tuple(
            KeptStatus(str(one.address), network.label, one.name)
            for one in kept_for_stopped(records)
            if (network := records.network(one.network_id)) is not None
        ),
    )


def _lease_statuses(pool: Pool, records: Records) -> tuple[PoolLeaseStatus, ...]:
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
            gateway_text(network, subnet),
            None if subnet.range is None else str(subnet.range),
            tuple(map(str, subnet.reserved)),
        )
        for subnet in network.subnets
    )


def _network_status(
    network: Network, records: Records, host: Host, conflicts: tuple[AddressConflict, ...]
) -> NetworkStatus:
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
        trouble=troubles_of_network(network, records, host, conflicts),
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


def gateway_text(network: Network, subnet: Subnet) -> str | None:
    """Return the router of a subnet as its members have it, None where they have none."""
    gateway = used_gateway(network, subnet)
    return None if gateway is None else str(gateway)


def _endpoint_state(endpoint: Endpoint, lease: DhcpLease | None, kernel: Kernel) -> str:
    if lease is not None and lease.lost:
        return "lease lost"
    return "attached" if is_in_sandbox(endpoint, kernel.namespace_inode) else "waiting"
