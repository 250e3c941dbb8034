"""Two networks and two namespaces to put on them."""

from __future__ import annotations

import pytest

from ipvl.embedded import networks
from ipvl.embedded.call_messages import CreateNetwork
from tests.unit.embedded.members import BLUE, RED


@pytest.fixture
def web(world):
    """A world with network web on eth0, network db routed on eth1, and two namespaces."""
    for request in (
        CreateNetwork("web", subnets=("192.168.1.0/24",), options={"parent": "eth0"}),
        CreateNetwork("db", subnets=("10.7.0.0/16",), options={"parent": "eth1", "ipvlan_mode": "l3"}),
    ):
        world.run(networks.create(world.engine, request))
    for path in (BLUE, RED):
        world.kernel.open_sandbox(path)
    return world
