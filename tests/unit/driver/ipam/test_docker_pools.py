"""Pools for other engines: stopped midway, and compared with what their owner has."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from ipvl.addresses.pool_requests import PoolRequest
from ipvl.driver.ipam import docker_pools, leaked_leases, pool_leases
from ipvl.driver.ipam.leaked_leases import PoolUse
from ipvl.errors import IpvlError
from tests.contract.fake_kernel import KilledError, Trouble
from tests.unit.builders import NOW

WISH = PoolRequest(4, ip_network("192.168.20.0/24"))
ID = "192.168.20.0/24"
FIRST = ip_address("192.168.20.1")
WEB = ip_address("192.168.20.9")

OPERATIONS = {
    "request_pool": lambda engine: docker_pools.request_pool(engine, WISH),
    "request_gateway": lambda engine: pool_leases.request_gateway(engine, ID, None),
    "request_address": lambda engine: pool_leases.request_address(engine, ID, None, "web"),
    "request_this_address": lambda engine: pool_leases.request_address(engine, ID, WEB, "web"),
    "release_address": lambda engine: pool_leases.release_address(engine, ID, FIRST),
    "release_pool": lambda engine: docker_pools.release_pool(engine, ID),
    "forget_leaked": lambda engine: leaked_leases.release_leaked(
        engine, {ID: PoolUse(1, frozenset())}, NOW + 1, "docker"
    ),
}


@pytest.fixture
def busy(world):
    """A pool with its gateway."""
    world.run(docker_pools.request_pool(world.engine, WISH))
    world.run(pool_leases.request_gateway(world.engine, ID, None))
    return world


@pytest.mark.parametrize("how", [Trouble.KILLED_BEFORE, Trouble.KILLED_AFTER])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_kill_leaves_all_of_an_operation_or_nothing(busy, name, how):
    """Each is one commit; after a restart it can be asked for again, and what is in memory is what is on disk."""
    before = busy.picture()
    busy.store.trouble[busy.store.commits + 1] = how
    with pytest.raises(KilledError):
        busy.run(OPERATIONS[name](busy.engine))
    busy.restart()

    assert (before == busy.picture()) == (how is Trouble.KILLED_BEFORE)
    if "request" not in name or how is Trouble.KILLED_BEFORE:
        busy.run(OPERATIONS[name](busy.engine))
    busy.picture()


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_refused_commit_changes_nothing(busy, name):
    """The disk is full: memory says what the disk says."""
    before = busy.picture()
    busy.store.trouble[busy.store.commits + 1] = Trouble.REFUSED

    with pytest.raises(IpvlError, match="disk full"):
        busy.run(OPERATIONS[name](busy.engine))

    assert before == busy.picture()


def test_what_a_kill_leaked_is_taken_back(busy):
    """The answer was lost, Docker asked again and got another address: it has one of the two."""
    busy.store.trouble[busy.store.commits + 1] = Trouble.KILLED_AFTER
    with pytest.raises(KilledError):
        busy.run(pool_leases.request_address(busy.engine, ID, None, "web"))
    busy.restart()
    second = busy.run(pool_leases.request_address(busy.engine, ID, None, "web"))

    busy.run(
        leaked_leases.release_leaked(busy.engine, {ID: PoolUse(1, frozenset({FIRST, second.ip}))}, NOW + 1, "docker")
    )

    assert [FIRST, second.ip] == [lease.address for lease in busy.engine.records.leases()]
    busy.picture()
