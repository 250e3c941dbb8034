"""Leases of pools: the addresses and gateways that Docker asks for, and gives back, when ipvl is its IPAM driver."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_interface

from ipvl.addresses.next_address import check_usable, first_usable_address, next_free_address, refuse_full
from ipvl.driver.endpoints.awaited_names import await_names, await_static_addresses
from ipvl.driver.engine import Engine
from ipvl.driver.ipam.address_allocation import kept_within, oldest_stale_address
from ipvl.driver.ipam.address_conflicts import (
    ANOTHER_OR_TAKE_IT,
    MOST_PROBES,
    end_quarantine,
    expired_quarantines,
    probe_address,
    quarantine_addresses,
    refusal_all_in_use,
    refusal_in_use,
)
from ipvl.driver.ipam.address_holders import (
    ANOTHER_ADDRESS,
    endpoint_holding,
    lease_text,
    refusal_of_held,
    shares_addresses,
    who_holds,
)
from ipvl.driver.ipam.docker_pools import REPEATED_WITHIN, known_pool, may_repeat_earlier_call
from ipvl.errors import IpvlError, missing
from ipvl.model.addresses import IPAddress, IPInterface, OwnAddresses
from ipvl.model.networks import ConflictCheck
from ipvl.model.pools import Cursor, Pool, PoolLease
from ipvl.planning.host_address_conflicts import refusal_of_own
from ipvl.records.changes import Change, Drop, Put

log = logging.getLogger(__name__)


async def request_gateway(engine: Engine, identity: str, wanted: IPAddress | None) -> IPInterface:
    """Reserve a pool's gateway, which several networks may share; its router stands on the segment, not in a container.

    Args:
        engine: what to work on.
        identity: the pool's id.
        wanted: the address; without one it is what the pool has as its gateway already, or its first usable address.

    Raises:
        IpvlError: the pool is not known, or the address is not one of its hosts' or an endpoint's.
    """
    async with engine.lock:
        pool = known_pool(engine, identity)
        held = next((lease.address for lease in engine.records.leases_of(identity) if lease.gateway), None)
        address = wanted or held or first_usable_address(pool.subnet)
        if address is None:
            # One address leaves no room for a gateway, but Docker wants an answer: what the container will have.
            return ip_interface((pool.subnet.network_address, pool.subnet.prefixlen))
        check_usable(pool.subnet, address)
        words = endpoint_holding(engine, pool.parent, address) or _leased_to_another(
            engine, pool, address, or_a_gateway=False
        )
        if words is not None:
            raise refusal_of_held(address, f"cannot be the gateway of pool {identity}: it {words}")
        engine.commit((Put(_with_one_more_user(engine, pool, address, gateway=True)),))
        log.info("pool %s: %s is the gateway", identity, address)
        return ip_interface((address, pool.subnet.prefixlen))


async def request_address(engine: Engine, identity: str, wanted: IPAddress | None, owner: str | None) -> IPInterface:
    """Lease an address of a pool.

    Args:
        engine: what to work on.
        identity: the pool's id.
        wanted: the address that was asked for, inside or outside of the pool's range; None for the next in turn.
        owner: the name of the endpoint it is for, None when that is not told. Docker asks for addresses that others
            have (`--aux-address`) with the same call and no name, and before version 29 it tells no names at all; such
            an address may be reserved by several, and an endpoint that comes for it is refused when it is made.

    Where the pool says so, the parent's segment is asked who has the address, once it is leased: one that is in use is
    given back and kept out. What may be an address that others have is not asked for.

    The host's own addresses are passed over, and refused to an endpoint; reserving one for the host is what
    `--aux-address` is for.

    Raises:
        IpvlError: the pool is not known or full, the address is not one of its hosts' or is held, or the host or
            somebody on the segment has it.
    """
    if wanted is not None:
        await await_names(engine, known_pool(engine, identity).parent, (wanted,))
    else:
        await await_static_addresses(engine)
    async with engine.lock:
        engine.commit(expired_quarantines(engine.records, engine.clock()))
        in_turn = 0
        while True:
            pool = known_pool(engine, identity)
            address = _record_lease(engine, pool, wanted, owner, await engine.kernel.own_addresses())
            of_others = wanted is not None and owner is None
            if pool.conflict_check is ConflictCheck.NONE or pool.parent is None or of_others:
                return ip_interface((address, pool.subnet.prefixlen))
            found = await _probe_lease(engine, pool, pool.parent, address)
            if not found:
                engine.probes.note_free(pool.parent, address, engine.clock())
                return ip_interface((address, pool.subnet.prefixlen))
            if wanted is not None:
                raise refusal_in_use(pool.parent, found, ANOTHER_OR_TAKE_IT)
            in_turn += 1
            if in_turn == MOST_PROBES:
                raise refusal_all_in_use(pool.parent, found)


async def release_address(engine: Engine, identity: str, address: IPAddress) -> None:
    """Take a user off a lease; with the last one it goes. What is not leased is free already.

    A gateway, or what else several may have, is treated like a pool when the call may be a repetition.

    Raises:
        IpvlError: the store could not take it.
    """
    async with engine.lock:
        lease = engine.records.lease(identity, address)
        if lease is None or ((lease.gateway or lease.users > 1) and may_repeat_earlier_call(engine, lease.changed)):
            return
        fewer = replace(lease, users=lease.users - 1, changed=engine.clock())
        engine.commit((Put(fewer) if fewer.users else Drop(lease),))
        log.info("pool %s: %s is released", identity, address)


def _record_lease(
    engine: Engine, pool: Pool, wanted: IPAddress | None, owner: str | None, own: OwnAddresses
) -> IPAddress:
    """Record a lease of the address that was asked for, or of the next in turn, and return the address.

    Raises:
        IpvlError: there is none left, or the one that was asked for cannot be had.
    """
    if wanted is not None and _is_repeated_request(engine, pool, wanted, owner):
        return wanted
    changes: list[Change] = []
    if wanted is None:
        address = _next_address(engine, pool, own)
        changes.append(Put(Cursor(pool.id, pool.subnet, address)))
    else:
        address = wanted
        _check_wanted(engine, pool, address, owner, own)
    engine.commit((Put(_with_one_more_user(engine, pool, address, owner=owner)), *changes))
    log.info("pool %s: %s is leased", pool.id, address)
    return address


async def _probe_lease(engine: Engine, pool: Pool, parent: str, address: IPAddress) -> Mapping[IPAddress, str]:
    """Return who has an address that was just leased; if anybody has, the lease is gone and the address kept out.

    Raises:
        IpvlError: nobody could be asked, and the lease is gone; or it was released meanwhile.
    """
    try:
        found = await probe_address(engine, parent, address)
    except IpvlError:
        engine.commit(_without_one_user(engine, pool, address))
        raise
    if engine.records.lease(pool.id, address) is None:
        raise missing(f"address {address} of pool {pool.id} was released while it was being asked for", "ask again")
    if found:
        engine.commit((*_without_one_user(engine, pool, address), *quarantine_addresses(engine, parent, found)))
    else:
        engine.commit(end_quarantine(engine.records, parent, (address,)))
    return found


def _without_one_user(engine: Engine, pool: Pool, address: IPAddress) -> tuple[Change, ...]:
    """Return what takes a user off a lease; with the last one it goes."""
    lease = engine.records.lease(pool.id, address)
    if lease is None:
        return ()
    return (Put(replace(lease, users=lease.users - 1)) if lease.users > 1 else Drop(lease),)


def _next_address(engine: Engine, pool: Pool, own: OwnAddresses) -> IPAddress:
    found = next_free_address(
        pool.subnet,
        engine.records.held(pool.parent, pool.subnet.version),
        within=pool.range,
        last=engine.records.last_chosen(pool.id, pool.subnet),
        own=own,
    ) or oldest_stale_address(engine, pool.parent, pool.subnet, pool.range, own)
    if found is None:
        raise refuse_full(pool.subnet, pool.range, kept_within(engine, pool.parent, pool.subnet, pool.range))
    return found


def _is_repeated_request(engine: Engine, pool: Pool, address: IPAddress, owner: str | None) -> bool:
    """Tell whether an endpoint has leased the address already and is not made yet: its first answer was lost."""
    lease = engine.records.lease(pool.id, address)
    return (
        owner is not None
        and lease is not None
        and lease.owner == owner
        and endpoint_holding(engine, pool.parent, address) is None
    )


def _check_wanted(engine: Engine, pool: Pool, address: IPAddress, owner: str | None, own: OwnAddresses) -> None:
    check_usable(pool.subnet, address)
    if owner is not None:
        words = who_holds(engine, pool.parent, address)
    else:
        words = endpoint_holding(engine, pool.parent, address)
        if words is None and not _answer_may_be_lost(engine, pool, address):
            words = _leased_to_another(engine, pool, address, or_a_gateway=True)
    if words is not None:
        raise refusal_of_held(address, words)
    if owner is not None and address in own:
        raise refusal_of_own(address, own[address], ANOTHER_ADDRESS)


def _leased_to_another(engine: Engine, pool: Pool, address: IPAddress, *, or_a_gateway: bool) -> str | None:
    """Say which pool leased an address to what may be an endpoint, in words that follow "address A", or return None.

    What a network reserves is no endpoint's.
    """
    if any(address in subnet.reserved for network in engine.records.networks() for subnet in network.subnets):
        return None
    for lease in engine.records.leases_for(address):
        other = engine.records.pool(lease.pool_id)
        if other is None or not shares_addresses(other, pool.parent) or (lease.gateway and not or_a_gateway):
            continue
        return lease_text(lease)
    return None


def _answer_may_be_lost(engine: Engine, pool: Pool, address: IPAddress) -> bool:
    """Tell whether a nameless request for a leased address is the first one's repetition, as far as that can be told.

    It may be if it comes soon and no endpoint was made since. If it is another container's after all, that one is
    refused when its endpoint is made, which only the networks of ipvl's own network driver come to.
    """
    lease = engine.records.lease(pool.id, address)
    return (
        lease is not None
        and not lease.gateway
        and engine.clock() - lease.changed < REPEATED_WITHIN
        and any(
            subnet.pool == pool.subnet and pool.parent in {None, network.parent}
            for network in engine.records.networks()
            for subnet in network.subnets
        )
    )


def _with_one_more_user(
    engine: Engine, pool: Pool, address: IPAddress, *, gateway: bool = False, owner: str | None = None
) -> PoolLease:
    held = engine.records.lease(pool.id, address)
    if held is None:
        return PoolLease(pool.id, address, gateway, owner, 1, engine.clock())
    return replace(held, gateway=gateway or held.gateway, users=held.users + 1, changed=engine.clock())
