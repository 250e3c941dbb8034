"""Pools of addresses: what Docker asks for first, and releases last, when ipvl is its IPAM driver.

A pool without a parent shares addresses with everybody on an overlapping subnet, since Docker does not say which
parent its network will have; one with a parent shares with those on that parent.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from ipvl.addresses.default_pools import default_subnet4, default_subnet6
from ipvl.addresses.pool_requests import PoolRequest, pool_id
from ipvl.driver.engine import Engine
from ipvl.driver.ipam.address_allocation import (
    subnets_in_use,
)
from ipvl.driver.networks.parent_lookup import find_parent
from ipvl.errors import missing
from ipvl.model.addresses import IPNetwork
from ipvl.model.pools import NOT_ALL_SEEN, Pool
from ipvl.records.changes import Drop, Put

log = logging.getLogger(__name__)

REPEATED_WITHIN = 60.0
"""Seconds in which Docker repeats a call whose answer it did not get; it gives up after thirty (moby, pkg/plugins)."""


async def request_pool(engine: Engine, requested: PoolRequest) -> Pool:
    """Return the pool that was asked for, with one more user.

    The same subnet, range and parent are the same pool. A repeated call cannot be told from a second network's: it
    counts one user too many until `release_leaked` puts that right. A pool that was not asked for by its subnet is a
    new one every time, whoever asked before.

    Raises:
        IpvlError: its parent is described and is no link or several, no default pool is left, or the store could not
            take it.
    """
    if requested.parent is not None:
        requested = replace(requested, parent=await find_parent(engine, requested.parent))
    async with engine.lock:
        subnet = requested.subnet if requested.subnet is not None else await _default_subnet(engine, requested)
        identity = pool_id(subnet, requested.range, requested.parent, requested.conflict_check)
        held = engine.records.pool(identity)
        users = 1 if held is None else held.users + 1
        pool = Pool(
            identity, subnet, requested.range, requested.parent, users, engine.clock(), requested.conflict_check
        )
        if held is not None and held.seen_by is not None:
            pool = replace(pool, seen_by=NOT_ALL_SEEN)
        engine.commit((Put(pool),))
        engine.docker.comparison_due.set()
        log.info("pool %s is used by %d", identity, users)
        return pool


async def release_pool(engine: Engine, identity: str) -> None:
    """Take a user off a pool; with the last one it goes, and what is left of its leases. Unknown ones are gone already.

    What may be the repetition of a call that an ipvl before this one has heard changes nothing: a user too many is
    taken off when Docker is compared with (`release_leaked`), but one too few would free what others use.

    Raises:
        IpvlError: the store could not take it.
    """
    async with engine.lock:
        pool = engine.records.pool(identity)
        if pool is None or may_repeat_earlier_call(engine, pool.changed):
            return
        if pool.users > 1:
            engine.commit((Put(replace(pool, users=pool.users - 1, changed=engine.clock())),))
        else:
            engine.commit((Drop(pool),))
        log.info("pool %s is used by %d", identity, pool.users - 1)


def may_repeat_earlier_call(engine: Engine, changed: float) -> bool:
    """Tell whether a release may be one that was done before ipvl was stopped, and that Docker got no answer to.

    If it may, that is noted, so that Docker is asked later.
    """
    doubtful = changed < engine.started and engine.clock() - changed < REPEATED_WITHIN
    if doubtful:
        engine.docker.comparison_due.set()
    return doubtful


async def _default_subnet(engine: Engine, requested: PoolRequest) -> IPNetwork:
    taken = await subnets_in_use(engine)
    if requested.version == 6:
        return default_subnet6(taken, engine.kernel.machine, requested.prefix_length)
    return default_subnet4(taken, requested.prefix_length)


def known_pool(engine: Engine, identity: str) -> Pool:
    """Return the pool with this id.

    Raises:
        IpvlError: there is none.
    """
    pool = engine.records.pool(identity)
    if pool is None:
        raise missing(f"address pool {identity[:100]!r} is not known to ipvl", "remove the network and create it again")
    return pool
