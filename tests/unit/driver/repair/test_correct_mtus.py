"""A network's MTU, after the kernel gave all ports of a parent the parent's."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from ipvl.model.steps import SetMtu
from tests.unit.builders import (
    OTHER_ENDPOINT_ID,
    OTHER_ID,
    OTHER_SANDBOX,
    SANDBOX,
    endpoint,
    network,
    subnet,
)

SMALL = network(name="small", mtu=1400)
ONE = endpoint(name="one")


@pytest.fixture
def small(world):
    """A world with a container on a network of MTU 1400, and one on a network that follows the parent."""
    world.create_network(SMALL)
    world.create_network(network(OTHER_ID, name="plain"))
    other = endpoint(OTHER_ENDPOINT_ID, network_id=OTHER_ID, addresses=("192.168.20.11/24",))
    for one, sandbox in ((ONE, SANDBOX), (other, OTHER_SANDBOX)):
        world.create_endpoint(one)
        world.attach(one, sandbox)
    world.reconcile()
    return world


def mtus(world):
    return world.kernel.link("eth0", SANDBOX).mtu, world.kernel.link("eth0", OTHER_SANDBOX).mtu


@pytest.mark.parametrize(
    ("parents", "expected"), [(9000, (1400, 9000)), (1450, (1400, 1450)), (1400, (1400, 1400)), (1300, (1300, 1300))]
)
def test_a_network_keeps_its_mtu_when_the_parents_changes(small, parents, expected):
    """As far as the parent's goes; networks without one of their own follow the parent."""
    small.kernel.change("eth0", mtu=parents)
    assert (parents, parents) == mtus(small)
    small.reconcile()

    assert expected == mtus(small)


@pytest.mark.parametrize(("base", "expected"), [(9000, 1400), (1300, 1300)])
def test_a_made_link_follows_its_base_both_ways(world, base, expected):
    """And its ports with it, within their network's own MTU, in one repair; nothing is wrong on the way."""
    world.create_network(replace(SMALL, parent="eth0.20"))
    world.create_network(network(OTHER_ID, name="plain", parent="eth0.20"))
    other = endpoint(OTHER_ENDPOINT_ID, network_id=OTHER_ID, addresses=("192.168.20.11/24",))
    for one, sandbox in ((ONE, SANDBOX), (other, OTHER_SANDBOX)):
        world.create_endpoint(one)
        world.attach(one, sandbox)
    world.reconcile()
    world.kernel.change("eth0", mtu=base)
    world.reconcile()

    assert (base, (expected, base)) == (world.kernel.link("eth0.20").mtu, mtus(world))
    world.kernel.change("eth0", mtu=1500)
    world.reconcile()
    assert (1500, (1400, 1500), ()) == (world.kernel.link("eth0.20").mtu, mtus(world), world.engine.warnings)


def test_a_base_whose_mtu_is_back_before_anybody_looks(world):
    """The made link is raised again, and with it the kernel raises a port above its network's own MTU."""
    world.create_network(replace(SMALL, parent="eth0.20"))
    world.create_endpoint(ONE)
    world.attach(ONE, SANDBOX)
    world.reconcile()
    world.kernel.change("eth0", mtu=1300)
    world.kernel.change("eth0", mtu=1500)
    world.reconcile()

    assert (1500, 1400) == (world.kernel.link("eth0.20").mtu, world.kernel.link("eth0", SANDBOX).mtu)


def test_nothing_is_looked_at_or_set_without_need(small):
    """Namespaces are many, and parents change for other reasons."""
    small.kernel.change("eth0", mtu=9000)
    small.reconcile()
    steps = [step for step in small.kernel.steps if isinstance(step, SetMtu)]
    assert [SetMtu("eth0", 1400, SANDBOX)] == steps
    small.kernel.ports_in_other_namespaces = None
    small.kernel.change("eth0", carrier=False)
    small.reconcile()

    assert (1400, 9000) == mtus(small)


def test_a_change_while_ipvl_was_away_is_mended(small):
    """At the start."""
    small.stop()
    small.kernel.change("eth0", mtu=9000)
    small.start()
    small.reconcile()

    assert (1400, 9000) == mtus(small)


def test_a_namespace_that_may_not_be_entered_is_a_warning(small):
    """It says which container it is, and is tried again until it works."""
    small.kernel.closed.add(SANDBOX)
    small.kernel.change("eth0", mtu=9000)
    for _ in range(2):
        small.reconcile()
        assert (
            "endpoint one of network small has MTU 9000 instead of 1400, since that of parent eth0 changed"
            f" (sandbox {SANDBOX} cannot be entered: Operation not permitted; under systemd the daemon needs"
            " embedded.conf to enter namespaces: see docs/embedded.md): restart it",
        ) == small.engine.warnings
    small.kernel.closed.clear()
    small.reconcile()

    assert () == small.engine.warnings
    assert (1400, 9000) == mtus(small)


def test_a_port_that_docker_has_not_taken_yet_is_set_as_well(world):
    """It is still in the host's namespace."""
    world.create_network(SMALL)
    world.create_endpoint(ONE)
    world.join(ONE)
    world.kernel.change("eth0", mtu=9000)
    world.reconcile()

    assert 1400 == world.kernel.link(ONE.port).mtu


def test_a_container_that_is_gone_has_no_mtu(small):
    """Nor one whose port somebody took away."""
    small.kernel.end_sandbox(SANDBOX)
    small.kernel.change("eth0", mtu=9000)
    small.reconcile()

    assert () == small.engine.warnings


def test_two_ports_of_a_parent_in_one_container_are_let_be(world):
    """Docker does not say what it called them."""
    world.create_network(SMALL)
    world.create_network(network(OTHER_ID, name="other", mtu=1300))
    other = endpoint(OTHER_ENDPOINT_ID, network_id=OTHER_ID, addresses=("192.168.20.11/24",))
    world.create_endpoint(ONE)
    world.create_endpoint(other)
    world.attach(ONE)
    world.join(other)
    world.kernel.take(other.port, SANDBOX, "eth1")
    world.kernel.change("eth0", mtu=9000)
    world.reconcile()

    assert not [step for step in world.kernel.steps if isinstance(step, SetMtu)]


def test_the_hosts_own_port_keeps_the_networks_mtu_too(world):
    """It is in nobody's namespace."""
    given = replace(subnet("192.168.20.0/24"), host=ip_address("192.168.20.250"))
    world.create_network(network(mtu=1400, subnets=(given,), host_access=True))
    world.reconcile()
    world.kernel.change("eth0", mtu=9000)
    world.reconcile()

    assert 1400 == world.kernel.link("ih-aaaaaaaaaaaa").mtu
