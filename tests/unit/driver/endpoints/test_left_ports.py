"""What Docker leaves in a container is taken out."""

from __future__ import annotations

import pytest

from ipvl.driver.endpoints.left_ports import SET_UP_SECONDS
from ipvl.model.steps import RemoveLeftPort
from tests.contract.fake_kernel import Trouble
from tests.unit.builders import SANDBOX, endpoint, network

ONE = endpoint()


@pytest.fixture
def on_eth0(world):
    """A world with an endpoint that is attached to network web on eth0."""
    world.create_network(network(name="web"))
    world.create_endpoint(ONE)
    world.attach(ONE)
    return world


@pytest.mark.parametrize("leaves", [True, False])
def test_a_port_that_docker_left_in_a_container_is_removed(on_eth0, leaves):
    """Docker failed to set it up and forgets the endpoint: its address is to be free, and the container as before."""
    if leaves:
        on_eth0.leave(ONE)

    on_eth0.delete_endpoint(ONE)

    assert None is on_eth0.kernel.link("eth0", SANDBOX)
    assert {} == on_eth0.engine.docker.handed_over


def test_a_container_that_has_run_for_long_is_not_searched(on_eth0):
    """Docker takes its interfaces away, or the kernel does."""
    on_eth0.wait(SET_UP_SECONDS)

    on_eth0.delete_endpoint(ONE)

    assert not any(isinstance(step, RemoveLeftPort) for step in on_eth0.kernel.steps)


def test_a_port_that_cannot_be_removed_from_a_container_keeps_no_endpoint(on_eth0, caplog):
    """Docker would ask for ever; the log says where it may be."""
    on_eth0.kernel.trouble[len(on_eth0.kernel.steps) + 1] = Trouble.REFUSED

    on_eth0.delete_endpoint(ONE)

    assert [] == list(on_eth0.engine.records.endpoints())
    assert f"a port of endpoint {ONE.label} may be left in {SANDBOX}" in caplog.text
