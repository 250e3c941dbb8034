"""Make and remove networks."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from ipvl.driver.engine import Engine
from ipvl.driver.networks.host_ports import with_host_addresses
from ipvl.driver.networks.router_notices import warn_of_routers
from ipvl.errors import IpvlError, conflict
from ipvl.model.networks import Network, Phase
from ipvl.model.steps import (
    KeepHostOff,
    MakeDummy,
    MakeHostPort,
    MakeVlan,
    RemoveHostPort,
    RemoveParent,
    RemovePort,
    RouteByParent,
    Step,
)
from ipvl.model.troubles import Trouble
from ipvl.planning.host_access import check_host_access, steps_to_give_access
from ipvl.planning.host_exposure import steps_to_keep_host_off_again, steps_to_route_by
from ipvl.planning.internal_networks import unused_parent
from ipvl.planning.kernel_versions import check_kernel
from ipvl.planning.parents import left_behind, plan_parent, steps_to_remove_parents, unused_parents
from ipvl.records.records import Change, Drop, Put

log = logging.getLogger(__name__)


async def create_network(engine: Engine, network: Network) -> None:
    """Make a network and, when it is missing, its parent.

    The same network again is done already: Docker repeats a call whose answer it did not get. What an operation before
    this one had to leave half done, since the disk was full, is removed first.

    Raises:
        IpvlError: the id belongs to another network, the parent cannot be had or shared, or the kernel refused.
            Nothing was changed.
    """
    async with engine.lock:
        for abandoned in [one for one in engine.records.networks() if one.phase is not Phase.READY]:
            await _remove(engine, abandoned)
        held = engine.records.network(network.id)
        if held is not None:
            if _same(held, network):
                return
            raise conflict(
                f"network id {network.id[:12]} belongs to network {held.label}, which is not what this call asks for",
                "remove that network first",
            )
        host = await engine.host(everywhere=not network.isolated, ways=network.host_access)
        check_kernel(network, host)
        plan = plan_parent(network, engine.records, host)
        network = with_host_addresses(engine, network, host.ways)
        if network.host_access:
            check_host_access(network, host)
        # The networks that share a parent have its mode: where there is one already, so is what it needs.
        first = not engine.records.networks_on(network.parent)
        opening = steps_to_route_by(plan.parent, (network,)) if first else ()
        steps = (*plan.steps, *opening, *steps_to_give_access(network))
        before = {parent.name: engine.records.parent(parent.name) for parent in plan.parents}
        engine.commit((*map(Put, plan.parents), Put(replace(network, phase=Phase.MAKING))))
        try:
            await engine.apply(steps)
        except IpvlError:
            if await _unmake(engine, steps):
                earlier = [(parent, before[parent.name]) for parent in reversed(plan.parents)]
                engine.commit((Drop(network), *(Drop(new) if old is None else Put(old) for new, old in earlier)))
            raise
        engine.commit((Put(replace(network, phase=Phase.READY)),))
        if network.is_dockers:
            engine.docker.comparison_due.set()
        warn_of_routers(engine, network)
        for warning in (*plan.warnings, *unused_parent(network)):
            engine.warn(Trouble(f"network {network.label}: {warning}", network))
        log.info(
            "network %s is ready: mode %s, flag %s, parent %s",
            network.label,
            network.mode,
            network.flag,
            network.parent,
        )


async def delete_network(engine: Engine, network_id: str) -> None:
    """Remove a network, what is left of its endpoints, and its parents that ipvl made and nobody else needs.

    A network that is not known is removed already. Everything that can be removed is, before a failure is reported.

    Raises:
        IpvlError: the store could not take it, or the kernel kept a link; then the network stays, to be removed again.
    """
    async with engine.lock:
        network = engine.records.network(network_id)
        if network is not None:
            await remove(engine, network)


async def remove(engine: Engine, network: Network) -> None:
    """Do what `delete_network` does with a known network, with the engine's lock held.

    Raises:
        IpvlError: as there.
    """
    network = replace(network, phase=Phase.REMOVING)
    engine.commit((Put(network),))
    await _remove(engine, network)


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


async def _remove(engine: Engine, network: Network) -> None:
    """Remove a network that is recorded as half done.

    Raises:
        IpvlError: the store could not take it, or the kernel kept a link.
    """
    endpoints = engine.records.endpoints_of(network.id)
    steps: list[Step] = [RemovePort(endpoint.port) for endpoint in endpoints]
    if network.host_access:
        steps.append(RemoveHostPort(network.host_port))
    forget: list[Change] = [*map(Drop, endpoints), Drop(network)]
    unused = unused_parents(engine.records, {network.id}, (network.parent,))
    forget += map(Drop, unused)
    steps += steps_to_keep_host_off_again(engine.records, (network,), unused)
    if any(parent.made for parent in unused):
        steps += steps_to_remove_parents(unused, await engine.host(everywhere=True))
    failures = await engine.apply_all(steps)
    if failures:
        raise failures[0][1]
    engine.commit(forget)
    log.info("network %s is removed", network.label)
    for parent in unused:
        if parent.made and RemoveParent(parent.name) not in steps:
            trouble = Trouble(left_behind(parent.name), network, parent.name)
            engine.warn(trouble)
            engine.repair.left = (*engine.repair.left, trouble)


async def _unmake(engine: Engine, steps: Iterable[Step]) -> bool:
    """Remove what a step that failed may have made, if only the kernel's answer was lost; tell whether all is gone.

    Nobody was told of a parent, so nobody is told that it goes.
    """
    try:
        for step in reversed(tuple(steps)):
            if isinstance(step, MakeDummy | MakeVlan):
                await engine.kernel.apply(RemoveParent(step.name))
            elif isinstance(step, RouteByParent):
                await engine.kernel.apply(KeepHostOff(step.name))
            elif isinstance(step, MakeHostPort):
                await engine.kernel.apply(RemoveHostPort(step.name))
    except IpvlError as error:
        log.warning("%s", error)
        return False
    return True


def _same(held: Network, asked: Network) -> bool:
    """Tell whether a call asks for what is there already, where the host's addresses may have been left to ipvl."""
    if len(held.subnets) == len(asked.subnets):
        pairs = zip(asked.subnets, held.subnets, strict=True)
        asked = replace(asked, subnets=tuple(replace(one, host=one.host or other.host) for one, other in pairs))
    return replace(held, name=None, created=0.0, phase=Phase.READY, seen_by=None) == replace(
        asked, name=None, created=0.0, phase=Phase.READY
    )
