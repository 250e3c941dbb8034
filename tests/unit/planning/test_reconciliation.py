"""What must change so that the host is again as the records say."""

from __future__ import annotations

import pytest

from ipvl.model.links import MADE_BY_IPVL, Link
from ipvl.model.networks import Flag, Mode, Parent, ParentKind, Phase
from ipvl.model.steps import MakeDummy, MakeVlan, RemoveHalfMade, RemoveParent, RemovePort
from ipvl.model.troubles import Trouble
from ipvl.options.endpoint import port_name
from ipvl.planning.reconciliation import UNJOINED_SECONDS, Repair, is_port_name, plan_repair
from ipvl.records.changes import Drop
from ipvl.records.records import Records
from tests.unit.builders import ID, NOW, OTHER_ID, SANDBOX, endpoint, host, link, network, parent, vlan_parent

ETH0 = link("eth0", 2)
VLAN = vlan_parent("eth0.20", "eth0", 20)
VLAN_LINK = link("eth0.20", 3, kind="vlan", lower=2, vlan_id=20, alias=MADE_BY_IPVL)
DUMMY = Parent("di-aaaaaaaaaaaa", ParentKind.DUMMY, made=True, mtu=9000)
PORT = link(port_name("e" * 64), 4, kind="ipvlan", lower=2, mode=Mode.L2, flag=Flag.BRIDGE)
NOTHING = Repair((), (), ())
LONG_AGO = NOW - UNJOINED_SECONDS - 1


INODE = 4026532000


def repair(records, *links: Link, now: float = NOW, sandboxes=(SANDBOX,)) -> Repair:
    inodes = dict.fromkeys(sandboxes, INODE)
    return plan_repair(Records(records), host(*links), now, inodes.get)


def test_a_host_that_is_as_recorded_needs_nothing():
    """Links, records and sandboxes agree."""
    records = [VLAN, parent(), network(), network(OTHER_ID, parent="eth0.20"), endpoint(sandbox=SANDBOX)]

    assert NOTHING == repair(records, ETH0, VLAN_LINK)


def test_an_empty_record_changes_no_host():
    """Links that nobody recorded are nobody's business, ports of other tools included."""
    links = (
        ETH0,
        link("eth0.30", 3, kind="vlan", lower=2, vlan_id=30),
        link("dummy0", 4, kind="dummy"),
        link("ipv0", 5, kind="ipvlan", lower=2),
        link("ipvl12", 6, kind="ipvlan", lower=2),
        link("ipvlzzzzzzzzzzz", 7, kind="ipvlan", lower=2),
        link(port_name("x"), 8, kind="veth"),
    )

    assert NOTHING == repair([], *links)


def test_after_a_reboot_every_parent_that_ipvl_made_is_made_again():
    """Dummies and VLANs are gone after a reboot; the records say how to make them."""
    records = [VLAN, DUMMY, network(isolated=True, mtu=9000), network(OTHER_ID, parent="eth0.20")]

    expected = Repair((MakeVlan("eth0.20", "eth0", 20), MakeDummy("di-aaaaaaaaaaaa", 9000)), (), ())

    assert expected == repair(records, ETH0)


def test_after_a_reboot_every_endpoint_is_gone():
    """Sandboxes died with the kernel, and the ports in them."""
    held = endpoint(sandbox=SANDBOX, changed=LONG_AGO)

    assert Repair((), (Drop(held),), ()) == repair([parent(), network(), held], ETH0, sandboxes=())


def test_a_parent_that_others_made_is_missed_and_not_made():
    """What ipvl did not make it does not make again: it says which network waits."""
    expected = (
        "network web, bbbbbbbbbbbb cannot be joined: parent eth0 does not exist on this host; "
        "make it first, or name it NAME.VID (such as eth0.20) to have it made",
    )

    assert Repair((), (), tuple(map(Trouble, expected))) == repair([parent(), network(name="web"), network(OTHER_ID)])


def test_a_vlan_whose_base_is_missing_waits_for_it():
    """The base may be a driver that loads late: a warning, and another try when it comes."""
    expected = (
        "network aaaaaaaaaaaa cannot be joined: "
        "parent eth0.20 cannot be made: link eth0 does not exist on this host; links that do: none",
    )

    assert Repair((), (), tuple(map(Trouble, expected))) == repair([VLAN, network(parent="eth0.20")])


def test_a_parent_that_somebody_else_took_is_a_warning():
    """A macvlan port on the parent stops the next container; better said before."""
    records = [parent(), network(name="web")]
    taken = link("mv0", 3, kind="macvlan", lower=2)

    expected = (
        "network web cannot be joined: parent eth0 carries macvlan port mv0; "
        "a link cannot carry macvlan and ipvlan at once: remove that port or use another parent",
    )

    assert Repair((), (), tuple(map(Trouble, expected))) == repair(records, ETH0, taken)


def test_a_parent_without_carrier_is_a_warning():
    """Nothing to repair, but worth saying."""
    expected = ("parent eth0 has no carrier, so its containers reach nobody until the cable or switch is back",)

    assert Repair((), (), tuple(map(Trouble, expected))) == repair(
        [parent(), network()], link("eth0", 2, carrier=False)
    )


@pytest.mark.parametrize("phase", [Phase.MAKING, Phase.REMOVING])
def test_a_network_that_was_stopped_midway_is_removed(phase):
    """Whoever asked got no answer and asks again, so the half-made or half-removed network goes with all it has."""
    half = network(parent="eth0.20", phase=phase)
    held = endpoint(sandbox=SANDBOX)

    expected = Repair((RemoveParent("eth0.20"),), (Drop(held), Drop(half), Drop(VLAN)), ())

    assert expected == repair([VLAN, half, held], ETH0, VLAN_LINK)


@pytest.mark.parametrize("phase", [Phase.MAKING, Phase.REMOVING])
def test_a_parent_that_others_use_outlives_a_network_that_was_stopped_midway(phase):
    """The other network of the parent goes on."""
    half = network(parent="eth0.20", phase=phase)
    ready = network(OTHER_ID, parent="eth0.20")

    assert Repair((), (Drop(half),), ()) == repair([VLAN, half, ready], ETH0, VLAN_LINK)


def test_a_parent_of_others_is_forgotten_and_not_removed():
    """The record of eth0 goes with its last network; eth0 stays."""
    half = network(phase=Phase.MAKING)

    assert Repair((), (Drop(half), Drop(parent())), ()) == repair([parent(), half], ETH0)


def test_a_parent_without_networks_is_forgotten():
    """A record that was left alone goes, and the link that ipvl made goes with it."""
    expected = Repair((RemoveParent("eth0.20"),), (Drop(VLAN), Drop(parent())), ())

    assert expected == repair([VLAN, parent()], ETH0, VLAN_LINK)


def test_an_endpoint_whose_sandbox_is_gone_is_forgotten():
    """Its port died with the sandbox, so its address is free."""
    gone = endpoint("gone", sandbox="/run/docker/netns/gone", changed=LONG_AGO)
    here = endpoint("here", sandbox=SANDBOX, addresses=("192.168.20.11/24",), changed=LONG_AGO)

    assert Repair((), (Drop(gone),), ()) == repair([parent(), network(), gone, here], ETH0)


def test_an_endpoint_in_a_known_namespace_needs_no_time():
    """Its namespace was there when it joined, so it is gone when its path leads to nothing or to another one."""
    gone = endpoint("gone", sandbox="/proc/99/ns/net", inode=INODE)
    other = endpoint("other", sandbox=SANDBOX, inode=INODE + 1, addresses=("192.168.20.11/24",))
    here = endpoint("here", sandbox=SANDBOX, inode=INODE, addresses=("192.168.20.12/24",))

    assert (Drop(gone), Drop(other)) == repair([parent(), network(), gone, other, here], ETH0).changes


@pytest.mark.parametrize("sandbox", [None, "/run/docker/netns/not-mounted-yet"])
def test_an_endpoint_has_some_time_to_join(sandbox):
    """Docker joins, then mounts the sandbox, or gives up; what waits longer is left over from a crash."""
    waiting = endpoint(sandbox=sandbox)
    records = [parent(), network(), waiting]

    assert NOTHING == repair(records, ETH0, now=NOW + UNJOINED_SECONDS)
    assert Repair((), (Drop(waiting),), ()) == repair(records, ETH0, now=NOW + UNJOINED_SECONDS + 1)


def test_a_port_that_docker_is_about_to_take_stays():
    """Between Join and the move into the container the port is in the host's namespace."""
    assert NOTHING == repair([parent(), network(), endpoint(sandbox=SANDBOX)], ETH0, PORT)


def test_a_port_that_nobody_owns_is_removed():
    """A port with ipvl's name in the host's namespace and no endpoint was never handed over."""
    assert Repair((RemovePort(PORT.name),), (), ()) == repair([parent(), network()], ETH0, PORT)


def test_the_port_of_a_forgotten_endpoint_is_removed():
    """Its sandbox ended before it was taken."""
    gone = endpoint(sandbox="/run/docker/netns/gone", changed=LONG_AGO)

    assert Repair((RemovePort(PORT.name),), (Drop(gone),), ()) == repair([parent(), network(), gone], ETH0, PORT)


def test_a_half_made_parent_is_removed():
    """A link with the name that parents bear until they are marked is ipvl's, and nobody uses it."""
    half = link("ipvl+0123456789", 5, kind="dummy")

    assert Repair((RemoveHalfMade("ipvl+0123456789"),), (), ()) == repair([], ETH0, half)


def test_a_marked_parent_that_no_record_knows_is_only_reported():
    """The state file may have been lost while containers run on the link."""
    expected = (
        "link eth0.20 was made by ipvl, but no network that ipvl knows uses it: remove it with `ip link del eth0.20`",
    )

    assert Repair((), (), tuple(map(Trouble, expected))) == repair([], ETH0, VLAN_LINK)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (port_name(ID), True),
        ("ipvl0123456789a", True),
        ("ipvl0123456789", False),
        ("ipvl0123456789ab", False),
        ("ipvl0123456789A", False),
        ("ipvl+0123456789", False),
        ("0123456789a", False),
        ("eth0", False),
    ],
)
def test_ports_are_known_by_their_names(name, expected):
    """Eleven hexadecimal digits after ipvl's prefix, nothing else."""
    assert expected is is_port_name(name)
