"""Pools of addresses for other engines: Docker takes its addresses here when ipvl is its IPAM driver.

A pool without a parent shares addresses with everybody on an overlapping subnet, since Docker does not say which
parent its network will have; one with a parent shares with those on that parent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_interface

from ipvl.addresses.default_pools import default_subnet4, default_subnet6
from ipvl.addresses.next_address import check_usable, first_usable, full, next_free_address
from ipvl.addresses.pool_requests import PoolRequest, pool_id
from ipvl.driver.endpoints.awaited_names import await_names
from ipvl.driver.engine import Engine
from ipvl.driver.ipam.address_allocation import (
    ANOTHER,
    endpoint_that_holds,
    holder,
    leased,
    oldest_stale,
    refusal,
    shares,
    subnets_in_use,
)
from ipvl.driver.ipam.address_conflicts import (
    CHOOSE_ANOTHER,
    MOST_IN_TURN,
    end_quarantine,
    expired,
    quarantine,
    taken,
    taken_in_turn,
    who_has,
)
from ipvl.errors import IpvlError, missing
from ipvl.model.addresses import IPAddress, IPInterface, IPNetwork, OwnAddresses
from ipvl.model.networks import ConflictCheck
from ipvl.model.pools import NOT_ALL_SEEN, Cursor, Pool, PoolLease
from ipvl.planning.host_address_conflicts import refusal_of_own
from ipvl.records.records import Change, Drop, Put

log = logging.getLogger(__name__)

REPEATED_WITHIN = 60.0
"""Seconds in which Docker repeats a call whose answer it did not get; it gives up after thirty (moby, pkg/plugins)."""


@dataclass(frozen=True, slots=True)
class InUse:
    """What its owner knows of a pool: how many networks use it (one or more), and every address that they or their
    containers have.
    """

    users: int
    addresses: frozenset[IPAddress]


async def request_pool(engine: Engine, wish: PoolRequest) -> Pool:
    """Return the pool that was asked for, with one more user.

    The same subnet, range and parent are the same pool. A repeated call cannot be told from a second network's: it
    counts one user too many until `forget_leaked` puts that right. A pool that was not asked for by its subnet is a
    new one every time, whoever asked before.

    Raises:
        IpvlError: no default pool is left, or the store could not take it.
    """
    async with engine.lock:
        subnet = wish.subnet if wish.subnet is not None else await _default_subnet(engine, wish)
        identity = pool_id(subnet, wish.range, wish.parent, wish.conflict_check)
        held = engine.records.pool(identity)
        users = 1 if held is None else held.users + 1
        pool = Pool(identity, subnet, wish.range, wish.parent, users, engine.clock(), wish.conflict_check)
        if held is not None and held.seen_by is not None:
            pool = replace(pool, seen_by=NOT_ALL_SEEN)
        engine.commit((Put(pool),))
        engine.docker.comparison_due.set()
        log.info("pool %s is used by %d", identity, users)
        return pool


async def release_pool(engine: Engine, identity: str) -> None:
    """Take a user off a pool; with the last one it goes, and what is left of its leases. Unknown ones are gone already.

    What may be the repetition of a call that an ipvl before this one has heard changes nothing: a user too many is
    taken off when Docker is compared with (`forget_leaked`), but one too few would free what others use.

    Raises:
        IpvlError: the store could not take it.
    """
    async with engine.lock:
        pool = engine.records.pool(identity)
        if pool is None or _heard_before(engine, pool.changed):
            return
        if pool.users > 1:
            engine.commit((Put(replace(pool, users=pool.users - 1, changed=engine.clock())),))
        else:
            engine.commit((Drop(pool),))
        log.info("pool %s is used by %d", identity, pool.users - 1)


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
        pool = _pool(engine, identity)
        held = next((lease.address for lease in engine.records.leases_of(identity) if lease.gateway), None)
        address = wanted or held or first_usable(pool.subnet)
        if address is None:
            # One address leaves no room for a gateway, but Docker wants an answer: what the container will have.
            return ip_interface((pool.subnet.network_address, pool.subnet.prefixlen))
        check_usable(pool.subnet, address)
        words = endpoint_that_holds(engine, pool.parent, address) or _leased_to_another(
            engine, pool, address, or_a_gateway=False
        )
        if words is not None:
            raise refusal(address, f"cannot be the gateway of pool {identity}: it {words}")
        engine.commit((Put(_one_more(engine, pool, address, gateway=True)),))
        log.info("pool %s: %s is the gateway", identity, address)
        return ip_interface((address, pool.subnet.prefixlen))


async def request_address(engine: Engine, identity: str, wanted: IPAddress | None, owner: str | None) -> IPInterface:
    """PoolLease an address of a pool.

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
        await await_names(engine, _pool(engine, identity).parent, (wanted,))
    async with engine.lock:
        engine.commit(expired(engine.records, engine.clock()))
        in_turn = 0
        while True:
            pool = _pool(engine, identity)
            address = _lease(engine, pool, wanted, owner, await engine.kernel.own_addresses())
            of_others = wanted is not None and owner is None
            if pool.conflict_check is ConflictCheck.NONE or pool.parent is None or of_others:
                return ip_interface((address, pool.subnet.prefixlen))
            found = await _asked(engine, pool, pool.parent, address)
            if not found:
                engine.probes.note_free(pool.parent, address, engine.clock())
                return ip_interface((address, pool.subnet.prefixlen))
            if wanted is not None:
                raise taken(pool.parent, found, CHOOSE_ANOTHER)
            in_turn += 1
            if in_turn == MOST_IN_TURN:
                raise taken_in_turn(pool.parent, found)


async def release_address(engine: Engine, identity: str, address: IPAddress) -> None:
    """Take a user off a lease; with the last one it goes. What is not leased is free already.

    A gateway, or what else several may have, is treated like a pool when the call may be a repetition.

    Raises:
        IpvlError: the store could not take it.
    """
    async with engine.lock:
        lease = engine.records.lease(identity, address)
        if lease is None or ((lease.gateway or lease.users > 1) and _heard_before(engine, lease.changed)):
            return
        fewer = replace(lease, users=lease.users - 1, changed=engine.clock())
        engine.commit((Put(fewer) if fewer.users else Drop(lease),))
        log.info("pool %s: %s is released", identity, address)


async def forget_leaked(engine: Engine, owned: Mapping[str, InUse], before: float, owner: str) -> None:
    """Take back the pools and leases that their owner asked for and does not have: it died before it wrote them down.

    A pool goes only if the owner was seen to have all of its users, so that nobody else's goes with it, and nobody runs
    who has an address of it; leases go only from such pools.

    Args:
        engine: what to work on.
        owned: what the owner has, by pool id.
        before: only what is older than this, in seconds since the epoch, can be missing for that reason; anything
            younger may be on its way into the owner's list.
        owner: who that is, as `Pool.seen_by` has it.

    Raises:
        IpvlError: the store could not take the changes.
    """
    async with engine.lock:
        changes: list[Change] = []
        for pool in engine.records.pools():
            known = owned.get(pool.id)
            if known is None:
                if pool.changed < before and pool.seen_by == owner and not _is_needed(engine, pool):
                    log.warning("pool %s is gone from its owner, so it is free here", pool.id)
                    changes.append(Drop(pool))
            elif pool.users == known.users or (
                pool.changed < before and not _may_be_anothers(engine, pool, known, owner)
            ):
                seen = replace(pool, users=known.users, seen_by=owner)
                changes += [Put(seen)] if seen != pool else []
                changes += _leaked(engine, pool, known, before)
        engine.commit(changes)


def _may_be_anothers(engine: Engine, pool: Pool, known: InUse, owner: str) -> bool:
    """Tell whether users that the owner does not know may be somebody else's, rather than calls that were repeated.

    They are not if the owner had all users, and nobody asked since then. They may be if somebody did; and if a network
    that the owner does not list is on the same subnet.
    """
    if pool.users <= known.users or pool.seen_by == owner:
        return False
    return pool.seen_by is not None or any(
        network.is_dockers
        and network.id not in engine.docker.listed
        and any(subnet.pool == pool.subnet for subnet in network.subnets)
        for network in engine.records.networks()
    )


def _is_needed(engine: Engine, pool: Pool) -> bool:
    return any(
        endpoint_that_holds(engine, pool.parent, lease.address) is not None
        for lease in engine.records.leases_of(pool.id)
    )


def _leaked(engine: Engine, pool: Pool, known: InUse, before: float) -> list[Change]:
    # Docker 20.10 does not show a gateway that it was not given, so gateways stay until their pool goes.
    leaked = [
        lease
        for lease in engine.records.leases_of(pool.id)
        if not lease.gateway
        and lease.address not in known.addresses
        and lease.changed < before
        and endpoint_that_holds(engine, pool.parent, lease.address) is None
    ]
    for lease in leaked:
        log.warning("pool %s: nobody has %s any more, so it is free", pool.id, lease.address)
    too_often = [
        lease
        for lease in engine.records.leases_of(pool.id)
        if lease not in leaked and lease.changed < before and lease.users > known.users
    ]
    return [*map(Drop, leaked), *(Put(replace(lease, users=known.users)) for lease in too_often)]


def _lease(engine: Engine, pool: Pool, wanted: IPAddress | None, owner: str | None, own: OwnAddresses) -> IPAddress:
    """Record a lease of the address that was asked for, or of the next in turn, and return the address.

    Raises:
        IpvlError: there is none left, or the one that was asked for cannot be had.
    """
    if wanted is not None and _asks_again(engine, pool, wanted, owner):
        return wanted
    changes: list[Change] = []
    if wanted is None:
        address = _next(engine, pool, own)
        changes.append(Put(Cursor(pool.id, pool.subnet, address)))
    else:
        address = wanted
        _check_wanted(engine, pool, address, owner, own)
    engine.commit((Put(_one_more(engine, pool, address, owner=owner)), *changes))
    log.info("pool %s: %s is leased", pool.id, address)
    return address


async def _asked(engine: Engine, pool: Pool, parent: str, address: IPAddress) -> Mapping[IPAddress, str]:
    """Return who has an address that was just leased; if anybody has, the lease is gone and the address kept out.

    Raises:
        IpvlError: nobody could be asked, and the lease is gone; or it was released meanwhile.
    """
    try:
        found = await who_has(engine, parent, address)
    except IpvlError:
        engine.commit(_given_back(engine, pool, address))
        raise
    if engine.records.lease(pool.id, address) is None:
        raise missing(f"address {address} of pool {pool.id} was released while it was being asked for", "ask again")
    if found:
        engine.commit((*_given_back(engine, pool, address), *quarantine(engine, parent, found)))
    else:
        engine.commit(end_quarantine(engine.records, parent, (address,)))
    return found


def _given_back(engine: Engine, pool: Pool, address: IPAddress) -> tuple[Change, ...]:
    """Return what takes a user off a lease; with the last one it goes."""
    lease = engine.records.lease(pool.id, address)
    if lease is None:
        return ()
    return (Put(replace(lease, users=lease.users - 1)) if lease.users > 1 else Drop(lease),)


def _heard_before(engine: Engine, changed: float) -> bool:
    """Tell whether a release may be one that was done before ipvl was stopped, and that Docker got no answer to.

    If it may, that is noted, so that Docker is asked later.
    """
    doubtful = changed < engine.started and engine.clock() - changed < REPEATED_WITHIN
    if doubtful:
        engine.docker.comparison_due.set()
    return doubtful


async def _default_subnet(engine: Engine, wish: PoolRequest) -> IPNetwork:
    taken = await subnets_in_use(engine)
    if wish.version == 6:
        return default_subnet6(taken, engine.kernel.machine, wish.prefix_length)
    return default_subnet4(taken, wish.prefix_length)


def _pool(engine: Engine, identity: str) -> Pool:
    pool = engine.records.pool(identity)
    if pool is None:
        raise missing(f"address pool {identity[:100]!r} is not known to ipvl", "remove the network and create it again")
    return pool


def _next(engine: Engine, pool: Pool, own: OwnAddresses) -> IPAddress:
    found = next_free_address(
        pool.subnet,
        engine.records.held(pool.parent, pool.subnet.version),
        within=pool.range,
        last=engine.records.last_chosen(pool.id, pool.subnet),
        own=own,
    ) or oldest_stale(engine, pool.parent, pool.subnet, pool.range, own)
    if found is None:
        raise full(pool.subnet, pool.range)
    return found


def _asks_again(engine: Engine, pool: Pool, address: IPAddress, owner: str | None) -> bool:
    """Tell whether an endpoint has leased the address already and is not made yet: its first answer was lost."""
    lease = engine.records.lease(pool.id, address)
    return (
        owner is not None
        and lease is not None
        and lease.owner == owner
        and endpoint_that_holds(engine, pool.parent, address) is None
    )


def _check_wanted(engine: Engine, pool: Pool, address: IPAddress, owner: str | None, own: OwnAddresses) -> None:
    check_usable(pool.subnet, address)
    if owner is not None:
        words = holder(engine, pool.parent, address)
    else:
        words = endpoint_that_holds(engine, pool.parent, address)
        if words is None and not _answer_may_be_lost(engine, pool, address):
            words = _leased_to_another(engine, pool, address, or_a_gateway=True)
    if words is not None:
        raise refusal(address, words)
    if owner is not None and address in own:
        raise refusal_of_own(address, own[address], ANOTHER)


def _leased_to_another(engine: Engine, pool: Pool, address: IPAddress, *, or_a_gateway: bool) -> str | None:
    """Say which pool leased an address to what may be an endpoint, in words that follow "address A", or return None.

    What a network reserves is no endpoint's.
    """
    if any(address in subnet.reserved for network in engine.records.networks() for subnet in network.subnets):
        return None
    for lease in engine.records.leases_for(address):
        other = engine.records.pool(lease.pool_id)
        if other is None or not shares(other, pool.parent) or (lease.gateway and not or_a_gateway):
            continue
        return leased(lease)
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


def _one_more(
    engine: Engine, pool: Pool, address: IPAddress, *, gateway: bool = False, owner: str | None = None
) -> PoolLease:
    held = engine.records.lease(pool.id, address)
    if held is None:
        return PoolLease(pool.id, address, gateway, owner, 1, engine.clock())
    return replace(held, gateway=gateway or held.gateway, users=held.users + 1, changed=engine.clock())
