"""Addresses that containers of Docker's asked for stay theirs while they are stopped."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address, ip_network

import pytest

from ipvl.addresses.pool_requests import PoolRequest
from ipvl.doors.docker.engine_api import follow
from ipvl.doors.docker.engine_api.containers import learn_containers
from ipvl.doors.docker.engine_api.follow import compare, follow_docker
from ipvl.driver.ipam import docker_pools, pool_leases
from ipvl.driver.ipam.address_allocation import allocate_addresses
from ipvl.driver.status.collect_status import collect_status
from ipvl.errors import Kind
from ipvl.model.addresses import IPInterface
from tests.unit.builders import ID, OTHER_ID, endpoint, network
from tests.unit.doors.docker.engine_api.fake_docker import FakeDocker

SUBNET = "192.168.20.0/24"


@pytest.fixture
def docker(tmp_path):
    """A Docker with a network, and a stopped container that wants its first two addresses."""
    docker = FakeDocker(tmp_path / "docker.sock")
    docker.has(ID, "web")
    docker.containers = {
        "c1": container("c1", "shop", {"web": {"NetworkID": ID, "IPAMConfig": {"IPv4Address": "192.168.20.2"}}}),
        "c2": container("c2", "mill", {"web": {"NetworkID": "", "IPAMConfig": {"IPv4Address": "192.168.20.3"}}}),
        "c3": container("c3", "any", {"web": {"NetworkID": ID, "IPAMConfig": None}, "none": None}),
    }
    return docker


@pytest.fixture
def busy(world):
    """A network with addresses from ipvl, its pool on every parent, and one without Docker beside it."""
    world.create_network(network())
    world.create_network(network(OTHER_ID, name="own", door="embedded"))
    world.run(docker_pools.request_pool(world.engine, PoolRequest(4, ip_network(SUBNET))))
    world.run(pool_leases.request_gateway(world.engine, SUBNET, None))
    return world


def container(identity: str, name: str, networks: dict[str, object]) -> dict[str, object]:
    return {"Id": identity, "Names": [f"/{name}"], "NetworkSettings": {"Networks": networks}}


def run(docker, work) -> None:
    async def listening() -> None:
        async with docker.listening():
            await work()

    asyncio.run(listening())


async def choose(world, wanted: str = "") -> tuple[IPInterface, ...]:
    """Choose an address without Docker."""
    own, address = world.engine.records.network(OTHER_ID), ip_address(wanted) if wanted else None
    hosts = await world.kernel.own_addresses()
    return allocate_addresses(world.engine, own, address, None, "e", own=hosts)


def kept(world) -> list[tuple[str, str]]:
    return [(one.name, str(one.address)) for one in world.engine.records.static_addresses()]


def test_what_stopped_containers_asked_for_is_passed_over(busy, docker):
    """Where ipvl chooses: for Docker and without it. It is not forgotten with ipvl's restart."""
    run(docker, lambda: compare(busy.engine, docker.socket))
    busy.restart()

    assert [("shop", "192.168.20.2"), ("mill", "192.168.20.3")] == kept(busy)
    given = busy.run(pool_leases.request_address(busy.engine, SUBNET, None, None))
    assert "192.168.20.4" == str(given.ip)
    assert "192.168.20.5" == str(busy.run(choose(busy))[0].ip)
    busy.picture()


def test_the_container_gets_what_it_asked_for(busy, docker):
    """And so does whoever names it to Docker; without Docker it is refused, since that is somebody else."""
    run(docker, lambda: compare(busy.engine, docker.socket))

    given = busy.run(pool_leases.request_address(busy.engine, SUBNET, ip_address("192.168.20.2"), None))
    busy.create_endpoint(endpoint(addresses=(str(given),)))
    assert "192.168.20.2" == str(given.ip)

    assert (
        "address 192.168.20.3 is kept for container mill of network web, which asked for it and is stopped; choose"
        " another address or remove what holds it"
    ) == busy.refusal(Kind.CONFLICT, choose(busy, "192.168.20.3"))


def test_it_is_told_for_whom_addresses_are_kept(busy, docker):
    """In the status, and where nothing else is left; not of those who run."""
    run(docker, lambda: compare(busy.engine, docker.socket))
    given = busy.run(pool_leases.request_address(busy.engine, SUBNET, ip_address("192.168.20.2"), None))
    busy.create_endpoint(endpoint(addresses=(str(given),)))
    small = busy.run(docker_pools.request_pool(busy.engine, PoolRequest(4, ip_network("192.168.20.0/29"))))
    shown = busy.run(collect_status(busy.engine.records, busy.kernel))
    told = [(one.address, one.network, one.owner) for one in shown.kept]
    assert [("192.168.20.3", "web", "mill")] == told

    for _ in range(3):
        busy.run(pool_leases.request_address(busy.engine, small.id, None, None))
    assert (
        "subnet 192.168.20.0/29 is full: all 6 addresses are in use or reserved (1 for what is stopped and asked for"
        " it, see `ipvl status`); remove a container, or make a network with a larger subnet"
    ) == busy.refusal(Kind.CONFLICT, pool_leases.request_address(busy.engine, small.id, None, None))


def test_what_is_no_longer_asked_for_is_free(busy, docker):
    """The container is gone, is on the network no more, or asks for another address; one question for all of them."""
    run(docker, lambda: compare(busy.engine, docker.socket))
    del docker.containers["c1"]
    docker.containers["c2"]["NetworkSettings"]["Networks"]["web"]["IPAMConfig"] = {"IPv4Address": "192.168.20.9"}
    docker.asked.clear()

    run(docker, lambda: learn_containers(busy.engine, docker.socket, ["c1", "c2"]))

    assert [("mill", "192.168.20.9")] == kept(busy)
    assert [("/containers/json", {"id": ["c1", "c2"]})] == docker.asked

    docker.containers.clear()
    run(docker, lambda: compare(busy.engine, docker.socket))
    assert [] == kept(busy)
    busy.picture()


def test_what_no_event_told_of_is_asked_for_before_an_address_is_chosen(busy, docker, monkeypatch):
    """As `docker network connect --ip` of a container that does not run; many who wait are one question."""
    docker.containers.clear()
    chosen = []
    compared = asyncio.Event()

    async def compare_and_tell(*arguments):
        await compare(*arguments)
        compared.set()

    monkeypatch.setattr(follow, "compare", compare_and_tell)

    async def connect_and_choose():
        following = asyncio.create_task(follow_docker(busy.engine, docker.socket))
        await compared.wait()
        docker.containers["c2"] = container(
            "c2", "mill", {"web": {"NetworkID": "", "IPAMConfig": {"IPv4Address": "192.168.20.2"}}}
        )
        docker.asked.clear()
        chosen.extend(
            await asyncio.gather(*(pool_leases.request_address(busy.engine, SUBNET, None, None) for _ in range(3)))
        )
        docker.events.put_nowait(b"")
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    run(docker, connect_and_choose)
    assert ["192.168.20.3", "192.168.20.4", "192.168.20.5"] == sorted(str(one.ip) for one in chosen)
    assert [("mill", "192.168.20.2")] == kept(busy)
    asked = ("/containers/json", {"network": [ID, "web"], "status": ["created", "exited"]})
    assert [asked] == [one for one in docker.asked if "status" in one[1]]


def test_another_docker_frees_nothing(busy, docker):
    """It does not list the network, so it says nothing of who is on it."""
    run(docker, lambda: compare(busy.engine, docker.socket))
    docker.networks.clear()
    docker.containers.clear()

    run(docker, lambda: compare(busy.engine, docker.socket))

    assert [("shop", "192.168.20.2"), ("mill", "192.168.20.3")] == kept(busy)


def test_they_go_with_their_network(busy, docker):
    """Its addresses are free then."""
    run(docker, lambda: compare(busy.engine, docker.socket))

    busy.delete_network(ID)

    assert [] == kept(busy)
    busy.picture()
    given = busy.run(pool_leases.request_address(busy.engine, SUBNET, None, None))
    assert "192.168.20.2" == str(given.ip)
