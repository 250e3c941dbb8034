"""Docker's own API, read only: the names its plugin protocol never sends, and what it dropped while ipvl was away.

Never called inside a handler: Docker may hold the very locks that its answer needs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import h11
import msgspec

from ipvl.addresses.pools import PoolWish, pool_id
from ipvl.driver.endpoints import name_endpoint
from ipvl.driver.engine import Engine
from ipvl.driver.networks import name_network
from ipvl.driver.pools import InUse, forget_leaked
from ipvl.driver.recovery import forget_gone
from ipvl.errors import IpvlError
from ipvl.model import DOCKER
from ipvl.options.ipam import pool_address, pool_wish
from ipvl.options.table import IPAM_PARENT
from ipvl.records import Records

log = logging.getLogger(__name__)

DRIVER = "ipvl"
TELLING = ("create", "connect")
"""Events of networks after which there may be a new name. Docker is asked for no others: each would wake ipvl."""
ON_ITS_WAY = 60.0
"""Seconds for which something that ipvl knows may be missing from Docker's list because Docker is still making it."""
AGAIN_AFTER = ON_ITS_WAY + 5.0
"""Seconds until a second comparison, which finds what was too young for the first."""
TOGETHER = 0.5
"""Seconds in which containers that join a network are one question: its answer lists all that the network has, and the
time is better spent on starting them."""
RETRY_AFTER = 5.0
ANSWER_WITHIN = 60.0
NAMED_WITHIN = 1.0
"""Seconds that whoever asks for names is kept waiting for those that Docker has not told yet."""
CHUNK = 65536


class ContainerOnNetwork(msgspec.Struct, rename="pascal"):
    """One entry of a network's `Containers`."""

    name: str
    endpoint_id: str = msgspec.field(name="EndpointID")
    address4: str = msgspec.field(name="IPv4Address", default="")
    address6: str = msgspec.field(name="IPv6Address", default="")


class Subnet(msgspec.Struct, rename="pascal"):
    """One entry of a network's `IPAM.Config`; addresses are plain, the others in CIDR notation."""

    subnet: str = ""
    ip_range: str = msgspec.field(name="IPRange", default="")
    gateway: str = ""
    auxiliary_addresses: dict[str, str] | None = None


class Ipam(msgspec.Struct, rename="pascal"):
    """Where a network has its addresses from."""

    driver: str = ""
    options: dict[str, str] | None = None
    config: list[Subnet] | None = None


class DockerNetwork(msgspec.Struct, rename="pascal"):
    """What `GET /networks` and `GET /networks/ID` say, as far as ipvl reads it; only the latter has the containers."""

    id: str
    name: str
    driver: str = ""
    ipam: Ipam | None = msgspec.field(name="IPAM", default=None)
    containers: dict[str, ContainerOnNetwork] | None = None


class Actor(msgspec.Struct, rename="pascal"):
    """Whom an event is about."""

    id: str = msgspec.field(name="ID")
    attributes: dict[str, str] | None = None


class Event(msgspec.Struct, rename="pascal"):
    """One line of `GET /events`."""

    action: str
    actor: Actor


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
    events = _get(socket, f"/events?filters={_filters(type=('network',), event=TELLING)}")
    async with aclosing(events):
        await anext(events)
        await compare(engine, socket)
        again = asyncio.create_task(_compare_later(engine, socket))
        try:
            await _learn_from(events, engine, socket)
        finally:
            again.cancel()


async def _compare_later(engine: Engine, socket: Path) -> None:
    """Compare once more when what was on its way at the first comparison has arrived, or never will.

    And again after each release that was passed over because it might have been a repetition.
    """
    while True:
        await asyncio.sleep(AGAIN_AFTER)
        engine.doubts.clear()
        try:
            await compare(engine, socket)
        except (OSError, h11.ProtocolError, msgspec.DecodeError, TimeoutError) as error:
            log.debug("Docker's API at %s is away: %s", socket, error)
        except IpvlError as error:
            log.warning("what Docker no longer has could not be removed: %s", error)
        await engine.doubts.wait()


async def _learn_from(events: AsyncGenerator[bytes, None], engine: Engine, socket: Path) -> None:
    """Learn the names that events bring: a new network's at once, its containers' soon, many with one question."""
    joined: dict[str, None] = {}
    clock = asyncio.get_running_loop().time
    due = 0.0
    pending = b""
    reading = asyncio.ensure_future(anext(events, b""))
    try:
        while True:
            await asyncio.wait((reading,), timeout=max(0.0, due - clock()) if joined else None)
            if reading.done():
                chunk = reading.result()
                if not chunk:
                    return
                reading = asyncio.ensure_future(anext(events, b""))
                *lines, pending = (pending + chunk).split(b"\n")
                for event in _of_own_networks(lines):
                    if event.action == "create":
                        await learn_names(engine, socket, event.actor.id)
                        continue
                    due = due if joined else clock() + TOGETHER
                    joined[event.actor.id] = None
            if joined and clock() >= due:
                networks, joined = joined, {}
                for network_id in networks:
                    await learn_names(engine, socket, network_id)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _of_own_networks(lines: Iterable[bytes]) -> Iterator[Event]:
    for line in filter(None, lines):
        event = msgspec.json.decode(line, type=Event)
        if (event.actor.attributes or {}).get("type") == DRIVER and event.action in TELLING:
            yield event


async def network_ids(socket: Path) -> frozenset[str]:
    """Return the ids of all of Docker's networks, whatever their driver.

    Raises:
        OSError: Docker's API cannot be reached, or does not answer (TimeoutError).
        h11.ProtocolError: what came is not HTTP.
        msgspec.DecodeError: what came is not what Docker says.
    """
    return frozenset(network.id for network in await _fetch(socket, "/networks", list[DockerNetwork]) or ())


async def compare(engine: Engine, socket: Path) -> None:
    """Learn every name and remove what Docker no longer has.

    Raises:
        OSError: Docker's API cannot be reached.
        IpvlError: the store could not take the changes.
    """
    before = engine.clock() - ON_ITS_WAY
    listed = await _fetch(socket, "/networks", list[DockerNetwork])
    if listed is None:
        return
    networks = [network for network in listed if DRIVER in {network.driver, ipam_driver(network)}]
    known = [found for network in networks if (found := await learn_names(engine, socket, network.id)) is not None]
    endpoints = {one.endpoint_id for network in known for one in (network.containers or {}).values()}
    ours = {network.id for network in networks if network.driver == DRIVER}
    await forget_gone(engine, DOCKER, ours, endpoints, before)
    if len(known) == len(networks):
        # One that went away between the two questions may have just given its pool to another.
        await forget_leaked(engine, pools_in_use(known, engine.records), before)


def ipam_driver(network: DockerNetwork) -> str:
    """Return the name of the driver that a network has its addresses from, empty when Docker does not say."""
    return "" if network.ipam is None else network.ipam.driver


def pools_in_use(networks: Iterable[DockerNetwork], records: Records) -> dict[str, InUse]:
    """Return what Docker has of ipvl's pools, by pool id: how many networks use each, and which addresses are in use.

    A parent that was described is by now the one that was found; of a network that is another driver's, any.

    Raises:
        IpvlError: Docker shows a subnet that it could not have asked for.
    """
    found: dict[str, InUse] = {}
    for network in networks:
        if network.ipam is None or network.ipam.driver != DRIVER:
            continue
        containers = (network.containers or {}).values()
        texts = [text for one in containers for text in (one.address4, one.address6)]
        for one in network.ipam.config or ():
            options, parents = _with_parents(network, records)
            wish = pool_wish(one.subnet, one.ip_range, options, version=6 if ":" in one.subnet else 4)
            if wish.subnet is None:
                continue
            reserved = [one.gateway, *(one.auxiliary_addresses or {}).values()]
            addresses = frozenset(
                address for text in (*texts, *reserved) if (address := pool_address(text.partition("/")[0])) is not None
            )
            for identity in _pool_ids(wish, (wish.parent,) if parents is None else parents, records):
                before = found.get(identity, InUse(0, frozenset()))
                found[identity] = InUse(before.users + 1, before.addresses | addresses)
    return found


def _pool_ids(wish: PoolWish, parents: Collection[str | None], records: Records) -> set[str]:
    """Return the ids of the pools that a wish may have got; an id keeps the name that its parent had then."""
    wanted = (wish.subnet, wish.range, wish.conflict_check)
    held = {
        pool.id
        for pool in records.pools()
        if pool.parent in parents and (pool.subnet, pool.range, pool.conflict_check) == wanted
    }
    if held or wish.subnet is None:
        return held
    return {pool_id(wish.subnet, wish.range, parent, wish.conflict_check) for parent in parents}


def _with_parents(network: DockerNetwork, records: Records) -> tuple[dict[str, str], Collection[str] | None]:
    """Return a network's IPAM options with a name for its parent, and what that may be if it is none of ipvl's names.

    It was described then, or is another name of the link.
    """
    options = dict((network.ipam.options if network.ipam else None) or {})
    described = options.get(IPAM_PARENT.key, "").strip()
    if not described or any(pool.parent == described for pool in records.pools()):
        return options, None
    held = records.network(network.id)
    parents = {pool.parent for pool in records.pools() if pool.parent} if held is None else {held.parent}
    return {**options, IPAM_PARENT.key: "described"}, parents


async def learn_names(engine: Engine, socket: Path, network_id: str) -> DockerNetwork | None:
    """Learn what a network and its containers are called; return what Docker says of it, None if it is gone.

    Raises:
        OSError: Docker's API cannot be reached.
        IpvlError: the store could not take the names.
    """
    network: DockerNetwork | None = await _fetch(socket, f"/networks/{quote(network_id, safe='')}", DockerNetwork)
    if network is None:
        return None
    await name_network(engine, network.id, network.name)
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
        if network.door == DOCKER
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


def _filters(**wanted: Sequence[str]) -> str:
    return quote(msgspec.json.encode(wanted).decode(), safe="")


async def _fetch(socket: Path, path: str, into: type[Any]) -> Any:
    """Return what Docker answers, None when it has no such thing (404)."""
    async with asyncio.timeout(ANSWER_WITHIN):
        answer = _get(socket, path)
        async with aclosing(answer):
            status = await anext(answer)
            body = b"".join([chunk async for chunk in answer])
    return None if status == b"404" else msgspec.json.decode(body, type=into)


async def _get(socket: Path, path: str) -> AsyncGenerator[bytes, None]:
    """Yield the status code, then the body as it comes.

    Raises:
        OSError: the socket cannot be reached or broke.
        h11.ProtocolError: what came is not HTTP.
    """
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        connection = h11.Connection(h11.CLIENT)
        request = h11.Request(method="GET", target=path, headers=[("Host", "docker"), ("Connection", "close")])
        writer.write(connection.send(request) + connection.send(h11.EndOfMessage()))
        await writer.drain()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(CHUNK))
            elif isinstance(event, h11.Response):
                yield str(event.status_code).encode()
            elif isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                return
    finally:
        writer.close()
