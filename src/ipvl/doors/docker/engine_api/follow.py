"""Docker's own API, read only: the names its plugin protocol never sends, and what it dropped while ipvl was away.

Never called inside a handler: Docker may hold the very locks that its answer needs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import h11
import msgspec

from ipvl.doors.docker.engine_api.api_messages import DockerInfo, DockerNetwork, Event
from ipvl.doors.docker.engine_api.client import fetch, filters, get
from ipvl.doors.docker.engine_api.containers import (
    learn_all_containers,
    learn_containers,
    learn_stopped_containers,
)
from ipvl.doors.docker.engine_api.pools_in_use import may_use_pools, pools_in_use
from ipvl.driver.docker_state import trouble_with_unclaimed
from ipvl.driver.endpoints.create_join_leave import name_endpoint
from ipvl.driver.engine import Engine
from ipvl.driver.ipam.leaked_leases import release_leaked
from ipvl.driver.networks.create_remove import name_network
from ipvl.driver.repair.unlisted_networks import remove_unlisted
from ipvl.errors import IpvlError
from ipvl.planning.unclaimed_networks import BEING_MADE_SECONDS, list_unclaimed
from ipvl.records.records import Records

log = logging.getLogger(__name__)

TELLING = {"network": ("create", "connect", "disconnect"), "container": ("create", "rename", "destroy")}
"""Events after which there may be a new name, or other addresses that are asked for. Docker is asked for no more: each
would wake ipvl."""
STORE = "null"
"""The driver of `none`, a network that every Docker has: it is made with the store of networks, and kept in it."""
AGAIN_AFTER = BEING_MADE_SECONDS + 5.0
"""Seconds until a second comparison, which finds what was too young for the first."""
TOGETHER = 0.5
"""Seconds in which containers that join a network are one question: its answer lists all that the network has, and the
time is better spent on starting them."""
RETRY_AFTER = 1.0
NAMED_WITHIN = 1.0
"""Seconds that whoever asks for names is kept waiting for those that Docker has not told yet."""


async def follow_docker(engine: Engine, socket: Path) -> None:
    """Keep names and records in step with Docker, for as long as ipvl runs and whenever Docker does.

    Args:
        engine: what to work on.
        socket: where Docker's API listens.
    """
    while True:
        try:
            await _follow(engine, socket)
        except (OSError, h11.ProtocolError, msgspec.DecodeError, TimeoutError) as error:
            log.debug("Docker's API at %s is away: %s", socket, error)
        except IpvlError as error:
            log.warning("what Docker no longer has could not be removed: %s", error)
        await asyncio.sleep(RETRY_AFTER)


async def _follow(engine: Engine, socket: Path) -> None:
    # The events are asked for first, so that nothing happens between the comparison and the first of them.
    actions = dict.fromkeys(action for actions in TELLING.values() for action in actions)
    wanted = filters(type=tuple(TELLING), event=tuple(actions))
    events = get(socket, f"/events?filters={wanted}")
    async with aclosing(events):
        await anext(events)
        identity = await compare(engine, socket)
        tasks = [asyncio.create_task(work(engine, socket)) for work in (_compare_later, _learn_when_asked)]
        engine.docker.followed = True
        try:
            await _learn_from(events, engine, socket, identity)
        finally:
            engine.docker.followed = False
            for task in tasks:
                task.cancel()


async def _compare_later(engine: Engine, socket: Path) -> None:
    """Compare once more when what was on its way at the first comparison has arrived, or never will.

    And again after each release that was passed over because it might have been a repetition.
    """
    while True:
        await asyncio.sleep(AGAIN_AFTER)
        engine.docker.comparison_due.clear()
        try:
            await compare(engine, socket)
        except (OSError, h11.ProtocolError, msgspec.DecodeError, TimeoutError) as error:
            log.debug("Docker's API at %s is away: %s", socket, error)
        except IpvlError as error:
            log.warning("what Docker no longer has could not be removed: %s", error)
        await engine.docker.comparison_due.wait()


async def _learn_when_asked(engine: Engine, socket: Path) -> None:
    """Learn what stopped containers ask for whenever an address is about to be chosen; one answer is for all who wait.

    Docker's list of containers needs none of the locks that it may hold meanwhile.
    """
    while True:
        await engine.docker.list_due.wait()
        engine.docker.list_due.clear()
        waiting, engine.docker.awaiting_list = engine.docker.awaiting_list, []
        try:
            await learn_stopped_containers(engine, socket)
        except (OSError, h11.ProtocolError, msgspec.DecodeError, TimeoutError) as error:
            log.debug("Docker's API at %s is away: %s", socket, error)
        except IpvlError as error:
            log.warning("what stopped containers ask for could not be kept: %s", error)
        for one in waiting:
            if not one.done():
                one.set_result(None)


async def _learn_from(events: AsyncGenerator[bytes, None], engine: Engine, socket: Path, identity: str | None) -> None:
    """Learn the names that events bring: a new network's at once, its containers' soon, many with one question."""
    joined: dict[str, None] = {}
    moved: set[str] = set()
    clock = asyncio.get_running_loop().time
    due = 0.0
    pending = b""
    reading = asyncio.ensure_future(anext(events, b""))
    try:
        while True:
            await asyncio.wait((reading,), timeout=max(0.0, due - clock()) if moved else None)
            if reading.done():
                chunk = reading.result()
                if not chunk:
                    return
                reading = asyncio.ensure_future(anext(events, b""))
                *lines, pending = (pending + chunk).split(b"\n")
                happened = tuple(_telling(lines, engine))
                # An address that is asked for must be known before the next is chosen.
                await learn_containers(engine, socket, {one.actor.id for one in happened if one.kind == "container"})
                for event in happened:
                    if event.action == "create" and event.kind == "network":
                        await learn_names(engine, socket, event.actor.id, identity)
                    elif event.kind == "network":
                        due = due if moved else clock() + TOGETHER
                        moved.add(event.container)
                        joined |= {event.actor.id: None} if event.action == "connect" else {}
            if moved and clock() >= due:
                networks, containers, joined, moved = joined, moved, {}, set()
                for network_id in networks:
                    await learn_names(engine, socket, network_id, identity)
                await learn_containers(engine, socket, containers)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _telling(lines: Iterable[bytes], engine: Engine) -> Iterator[Event]:
    """Yield what tells names; a plugin may be called anything, so ipvl's networks are known by their ids.

    Of containers that join or leave others' networks note is taken, since that may change their routes.
    """
    for line in filter(None, lines):
        event = msgspec.json.decode(line, type=Event)
        if event.action not in TELLING.get(event.kind, ()):
            continue
        if _concerns(event, engine.records):
            yield event
        elif event.kind == "network":
            engine.repair.routes_changed.set()


def _concerns(event: Event, records: Records) -> bool:
    if event.kind == "network":
        return records.network(event.actor.id) is not None
    if event.action == "destroy":
        return bool(records.static_addresses_of(event.actor.id))
    return any(network.is_dockers for network in records.networks())


@dataclass(frozen=True, slots=True)
class DockerLists:
    """What a Docker lists, and which one that is: the same text means the same Docker with the same networks.

    That is its id and that of its network `none`, which is as old as its store of networks: Docker 20.10 keeps its id
    when its data root is replaced. `identity` is None where one of them is missing: it is no Docker, or is not ready.
    """

    identity: str | None
    networks: tuple[DockerNetwork, ...]


async def ask_for_lists(socket: Path) -> DockerLists | None:
    """Return all networks of the Docker at a socket, whatever their driver, and which Docker it is; None without any.

    Raises:
        OSError: Docker's API cannot be reached, or does not answer (TimeoutError).
        h11.ProtocolError: what came is not HTTP.
        msgspec.DecodeError: what came is not what Docker says.
    """
    info: DockerInfo | None = await fetch(socket, "/info", DockerInfo)
    listed: list[DockerNetwork] | None = await fetch(socket, "/networks", list[DockerNetwork])
    if listed is None:
        return None
    store = next((network.id for network in listed if network.driver == STORE), "")
    whole = info is not None and info.id and store
    return DockerLists(f"{info.id} {store}" if info is not None and whole else None, tuple(listed))


async def compare(engine: Engine, socket: Path) -> str | None:
    """Learn every name, remove what the Docker that listed it no longer does, and note what no Docker is known to have.

    Returns:
        Which Docker it is (`DockerLists.identity`).

    Raises:
        OSError: Docker's API cannot be reached.
        IpvlError: the store could not take the changes.
    """
    before = engine.clock() - BEING_MADE_SECONDS
    lists = await ask_for_lists(socket)
    if lists is None:
        return None
    identity = lists.identity
    engine.docker.listed = frozenset(network.id for network in lists.networks)
    networks = [one for one in lists.networks if engine.records.network(one.id) is not None or may_use_pools(one)]
    known = [
        found for network in networks if (found := await learn_names(engine, socket, network.id, identity)) is not None
    ]
    await learn_all_containers(engine, socket)
    pools = pools_in_use(known, engine.records)
    if identity is not None:
        endpoints = {one.endpoint_id for network in known for one in (network.containers or {}).values()}
        await remove_unlisted(engine, engine.docker.listed, endpoints, before, identity)
        if len(known) == len(networks):
            # One that went away between the two questions may have just given its pool to another.
            await release_leaked(engine, pools, before, identity)
    left = list_unclaimed(engine.records, engine.docker.listed, pools, before)
    for one in left:
        if one.id not in engine.docker.unclaimed:
            log.warning("%s", trouble_with_unclaimed(one).text)
    engine.docker.unclaimed = frozenset(one.id for one in left)
    return identity


async def learn_names(
    engine: Engine, socket: Path, network_id: str, identity: str | None = None
) -> DockerNetwork | None:
    """Learn what a network and its containers are called; return what Docker says of it, None if it is gone.

    `identity` is which Docker it is, None where that is not known.

    Raises:
        OSError: Docker's API cannot be reached.
        IpvlError: the store could not take the names.
    """
    network: DockerNetwork | None = await fetch(socket, f"/networks/{quote(network_id, safe='')}", DockerNetwork)
    if network is None:
        return None
    await name_network(engine, network.id, network.name, identity)
    for container in (network.containers or {}).values():
        await name_endpoint(engine, container.endpoint_id, container.name)
    return network


async def learn_missing_names(engine: Engine, socket: Path) -> None:
    """Learn the names that the next event would bring, for somebody who looks right after `docker run` has returned.

    What Docker does not say in time stays without a name until it does.
    """
    unnamed = {
        network.id
        for network in engine.records.networks()
        if network.is_dockers
        and network.id not in engine.docker.unclaimed
        and (network.name is None or any(one.name is None for one in engine.records.endpoints_of(network.id)))
    }
    try:
        async with asyncio.timeout(NAMED_WITHIN if unnamed else None):
            for network_id in sorted(unnamed):
                await learn_names(engine, socket, network_id)
    except (OSError, h11.ProtocolError, msgspec.DecodeError, TimeoutError) as error:
        log.debug("names are missing yet, for Docker's API at %s: %s", socket, error)
    except IpvlError as error:
        log.warning("names that Docker told could not be kept: %s", error)
