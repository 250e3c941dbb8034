"""Bring host and records together again: at the start, after changes by others, and when a door finds things gone."""

from __future__ import annotations

import logging
from dataclasses import replace

from ipvl.driver.engine import Engine
from ipvl.driver.events.record_changes import parent_states
from ipvl.driver.repair.correct_mtus import correct_mtus
from ipvl.model.steps import SetMtu
from ipvl.model.troubles import Trouble, trouble_with_step
from ipvl.planning.host import Host
from ipvl.planning.host_address_conflicts import address_conflicts
from ipvl.planning.parents.parent_names import learned_names, renamed_parents
from ipvl.planning.reconciliation import plan_repair
from ipvl.records.changes import Put

log = logging.getLogger(__name__)


async def reconcile(engine: Engine) -> None:
    """Repair what differs between records and host, and report what only a human can mend.

    Raises:
        IpvlError: the links cannot be read, or the store could not take the changes. What the kernel refuses to
            repair is a warning, tried again the next time.
    """
    async with engine.lock:
        host = await engine.host(
            routing=any(network.host_access for network in engine.records.networks()), exposures=True
        )
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
