"""What a user asks a network to be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipvl.errors import Kind
from ipvl.model.networks import ConflictCheck, Flag, Mode, Network, Phase
from ipvl.options.network import parse_network as read_network
from ipvl.options.subnets import SubnetText
from tests.unit.builders import ID, NOW, network
from tests.unit.refusals import refusal

SUBNET = SubnetText("192.168.20.0/24")


def asked(options=None, subnets=(SUBNET,), *, internal=False, identity=ID, name=None) -> Network:
    return read_network(identity, options or {}, subnets, internal=internal, door="docker", created=NOW, name=name)


def refused(options=None, subnets=(SUBNET,), *, internal=False, identity=ID) -> str:
    return refusal(Kind.INVALID, asked, options, subnets, internal=internal, identity=identity)


def test_defaults_are_those_of_the_specification():
    """Mode l2, flag bridge, the parent's MTU, interfaces called eth: nothing else was asked for."""
    expected = network(mode=Mode.L2, flag=Flag.BRIDGE, mtu=None, interface_prefix="eth", phase=Phase.MAKING)

    assert expected == asked({"parent": "eth0"})


def test_every_option_reaches_the_network():
    """What is asked for is what the network has."""
    options = {
        "parent": "eth0.20",
        "ipvlan_mode": "l3s",
        "ipvlan_flag": "private",
        "com.docker.network.driver.mtu": "1400",
        "com.docker.network.container_iface_prefix": "vlan",
        "com.docker.network.advertise_addr_nmsgs": "0",
        "com.docker.network.advertise_addr_ms": "100",
    }
    expected = network(
        parent="eth0.20",
        mode=Mode.L3S,
        flag=Flag.PRIVATE,
        mtu=1400,
        interface_prefix="vlan",
        name="web",
        phase=Phase.MAKING,
        announcements=0,
        announce_interval=100,
    )

    assert expected == asked(options, name="web")


@pytest.mark.parametrize("text", ["probe", "Probe"])
def test_a_conflict_check_reaches_the_network(text):
    """In l2 with a parent."""
    expected = network(conflict_check=ConflictCheck.PROBE, phase=Phase.MAKING)

    assert expected == asked({"parent": "eth0", "conflict_check": text})


@pytest.mark.parametrize(
    ("options", "internal", "expected"),
    [
        (
            {"conflict_check": "ask", "parent": "eth0"},
            False,
            "conflict_check ask does not exist; use one of none, probe",
        ),
        (
            {"conflict_check": "probe", "parent": "eth0", "mode": "l3"},
            False,
            "conflict_check=probe has nobody to ask in mode l3, where containers are not on the segment; drop it, or"
            " use ipvlan_mode=l2",
        ),
        (
            {"conflict_check": "probe", "parent": "eth0"},
            True,
            "conflict_check=probe has nobody to ask on an isolated network, which has no segment outside; drop it, or"
            " give the network a parent",
        ),
        (
            {"conflict_check": "probe"},
            False,
            "conflict_check=probe has nobody to ask on an isolated network, which has no segment outside; drop it, or"
            " give the network a parent",
        ),
    ],
)
def test_a_conflict_check_with_nobody_to_ask_is_refused(options, internal, expected):
    """Routed modes and isolated networks are not on a segment with others."""
    assert expected == refused(options, internal=internal)


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("nmsgs", "4", "com.docker.network.advertise_addr_nmsgs 4 is not a number from 0 to 3"),
        ("nmsgs", "-1", "com.docker.network.advertise_addr_nmsgs -1 is not a number from 0 to 3"),
        ("ms", "99", "com.docker.network.advertise_addr_ms 99 is not a number from 100 to 2000"),
        ("ms", "2001", "com.docker.network.advertise_addr_ms 2001 is not a number from 100 to 2000"),
        ("ms", "1s", "com.docker.network.advertise_addr_ms 1s is not a number from 100 to 2000"),
    ],
)
def test_announcements_that_docker_would_not_make_are_refused(key, text, expected):
    """Docker's limits are ipvl's."""
    assert expected == refused({"parent": "eth0", f"com.docker.network.advertise_addr_{key}": text})


@pytest.mark.parametrize(("options", "internal"), [({}, False), ({"parent": ""}, False), ({}, True), (None, True)])
def test_no_parent_is_an_isolated_network(options, internal):
    """No parent, an empty one and --internal are three spellings of one wish."""
    assert network(isolated=True, phase=Phase.MAKING) == asked(options, internal=internal)


def test_internal_leaves_a_parent_unused():
    """--internal with a parent is the same network as --internal without one; which that was is remembered."""
    for text in ("eth0", "auto.20", "subnet:192.168.1.0/24"):
        assert replace(asked(internal=True), unused_parent=text) == asked({"parent": text}, internal=True)
    assert "" == asked({"parent": "eth0"}).unused_parent


def test_isolated_networks_keep_their_other_options():
    """A mode, flag, MTU and prefix mean the same on a dummy."""
    options = {"mode": "l3", "flag": "vepa", "mtu": "9000", "com.docker.network.container_iface_prefix": "in"}
    expected = network(isolated=True, mode=Mode.L3, flag=Flag.VEPA, mtu=9000, interface_prefix="in", phase=Phase.MAKING)

    assert expected == asked(options)


@pytest.mark.parametrize("internal", [False, True])
def test_the_loopback_is_no_parent(internal):
    """`lo` is refused by name, even where --internal would leave it unused."""
    expected = "parent lo is the loopback, which leads nowhere; name a physical link, or none at all"

    assert expected == refused({"parent": "lo"}, internal=internal)


def test_a_parent_is_a_link_name():
    """A parent that no link can be called is refused before anybody looks for it."""
    expected = "eth0/20 is not a link name; use a name that `ip link` shows, such as eth0, or NAME.VID, such as eth0.20"

    assert expected == refused({"parent": "eth0/20"})


@pytest.mark.parametrize(
    ("text", "mode"), [("l2", Mode.L2), ("L2", Mode.L2), ("l3", Mode.L3), ("L3", Mode.L3), ("L3s", Mode.L3S)]
)
def test_modes_are_read_whatever_their_case(text, mode):
    """`L3` is l3."""
    assert mode is asked({"ipvlan_mode": text}).mode


@pytest.mark.parametrize(("text", "flag"), [("bridge", Flag.BRIDGE), ("Private", Flag.PRIVATE), ("VEPA", Flag.VEPA)])
def test_flags_are_read_whatever_their_case(text, flag):
    """`VEPA` is vepa."""
    assert flag is asked({"ipvlan_flag": text}).flag


@pytest.mark.parametrize("key", ["ipvlan_mode", "mode"])
def test_an_unknown_mode_is_refused(key):
    """A mode that does not exist is never replaced by the default."""
    assert "ipvlan_mode l4 does not exist; use one of l2, l3, l3s" == refused({key: "l4"})


def test_an_unknown_flag_is_refused():
    """A flag of macvlan is not one of ipvlan."""
    assert "ipvlan_flag passthru does not exist; use one of bridge, private, vepa" == refused({"flag": "passthru"})


@pytest.mark.parametrize("mtu", [68, 1280, 1500, 9000, 65535])
def test_an_mtu_that_ipv4_can_use_is_accepted(mtu):
    """IPv4 needs 68 bytes, and no link has more than 65535."""
    assert mtu == asked({"mtu": str(mtu)}).mtu


@pytest.mark.parametrize(
    "text", ["67", "0", "-1", "65536", "9999999", "1500.0", "1e3", "0x5dc", "x", "\u0661\u0662\u0668\u0660"]
)
def test_an_mtu_that_nobody_can_use_is_refused(text):
    """Too small, too large or no number at all: the bounds are in the sentence."""
    expected = f"MTU {text} is not a number from 68 (IPv4's least) to 65535"

    assert expected == refused({"mtu": text})


def test_ipv6_needs_a_larger_mtu():
    """A network with an IPv6 subnet needs IPv6's least."""
    both = (SUBNET, SubnetText("2001:db8::/64"))

    assert 1280 == asked({"mtu": "1280"}, both).mtu
    assert "MTU 1279 is not a number from 1280 (IPv6's least) to 65535" == refused({"mtu": "1279"}, both)


@pytest.mark.parametrize("prefix", ["x" * 13, "a b", "a/b"])
def test_a_prefix_that_makes_no_name_is_refused(prefix):
    """The prefix of the containers' interfaces is checked when the network is made, not when a container starts."""
    sentences = {
        "x" * 13: f"interface prefix {'x' * 13} is longer than 12 bytes; a number is appended: use a shorter one",
        "a b": "'a b' is not a link name; use a name that `ip link` shows, such as eth0, or NAME.VID, such as eth0.20",
        "a/b": "a/b is not a link name; use a name that `ip link` shows, such as eth0, or NAME.VID, such as eth0.20",
    }

    assert sentences[prefix] == refused({"com.docker.network.container_iface_prefix": prefix})


def test_an_id_with_a_slash_is_refused():
    """The id names the dummy link, so it has to be harmless."""
    assert "network id a/b is not made of 1 to 128 letters, digits, - and _" == refused(identity="a/b")


def test_the_same_words_make_the_same_network():
    """Reading has no memory: the time of the call is the only difference."""
    options = {"parent": "eth0.20", "mode": "L3"}
    later = read_network(ID, options, [SUBNET], internal=False, door="docker", created=NOW + 1)

    assert asked(options) == replace(later, created=NOW)
