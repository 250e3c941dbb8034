"""Bring host and records together again."""

from __future__ import annotations

import itertools
import logging
from dataclasses import replace

import pytest

from ipvl.model.links import MADE_BY_IPVL
from ipvl.model.networks import Mode
from ipvl.model.steps import BringUp, MakeDummy, MakeVlan
from tests.contract.fake_kernel import KilledError, Trouble
from tests.unit.builders import ENDPOINT_ID, ID, OTHER_ID, SANDBOX, endpoint, network
from tests.unit.world import World

ONE = endpoint()
NETWORKS = (
    network(parent="eth0.20", name="web"),
    network(OTHER_ID, isolated=True, mtu=9000),
    network("c" * 64, parent="eth1", mode=Mode.L3),
)


def busy(folder) -> World:
    """Return a world with three networks and a container."""
    folder.mkdir()
    world = World(folder)
    for one in NETWORKS:
        world.create_network(one)
    world.create_endpoint(ONE)
    world.attach(ONE)
    world.now += 1000
    return world


def test_a_restart_beside_running_containers_changes_nothing(tmp_path):
    """Docker's live-restore replays nothing: records and links are simply right."""
    world = busy(tmp_path / "state")
    before = world.picture()

    world.restart()

    assert before == world.picture()
    assert () == world.engine.warnings
    world.stop()


def test_a_reboot_is_mended(tmp_path):
    """Parents that ipvl made are back, endpoints of dead sandboxes are forgotten, and containers can join."""
    world = busy(tmp_path / "state")
    world.stop()
    world.kernel.reboot()
    world.start()
    world.kernel.steps.clear()

    world.reconcile()

    assert [MakeVlan("eth0.20", "eth0", 20), MakeDummy("di-bbbbbbbbbbbb", 9000)] == world.kernel.steps
    assert NETWORKS == tuple(world.engine.records.networks())
    assert [] == list(world.engine.records.endpoints())

    again = replace(ONE, id="again")
    world.create_endpoint(again)
    world.attach(again)
    world.stop()


@pytest.mark.parametrize("where", ["kernel", "store"])
@pytest.mark.parametrize("trouble", [Trouble.KILLED_BEFORE, Trouble.KILLED_WITHIN, Trouble.KILLED_AFTER])
def test_a_repair_that_is_killed_is_repaired(tmp_path, where, trouble):
    """Stopped at any step of the repair after a reboot, the next start repairs the rest."""
    undisturbed = busy(tmp_path / "undisturbed")
    undisturbed.kernel.reboot()
    undisturbed.restart()
    expected = undisturbed.picture()
    undisturbed.stop()
    for number in itertools.count(1):
        world = busy(tmp_path / str(number))
        world.kernel.reboot()
        world.stop()
        world.start()
        if where == "kernel":
            world.kernel.trouble[len(world.kernel.steps) + number] = trouble
        else:
            world.store.trouble[number] = trouble
        try:
            world.reconcile()
        except KilledError:
            world.restart()
            world.reconcile()  # the daemon looks again as soon as it hears the kernel's announcements
            assert expected == world.picture()
            world.stop()
        else:
            world.stop()
            break
    assert {"kernel": 3, "store": 2}[where] == number


def test_a_parent_that_the_kernel_refuses_is_tried_again(tmp_path, caplog):
    """A refusal during repair is a warning, and the next repair succeeds and takes the warning back."""
    world = busy(tmp_path / "state")
    world.kernel.remove("eth0.20")
    world.kernel.trouble[len(world.kernel.steps) + 1] = Trouble.REFUSED
    caplog.set_level(logging.WARNING)

    world.reconcile()

    expected = "the kernel refused to make eth0.20, VLAN 20 of eth0: Cannot allocate memory (ENOMEM)"
    assert (expected,) == world.engine.warnings
    assert [expected] == caplog.messages

    world.reconcile()

    assert () == world.engine.warnings
    assert None is not world.kernel.link("eth0.20")
    world.stop()


def test_a_warning_is_logged_once(tmp_path, caplog):
    """What stays wrong fills no log."""
    world = busy(tmp_path / "state")
    world.kernel.change("eth1", carrier=False)
    caplog.set_level(logging.WARNING)

    world.reconcile()
    world.reconcile()

    expected = "parent eth1 has no carrier, so its containers reach nobody until the cable or switch is back"
    assert [expected] == caplog.messages
    assert (expected,) == world.engine.warnings
    world.stop()


def test_a_parent_of_others_that_went_is_waited_for(tmp_path):
    """A cable adapter that is pulled and put back: ipvl makes nothing and mends nothing, it only says so."""
    world = busy(tmp_path / "state")
    world.kernel.remove("eth1")

    world.reconcile()

    expected = (
        "network cccccccccccc cannot be joined: parent eth1 does not exist on this host; "
        "make it first, or name it NAME.VID (such as eth0.20) to have it made"
    )
    assert (expected,) == world.engine.warnings

    world.kernel.add("eth1")
    world.reconcile()

    assert () == world.engine.warnings
    assert NETWORKS == tuple(world.engine.records.networks())
    world.stop()


def test_a_vlan_comes_back_with_its_base(tmp_path):
    """The base was pulled, and the VLAN with it; when the base is back, so is the VLAN."""
    world = busy(tmp_path / "state")
    world.kernel.remove("eth0")
    world.reconcile()
    assert None is world.kernel.link("eth0.20")

    world.kernel.add("eth0")
    world.reconcile()

    assert MADE_BY_IPVL == world.kernel.link("eth0.20").alias
    assert () == world.engine.warnings
    world.stop()


def test_a_vlan_on_a_base_that_is_down(tmp_path):
    """It is made, and comes up with its base; status and log say what to bring up, until it is."""
    world = World(tmp_path)
    world.kernel.change("eth0", up=False, carrier=False)
    world.create_network(NETWORKS[0])
    world.create_endpoint(ONE)
    world.attach(ONE)
    world.reconcile()

    assert (MADE_BY_IPVL, False) == ((made := world.kernel.link("eth0.20")).alias, made.up)
    assert (
        "parent eth0.20 is down, since eth0 below it is, so its containers reach nobody:"
        " bring that up with `ip link set eth0 up`",
    ) == world.engine.warnings
    world.kernel.change("eth0", up=True, carrier=True)
    world.reconcile()
    assert ((), True) == (world.engine.warnings, world.kernel.link("eth0.20").up)
    world.stop()


def test_a_made_link_that_somebody_set_down_is_brought_up(tmp_path):
    """As one that somebody deleted is made again."""
    world = busy(tmp_path / "state")
    world.kernel.change("eth0.20", up=False)
    world.kernel.steps.clear()
    world.reconcile()

    assert ([BringUp("eth0.20")], ()) == (world.kernel.steps, world.engine.warnings)
    assert world.kernel.link("eth0.20").up
    world.stop()


def test_a_lost_state_file_removes_nothing(tmp_path):
    """Without records every marked parent is left alone and reported: containers may be running on it."""
    world = busy(tmp_path / "state")
    before = world.kernel.picture()
    world.stop()
    folder = tmp_path / "empty"
    folder.mkdir()
    fresh = World(folder)
    fresh.kernel = world.kernel
    fresh.restart()

    assert before == fresh.kernel.picture()
    assert (
        tuple(
            f"link {name} was made by ipvl, but no network that ipvl knows uses it: remove it with `ip link del {name}`"
            for name in ("eth0.20", "di-bbbbbbbbbbbb")
        )
        == fresh.engine.warnings
    )
    fresh.stop()


def test_a_dead_container_is_forgotten(tmp_path):
    """Docker said nothing, but the sandbox is gone."""
    world = busy(tmp_path / "state")
    world.kernel.end_sandbox(SANDBOX)

    world.reconcile()

    assert None is world.engine.records.endpoint(ENDPOINT_ID)
    assert None is not world.engine.records.network(ID)
    world.stop()


def test_a_repair_without_a_disk_is_an_error_and_changes_no_record(tmp_path):
    """What could not be written is not believed either."""
    world = busy(tmp_path / "state")
    world.kernel.end_sandbox(SANDBOX)
    world.store.trouble[world.store.commits + 1] = Trouble.KILLED_BEFORE

    with pytest.raises(KilledError):
        world.reconcile()

    assert None is not world.engine.records.endpoint(ENDPOINT_ID)
    world.stop()
