"""Remove what a Docker made that is gone from this host."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from ipvl.addresses.pool_requests import PoolRequest
from ipvl.driver.ipam import docker_pools, pool_leases
from ipvl.embedded.call_messages import Forget
from ipvl.embedded.forget_networks import forget
from ipvl.errors import Kind
from tests.unit.builders import ID, OTHER_ID, SANDBOX, endpoint, network

SUBNET = "192.168.20.0/24"


@pytest.fixture
def busy(world):
    """A network that a Docker made, with a container, and a pool with a gateway."""
    world.create_network(network(parent="eth0.20"))
    world.create_endpoint(endpoint())
    world.run(docker_pools.request_pool(world.engine, PoolRequest(4, ip_network(SUBNET))))
    world.run(pool_leases.request_gateway(world.engine, SUBNET, None))
    return world


@pytest.mark.parametrize("word", [ID, ID[:12]])
def test_a_network_goes_with_all_it_has(busy, word):
    """Its endpoints that nobody is in, and the parent that ipvl made."""
    removed = busy.run(forget(busy.engine, Forget(word)))

    assert (ID[:12],) == removed.names
    assert [] == [*busy.engine.records.networks(), *busy.engine.records.endpoints(), *busy.engine.records.parents()]
    assert None is busy.kernel.link("eth0.20")


def test_a_pool_goes_with_its_leases(busy):
    """By the id that the status shows."""
    removed = busy.run(forget(busy.engine, Forget(SUBNET, pool=True)))

    assert (SUBNET,) == removed.names
    assert [] == [*busy.engine.records.pools(), *busy.engine.records.leases()]


def test_what_runs_is_left_alone_unless_it_is_forced(busy):
    """The network's and the pool's: both name the container."""
    busy.attach(endpoint())

    assert (
        "container eeeeeeeeeeee runs on network aaaaaaaaaaaa, and would lose it; stop it first, or say --force to"
        " remove it all the same"
    ) == busy.refusal(Kind.CONFLICT, forget(busy.engine, Forget(ID)))

    busy.run(forget(busy.engine, Forget(ID, force=True)))

    assert [] == list(busy.engine.records.networks())


def test_an_address_that_runs_keeps_its_pool(world):
    """Of a container that joined a network of ipvl's driver."""
    world.create_network(network())
    world.run(docker_pools.request_pool(world.engine, PoolRequest(4, ip_network(SUBNET))))
    given = world.run(pool_leases.request_address(world.engine, SUBNET, None, "web"))
    one = endpoint(addresses=(str(given),), name="web")
    world.create_endpoint(one)
    world.attach(one, SANDBOX)

    assert (
        f"address {given.ip} of pool {SUBNET} is in use on parent eth0 by endpoint web of network aaaaaaaaaaaa; stop it"
        " first, or say --force to remove it all the same"
    ) == world.refusal(Kind.CONFLICT, forget(world.engine, Forget(SUBNET, pool=True)))

    world.run(forget(world.engine, Forget(SUBNET, pool=True, force=True)))

    assert [] == list(world.engine.records.pools())


def test_what_docker_has_is_removed_by_docker(busy):
    """It would not know."""
    busy.engine.docker.listed = frozenset({ID})

    assert (
        "network aaaaaaaaaaaa is Docker's, which has it still; remove it with `docker network rm aaaaaaaaaaaa`, or say"
        " --force to remove it all the same"
    ) == busy.refusal(Kind.CONFLICT, forget(busy.engine, Forget(ID)))
    assert (
        f"pool {SUBNET} is used by a network of Docker's; remove that with `docker network rm`, or say --force to"
        " remove it all the same"
    ) == busy.refusal(Kind.CONFLICT, forget(busy.engine, Forget(SUBNET, pool=True)))


def test_what_is_ipvls_own_or_unknown_is_refused(busy):
    """With the way out."""
    busy.create_network(network(OTHER_ID, name="own", door="embedded"))

    assert "network own is ipvl's own; remove it with `ipvl network rm own`" == busy.refusal(
        Kind.CONFLICT, forget(busy.engine, Forget("own"))
    )
    assert "network x does not exist; list them with `ipvl network ls`" == busy.refusal(
        Kind.MISSING, forget(busy.engine, Forget("x"))
    )
    assert f"pool x does not exist; pools that do: '{SUBNET}'" == busy.refusal(
        Kind.MISSING, forget(busy.engine, Forget("x", pool=True))
    )
