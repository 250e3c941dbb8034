"""Make and remove networks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from ipvl.driver.engine import Engine
from ipvl.driver.networks.host_ports import with_host_addresses
from ipvl.driver.networks.planned_changes import planned
from ipvl.errors import IpvlError
from ipvl.model.networks import Network, Phase
from ipvl.model.steps import MakeVlan
from ipvl.model.troubles import Trouble
from ipvl.options.parent_selectors import parse_parent_selector
from ipvl.planning.host import Host
from ipvl.planning.network_plans import NetworkPlan, plan_network, plan_removal, plan_repetition
from ipvl.planning.parents.parent_selection import with_parents_name
from ipvl.records.changes import Put

log = logging.getLogger(__name__)


async def create_network(engine: Engine, requested: Network) -> NetworkPlan:
    """Make a network and, when it is missing, its parent; return how, with what was chosen for it.

    The same network again is done already: Docker repeats a call whose answer it did not get. What an operation before
    this one had to leave half done, since the disk was full, is removed first.

    Args:
        engine: what to work on; its lock is not held.
        requested: the network, whose parent may be called or described in any way.

    Raises:
        IpvlError: the id belongs to another network, the parent cannot be had or shared, or the kernel refused.
            Nothing was changed.
    """
    if _half_done(engine):
        await remove_networks(engine, lambda: _half_done(engine))
    async with _planned_creation(engine, requested) as plan:
        network = plan.network
        if plan.changes:
            await _carry_out(engine, plan)
            if network.parent != requested.parent:
                log.info("parent %s is %s", requested.parent, network.parent)
            log.info(
                "network %s is ready: mode %s, flag %s, parent %s",
                network.label,
                network.mode,
                network.flag,
                network.parent,
            )
        return plan


async def plan_creation(engine: Engine, requested: Network) -> NetworkPlan:
    """Return how `create_network` would make a network, and change nothing.

    Raises:
        IpvlError: it would refuse.
    """
    async with _planned_creation(engine, requested) as plan:
        return plan


async def delete_network(engine: Engine, network_id: str) -> None:
    """Remove a network, what is left of its endpoints, and its parents that ipvl made and nobody else needs.

    A network that is not known is removed already. Everything that can be removed is, before a failure is reported.

    Raises:
        IpvlError: the store could not take it, or the kernel kept a link; then the network stays, to be removed again.
    """
    await remove_networks(engine, lambda: [one for one in engine.records.networks() if one.id == network_id])


async def remove_networks(engine: Engine, chosen: Callable[[], Collection[Network]]) -> tuple[Network, ...]:
    """Do what `delete_network` does with some networks, and return which they were.

    Args:
        engine: what to work on; its lock is not held.
        chosen: returns which are to go, or refuses; the lock is held. It may be called twice.

    Raises:
        IpvlError: as there, or `chosen` refused.
    """
    async with planned(engine, lambda host: plan_removal(chosen(), engine.records, host)) as plan:
        engine.commit([Put(replace(one, phase=Phase.REMOVING)) for one in plan.networks if one.phase is Phase.READY])
        failures = await engine.apply_all(plan.steps)
        if failures:
            raise failures[0][1]
        engine.commit(plan.changes)
        for network in plan.networks:
            log.info("network %s is removed", network.label)
        for trouble in plan.troubles:
            engine.warn(trouble)
        engine.repair.left = (*engine.repair.left, *plan.troubles)
    return plan.networks


async def name_network(engine: Engine, network_id: str, name: str, seen_by: str | None = None) -> None:
    """Remember what the user calls a network, for logs, refusals and status; an unknown network is passed over.

    `seen_by` is the Docker that lists it, None where it is not known which one that was.
    """
    async with engine.lock:
        network = engine.records.network(network_id)
        if network is None:
            return
        named = replace(network, name=name, seen_by=seen_by or network.seen_by)
        if named != network:
            engine.commit((Put(named),))
            engine.docker.named.set()


def _planned_creation(engine: Engine, requested: Network) -> AbstractAsyncContextManager[NetworkPlan]:
    selector = parse_parent_selector(requested.parent)

    def plan(host: Host) -> NetworkPlan:
        network = with_parents_name(requested, selector, engine.records, host)
        held = engine.records.network(network.id)
        if held is not None:
            return plan_repetition(held, network)
        if network.host_access:
            network = with_host_addresses(engine, network, host.routing)
        return plan_network(network, engine.records, host)

    return planned(engine, plan, routing=requested.host_access or (selector is not None and selector.by_routing))


async def _carry_out(engine: Engine, plan: NetworkPlan) -> None:
    """Record the intent, change links, record that it is done; or take all of it back.

    Raises:
        IpvlError: the store could not take it, or the kernel refused.
    """
    engine.commit(plan.changes)
    try:
        await engine.apply(plan.steps)
    except IpvlError:
        if await _take_back(engine, plan):
            engine.commit(plan.undo_changes)
        if any(isinstance(step, MakeVlan) for step in plan.steps):
            async with engine.unlocked():
                await _look_for_the_reason(engine, plan.network)
        raise
    network = replace(plan.network, phase=Phase.READY)
    engine.commit((Put(network),))
    if network.is_dockers:
        engine.docker.comparison_due.set()
    for warning in (*plan.warnings, *plan.notices):
        engine.warn(Trouble(f"network {network.label}: {warning}", network))


async def _take_back(engine: Engine, plan: NetworkPlan) -> bool:
    """Remove what a step that failed may have made; tell whether all is gone.

    Nobody was told of a parent, so nobody is told that it goes.
    """
    try:
        for step in plan.undo_steps:
            await engine.kernel.apply(step)
    except IpvlError as error:
        log.warning("%s", error)
        return False
    return True


async def _look_for_the_reason(engine: Engine, network: Network) -> None:
    """Look for what is in the way of a VLAN in other namespaces, which takes a while, so with the lock released.

    Raises:
        IpvlError: it is found.
    """
    try:
        moved = await engine.kernel.ports_in_other_namespaces()
        host = replace(await engine.host(routing=network.host_access), moved=moved)
    except IpvlError as error:
        log.warning("%s", error)
        return
    plan_network(network, engine.records, host)


def _half_done(engine: Engine) -> list[Network]:
    return [network for network in engine.records.networks() if network.phase is not Phase.READY]
