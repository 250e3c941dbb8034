"""The host is kept off parents that ipvl makes, from their first moment, and again after whatever others do."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ipvl.driver.status.collect_status import collect_status
from ipvl.model.links import HostExposure
from ipvl.model.networks import Mode
from tests.contract.fake_kernel import Trouble
from tests.unit.builders import OTHER_ID, network
from tests.unit.world import KilledError, World

SHUT, ROUTED = HostExposure(1, 8, ipv6=False), HostExposure(0, 1, ipv6=True)
L2, L3 = network(parent="eth0.20"), network(parent="eth0.20", mode=Mode.L3)
INNER, OUTER = network(OTHER_ID, parent="eth0.100.20"), network(parent="eth0.100", mode=Mode.L3S)


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.stop()


def test_each_mode_has_what_it_needs(world):
    """Made for L2 it is shut, made for L3 it is not; eth0 is never set."""
    world.create_network(L2)
    world.create_network(network(OTHER_ID, parent="eth0.30", mode=Mode.L3))
    assert {"eth0.20": SHUT, "eth0.30": ROUTED} == world.kernel.reaches()


def test_an_outer_tag_that_becomes_a_parent_and_is_none_again(world):
    """It is the host's too for as long as it carries a routed network."""
    world.create_network(INNER)
    assert {"eth0.100": SHUT, "eth0.100.20": SHUT} == world.kernel.reaches()
    world.create_network(OUTER)
    assert ROUTED == world.kernel.reaches()["eth0.100"]
    world.delete_network(OUTER.id)
    assert {"eth0.100": SHUT, "eth0.100.20": SHUT} == world.kernel.reaches()


def test_a_creation_that_fails_opens_nothing(world):
    """The outer tag that was opened for it is shut again."""
    world.create_network(INNER)
    world.kernel.trouble[len(world.kernel.steps) + 1] = Trouble.REFUSED
    with pytest.raises(Exception, match="let the host route by parent"):
        world.create_network(OUTER)
    assert {"eth0.100": SHUT, "eth0.100.20": SHUT} == world.kernel.reaches()


def test_what_others_open_is_shut(world):
    """As a link of an older ipvl is, at the start; and nothing is done to one that is shut."""
    world.create_network(L2)
    for change in ({"rp_filter": 0}, {"arp_ignore": 0}, {"ipv6": True}):
        world.kernel.set_reach("eth0.20", **change)
        world.reconcile()
        assert {"eth0.20": SHUT} == world.kernel.reaches()
    world.kernel.steps.clear()
    world.restart()
    assert [] == world.kernel.steps


@pytest.mark.parametrize("mode", Mode)
def test_a_parent_that_comes_back_is_as_it_was(world, mode):
    """After a reboot, in every mode."""
    world.create_network(replace(L2, mode=mode))
    before = world.kernel.reaches()
    world.kernel.reboot()
    world.restart()
    assert before == world.kernel.reaches()


def test_killed_while_it_opens(world):
    """Half of the settings are done: at the next start the network is gone, and the tag is shut."""
    world.create_network(INNER)
    world.kernel.trouble[len(world.kernel.steps) + 1] = Trouble.KILLED_WITHIN
    with pytest.raises(KilledError):
        world.create_network(OUTER)
    world.restart()
    assert {"eth0.100": SHUT, "eth0.100.20": SHUT} == world.kernel.reaches()


def test_an_address_there_is_a_trouble(world):
    """A warning when hosts and records are compared, and what status says of the network until it is gone."""
    world.create_network(L2)
    world.kernel.add_address("192.168.20.250/24", "eth0.20")
    world.reconcile()
    told = "parent eth0.20 has 192.168.20.250/"
    assert [told] == [warning[: len(told)] for warning in world.engine.warnings]
    (seen,) = asyncio.run(collect_status(world.engine.records, world.kernel)).networks
    assert [told] == [trouble[: len(told)] for trouble in seen.trouble]
