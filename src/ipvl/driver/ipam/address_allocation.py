"""Choose subnets and addresses that nobody holds: not an endpoint of any door, not a lease, no gateway, no reservation.

All of this is called with the engine's lock held, and what was chosen is recorded before the lock is released.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_interface

from ipvl.addresses.default_pools import default_subnet4, default_subnet6
from ipvl.addresses.next_address import check_usable, gateway_of, host_range, next_free_address, refuse_full
from ipvl.driver.engine import Engine
from ipvl.errors import IpvlError, conflict, invalid, quoted
from ipvl.model.addresses import IPAddress, IPInterface, IPNetwork, OwnAddresses
from ipvl.model.endpoints import Endpoint
from ipvl.model.networks import Network, Subnet
from ipvl.model.pools import Cursor, Pool, PoolLease
from ipvl.planning.host_address_conflicts import refusal_of_own
from ipvl.planning.kept_addresses import kept_for_stopped
from ipvl.planning.reconciliation import is_stale
from ipvl.records.changes import Change, Put

ANOTHER_ADDRESS = "choose another address"
ANOTHER_ADDRESS_OR_REMOVE = "choose another address or remove what holds it"


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


def who_holds(engine: Engine, parent: str | None, address: IPAddress, owner: str = "") -> str | None:
    """Say who holds an address, in words that follow "address A", or return None when it is free.

    An endpoint whose sandbox is gone holds nothing.

    Args:
        engine: what to work on.
        parent: where the address is to be used; None for a pool that shares with every parent.
        address: the address.
        owner: the id of the endpoint that asks, which is no obstacle to itself.
    """
    if int(address) not in engine.records.held(parent, address.version):
        return None
    return (
        endpoint_holding(engine, parent, address, owner)
        or reserved_by_network(engine, parent, address)
        or leased_from_pool(engine, parent, address)
    )


def endpoint_holding(engine: Engine, parent: str | None, address: IPAddress, owner: str = "") -> str | None:
    """Say which endpoint has an address, in words that follow "address A"; None when none has that can be using it."""
    parents = [parent] if parent is not None else [one.name for one in engine.records.parents()]
    for name in parents:
        found = engine.records.holder_of(name, address)
        if found is not None and found.id != owner and not _is_stale(engine, found):
            return held_by_endpoint(engine, found)
    return None


def held_by_endpoint(engine: Engine, endpoint: Endpoint) -> str:
    """Say that an endpoint has an address, in words that follow "address A"."""
    network = engine.network(endpoint.network_id)
    return f"is in use on parent {network.parent} by endpoint {endpoint.label} of network {network.label}"


def reserved_by_network(engine: Engine, parent: str | None, address: IPAddress) -> str | None:
    """Say which network has an address as its gateway, for the host or for others, in words that follow "address A"."""
    if int(address) not in engine.records.held(parent, address.version):
        return None  # mostly: what is fixed is held
    networks = engine.records.networks() if parent is None else engine.records.networks_on(parent)
    for network in networks:
        for subnet in network.subnets:
            if address == gateway_of(network, subnet):
                return f"is the gateway of network {network.label}"
            if address == subnet.host:
                return f"is the host's own in network {network.label} (host_access)"
            if address in subnet.reserved:
                return f"is reserved in network {network.label} (--aux-address)"
    return None


def oldest_stale_address(
    engine: Engine, parent: str | None, subnet: IPNetwork, within: IPNetwork | None, own: OwnAddresses
) -> IPAddress | None:
    """Return an address of a full subnet whose endpoint's sandbox is gone, the one gone longest; None without any.

    One that the host has meanwhile (`own`) is none.
    """
    low, high = host_range(subnet, within)
    gone = sorted((one for one in engine.records.endpoints() if _is_stale(engine, one)), key=lambda one: one.changed)
    for endpoint in gone:
        if parent is not None and engine.network(endpoint.network_id).parent != parent:
            continue
        for interface in endpoint.addresses:
            in_bounds = interface.version == subnet.version and low <= int(interface.ip) <= high
            free = in_bounds and interface.ip not in own and who_holds(engine, parent, interface.ip) is None
            if free and static_address_of_another(engine, parent, interface.ip) is None:
                return interface.ip
    return None


def static_address_of_another(
    engine: Engine, parent: str | None, address: IPAddress, owner: str | None = None
) -> str | None:
    """Say who will want an address again, in words that follow "address A", or return None.

    Args:
        engine: what to work on.
        parent: where the address is to be used; None for every parent.
        address: the address.
        owner: the id of the sandbox that it is for, if it is for one.
    """
    for one in engine.records.static_addresses_at(address):
        network = engine.network(one.network_id)
        if one.owner != owner and parent in {None, network.parent}:
            what = "container" if network.is_dockers else "sandbox"
            return f"is kept for {what} {one.name} of network {network.label}, which asked for it and is stopped"
    return None


def kept_within(engine: Engine, parent: str | None, subnet: IPNetwork, within: IPNetwork | None) -> int:
    """Return how many addresses of a subnet, or the part of it to keep to, are kept for who is stopped."""
    low, high = host_range(subnet, within)
    kept = {one.address for one in kept_for_stopped(engine.records, parent) if one.address.version == subnet.version}
    return sum(low <= int(address) <= high for address in kept)


def refusal_of_held(address: IPAddress, words: str) -> IpvlError:
    """Return the refusal of an address that is held, `words` being who holds it."""
    return conflict(f"address {address} {words}", ANOTHER_ADDRESS_OR_REMOVE)


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


def leased_from_pool(engine: Engine, parent: str | None, address: IPAddress) -> str | None:
    """Say which pool leased an address, in words that follow "address A"; None when none has that shares a parent."""
    for lease in engine.records.leases_for(address):
        pool = engine.records.pool(lease.pool_id)
        if pool is not None and shares_addresses(pool, parent):
            return lease_text(lease)
    return None


def lease_text(lease: PoolLease) -> str:
    """Say what a lease is, in words that follow "address A"."""
    if lease.gateway:
        return f"is the gateway of pool {lease.pool_id}"
    return f"is leased from pool {lease.pool_id}" + (f" to {quoted(lease.owner)}" if lease.owner else "")


def shares_addresses(pool: Pool, parent: str | None) -> bool:
    """Tell whether a pool shares addresses with those who use a parent, or every parent (None)."""
    return parent is None or pool.parent is None or pool.parent == parent


def _subnet_of(network: Network, address: IPAddress) -> Subnet | None:
    return next((subnet for subnet in network.subnets if address in subnet.pool), None)


def _interface(address: IPAddress, subnet: Subnet) -> IPInterface:
    return ip_interface((address, subnet.pool.prefixlen))


def _is_stale(engine: Engine, endpoint: Endpoint) -> bool:
    return is_stale(endpoint, engine.clock(), engine.kernel.namespace_inode)
