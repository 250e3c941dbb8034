"""Make ports again that went with their parents, in the sandboxes that had them, whoever looks after those."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ipvl.driver.endpoints.create_join_leave import port_mtu
from ipvl.driver.engine import Engine
from ipvl.driver.events.record_changes import port_restored
from ipvl.driver.ipam.address_holders import who_holds
from ipvl.errors import IpvlError
from ipvl.model.addresses import IPAddress
from ipvl.model.endpoints import Endpoint, SeenPort
from ipvl.model.links import Link
from ipvl.model.networks import ConflictCheck, Mode
from ipvl.model.steps import RemovePort, RemoveSandboxPort
from ipvl.model.troubles import Trouble
from ipvl.planning.host import Host
from ipvl.planning.port_restoration import (
    LostPort,
    given_addresses,
    lost_ports,
    plan_restoration,
    port_of,
    seen_port,
)
from ipvl.records.changes import Put

log = logging.getLogger(__name__)

RESTART_OR_LET_IN = "restart it, or let ipvl enter namespaces (embedded.conf, see docs/embedded.md)"
PORTS_A_COMMIT = 16
"""Ports whose records are written in one commit: a fsync each would be most of the time that they take."""


async def restore_ports(engine: Engine) -> None:
    """Make every port again that went with its parent, and remember what kept it from that.

    The lock is held for one port at a time, so that whatever else is asked for comes in between. Whoever is interrupted
    does it again: what is there already is completed.

    Raises:
        IpvlError: the links cannot be read, or the store could not take the changes.
    """
    host = Host(await engine.kernel.links(), engine.kernel.kernel_release, frozenset())
    _announce_on_parents_that_came_up(engine, host)
    some = lost_ports(engine.records, host, engine.clock(), engine.kernel.namespace_inode, engine.repair.parent_at_join)
    # On a parent that is down nobody can be asked; a NIC that is plugged in is so at first.
    found = [one for one in some if not _asks(one) or (one.parent.up and one.parent.carrier)]
    hindered: dict[str, Trouble] = {}
    seen: dict[str, SeenPort] = {}
    claimed = await _claimed(engine, found)
    for suspect in found:
        async with engine.lock:
            if engine.records.endpoint(suspect.endpoint.id) != suspect.endpoint:
                continue
            try:
                again = await _restore_port(engine, suspect, claimed.get(suspect.network.parent, {}))
            except IpvlError as error:
                hindered[suspect.endpoint.id] = Trouble(
                    f"{suspect.label}, and {error.what}: restart it", suspect.network
                )
                continue
            if isinstance(again, SeenPort):
                seen[suspect.endpoint.id] = again
            elif again:
                hindered[suspect.endpoint.id] = Trouble(f"{suspect.label}, and {again}", suspect.network)
            if len(seen) >= PORTS_A_COMMIT:
                record_seen_ports(engine, seen)
                seen = {}
    async with engine.lock:
        record_seen_ports(engine, seen)
        _warn_of_hindrances(engine, hindered)


def record_seen_ports(engine: Engine, seen: dict[str, SeenPort]) -> None:
    """Record how ports were seen, by their endpoints' ids; the lock is held, and endpoints that left are passed over.

    Raises:
        IpvlError: the store could not take the changes.
    """
    held = ((engine.records.endpoint(identity), port) for identity, port in seen.items())
    engine.commit(
        [
            Put(replace(endpoint, seen=port))
            for endpoint, port in held
            if endpoint is not None and endpoint.sandbox is not None and endpoint.seen != port
        ]
    )


def _asks(suspect: LostPort) -> set[IPAddress]:
    """Return the addresses of a port for which the segment is asked before it is made again."""
    network, endpoint = suspect.network, suspect.endpoint
    asked = {one.ip for one in given_addresses(endpoint)} if network.mode is Mode.L2 else set()
    return asked | ({one.ip for one in endpoint.addresses} if network.conflict_check is ConflictCheck.PROBE else set())


async def _claimed(engine: Engine, found: Iterable[LostPort]) -> dict[str, dict[IPAddress, str]]:
    """Return who has addresses of these ports by now, by parent: the host, or a machine on the segment.

    The segment is asked where the network wants that, and for what somebody gave a port beside its own addresses: such
    a one may have moved to another machine.

    Raises:
        IpvlError: the host's addresses cannot be read.
    """
    asked: dict[str, set[IPAddress]] = {}
    for suspect in found:
        asked.setdefault(suspect.network.parent, set()).update(_asks(suspect))
    own = await engine.kernel.own_addresses() if asked else {}
    hosts = {address: f"is this host's own, on {link}" for address, link in own.items()}
    claimed: dict[str, dict[IPAddress, str]] = {}
    for parent, addresses in asked.items():
        claimed[parent] = hosts
        try:
            machines = await _machines(engine, parent, addresses - hosts.keys())
        except IpvlError as error:
            log.warning("whether somebody has an address by now could not be asked: %s", error)
        else:
            others = {address: f"is in use on {parent} by {machine}" for address, machine in machines.items()}
            claimed[parent] = {**others, **hosts}
    return claimed


async def _machines(engine: Engine, parent: str, addresses: set[IPAddress]) -> dict[IPAddress, str]:
    """Return who on a parent's segment has any of these addresses; each question ends with its first answer.

    Raises:
        IpvlError: nobody could be asked.
    """
    found: dict[IPAddress, str] = {}
    while left := sorted(addresses - found.keys(), key=str):
        more = await engine.kernel.probe_addresses(parent, left)
        if not more:
            break
        found |= more
    return found


async def _restore_port(engine: Engine, suspect: LostPort, claimed: Mapping[IPAddress, str]) -> SeenPort | str:
    """Give an endpoint its port again; return how it is now, or what must be done first.

    Raises:
        IpvlError: the kernel refused. What was begun is taken back.
    """
    network, endpoint = suspect.network, suspect.endpoint
    view = await engine.kernel.ports_view(endpoint.sandbox or "", whole=endpoint.seen is None)
    if not view.entered:
        found = port_of(endpoint, suspect.parent, view)
        if found is None:
            return f"ipvl may not enter its namespace: {RESTART_OR_LET_IN}"
        return _with_known_setup(endpoint, suspect.parent, SeenPort(suspect.parent.index, found.name))
    lease = engine.records.dhcp_lease_of(endpoint.id)
    terms = None if lease is None else lease.terms
    held = {one.ip: who_holds(engine, network.parent, one.ip, endpoint.id) for one in given_addresses(endpoint)}
    claimed = {**{address: words for address, words in held.items() if words is not None}, **claimed}
    plan = plan_restoration(suspect, view, await port_mtu(engine, network, terms), terms, claimed)
    if plan.hindrance:
        return f"{plan.hindrance}, or restart it"
    try:
        await engine.apply(plan.steps)
    except IpvlError:
        if plan.found is None:
            sandbox = endpoint.sandbox or ""
            await engine.apply_all(
                (
                    RemovePort(endpoint.port),
                    RemoveSandboxPort(sandbox, endpoint.port),
                    RemoveSandboxPort(sandbox, plan.interface),
                )
            )
        raise
    if plan.found is not None:
        whole = seen_port(endpoint, suspect.parent, plan.found) if endpoint.seen is None else None
        return whole or _with_known_setup(endpoint, suspect.parent, SeenPort(suspect.parent.index, plan.interface))
    for remark in plan.remarks:
        log.warning("network %s: endpoint %s: %s", network.label, endpoint.label, remark)
    event = port_restored(network, endpoint, engine.clock())
    log.info("%s", event.text)
    engine.publish((event,))
    if suspect.parent.up and suspect.parent.carrier:
        engine.effects.announce(network, endpoint)
    else:
        engine.repair.unannounced.add(endpoint.id)
    return _with_known_setup(endpoint, suspect.parent, SeenPort(suspect.parent.index, plan.interface))


def _announce_on_parents_that_came_up(engine: Engine, host: Host) -> None:
    """Announce what has its port again, now that its parent is up: a NIC that is plugged in is down at first."""
    for identity in tuple(engine.repair.unannounced):
        endpoint = engine.records.endpoint(identity)
        if endpoint is None:
            engine.repair.unannounced.discard(identity)
            continue
        network = engine.network(endpoint.network_id)
        link = host.link(network.parent)
        if link is not None and link.up and link.carrier:
            engine.repair.unannounced.discard(identity)
            engine.effects.announce(network, endpoint)


def _with_known_setup(endpoint: Endpoint, parent: Link, now: SeenPort) -> SeenPort:
    """Return what is known of a port by now: how it was set up before counts until it was looked at again."""
    if now.setup is None and endpoint.seen is not None:
        return SeenPort(parent.index, now.interface, endpoint.seen.setup)
    return now


def _warn_of_hindrances(engine: Engine, hindered: dict[str, Trouble]) -> None:
    for identity, trouble in hindered.items():
        if engine.repair.not_restored.get(identity) != trouble:
            engine.warn(trouble)
    engine.repair.not_restored = hindered
