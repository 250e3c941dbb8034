"""Remove what a door's owner no longer has."""

from __future__ import annotations

import logging

import pytest

from ipvl.driver.repair.unlisted_networks import remove_unlisted
from ipvl.model.steps import RemoveParent
from tests.contract.fake_kernel import Trouble
from tests.unit.builders import ENDPOINT_ID, ID, NOW, OTHER_ENDPOINT_ID, OTHER_ID, SANDBOX, endpoint, network, parent

LATER = NOW + 60
ONE = endpoint()
DOCKER_ID = "engine store"


@pytest.fixture
def on_vlan(world):
    """A world with network web on eth0.20, made by ipvl, and an attached endpoint."""
    world.create_network(network(parent="eth0.20", name="web", seen_by=DOCKER_ID))
    world.create_endpoint(ONE)
    world.attach(ONE)
    return world


@pytest.fixture
def gone(on_vlan):
    """The same, when the sandbox has ended."""
    on_vlan.kernel.end_sandbox(SANDBOX)
    return on_vlan


def compare(world, *, networks=(), endpoints=(), before=LATER, docker=DOCKER_ID):
    world.run(remove_unlisted(world.engine, set(networks), set(endpoints), before, docker))


def test_what_the_owner_has_stays(on_vlan):
    """Both lists agree."""
    before = on_vlan.picture()

    compare(on_vlan, networks=[ID], endpoints=[ENDPOINT_ID])

    assert before == on_vlan.picture()


def test_a_network_that_is_gone_goes_with_all_it_has(gone, caplog):
    """Its endpoints, their ports and the parent that ipvl made; the log says why."""
    caplog.set_level(logging.WARNING)

    compare(gone)

    assert () == gone.store.load()
    assert None is gone.kernel.link("eth0.20")
    assert ["network web is gone from docker, so it is removed here"] == caplog.messages


def test_an_endpoint_that_is_gone_goes_alone(on_vlan):
    """The network stays, and the endpoint that the owner still has."""
    other = endpoint(OTHER_ENDPOINT_ID, addresses=("192.168.20.11/24",))
    on_vlan.create_endpoint(other)

    compare(on_vlan, networks=[ID], endpoints=[OTHER_ENDPOINT_ID])

    assert [other] == list(on_vlan.engine.records.endpoints())
    assert None is not on_vlan.kernel.link("eth0.20")


def test_the_port_of_an_endpoint_that_is_gone_is_removed(world):
    """It was never taken."""
    world.create_network(network())
    world.create_endpoint(ONE)
    world.join(ONE, SANDBOX)

    compare(world, networks=[ID])

    assert None is world.kernel.link(ONE.port)


def test_what_is_young_may_be_on_its_way_into_the_list(on_vlan):
    """Docker calls the driver before its own list has the network."""
    before = on_vlan.picture()

    compare(on_vlan, before=NOW)

    assert before == on_vlan.picture()


def test_a_young_endpoint_of_an_old_network_stays(on_vlan):
    """Its age counts, not the network's."""
    on_vlan.now += 100
    young = endpoint(OTHER_ENDPOINT_ID, addresses=("192.168.20.11/24",), changed=on_vlan.now)
    on_vlan.create_endpoint(young)

    compare(on_vlan, networks=[ID])

    assert [young] == list(on_vlan.engine.records.endpoints())


def test_a_young_endpoint_goes_with_a_network_that_is_gone(gone):
    """Without its network it has nowhere to be."""
    young = endpoint(OTHER_ENDPOINT_ID, addresses=("192.168.20.11/24",), changed=LATER + 1)
    gone.create_endpoint(young)

    compare(gone)

    assert () == gone.store.load()


@pytest.mark.parametrize("seen_by", [None, "another store", "engine another"])
def test_a_network_that_this_docker_never_had_stays(world, seen_by):
    """Another Docker's, or one that nobody asked yet: its containers' addresses stay theirs, wherever they are."""
    world.create_network(network(parent="eth0.20", seen_by=seen_by))
    world.create_endpoint(ONE)
    before = world.picture()

    compare(world)

    assert before == world.picture()


def test_a_network_on_which_something_runs_stays(on_vlan):
    """Whatever a Docker says that may have lost its data: what runs keeps its parent."""
    before = on_vlan.picture()

    compare(on_vlan)

    assert before == on_vlan.picture()


def test_networks_of_another_door_are_none_of_its_business(world):
    """Docker does not know what another front door made."""
    world.create_network(network(OTHER_ID, door="cli"))
    world.create_endpoint(endpoint(network_id=OTHER_ID))
    before = world.picture()

    compare(world)

    assert before == world.picture()


def test_a_parent_that_another_network_uses_stays(gone):
    """Whoever the other network belongs to."""
    other = network(OTHER_ID, parent="eth0.20", door="cli")
    gone.create_network(other)

    compare(gone)

    assert [other] == list(gone.engine.records.networks())
    assert None is not gone.kernel.link("eth0.20")


def test_a_parent_of_others_is_forgotten_and_not_removed(world):
    """The record of eth0 goes, eth0 stays."""
    world.create_network(network(seen_by=DOCKER_ID))
    assert parent() in world.store.load()

    compare(world)

    assert () == world.store.load()
    assert None is not world.kernel.link("eth0")
    assert RemoveParent("eth0") not in world.kernel.steps


def test_a_port_that_the_kernel_keeps_is_a_warning(world, caplog):
    """Clean-up goes on, and the next repair removes the port, which has no owner by then."""
    world.create_network(network())
    world.create_endpoint(ONE)
    world.join(ONE, SANDBOX)
    world.kernel.trouble[len(world.kernel.steps) + 1] = Trouble.REFUSED
    caplog.set_level(logging.WARNING)

    compare(world, networks=[ID])

    assert [f"the kernel refused to remove port {ONE.port}: Cannot allocate memory (ENOMEM)"] == caplog.messages
    assert [] == list(world.engine.records.endpoints())

    world.reconcile()

    assert None is world.kernel.link(ONE.port)


def test_comparing_again_finds_nothing(gone):
    """What is forgotten is forgotten."""
    compare(gone)
    commits = gone.store.commits

    compare(gone)

    assert commits == gone.store.commits
