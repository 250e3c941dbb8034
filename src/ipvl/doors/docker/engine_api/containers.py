"""What containers are called, and which addresses they asked for, from Docker's list of containers.

The list is a snapshot that Docker keeps: it takes no locks, and has stopped containers too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import ip_address
from pathlib import Path

from ipvl.doors.docker.engine_api.api_messages import ListedContainer
from ipvl.doors.docker.engine_api.client import fetch, filters
from ipvl.driver.endpoints.create_join_leave import name_endpoint
from ipvl.driver.engine import Engine
from ipvl.driver.ipam.static_addresses import keep_static_addresses
from ipvl.model.pools import StaticAddress
from ipvl.records.records import Records


async def learn_containers(engine: Engine, socket: Path, ids: Collection[str]) -> None:
    """Learn what these containers are called now and ask for; what is gone asks for nothing.

    Raises:
        OSError: Docker's API cannot be reached.
        IpvlError: the store could not take it.
    """
    if ids:
        listed = await _list(socket, id=tuple(ids))
        await _learn(engine, listed, ids)


async def learn_all_containers(engine: Engine, socket: Path) -> None:
    """Do the same for every container on the networks that Docker and ipvl have; those that are gone ask for nothing.

    Raises:
        OSError: Docker's API cannot be reached.
        IpvlError: the store could not take it.
    """
    networks = [one for one in engine.records.networks() if one.is_dockers and one.id in engine.docker.listed]
    if not networks:
        return
    words = [word for one in networks for word in (one.id, one.name) if word]
    listed = await _list(socket, network=words)
    ids = {one.id for one in networks}
    before = {one.owner for one in engine.records.static_addresses() if one.network_id in ids}
    await _learn(engine, listed, before | {one.id for one in listed})


async def learn_stopped_containers(engine: Engine, socket: Path) -> None:
    """Learn what the containers that do not run ask for: of those that do, what they have is known.

    Raises:
        OSError: Docker's API cannot be reached.
        IpvlError: the store could not take it.
    """
    networks = [one for one in engine.records.networks() if one.is_dockers and one.id not in engine.docker.unclaimed]
    if networks:
        words = [word for one in networks for word in (one.id, one.name) if word]
        listed = await _list(socket, network=words, status=("created", "exited"))
        await _learn(engine, listed, {one.id for one in listed})


async def _list(socket: Path, **wanted: Collection[str]) -> list[ListedContainer]:
    path = f"/containers/json?all=1&filters={filters(**{key: tuple(words) for key, words in wanted.items()})}"
    return await fetch(socket, path, list[ListedContainer]) or []


async def _learn(engine: Engine, listed: list[ListedContainer], owners: Collection[str]) -> None:
    wanted = [one for container in listed for one in _asked_for(container, engine.records)]
    await keep_static_addresses(engine, owners, wanted)
    for container in listed:
        networks = container.network_settings.networks if container.network_settings else None
        for network in (networks or {}).values():
            if network is not None and network.endpoint_id and container.name:
                await name_endpoint(engine, network.endpoint_id, container.name)


def _asked_for(container: ListedContainer, records: Records) -> Iterator[StaticAddress]:
    networks = container.network_settings.networks if container.network_settings else None
    for name, one in (networks or {}).items():
        if one is None or one.asked_for is None:
            continue
        # A container that never started has only the network's name, or what its user called it.
        named = [held for held in (*records.networks_named(name), records.network(name)) if held and held.is_dockers]
        network_id = one.network_id or (named[0].id if named else "")
        for text in (one.asked_for.address4, one.asked_for.address6):
            if text and network_id:
                yield StaticAddress(network_id, container.id, container.name, ip_address(text))
