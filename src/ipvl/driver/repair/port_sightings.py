"""Look at ports in their sandboxes while all is well, since nobody can any more when their parent has gone.

Docker chooses what a port is called and whether its container has its default route by it, and tells nobody; who sets a
sysctl or adds a route does neither. Nothing of that is looked at while a container starts, but a moment later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from contextlib import suppress
from math import ceil

from ipvl.driver.engine import Engine
from ipvl.driver.events.event_log import Reader
from ipvl.driver.events.event_types import Event, EventType
from ipvl.driver.repair.restore_ports import record_seen_ports, restore_ports
from ipvl.errors import IpvlError
from ipvl.model.endpoints import Endpoint, SeenPort
from ipvl.model.networks import Phase
from ipvl.planning.host import Host
from ipvl.planning.port_restoration import port_of, seen_port
from ipvl.planning.reconciliation import is_in_sandbox

log = logging.getLogger(__name__)

LOOK_SECONDS = (0.5, 0.5, 1, 1, 1, 1, 2, 2, 4, 8, 16, 32, 64)
"""Seconds before each look at a sandbox that joined or left: Docker moves a port, and adds its routes when it comes to
that."""
GROUPED_SECONDS = 0.5
"""Seconds that looks are put together in, for many sandboxes that start at once."""
EVENTS_OF_PORTS = frozenset(
    {EventType.ENDPOINT_JOINED, EventType.ENDPOINT_LEFT, EventType.ENDPOINT_RESTORED, EventType.EVENTS_LOST}
)
LOOK_AT_ALL_SECONDS = 30.0
"""Seconds between two looks at all ports, which other networks of their containers are the occasion for."""
SEEN_AGAIN_SECONDS = 300.0
"""Seconds until all ports are looked at though nothing happened: nobody tells of an address that is added in there."""
RETRY_SECONDS = 5.0
"""Seconds until ports that could not be made again are tried once more: nothing announces what is done in a sandbox."""


async def watch_ports(engine: Engine) -> None:
    """Look at every port at the start, and at those of a sandbox after it joined or left a network, until cancelled."""
    clock = asyncio.get_running_loop().time
    changed = asyncio.Event()
    due_at: dict[str, tuple[float, int]] = {}
    sandboxes_of = {one.id: one.sandbox for one in engine.records.endpoints() if one.sandbox is not None}

    def later(turn: int) -> tuple[float, int]:
        return ceil((clock() + LOOK_SECONDS[turn]) / GROUPED_SECONDS) * GROUPED_SECONDS, turn + 1

    async def listen(events: Reader) -> None:
        async for event in events:
            if event.type is EventType.ENDPOINT_JOINED:
                await _note_parent(engine, event.endpoint_id or "")
            if event.type in EVENTS_OF_PORTS:
                due_at.update(dict.fromkeys(_sandboxes_of(engine, event, sandboxes_of), later(0)))
                changed.set()

    with engine.events.reading() as events:
        await look_at_ports(engine)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(listen(events))
            tasks.create_task(_look_at_all_after_route_changes(engine))
            tasks.create_task(_restore_again(engine))
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(min((when for when, _ in due_at.values()), default=None)):
                        await changed.wait()
                changed.clear()
                due = {sandbox: turn for sandbox, (when, turn) in due_at.items() if when <= clock()}
                for sandbox, turn in due.items():
                    del due_at[sandbox]
                    if turn < len(LOOK_SECONDS):
                        due_at[sandbox] = later(turn)
                if due:
                    await look_at_ports(engine, due)


async def look_at_ports(engine: Engine, sandboxes: Collection[str] | None = None) -> None:
    """Look at the ports in these sandboxes, or in all, and remember how they are.

    What is as it was costs no commit; a port that is not there keeps what was seen of it.
    """
    seen: dict[str, SeenPort] = {}
    try:
        host = Host(await engine.kernel.links(), engine.kernel.kernel_release, frozenset())
        for endpoint in tuple(engine.records.endpoints()):
            if sandboxes is None or endpoint.sandbox in sandboxes:
                port = await _look_at_port(engine, host, endpoint)
                if port is not None:
                    seen[endpoint.id] = port
                await asyncio.sleep(0)
        async with engine.lock:
            record_seen_ports(engine, seen)
        there = {(one.id, one.changed) for one in engine.records.endpoints() if one.seen is None}
        engine.repair.parent_at_join = {
            key: index for key, index in engine.repair.parent_at_join.items() if key in there
        }
    except IpvlError as error:
        log.warning("ports in containers could not be looked at: %s", error)


async def _note_parent(engine: Engine, identity: str) -> None:
    """Note on which parent an endpoint has just joined, which may go before anybody has seen the port."""
    endpoint = engine.records.endpoint(identity)
    if endpoint is not None and endpoint.seen is None:
        with suppress(IpvlError):  # the first look notes it, too
            parent = await engine.kernel.find_link(engine.network(endpoint.network_id).parent)
            if parent is not None:
                engine.repair.parent_at_join.setdefault((endpoint.id, endpoint.changed), parent.index)


async def _look_at_port(engine: Engine, host: Host, endpoint: Endpoint) -> SeenPort | None:
    network = engine.records.network(endpoint.network_id)
    parent = None if network is None else host.link(network.parent)
    if parent is None or endpoint.phase is not Phase.READY or endpoint.sandbox is None:
        return None
    if endpoint.seen is not None and endpoint.seen.parent != parent.index:
        return None  # its parent was made anew: `restore_ports` comes first
    key = (endpoint.id, endpoint.changed)
    if endpoint.seen is None and key not in engine.repair.joined_before:
        engine.repair.parent_at_join.setdefault(key, parent.index)
    if not is_in_sandbox(endpoint, engine.kernel.namespace_inode):
        return None
    with suppress(IpvlError):  # it ends at this moment
        view = await engine.kernel.ports_view(endpoint.sandbox)
        port = port_of(endpoint, parent, view)
        now = None if port is None else seen_port(endpoint, parent, port)
        if now is not None and now.setup is None and endpoint.seen is not None:
            return SeenPort(now.parent, now.interface, endpoint.seen.setup)
        return now
    return None


def _sandboxes_of(engine: Engine, event: Event, sandboxes_of: dict[str, str]) -> Iterable[str]:
    """Return the sandboxes that an event is about, and take note of where the endpoint is now."""
    if event.endpoint_id is None:
        return [one.sandbox for one in engine.records.endpoints() if one.sandbox is not None]
    endpoint = engine.records.endpoint(event.endpoint_id)
    before = sandboxes_of.pop(event.endpoint_id, None)
    now = None if endpoint is None else endpoint.sandbox
    if now is not None:
        sandboxes_of[event.endpoint_id] = now
    return [one for one in (before, now) if one is not None]


async def _look_at_all_after_route_changes(engine: Engine) -> None:
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(SEEN_AGAIN_SECONDS):
                await engine.repair.routes_changed.wait()
                await asyncio.sleep(1)
        engine.repair.routes_changed.clear()
        await look_at_ports(engine)
        await asyncio.sleep(LOOK_AT_ALL_SECONDS)


async def _restore_again(engine: Engine) -> None:
    while True:
        await asyncio.sleep(RETRY_SECONDS)
        unseen = (one for one in engine.records.endpoints() if one.sandbox is not None and one.seen is None)
        if engine.repair.not_restored or any(unseen):
            try:
                await restore_ports(engine)
            except IpvlError as error:
                log.warning("ports could not be made again: %s", error)
