"""Allocate subnets and addresses that nobody holds: no endpoint of any door, no lease, no gateway, no reservation.

All of this is called with the engine's lock held, and what was allocated is recorded before the lock is released.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_interface

from ipvl.addresses.default_pools import default_subnet4, default_subnet6
from ipvl.addresses.next_address import check_usable, host_range, next_free_address, refuse_full
from ipvl.driver.engine import Engine
from ipvl.driver.ipam.address_holders import (
    ANOTHER_ADDRESS,
    is_stale_endpoint,
    refusal_of_held,
    static_address_of_another,
    who_holds,
)
from ipvl.errors import conflict, invalid
from ipvl.model.addresses import IPAddress, IPInterface, IPNetwork, OwnAddresses
from ipvl.model.networks import Network, Subnet
from ipvl.model.pools import Cursor
from ipvl.planning.host_address_conflicts import refusal_of_own
from ipvl.planning.kept_addresses import kept_for_stopped
from ipvl.records.changes import Change, Put


async def allocate_subnets(engine: Engine, *, ipv4: bool, ipv6: bool) -> tuple[Subnet, ...]:
    """Return subnets for a network that was given none, one of each family that is asked for, IPv4 first.

    Args:
        engine: what to work on; its lock is held.
        ipv4: whether the network has IPv4: the first of Docker's default pools that overlaps nothing.
        ipv6: whether it has IPv6: the first /64 of the host's unique local prefix that overlaps nothing.

    Raises:
        IpvlError: all of them overlap an address or route of the host or a known subnet, or those cannot be read.
    """
    taken = await subnets_in_use(engine)
    found: list[Subnet] = []
    if ipv4:
        found.append(Subnet(default_subnet4(taken)))
    if ipv6:
        found.append(Subnet(default_subnet6(taken, engine.kernel.machine)))
    return tuple(found)


async def subnets_in_use(engine: Engine) -> list[IPNetwork]:
    """Return the host's addresses and routes, and the subnets of every network and pool.

    Raises:
        IpvlError: the host's cannot be read.
    """
    return [
        *await engine.kernel.prefixes(),
        *(subnet.pool for network in engine.records.networks() for subnet in network.subnets),
        *(pool.subnet for pool in engine.records.pools()),
    ]


def allocate_addresses(
    engine: Engine,
    network: Network,
    wanted4: IPv4Address | None,
    wanted6: IPv6Address | None,
    owner: str,
    *,
    own: OwnAddresses,
    sandbox: str | None = None,
) -> tuple[IPInterface, ...]:
    """Return the addresses for a new endpoint: one of each family that the network has a subnet for, IPv4 first.

    The endpoint's record is what keeps them: make it before the lock is released, in one commit with what
    `moved_cursors` returns.

    Args:
        engine: what to work on; its lock is held.
        network: the network that the endpoint joins.
        wanted4: the IPv4 address that was asked for: any of the network's subnets, inside or outside of their ranges.
        wanted6: the same for IPv6.
        owner: the endpoint's id. What an endpoint with this id holds already is chosen again.
        own: the host's addresses, which are nobody else's.
        sandbox: the id of the sandbox that it is for, if it is for one: what is kept for that is its own.

    Raises:
        IpvlError: an address that was asked for cannot be had, or every subnet of a family is full.
    """
    for wanted in (wanted4, wanted6):
        kept = None if wanted is None else static_address_of_another(engine, network.parent, wanted, sandbox)
        if wanted is not None and kept is not None and who_holds(engine, network.parent, wanted, owner) is None:
            raise refusal_of_held(wanted, kept)
    chosen = (
        _choose_address(engine, network, version, wanted, owner, own=own)
        for version, wanted in ((4, wanted4), (6, wanted6))
    )
    return tuple(interface for interface in chosen if interface is not None)


def moved_cursors(
    engine: Engine, network: Network, addresses: Iterable[IPInterface], own: OwnAddresses
) -> tuple[Change, ...]:
    """Return what makes the network choose on from these addresses, to be committed with the endpoint that has them.

    `own` are the host's addresses, as they were when these were chosen.

    The cursor is durable: it cannot be derived, since the endpoint that was chosen last may be gone, and a restart
    must not hand its address out at once. Only what was next in turn moves it, so an address that was asked for does
    not.
    """
    moved: list[Change] = []
    for interface in addresses:
        subnet = _subnet_of(network, interface.ip)
        if subnet is not None and _next_address(engine, network, subnet, own) == interface.ip:
            moved.append(Put(Cursor(network.id, subnet.pool, interface.ip)))
    return tuple(moved)


def oldest_stale_address(
    engine: Engine, parent: str | None, subnet: IPNetwork, within: IPNetwork | None, own: OwnAddresses
) -> IPAddress | None:
    """Return an address of a full subnet whose endpoint's sandbox is gone, the one gone longest; None without any.

    One that the host has meanwhile (`own`) is none.
    """
    low, high = host_range(subnet, within)
    gone = sorted(
        (one for one in engine.records.endpoints() if is_stale_endpoint(engine, one)), key=lambda one: one.changed
    )
    for endpoint in gone:
        if parent is not None and engine.network(endpoint.network_id).parent != parent:
            continue
        for interface in endpoint.addresses:
            in_bounds = interface.version == subnet.version and low <= int(interface.ip) <= high
            free = in_bounds and interface.ip not in own and who_holds(engine, parent, interface.ip) is None
            if free and static_address_of_another(engine, parent, interface.ip) is None:
                return interface.ip
    return None


def kept_within(engine: Engine, parent: str | None, subnet: IPNetwork, within: IPNetwork | None) -> int:
    """Return how many addresses of a subnet, or the part of it to keep to, are kept for who is stopped."""
    low, high = host_range(subnet, within)
    kept = {one.address for one in kept_for_stopped(engine.records, parent) if one.address.version == subnet.version}
    return sum(low <= int(address) <= high for address in kept)


def _choose_address(
    engine: Engine, network: Network, version: int, wanted: IPAddress | None, owner: str, *, own: OwnAddresses
) -> IPInterface | None:
    if wanted is not None:
        return _check_requested(engine, network, wanted, owner, own)
    subnets = [subnet for subnet in network.subnets if subnet.pool.version == version]
    for interface in _already_held(engine, network, owner):
        if interface.version == version:
            return interface
    for subnet in subnets:
        found = _next_address(engine, network, subnet, own)
        if found is not None:
            return _interface(found, subnet)
    for subnet in subnets:
        found = oldest_stale_address(engine, network.parent, subnet.pool, subnet.range, own)
        if found is not None:
            return _interface(found, subnet)
    match subnets:
        case []:
            return None
        case [subnet]:
            raise refuse_full(subnet.pool, subnet.range, kept_within(engine, network.parent, subnet.pool, subnet.range))
        case _:
            pools = ", ".join(str(subnet.range or subnet.pool) for subnet in subnets)
            raise conflict(
                f"every IPv{version} subnet of network {network.label} is full: {pools}",
                "remove a container, or make a network with a larger subnet",
            )


def _check_requested(engine: Engine, network: Network, wanted: IPAddress, owner: str, own: OwnAddresses) -> IPInterface:
    subnet = _subnet_of(network, wanted)
    if subnet is None:
        pools = ", ".join(str(subnet.pool) for subnet in network.subnets) or "none"
        raise invalid(f"address {wanted} is in no subnet of network {network.label}", f"its subnets: {pools}")
    check_usable(subnet.pool, wanted)
    held = who_holds(engine, network.parent, wanted, owner)
    if held is not None:
        raise refusal_of_held(wanted, held)
    if wanted in own:
        raise refusal_of_own(wanted, own[wanted], ANOTHER_ADDRESS)
    return _interface(wanted, subnet)


def _next_address(engine: Engine, network: Network, subnet: Subnet, own: OwnAddresses) -> IPAddress | None:
    return next_free_address(
        subnet.pool,
        engine.records.held(network.parent, subnet.pool.version),
        within=subnet.range,
        last=engine.records.last_chosen(network.id, subnet.pool),
        own=own,
    )


def _already_held(engine: Engine, network: Network, owner: str) -> Iterator[IPInterface]:
    held = engine.records.endpoint(owner)
    if held is not None and held.network_id == network.id:
        yield from held.addresses


def _subnet_of(network: Network, address: IPAddress) -> Subnet | None:
    return next((subnet for subnet in network.subnets if address in subnet.pool), None)


def _interface(address: IPAddress, subnet: Subnet) -> IPInterface:
    return ip_interface((address, subnet.pool.prefixlen))
