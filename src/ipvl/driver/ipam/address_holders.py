"""Who holds an address on a parent: an endpoint, a network that reserves it, a lease; or for whom it is kept.

All of this is called with the engine's lock held.
"""

from __future__ import annotations

from ipvl.addresses.next_address import gateway_of
from ipvl.driver.engine import Engine
from ipvl.errors import IpvlError, conflict, quoted
from ipvl.model.addresses import IPAddress
from ipvl.model.endpoints import Endpoint
from ipvl.model.pools import Pool, PoolLease
from ipvl.planning.reconciliation import is_stale

ANOTHER_ADDRESS = "choose another address"


ANOTHER_ADDRESS_OR_REMOVE = "choose another address or remove what holds it"


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
        if found is not None and found.id != owner and not is_stale_endpoint(engine, found):
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


def shares_addresses(pool: Pool, parent: str | None) -> bool:
    """Tell whether a pool shares addresses with those who use a parent, or every parent (None)."""
    return parent is None or pool.parent is None or pool.parent == parent


def refusal_of_held(address: IPAddress, words: str) -> IpvlError:
    """Return the refusal of an address that is held, `words` being who holds it."""
    return conflict(f"address {address} {words}", ANOTHER_ADDRESS_OR_REMOVE)


def is_stale_endpoint(engine: Engine, endpoint: Endpoint) -> bool:
    """Tell whether nothing can be using an endpoint any more."""
    return is_stale(endpoint, engine.clock(), engine.kernel.namespace_inode)
