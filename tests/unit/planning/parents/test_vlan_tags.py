"""Parents with two tags: which links are made for them, and how long the outer one stays."""

from __future__ import annotations

import pytest

from ipvl.errors import Kind
from ipvl.model.links import MADE_BY_IPVL, Link
from ipvl.model.networks import Parent, Phase, VlanProtocol
from ipvl.model.steps import MakeVlan, RemoveParent
from ipvl.planning.parents.plan_parent import ParentPlan, plan_parent, unused_parents
from ipvl.planning.reconciliation import Repair, plan_repair
from ipvl.records.changes import Drop
from ipvl.records.records import Records
from tests.unit.builders import ID, NOW, OTHER_ID, host, link, network, vlan_parent
from tests.unit.refusals import refusal

ETH0 = link("eth0", 2)
OUTER = vlan_parent("eth0.100", "eth0", 100)
INNER = vlan_parent("eth0.100.20", "eth0.100", 20)
OTHER_INNER = vlan_parent("eth0.100.30", "eth0.100", 30)
STACKED = network(parent="eth0.100.20")
AD, Q = VlanProtocol.DOT1AD, VlanProtocol.DOT1Q


def tag(name: str, index: int, lower: int, vlan_id: int, *, made: bool = True, protocol: VlanProtocol = Q) -> Link:
    alias = MADE_BY_IPVL if made else None
    return link(name, index, kind="vlan", lower=lower, vlan_id=vlan_id, alias=alias, vlan_protocol=protocol)


def with_protocol(one: Parent, protocol: VlanProtocol) -> Parent:
    return Parent(one.name, one.kind, one.made, one.base, one.vlan_id, protocol=protocol)


def plan(of, *links: Link, records=()) -> ParentPlan:
    return plan_parent(of, Records(records), host(*links))


def test_both_tags_are_made_when_neither_is_there():
    """The outer one first, which the inner one is made on."""
    steps = (MakeVlan("eth0.100", "eth0", 100), MakeVlan("eth0.100.20", "eth0.100", 20))

    assert ParentPlan(INNER, steps, (), (OUTER,)) == plan(STACKED, ETH0)


def test_an_outer_tag_of_others_is_used_as_it_is():
    """Only what ipvl makes is its own to remember and to remove."""
    expected = ParentPlan(INNER, (MakeVlan("eth0.100.20", "eth0.100", 20),), ())

    assert expected == plan(STACKED, ETH0, tag("eth0.100", 3, 2, 100, made=False))


def test_an_outer_tag_of_ipvls_is_shared():
    """A second network inside it makes its own tag alone."""
    records = [OUTER, INNER, network(OTHER_ID, parent="eth0.100.20")]
    links = (ETH0, tag("eth0.100", 3, 2, 100), tag("eth0.100.20", 4, 3, 20))

    expected = ParentPlan(OTHER_INNER, (MakeVlan("eth0.100.30", "eth0.100", 30),), (), (OUTER,))

    assert expected == plan(network(parent="eth0.100.30"), *links, records=records)


def test_the_outer_tag_alone_is_written_as_asked():
    """802.1ad outside, 802.1q inside; with one tag it is that one."""
    outer = with_protocol(OUTER, AD)
    stacked = network(parent="eth0.100.20", vlan_protocol=AD)
    steps = (MakeVlan("eth0.100", "eth0", 100, AD), MakeVlan("eth0.100.20", "eth0.100", 20))

    assert ParentPlan(INNER, steps, (), (outer,)) == plan(stacked, ETH0)
    assert ParentPlan(outer, steps[:1], ()) == plan(network(parent="eth0.100", vlan_protocol=AD), ETH0)


def test_a_tag_inside_one_of_others_is_802_1q():
    """That one is 802.1ad, as asked, and was there before."""
    stacked = network(parent="eth0.100.20", vlan_protocol=AD)
    outside = tag("eth0.100", 3, 2, 100, made=False, protocol=AD)

    assert (MakeVlan("eth0.100.20", "eth0.100", 20),) == plan(stacked, ETH0, outside).steps


def test_both_protocols_may_use_one_number():
    """They are different frames, so the kernel keeps them apart: 802.1ad 100 is no twin of 802.1q 100."""
    twin = tag("foo", 3, 2, 100, made=False)

    wish = network(parent="eth0.100", vlan_protocol=AD)

    assert (MakeVlan("eth0.100", "eth0", 100, AD),) == plan(wish, ETH0, twin).steps


@pytest.mark.parametrize(
    "links",
    [
        (ETH0, tag("eth0.100", 3, 2, 100, made=False)),
        (ETH0, tag("eth0.100", 3, 2, 100, made=False), tag("eth0.100.20", 4, 3, 20, made=False)),
    ],
    ids=["outer", "both"],
)
def test_a_tag_that_is_written_otherwise_is_refused(links):
    """What is there does not change for a wish; the sentence names the link that decides."""
    wish = network(parent="eth0.100.20", vlan_protocol=AD)

    expected = (
        "vlan_protocol 802.1ad is not that of eth0.100, whose tag is 802.1q already;"
        " leave vlan_protocol out, or use another VLAN"
    )

    assert expected == refusal(Kind.CONFLICT, plan_parent, wish, Records(), host(*links))


def test_a_tag_of_ipvls_that_is_written_otherwise_is_refused():
    """Another network asked for it, and its containers are on it, even while the link is away."""
    records = [with_protocol(OUTER, AD), network(OTHER_ID, parent="eth0.100")]
    wish = network(parent="eth0.100", vlan_protocol=Q)

    expected = (
        "vlan_protocol 802.1q is not that of eth0.100, whose tag is 802.1ad already;"
        " leave vlan_protocol out, or use another VLAN"
    )

    for links in ((ETH0,), (ETH0, tag("eth0.100", 3, 2, 100, protocol=AD))):
        assert expected == refusal(Kind.CONFLICT, plan_parent, wish, Records(records), host(*links))


def test_a_protocol_without_a_tag_is_refused():
    """`eth0` has none to write."""
    expected = (
        "vlan_protocol 802.1ad says how a VLAN tag is written, and parent eth0 has none;"
        " name it NAME.VID, such as eth0.100, or leave vlan_protocol out"
    )

    assert expected == refusal(
        Kind.INVALID, plan_parent, network(parent="eth0", vlan_protocol=AD), Records(), host(ETH0)
    )


def test_an_outer_tag_out_of_range_is_refused():
    """By its own name, since it is the outer one that is wrong."""
    expected = "VLAN id 4095 of parent eth0.4095 is not in 1 to 4094"

    assert expected == refusal(Kind.INVALID, plan_parent, network(parent="eth0.4095.20"), Records(), host(ETH0))


def test_a_missing_link_under_both_is_named():
    """It is what the operator has to make."""
    expected = "parent eth1.100 cannot be made: link eth1 does not exist on this host; links that do: eth0"

    assert expected == refusal(Kind.MISSING, plan_parent, network(parent="eth1.100.20"), Records(), host(ETH0))


def test_an_mtu_above_that_of_the_link_under_both_is_refused():
    """Sub-interfaces have that of what they are made on."""
    expected = (
        "MTU 9000 is above the 1500 of link eth0;"
        " use 1500 or less, or raise the parent's with `ip link set eth0 mtu 9000`"
    )

    wish = network(parent="eth0.100.20", mtu=9000)

    assert expected == refusal(Kind.INVALID, plan_parent, wish, Records(), host(ETH0))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([OUTER, INNER, STACKED], (INNER, OUTER)),
        ([OUTER, INNER, STACKED, network(OTHER_ID, parent="eth0.100.20")], ()),
        ([OUTER, INNER, STACKED, network(OTHER_ID, parent="eth0.100")], (INNER,)),
        ([OUTER, INNER, OTHER_INNER, STACKED, network(OTHER_ID, parent="eth0.100.30")], (INNER,)),
        ([INNER, STACKED], (INNER,)),
    ],
    ids=["last", "shared", "outer in use", "another inside", "outer of others"],
)
def test_a_tag_goes_with_the_last_that_needs_it(records, expected):
    """The inner one before the outer one; that stays as long as a network or another tag is on it."""
    assert expected == unused_parents(Records(records), {ID}, ("eth0.100.20",))


def test_an_outer_tag_is_not_needed_by_itself():
    """A network on it goes while another one's tag is on it: the tag stays."""
    records = Records([OUTER, INNER, network(parent="eth0.100"), network(OTHER_ID, parent="eth0.100.20")])

    assert () == unused_parents(records, {ID}, ("eth0.100",))


def test_after_a_reboot_both_tags_are_made_again():
    """Each once, the outer one first, with the protocol that it had."""
    outer = with_protocol(OUTER, AD)
    records = [outer, INNER, OTHER_INNER, STACKED, network(OTHER_ID, parent="eth0.100.30")]

    steps = (
        MakeVlan("eth0.100", "eth0", 100, AD),
        MakeVlan("eth0.100.20", "eth0.100", 20),
        MakeVlan("eth0.100.30", "eth0.100", 30),
    )

    assert Repair(steps, (), ()) == plan_repair(Records(records), host(ETH0), NOW, {}.get)


def test_what_was_stopped_midway_goes_with_both_its_tags():
    """Nobody was told of either."""
    broken = network(parent="eth0.100.20", phase=Phase.MAKING)
    links = (ETH0, tag("eth0.100", 3, 2, 100), tag("eth0.100.20", 4, 3, 20))

    expected = Repair(
        (RemoveParent("eth0.100.20"), RemoveParent("eth0.100")), (Drop(broken), Drop(INNER), Drop(OUTER)), ()
    )

    assert expected == plan_repair(Records([OUTER, INNER, broken]), host(*links), NOW, {}.get)


def test_what_was_stopped_midway_leaves_somebody_elses_link():
    """And the tag that it is on, which is reported, since no network is there any more."""
    broken = network(parent="eth0.100", phase=Phase.REMOVING)
    links = (ETH0, tag("eth0.100", 3, 2, 100), tag("foo", 4, 3, 7, made=False))

    found = plan_repair(Records([OUTER, broken]), host(*links), NOW, {}.get)

    assert ((), (Drop(broken), Drop(OUTER))) == (found.steps, found.changes)
