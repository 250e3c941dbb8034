"""The pools and leases that Docker asked for and does not have: it died before it wrote them down, so they are free."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ipvl.driver.engine import Engine
from ipvl.driver.ipam.address_holders import endpoint_holding
from ipvl.model.addresses import IPAddress
from ipvl.model.pools import Pool
from ipvl.records.changes import Change, Drop, Put

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolUse:
    """What its owner knows of a pool: how many networks use it (one or more), and every address that they or their
    containers have.
    """

    users: int
    addresses: frozenset[IPAddress]


async def release_leaked(engine: Engine, owned: Mapping[str, PoolUse], before: float, owner: str) -> None:
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
                if pool.changed < before and pool.seen_by == owner and not _is_used(engine, pool):
                    log.warning("pool %s is gone from its owner, so it is free here", pool.id)
                    changes.append(Drop(pool))
            elif pool.users == known.users or (
                pool.changed < before and not _may_be_anothers(engine, pool, known, owner)
            ):
                seen = replace(pool, users=known.users, seen_by=owner)
                changes += [Put(seen)] if seen != pool else []
                changes += _leaked_leases_of(engine, pool, known, before)
        engine.commit(changes)


def _may_be_anothers(engine: Engine, pool: Pool, known: PoolUse, owner: str) -> bool:
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


def _is_used(engine: Engine, pool: Pool) -> bool:
    return any(
        endpoint_holding(engine, pool.parent, lease.address) is not None for lease in engine.records.leases_of(pool.id)
    )


def _leaked_leases_of(engine: Engine, pool: Pool, known: PoolUse, before: float) -> list[Change]:
    # Docker 20.10 does not show a gateway that it was not given, so gateways stay until their pool goes.
    leaked = [
        lease
        for lease in engine.records.leases_of(pool.id)
        if not lease.gateway
        and lease.address not in known.addresses
        and lease.changed < before
        and endpoint_holding(engine, pool.parent, lease.address) is None
    ]
    for lease in leaked:
        log.warning("pool %s: nobody has %s any more, so it is free", pool.id, lease.address)
    too_often = [
        lease
        for lease in engine.records.leases_of(pool.id)
        if lease not in leaked and lease.changed < before and lease.users > known.users
    ]
    return [*map(Drop, leaked), *(Put(replace(lease, users=known.users)) for lease in too_often)]
