"""Networks of ipvl's own: made, listed and removed without Docker."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

from ipvl.addresses.next_address import gateway_of
from ipvl.driver.dhcp_leases.lease_status import dhcp_status
from ipvl.driver.engine import Engine
from ipvl.driver.ipam.address_allocation import allocate_subnets
from ipvl.driver.networks import create_remove
from ipvl.driver.status.collect_status import default_route_families, subnet_statuses
from ipvl.driver.status.dhcp_lease import DhcpStatus
from ipvl.driver.status.network_troubles import troubles_of_records
from ipvl.embedded.call_messages import (
    AnyNetwork,
    CreateNetwork,
    Member,
    NamedNetwork,
    NetworkCreated,
    Networks,
    NetworkView,
    Removed,
)
from ipvl.embedded.hosts_file_names import write_hosts_files
from ipvl.embedded.lookup import DOOR, find_network, find_own_network
from ipvl.errors import conflict, invalid
from ipvl.model.addresses import BOTH_FAMILIES
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import ConflictCheck, Network, Phase
from ipvl.model.steps import MakeDummy, MakeVlan
from ipvl.options.addressing import without_addresses
from ipvl.options.names import check_name as checked_name
from ipvl.options.network import parse_network as network_from_options
from ipvl.options.subnet_flags import replaced_gateways, subnets_from_flags
from ipvl.planning.host_access import host_addresses
from ipvl.planning.network_plans import NetworkPlan
from ipvl.planning.reconciliation import is_in_sandbox

ID_BYTES = 32
NAMED = 5
"""Members that the refusal to remove their network names."""


async def create(engine: Engine, request: CreateNetwork) -> NetworkCreated:
    """Make a network, or for a dry run say what would be made.

    Raises:
        IpvlError: the request is wrong, its name is taken, or the parent cannot be had or shared. Nothing was changed.
    """
    name = checked_name(request.name, "network")
    texts, notices = subnets_from_flags(request.subnets, request.gateways, request.ranges, request.reserved)
    requested = network_from_options(
        secrets.token_hex(ID_BYTES),
        request.options,
        texts,
        internal=request.internal,
        door=DOOR,
        created=engine.clock(),
        name=name,
    )
    notices = (*notices, *replaced_gateways(texts, requested.subnets))
    async with engine.creation:
        taken = next((one for one in engine.records.networks() if one.door == DOOR and one.name == name), None)
        if taken is not None and taken.phase is Phase.READY:
            raise conflict(f"network {name} exists already", "choose another name, or remove that network first")
        requested = await _with_default_subnets(engine, request, requested)
        requested = replace(requested, labels=tuple(sorted(request.labels.items())))
        act = create_remove.plan_creation if request.dry_run else create_remove.create_network
        plan = await act(engine, requested)
    network = plan.network
    if network.parent != requested.parent:
        notices = (*notices, f"the parent is {network.parent}")
    if not (network.gives_addresses or request.ipv4):
        notices = (*notices, "without IPv4 and IPv6 the network gives no addresses: its members add their own")
    if request.dry_run:
        return NetworkCreated(network.id, notices, _described(plan))
    return NetworkCreated(network.id, (*notices, *plan.notices))


async def listed(engine: Engine, request: AnyNetwork) -> Networks:
    """Return the networks."""
    return Networks(
        tuple(view(engine, network) for network in engine.records.networks() if network.door == DOOR or not request.own)
    )


async def inspected(engine: Engine, request: NamedNetwork) -> NetworkView:
    """Return one network.

    Raises:
        IpvlError: there is none of that name.
    """
    return view(engine, find_network(engine.records, request.network))


async def remove(engine: Engine, request: NamedNetwork) -> Removed:
    """Remove a network that has no members.

    Raises:
        IpvlError: there is none of that name, it is Docker's, it has members, or the kernel kept its parent.
    """

    def without_members() -> tuple[Network]:
        network = find_own_network(engine.records, request.network, "remove it with `docker network rm`")
        present = _present(engine, network)
        if present:
            some = [endpoint.label for endpoint in present[:NAMED]] + ["..."] * (len(present) > NAMED)
            raise conflict(
                f"network {network.label} has {_counted(len(present), 'member')}: {', '.join(some)}",
                f"stop them, or disconnect them with `ipvl network disconnect {network.label} NAME`",
            )
        return (network,)

    return await _removed(engine, without_members)


async def prune(engine: Engine, request: AnyNetwork) -> Removed:
    """Remove every network of ipvl's own that has no members.

    Raises:
        IpvlError: the kernel kept a parent; the networks before that one are removed.
    """
    labels: list[str] = []
    for network in engine.records.networks():
        prunable = partial(_prunable, engine, network.id)
        if prunable():
            labels += (await _removed(engine, prunable)).names
    return Removed(tuple(labels))


def view(engine: Engine, network: Network) -> NetworkView:
    """Return a network and its members as the command shows them."""
    return NetworkView(
        id=network.id,
        name=network.label,
        door=network.door,
        parent=network.parent,
        mode=network.mode,
        flag=network.flag,
        internal=network.isolated,
        mtu=network.mtu,
        subnets=subnet_statuses(network),
        addressing=network.addressing,
        labels=dict(network.labels),
        created=engine.date(network.created),
        conflict_check=network.conflict_check,
        announcements=network.announcements,
        announce_interval=network.announce_interval,
        routes=tuple(route.label for route in network.routes),
        default_route=bool(families := default_route_families(network)),
        default_route_families=families,
        unused_parent=network.unused_parent or None,
        trouble=troubles_of_records(network, engine.records),
        host_access=tuple(map(str, host_addresses(network))),
        metric=network.metric,
        members=tuple(
            member(network, endpoint, _shown_lease(engine, endpoint)) for endpoint in _present(engine, network)
        ),
    )


def member(
    network: Network, endpoint: Endpoint, lease: DhcpStatus | None = None, notices: tuple[str, ...] = ()
) -> Member:
    """Return an endpoint as the command shows it, with its DHCP lease if it has one, and what its user is told."""
    return Member(
        id=endpoint.id,
        name=endpoint.label,
        network=network.label,
        interface=endpoint.interface,
        addresses=tuple(map(str, endpoint.addresses)),
        sandbox=endpoint.sandbox,
        aliases=endpoint.aliases,
        lease=lease,
        notices=notices,
    )


def _shown_lease(engine: Engine, endpoint: Endpoint) -> DhcpStatus | None:
    lease = engine.records.dhcp_lease_of(endpoint.id)
    return None if lease is None else dhcp_status(lease, engine.date)


async def _with_default_subnets(engine: Engine, request: CreateNetwork, requested: Network) -> Network:
    if requested.asks_server:
        if request.ipv6 or not request.ipv4:
            raise invalid("addressing dhcp is IPv4 alone", "leave --ipv6 and --no-ipv4 out")
        return requested
    if not requested.gives_addresses:
        if request.ipv6:
            raise invalid("addressing none gives no IPv6 addresses either", "leave --ipv6 out")
        return requested
    given = {subnet.pool.version for subnet in requested.subnets}
    four = next((subnet.pool for subnet in requested.subnets if subnet.pool.version == 4), None)
    if four is not None and not request.ipv4:
        raise invalid(f"subnet {four} is IPv4, which --no-ipv4 switches off", "leave one of them out")
    if not (given or request.ipv4 or request.ipv6):
        return without_addresses(requested)
    chosen = await allocate_subnets(engine, ipv4=request.ipv4 and 4 not in given, ipv6=request.ipv6 and 6 not in given)
    subnets = (
        sorted((*chosen, *requested.subnets), key=lambda subnet: subnet.pool.version) if chosen else requested.subnets
    )
    return replace(requested, subnets=tuple(subnets))


def _described(plan: NetworkPlan) -> tuple[str, ...]:
    """Say what creating the network and attaching a first member would change."""
    requested = plan.network
    made = [step.describe() for step in plan.steps if isinstance(step, MakeDummy | MakeVlan)]
    lines = made or [f"use parent {requested.parent} as it is"]
    lines += [f"warning: {warning}" for warning in (*plan.warnings, *plan.notices)]
    lines.append(
        f"ports in mode {requested.mode}, flag {requested.flag}" + (f", MTU {requested.mtu}" if requested.mtu else "")
    )
    for subnet in requested.subnets:
        gateway = gateway_of(requested, subnet)
        lines.append(
            f"addresses from {subnet.range or subnet.pool}"
            + (f" of {subnet.pool}" if subnet.range else "")
            + (f", gateway {gateway}" if gateway else "")
            + (f", without {', '.join(map(str, subnet.reserved))}" if subnet.reserved else "")
        )
    if requested.conflict_check is not ConflictCheck.NONE:
        lines.append(f"each address asked for on {requested.parent} before it is used")
    if requested.host_access:
        lines.append(f"a port of the host's own with {' and '.join(map(str, host_addresses(requested)))}")
    if requested.asks_server:
        lines.append(f"addresses, gateway and resolvers from the DHCP server on {requested.parent}")
    if not requested.gives_addresses:
        lines.append("no addresses and no routes: members add their own")
        return tuple(lines)
    lines += _routes(requested)
    return tuple(lines)


def _routes(requested: Network) -> list[str]:
    metric = "" if requested.metric is None else f", metric {requested.metric}"
    further = [f"route {route.label}{metric}" for route in requested.routes]
    if requested.isolated:
        return ["no default route: the network is isolated", *further]
    if not requested.default_routes:
        return ["no default route: another network may give one", *further]
    left = [
        f"no IPv{version} default route: another network may give one"
        for version in sorted(BOTH_FAMILIES - requested.default_routes)
    ]
    if requested.mode.routes:
        return [f"default route to the device{metric}", *left, *further]
    gateways = [
        gateway_of(requested, subnet) for subnet in requested.subnets if subnet.pool.version in requested.default_routes
    ]
    return [f"default route via {gateway}{metric}" for gateway in gateways if gateway] + left + further


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("s" if number > 1 else "")


def _present(engine: Engine, network: Network) -> tuple[Endpoint, ...]:
    """Return the endpoints of a network but those whose namespace is known to be gone."""
    return tuple(
        endpoint
        for endpoint in engine.records.endpoints_of(network.id)
        if endpoint.inode is None or is_in_sandbox(endpoint, engine.kernel.namespace_inode)
    )


def _prunable(engine: Engine, network_id: str) -> list[Network]:
    network = engine.records.network(network_id)
    return [] if network is None or network.door != DOOR or _present(engine, network) else [network]


async def _removed(engine: Engine, chosen: Callable[[], Collection[Network]]) -> Removed:
    """Remove networks and take their members' names from all hosts files.

    Raises:
        IpvlError: as `remove_networks`.
    """
    networks = await create_remove.remove_networks(engine, chosen)
    async with engine.lock:
        write_hosts_files(engine)
    return Removed(tuple(network.label for network in networks))
