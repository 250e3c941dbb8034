"""Bring host and records together again: at the start, after changes by others, and when a door finds things gone."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace

from ipvl.driver.engine import Engine
from ipvl.driver.events.record_changes import parent_states
from ipvl.driver.networks.create_remove import host_for_removal
from ipvl.driver.networks.host_ports import steps_to_remove_port
from ipvl.driver.repair.correct_mtus import correct_mtus
from ipvl.model.networks import Network
from ipvl.model.steps import SetMtu
from ipvl.model.troubles import Trouble, trouble_with_step
from ipvl.planning.host import Host
from ipvl.planning.host_address_conflicts import address_conflicts
from ipvl.planning.network_plans import plan_removal
from ipvl.planning.parent_names import learned_names, renamed_parents
from ipvl.planning.reconciliation import is_in_sandbox, plan_repair
from ipvl.records.changes import Drop, Put

log = logging.getLogger(__name__)


async def reconcile(engine: Engine) -> None:
    """Repair what differs between records and host, and report what only a human can mend.

    Raises:
        IpvlError: the links cannot be read, or the store could not take the changes. What the kernel refuses to
            repair is a warning, tried again the next time.
    """
    async with engine.lock:
        host = await engine.host(ways=any(network.host_access for network in engine.records.networks()), reach=True)
        rename_parents(engine, host)
        engine.publish(
            engine.record_events.parent_events(engine.records, parent_states(engine.records, host), engine.clock())
        )
        repair = plan_repair(engine.records, host, engine.clock(), engine.kernel.namespace_inode)
        failures = await engine.apply_all(repair.steps)
        engine.commit(repair.changes)
        resized = [step.interface for step in repair.steps if isinstance(step, SetMtu)]
        if resized:
            for name in resized:  # the kernel gave the ports what it was given before as well
                engine.repair.parent_mtus.pop(name, None)
            host = await engine.host()
        # What is made just now is looked at the next time, and has the MTU that it was made with.
        refused = (trouble_with_step(step, error) for step, error in failures)
        left = (*repair.troubles, *refused, *await correct_mtus(engine, host))
        for trouble in left:
            if trouble not in engine.repair.left:
                engine.warn(trouble)
        engine.repair.left = left
        await _warn_of_address_conflicts(engine)


async def _warn_of_address_conflicts(engine: Engine) -> None:
    """Tell of endpoints' addresses that the host has as well, each once; `ipvl status` finds them afresh.

    Raises:
        IpvlError: the host's addresses cannot be read.
    """
    found = [
        Trouble(f"network {one.network.label}: {one.trouble}", one.network)
        for one in address_conflicts(engine.records, await engine.kernel.own_addresses())
    ]
    for trouble in found:
        if trouble not in engine.repair.address_conflicts:
            engine.warn(trouble)
    engine.repair.address_conflicts = frozenset(found)


def rename_parents(engine: Engine, host: Host) -> None:
    """Call parents and bases what their links are called now, and remember their further names; the lock is held.

    Raises:
        IpvlError: the store could not take it.
    """
    engine.commit(tuple(map(Put, learned_names(engine.records, host))))
    for parent, name in tuple(renamed_parents(engine.records, host)):
        engine.commit((Put(replace(parent, also=(*parent.also, parent.name))),))
        engine.rename_parent(parent.name, name)
        engine.commit(tuple(map(Put, learned_names(engine.records, host))))


async def remove_unlisted(
    engine: Engine, networks: Collection[str], endpoints: Collection[str], before: float, owner: str
) -> None:
    """Remove the networks and endpoints that Docker made, had and no longer has.

    Docker drops networks and endpoints without asking when ipvl does not answer, so its list is compared with ours.
    What another one made, or nobody was ever seen to have, stays, and so does a network while any of its endpoints is
    in a sandbox: nobody's list is worth the connectivity of what runs.

    Args:
        engine: what to work on.
        networks: the ids of the networks that Docker has.
        endpoints: the ids of the endpoints that Docker has.
        before: only what is older than this, in seconds since the epoch, can be missing for that reason; anything
            younger may be on its way into Docker's list.
        owner: which Docker that is, as `Network.seen_by` has it.

    Raises:
        IpvlError: the store could not take the changes.
    """
    inode_of = engine.kernel.namespace_inode

    def forgotten() -> list[Network]:
        return [
            network
            for network in engine.records.networks()
            if network.is_dockers
            and network.seen_by == owner
            and network.id not in networks
            and network.created < before
            and not any(is_in_sandbox(one, inode_of) for one in engine.records.endpoints_of(network.id))
        ]

    async with host_for_removal(engine, forgotten) as host:
        gone = forgotten()
        lost = [
            endpoint
            for network in engine.records.networks()
            if network.is_dockers and network.id in networks
            for endpoint in engine.records.endpoints_of(network.id)
            if endpoint.id not in endpoints and endpoint.changed < before
        ]
        plan = plan_removal(gone, engine.records, host)
        steps = (*(step for endpoint in lost for step in steps_to_remove_port(engine, endpoint)), *plan.steps)
        for network in gone:
            log.warning("network %s is gone from %s, so it is removed here", network.label, network.door)
        for step, error in await engine.apply_all(steps):
            engine.warn(trouble_with_step(step, error))
        engine.commit((*map(Drop, lost), *plan.changes))
