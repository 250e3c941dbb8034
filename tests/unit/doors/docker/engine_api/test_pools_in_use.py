"""Pools and leases that Docker asked for and has not got: it died before it wrote them down."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from ipvl.doors.docker.engine_api.follow import compare
from tests.unit.builders import ID, NOW, endpoint, network
from tests.unit.doors.docker.engine_api.fake_docker import FakeDocker

SUBNET = "192.168.20.0/24"
RANGE = "192.168.20.128/25"
GATEWAY = {"RequestAddressType": "com.docker.network.gateway"}


@pytest.fixture
def docker(tmp_path):
    """A Docker without networks."""
    return FakeDocker(tmp_path / "docker.sock")


@pytest.fixture
def compared(world, docker):
    """Call it to compare ipvl's pools with Docker's networks, as seconds go by."""

    def compare_after(seconds: float) -> None:
        async def work() -> None:
            async with docker.listening():
                await compare(world.engine, docker.socket)

        world.now += seconds
        asyncio.run(work())

    return compare_after


@pytest.fixture
def pool(ask):
    """A pool with a gateway, a container at .2 and another at .3."""
    granted = ask("IpamDriver.RequestPool", {"Pool": SUBNET}).body["PoolID"]
    ask("IpamDriver.RequestAddress", {"PoolID": granted, "Options": GATEWAY})
    for _ in range(2):
        ask("IpamDriver.RequestAddress", {"PoolID": granted})
    return granted


def leased(world) -> set[str]:
    return {str(lease.address) for lease in world.engine.records.leases()}


def test_an_address_that_docker_does_not_have_comes_back(world, docker, compared, pool):
    """The container's creation ended before Docker remembered its address."""
    docker.has_pool("net", SUBNET, ("192.168.20.3/24",), Gateway="192.168.20.1")

    compared(100)

    assert {"192.168.20.1", "192.168.20.3"} == leased(world)
    world.picture()


def test_what_was_leased_within_the_last_minute_stays(world, docker, compared, pool):
    """Docker may be about to write it down."""
    docker.has_pool("net", SUBNET, ("192.168.20.3/24",), Gateway="192.168.20.1")

    compared(60)

    assert {"192.168.20.1", "192.168.20.2", "192.168.20.3"} == leased(world)


def test_what_an_endpoint_has_stays(world, docker, compared, pool):
    """Whatever Docker says, somebody has the address."""
    world.create_network(network(door="elsewhere"))
    world.create_endpoint(endpoint(addresses=("192.168.20.2/24",)))
    world.attach(endpoint(addresses=("192.168.20.2/24",)))
    docker.has_pool("net", SUBNET, Gateway="192.168.20.1")

    compared(100)

    assert {"192.168.20.1", "192.168.20.2"} == leased(world)


def test_addresses_of_others_stay(world, docker, compared, ask, pool):
    """What --aux-address reserved is in Docker's description of the network."""
    ask("IpamDriver.RequestAddress", {"PoolID": pool, "Address": "192.168.20.9"})
    docker.has_pool("net", SUBNET, Gateway="192.168.20.1", AuxiliaryAddresses={"switch": "192.168.20.9"})

    compared(100)

    assert {"192.168.20.1", "192.168.20.9"} == leased(world)


def test_a_gateway_that_docker_does_not_show_stays(world, docker, compared, pool):
    """Docker 20.10 shows only what its user gave."""
    docker.has_pool("net", SUBNET, ("192.168.20.2/24",))

    compared(100)

    assert {"192.168.20.1", "192.168.20.2"} == leased(world)


def test_a_pool_that_docker_does_not_have_comes_back(world, docker, compared, pool):
    """The network was removed while ipvl was away."""
    docker.has_pool("net", SUBNET, Gateway="192.168.20.1")
    compared(0)
    docker.networks = {}

    compared(100)

    assert [] == [*world.engine.records.pools(), *world.engine.records.leases(), *world.engine.records.cursors()]
    world.picture()


@pytest.mark.parametrize(
    "other",
    [
        {"Options": {"parent": "eth0.20"}},
        {"IPRange": RANGE},
    ],
)
def test_pools_of_other_ranges_and_parents_are_others(world, docker, compared, pool, other):
    """The subnet alone does not make the pool."""
    docker.has_pool("net", SUBNET)
    compared(0)
    docker.has_pool("net", SUBNET, **other)

    compared(100)

    assert [] == list(world.engine.records.pools())


def test_a_pool_is_known_by_range_and_parent(world, docker, compared, ask):
    """However Docker writes them: with host bits, with a gateway or without."""
    asked = {"Pool": SUBNET, "SubPool": "192.168.20.200/25", "Options": {"parent": "eth0.20"}}
    granted = ask("IpamDriver.RequestPool", asked).body["PoolID"]
    docker.has_pool("net", "192.168.20.7/24", IPRange="192.168.20.200/25", Options={"parent": "eth0.20"})

    compared(100)

    assert [granted] == [one.id for one in world.engine.records.pools()]


@pytest.mark.parametrize("driver", ["ipvl", "macvlan"])
def test_a_pool_of_a_described_parent_is_in_use(world, docker, compared, ask, driver):
    """Whatever the description is true of by now; Docker shows it as it was written."""
    world.kernel.add_route("0.0.0.0/0", "eth1")
    asked = {"Pool": SUBNET, "Options": {"parent": "auto.20"}}
    granted = ask("IpamDriver.RequestPool", asked).body["PoolID"]
    if driver == "ipvl":
        world.create_network(network(parent="eth1.20"))
    docker.has_pool(ID, SUBNET, Driver=driver, Options={"parent": "auto.20"})
    world.kernel.remove_route("0.0.0.0/0")

    compared(100)

    assert [(granted, "eth1.20")] == [(one.id, one.parent) for one in world.engine.records.pools()]


def test_a_pool_of_another_parent_than_the_described_one_comes_back(world, docker, compared, ask):
    """The network is on the parent that was found for it."""
    asked = {"Pool": SUBNET, "Options": {"parent": "eth0.20"}}
    ask("IpamDriver.RequestPool", asked)
    docker.has_pool("before", SUBNET, Options={"parent": "eth0.20"})
    compared(0)
    del docker.networks["before"]
    world.create_network(network(parent="eth1.20"))
    docker.has_pool(ID, SUBNET, Driver="ipvl", Options={"parent": "auto.20"})

    compared(100)

    assert [] == list(world.engine.records.pools())


def test_a_user_too_many_is_taken_off(world, docker, compared, ask, pool):
    """A repeated call counted twice; the network's end would have left the pool behind."""
    ask("IpamDriver.RequestPool", {"Pool": SUBNET})
    ask("IpamDriver.RequestAddress", {"PoolID": pool, "Options": GATEWAY})
    docker.has_pool("net", SUBNET, Gateway="192.168.20.1")

    compared(100)

    assert [1] == [one.users for one in world.engine.records.pools()]
    assert [1] == [one.users for one in world.engine.records.leases()]
    world.picture()


def test_two_networks_are_two_users(world, docker, compared, ask, pool):
    """They share the pool, and each has its own containers."""
    ask("IpamDriver.RequestPool", {"Pool": SUBNET})
    docker.has_pool("one", SUBNET, ("192.168.20.2/24",), Gateway="192.168.20.1", Driver="ipvl")
    docker.has_pool("two", SUBNET, ("192.168.20.3/24",), Driver="bridge")
    compared(100)

    (seen,) = world.engine.records.pools()
    assert (2, docker.identity) == (seen.users, seen.seen_by)
    assert {"192.168.20.1", "192.168.20.2", "192.168.20.3"} == leased(world)


def test_a_pool_that_docker_was_never_seen_to_use_stays_and_is_named(world, docker, compared, pool):
    """Another Docker's, perhaps: ipvl says how it is removed."""
    before = world.picture()

    compared(100)

    assert before == world.picture()
    assert (
        f"pool {SUBNET} was asked for by a Docker, but the Docker that ipvl asks (/run/docker.sock, unless it was told"
        " another) has no network that uses it; if no other Docker on this host has it, remove it with"
        f" `ipvl network forget --pool '{SUBNET}'`",
    ) == world.engine.warnings


@pytest.mark.parametrize("driver", ["ipvl", "macvlan"])
@pytest.mark.usefixtures("pool")
def test_two_dockers_on_one_pool_keep_their_addresses(world, docker, compared, ask, driver):
    """The one that is asked has one user of two, and knows nothing of the other's containers; then its own goes."""
    docker.has_pool("one", SUBNET, ("192.168.20.2/24",), Gateway="192.168.20.1", Driver=driver)
    compared(100)
    ask("IpamDriver.RequestPool", {"Pool": SUBNET})
    for _ in range(2):
        ask("IpamDriver.RequestAddress", {"PoolID": SUBNET})
    assert {f"192.168.20.{last}" for last in (1, 2, 4, 5)} == leased(world)

    compared(100)
    docker.networks = {}
    ask("IpamDriver.ReleasePool", {"PoolID": SUBNET})
    compared(100)

    assert {f"192.168.20.{last}" for last in (1, 2, 4, 5)} == leased(world)
    assert [1] == [one.users for one in world.engine.records.pools()]


def test_a_managed_plugins_pool_is_known(world, docker, compared, pool):
    """Whatever the plugin is called; and what another plugin was asked for is none of ipvl's."""
    docker.has_pool("net", SUBNET, ("192.168.20.2/24", "192.168.20.3/24"), Gateway="192.168.20.1")
    docker.networks["net"]["IPAM"]["Driver"] = "mine:latest"
    docker.has_pool("foreign", "10.0.0.0/8", Options={"site": "north"})
    docker.networks["foreign"]["IPAM"]["Driver"] = "infoblox"

    compared(100)

    (seen,) = world.engine.records.pools()
    assert docker.identity == seen.seen_by
    assert () == world.engine.warnings


def test_ipv6_and_addresses_outside_are_understood(world, docker, compared, ask):
    """A container has an address of each family, and only one is the pool's."""
    granted = ask("IpamDriver.RequestPool", {"Pool": "2001:db8::/64", "V6": True}).body["PoolID"]
    ask("IpamDriver.RequestAddress", {"PoolID": granted})
    docker.has_pool("net", "2001:db8::/64", ("2001:db8::1/64", "10.0.0.1/8"))

    compared(100)

    assert {ip_address("2001:db8::1")} == {lease.address for lease in world.engine.records.leases()}


def test_a_network_that_goes_between_two_answers_takes_nothing_back(world, docker, compared, pool):
    """Its containers are not known then."""
    docker.has_pool("net", SUBNET)
    docker.instead["/networks/net"] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"

    compared(100)

    assert {"192.168.20.1", "192.168.20.2", "192.168.20.3"} == leased(world)


def test_networks_of_others_are_none_of_ours(world, docker, compared, pool):
    """Networks with Docker's own IPAM, or with none that it shows."""
    docker.networks = {
        "one": {"Name": "one", "Id": "one", "Driver": "bridge", "IPAM": {"Driver": "default", "Config": None}},
        "two": {"Name": "two", "Id": "two", "Driver": "null", "IPAM": None},
    }

    compared(100)

    assert [None] == [one.seen_by for one in world.engine.records.pools()]
    assert ["/info", "/networks"] == [path for path, _ in docker.asked]
    assert NOW + 100 == world.now
