"""Make and remove networks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from ipvl.driver.engine import Engine
from ipvl.driver.networks.host_ports import with_host_addresses
from ipvl.driver.networks.locked_host import locked_host
from ipvl.driver.networks.router_notices import warn_of_routers
from ipvl.errors import IpvlError, conflict
from ipvl.model.networks import Network, Phase
from ipvl.model.steps import MakeVlan
from ipvl.model.troubles import Trouble
from ipvl.planning.host import Host
from ipvl.planning.network_plans import NetworkPlan, plan_network, plan_removal, removable_parents
from ipvl.records.changes import Put

log = logging.getLogger(__name__)


async def create_network(engine: Engine, wish: Network) -> Network:
    """Make a network and, when it is missing, its parent; return it with what was chosen for it.

    The same network again is done already: Docker repeats a call whose answer it did not get. What an operation before
    this one had to leave half done, since the disk was full, is removed first.

    Raises:
        IpvlError: the id belongs to another network, the parent cannot be had or shared, or the kernel refused.
            Nothing was changed.
    """
    await _remove_half_done(engine)
    async with _host_for(engine, wish) as host:
        held = engine.records.network(wish.id)
        if held is not None:
            if _same(held, wish):
                return held
            raise conflict(
                f"network id {wish.id[:12]} belongs to network {held.label}, which is not what this call asks for",
                "remove that network first",
            )
        plan = _plan(engine, wish, host)
        await _carry_out(engine, plan)
        network = plan.network
        if network.is_dockers:
            engine.docker.comparison_due.set()
        warn_of_routers(engine, network)
        for warning in plan.warnings:
            engine.warn(Trouble(f"network {network.label}: {warning}", network))
        log.info(
            "network %s is ready: mode %s, flag %s, parent %s",
            network.label,
            network.mode,
            network.flag,
            network.parent,
        )
        return network


async def plan_creation(engine: Engine, wish: Network) -> NetworkPlan:
    """Return how `create_network` would make a network, and change nothing.

    Raises:
        IpvlError: it would refuse.
    """
    async with _host_for(engine, wish) as host:
        return _plan(engine, wish, host)


async def delete_network(engine: Engine, network_id: str) -> None:
    """Remove a network, what is left of its endpoints, and its parents that ipvl made and nobody else needs.

    A network that is not known is removed already. Everything that can be removed is, before a failure is reported.

    Raises:
        IpvlError: the store could not take it, or the kernel kept a link; then the network stays, to be removed again.
    """
    async with host_for_removal(engine, lambda: _known(engine, network_id)) as host:
        for network in _known(engine, network_id):
            await remove(engine, network, host)


def host_for_removal(engine: Engine, networks: Callable[[], Collection[Network]]) -> AbstractAsyncContextManager[Host]:
    """Hold the engine's lock, with the host as those must know it who remove networks.

    Args:
        engine: what to work on; its lock is not held.
        networks: returns which may be removed; the lock is held. Decide anew within which are.

    Raises:
        IpvlError: the host cannot be read.
    """
    return locked_host(engine, lambda _: removable_parents(networks(), engine.records))


async def remove(engine: Engine, network: Network, host: Host) -> None:
    """Do what `delete_network` does with a known network, with the engine's lock held by `host_for_removal`.

    Raises:
        IpvlError: as there.
    """
    network = replace(network, phase=Phase.REMOVING)
    engine.commit((Put(network),))
    await _remove(engine, network, host)


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


async def _remove_half_done(engine: Engine) -> None:
    """Remove what operations before this one had to leave.

    Raises:
        IpvlError: the store could not take it, or the kernel kept a link.
    """
    if not _half_done(engine):
        return
    async with host_for_removal(engine, lambda: _half_done(engine)) as host:
        # What others had just begun is done by now.
        for network in _half_done(engine):
            await _remove(engine, network, host)


async def _remove(engine: Engine, network: Network, host: Host) -> None:
    """Remove a network that is recorded as half done.

    Raises:
        IpvlError: the store could not take it, or the kernel kept a link.
    """
    plan = plan_removal((network,), engine.records, host)
    failures = await engine.apply_all(plan.steps)
    if failures:
        raise failures[0][1]
    engine.commit(plan.changes)
    log.info("network %s is removed", network.label)
    for trouble in plan.troubles:
        engine.warn(trouble)
    engine.repair.left = (*engine.repair.left, *plan.troubles)


def _host_for(engine: Engine, wish: Network) -> AbstractAsyncContextManager[Host]:
    return locked_host(engine, lambda _: () if wish.isolated else (wish.parent,), routing=wish.host_access)


def _plan(engine: Engine, wish: Network, host: Host) -> NetworkPlan:
    return plan_network(with_host_addresses(engine, wish, host.routing), engine.records, host)


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
    engine.commit((Put(replace(plan.network, phase=Phase.READY)),))


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
        IpvlError: it is found, or the host cannot be read.
    """
    moved = await engine.kernel.ports_in_other_namespaces()
    plan_network(network, engine.records, replace(await engine.host(routing=network.host_access), moved=moved))


def _known(engine: Engine, network_id: str) -> list[Network]:
    network = engine.records.network(network_id)
    return [] if network is None else [network]


def _half_done(engine: Engine) -> list[Network]:
    return [network for network in engine.records.networks() if network.phase is not Phase.READY]


def _same(held: Network, asked: Network) -> bool:
    """Tell whether a call asks for what is there already, where the host's addresses may have been left to ipvl."""
    if len(held.subnets) == len(asked.subnets):
        pairs = zip(asked.subnets, held.subnets, strict=True)
        asked = replace(asked, subnets=tuple(replace(one, host=one.host or other.host) for one, other in pairs))
    return replace(held, name=None, created=0.0, phase=Phase.READY, seen_by=None) == replace(
        asked, name=None, created=0.0, phase=Phase.READY
    )
