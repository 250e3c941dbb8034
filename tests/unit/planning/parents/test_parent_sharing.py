"""Who may share a link: networks with networks, and ipvl with others."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.errors import Kind
from ipvl.model.links import MADE_BY_IPVL, Link
from ipvl.model.networks import Flag, Mode
from ipvl.planning.parents.parent_requirements import check_link, raise_mtu, warnings_about, why_deaf
from ipvl.planning.parents.parent_sharing import check_sharing
from ipvl.planning.parents.plan_parent import plan_parent
from ipvl.records.records import Records
from tests.unit.builders import ID, OTHER_ID, SANDBOX, host, link, network, parent
from tests.unit.refusals import outcome, refusal

ETH0 = link("eth0", 2)
WAYS = list(itertools.product(Mode, Flag))


@pytest.mark.parametrize(("mode", "flag"), WAYS)
def test_networks_of_one_mode_and_flag_share_a_parent(mode, flag):
    """The specification's L3 section needs it: networks on one parent route to one another."""
    held = network(OTHER_ID, mode=mode, flag=flag)

    check_sharing(network(mode=mode, flag=flag), Records([parent(), held]))


@pytest.mark.parametrize(
    ("held", "wish"), [(held, wish) for held in WAYS for wish in WAYS if held != wish], ids="-".join
)
def test_networks_of_different_mode_or_flag_do_not_share_a_parent(held, wish):
    """Mode and flag are the parent's, so a second one would switch the first network over."""
    what, theirs = ("mode", held[0]) if held[0] is not wish[0] else ("flag", held[1])
    records = Records([parent(), network(OTHER_ID, name="web", mode=held[0], flag=held[1])])

    expected = (
        f"parent eth0 already carries network web in {what} {theirs}; "
        f"a parent has one {what}, so use {theirs} here or another parent"
    )

    assert expected == refusal(Kind.CONFLICT, check_sharing, network(mode=wish[0], flag=wish[1]), records)


def test_networks_on_different_parents_have_nothing_to_share():
    """Another parent may have another mode."""
    records = Records([parent("eth1"), network(OTHER_ID, parent="eth1", mode=Mode.L3)])

    check_sharing(network(mode=Mode.L2), records)


def test_a_network_does_not_stand_in_its_own_way():
    """A call that is repeated meets its own record."""
    check_sharing(network(mode=Mode.L3), Records([parent(), network(mode=Mode.L2)]))


@given(st.lists(st.tuples(st.sampled_from(["eth0", "eth1"]), st.sampled_from(WAYS)), max_size=6))
def test_no_parent_ever_has_two_modes_or_flags(requests):
    """Whatever is asked for in whatever order, what was accepted never disagrees on a parent."""
    records = Records([parent("eth0"), parent("eth1")])
    accepted = []
    for number, (name, (mode, flag)) in enumerate(requests):
        wish = network(f"network{number}", parent=name, mode=mode, flag=flag)
        if outcome(check_sharing, wish, records) is None:
            accepted.append(wish)
            records = Records([*records.parents(), *accepted])

    ways = {name: {(one.mode, one.flag) for one in accepted if one.parent == name} for name in ("eth0", "eth1")}

    assert all(len(found) <= 1 for found in ways.values())
    assert {name for name, _ in requests} == {one.parent for one in accepted}


def refused(kind: Kind, one: Link, *others: Link, **wish: object) -> str:
    """Return why a network on this link is refused, by the check alone and by the whole plan."""
    of = network(parent=one.name, name="web", **wish)
    looked_at = host(one, *others)
    sentence = refusal(kind, check_link, one, of, looked_at)
    assert sentence == refusal(kind, plan_parent, of, Records(), looked_at)
    return sentence


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (
            link("lo0", 3, loopback=True),
            "parent lo0 is not an Ethernet link; ipvlan needs one, such as a NIC, a VLAN, a bond or a bridge",
        ),
        (
            link("wg0", 3, kind="wireguard", ethernet=False),
            "parent wg0 is not an Ethernet link; ipvlan needs one, such as a NIC, a VLAN, a bond or a bridge",
        ),
        (
            link("ipv0", 3, kind="ipvlan", lower=2),
            "parent ipv0 is itself an ipvlan port; use the link below it as the parent",
        ),
        (
            link("ipvtap0", 3, kind="ipvtap", lower=2),
            "parent ipvtap0 is itself an ipvtap port; use the link below it as the parent",
        ),
        (
            link("tap0", 3, kind="macvtap", lower=2),
            "parent tap0 is a macvtap port, which hands what it receives to a program, so no ipvlan port can be on it;"
            " use the link below it, or one that belongs to it, as the parent",
        ),
        (
            link("red", 3, kind="vrf"),
            "parent red is a VRF, which receives nothing itself, so no ipvlan port can be on it;"
            " use the link below it, or one that belongs to it, as the parent",
        ),
    ],
)
def test_a_link_that_is_no_parent_is_refused(one, expected):
    """The loopback, tunnels and the ports of others carry no ipvlan ports."""
    assert expected == refused(Kind.INVALID, one, ETH0)


@pytest.mark.parametrize(
    ("master", "belongs"),
    [
        ("bridge", "is a port of a bridge"),
        ("openvswitch", "is a port of an Open vSwitch bridge"),
        ("bond", "belongs to a bond"),
        ("team", "belongs to a team"),
    ],
)
def test_a_link_whose_frames_go_elsewhere_is_refused(master, belongs):
    """A bridge, bond or team owns the link's one receive handler."""
    expected = (
        f"parent eth0 {belongs}, which takes every frame it receives; "
        f"use the {master} as the parent, or take eth0 out of it"
    )

    assert expected == refused(Kind.CONFLICT, link("eth0", 2, master_kind=master))


def test_a_macvlan_port_is_a_parent():
    """It has a MAC address of its own, as a NIC has: the only NIC of an instance often is one."""
    check_link(link("mv0", 3, kind="macvlan", lower=2), network(), host(ETH0))


def test_a_link_in_a_vrf_is_accepted():
    """Not every master takes the frames."""
    check_link(link("eth0", 2, master_kind="vrf"), network(), host(ETH0))


@pytest.mark.parametrize("kind", ["macvlan", "macvtap"])
def test_a_link_with_macvlan_ports_is_refused(kind):
    """The kernel gives a link's frames to macvlan or to ipvlan, never to both."""
    expected = (
        f"parent eth0 carries {kind} port mv0; "
        "a link cannot carry macvlan and ipvlan at once: remove that port or use another parent"
    )

    assert expected == refused(Kind.CONFLICT, ETH0, link("mv0", 3, kind=kind, lower=2))


def test_macvlan_ports_of_another_link_do_not_matter():
    """Only what sits on the parent itself counts."""
    check_link(ETH0, network(), host(ETH0, link("eth1", 3), link("mv0", 4, kind="macvlan", lower=3)))


@pytest.mark.parametrize(
    ("mode", "flag", "expected"),
    [
        (
            Mode.L3,
            Flag.BRIDGE,
            "parent eth0 already carries ipvlan port foo in mode l3; "
            "a parent has one mode, so use l3 here or another parent",
        ),
        (
            Mode.L2,
            Flag.VEPA,
            "parent eth0 already carries ipvlan port foo in flag vepa; "
            "a parent has one flag, so use vepa here or another parent",
        ),
        (
            Mode.L3S,
            Flag.PRIVATE,
            "parent eth0 already carries ipvlan port foo in mode l3s; "
            "a parent has one mode, so use l3s here or another parent",
        ),
    ],
)
def test_ports_of_others_keep_their_mode_and_flag(mode, flag, expected):
    """A port that another tool made would be switched over by ours, so its mode and flag are asked for."""
    foreign = link("foo", 3, kind="ipvlan", lower=2, mode=mode, flag=flag)

    assert expected == refused(Kind.CONFLICT, ETH0, foreign)
    check_link(ETH0, network(mode=mode, flag=flag), host(ETH0, foreign))


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        (
            link("eth0", 7, kind="ipvlan", lower=2, mode=Mode.L3, flag=Flag.BRIDGE, namespace=SANDBOX),
            f"parent eth0 already carries ipvlan port eth0 (in {SANDBOX}) in mode l3; "
            "a parent has one mode, so use l3 here or another parent",
        ),
        (
            link("eth0", 7, kind="macvlan", lower=2, namespace=SANDBOX),
            f"parent eth0 carries macvlan port eth0 (in {SANDBOX}); "
            "a link cannot carry macvlan and ipvlan at once: remove that port or use another parent",
        ),
    ],
    ids=["ipvlan", "macvlan"],
)
def test_ports_in_containers_count_as_well(port, expected):
    """Where they can be found: the sentence says in which namespace to look."""
    looked_at = host(ETH0, moved=(port,))

    assert expected == refusal(Kind.CONFLICT, check_link, ETH0, network(), looked_at)


def test_ports_in_containers_do_not_matter_where_they_agree():
    """A container of a network that shares the parent."""
    port = link("eth0", 7, kind="ipvlan", lower=2, mode=Mode.L2, flag=Flag.BRIDGE, namespace=SANDBOX)

    check_link(ETH0, network(), host(ETH0, moved=(port,)))


def test_an_mtu_above_the_parents_is_refused():
    """Frames that large would never leave."""
    expected = (
        "MTU 1501 is above the 1500 of link eth0; "
        "use 1500 or less, or raise the parent's with `ip link set eth0 mtu 1501`"
    )

    assert expected == refused(Kind.INVALID, ETH0, mtu=1501)
    check_link(ETH0, network(mtu=1500), host(ETH0))


def test_an_mtu_above_that_of_the_link_under_a_new_vlan_is_refused():
    """A VLAN that is still to be made has the MTU of the link it is made on."""
    expected = (
        "MTU 1501 is above the 1500 of link eth0; "
        "use 1500 or less, or raise the parent's with `ip link set eth0 mtu 1501`"
    )
    of = network(parent="eth0.20", name="web", mtu=1501)

    assert expected == refusal(Kind.INVALID, plan_parent, of, Records(), host(ETH0))


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (ETH0, ()),
        (
            link("eth0", 2, up=False, carrier=False),
            ("parent eth0 is down, so its containers reach nobody: bring it up with `ip link set eth0 up`",),
        ),
        (
            link("di-a", 3, up=False, carrier=False, alias=MADE_BY_IPVL),
            ("parent di-a is down, so its containers reach nobody",),
        ),
        (
            link("eth0", 2, carrier=False),
            ("parent eth0 has no carrier, so its containers reach nobody until the cable or switch is back",),
        ),
        (
            link("eth1.40", 3, kind="vlan", lower=2, vlan_id=40),
            ("parent eth1.40 is VLAN 40 of eth0, not what its name says",),
        ),
        (
            link("eth0.40", 3, kind="vlan", lower=2, vlan_id=41),
            ("parent eth0.40 is VLAN 41 of eth0, not what its name says",),
        ),
        (link("eth0.40", 3, kind="vlan", lower=2, vlan_id=40), ()),
        (link("foo", 3, kind="vlan", lower=2, vlan_id=40), ()),
        (link("eth0.40", 3, kind="vlan", lower=None, vlan_id=40), ()),
        (link("eth0.40", 3, kind="bridge"), ()),
        (link("foo", 3, kind="vlan", lower=2, vlan_id=40, mtu=1499), ()),
        (
            link("foo", 3, kind="vlan", lower=2, vlan_id=40, mtu=1501),
            (
                "parent foo has MTU 1501, above the 1500 of eth0 below it, which drops what is larger:"
                " lower it with `ip link set foo mtu 1500`",
            ),
        ),
    ],
)
def test_a_parent_that_works_badly_is_a_warning(one, expected):
    """Down, without carrier, with a tag that belies its name, an MTU above its base's: said, and used all the same."""
    looked_at = host(one) if one.name == "eth0" else host(ETH0, one)

    assert expected == warnings_about(one, looked_at)
    assert expected == plan_parent(network(ID, parent=one.name), Records(), looked_at).warnings


def test_a_parent_that_stays_up_on_a_base_that_is_down():
    """A macvlan port has no carrier then, and neither has what is on it: the base is what to bring up."""
    dead = link("eth0", 2, up=False, carrier=False)
    port = link("mv0", 3, kind="macvlan", lower=2, carrier=False)
    tag = link("mv0.20", 4, kind="vlan", lower=3, vlan_id=20, carrier=False)
    for one in (port, tag):
        assert warnings_about(one, host(dead, port, tag)) == (
            f"parent {one.name} has no carrier, since eth0 below it is down, so its containers reach nobody:"
            " bring that up with `ip link set eth0 up`",
        )
        assert why_deaf(one, host(dead, port, tag)) == (
            f"parent {one.name} has no carrier, since eth0 below it is down",
            "bring that up with `ip link set eth0 up`",
        )


@pytest.mark.parametrize(
    ("base_mtu", "alias", "line"),
    [
        (1500, MADE_BY_IPVL, "ip link set eth0 mtu 9000"),
        (1500, None, "ip link set eth0 mtu 9000 && ip link set eth0.20 mtu 9000"),
        (9000, None, "ip link set eth0.20 mtu 9000"),
    ],
)
def test_how_the_mtu_of_a_vlan_is_raised(base_mtu, alias, line):
    """The kernel gives it no more than its base has, and what ipvl made follows its base."""
    base = link("eth0", 2, mtu=base_mtu)
    tag = link("eth0.20", 4, kind="vlan", lower=2, vlan_id=20, alias=alias)

    assert line == raise_mtu(tag, 9000, host(base, tag))
