"""Which link becomes a network's parent, and whether ipvl must make it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.errors import IpvlError, Kind
from ipvl.model.links import MADE_BY_IPVL, Link
from ipvl.model.networks import Parent, ParentKind
from ipvl.model.steps import MakeDummy, MakeVlan
from ipvl.options.link_names import check_link_name
from ipvl.planning.parents.plan_parent import ParentPlan, plan_parent
from ipvl.planning.parents.vlan_tags import split_vlan
from ipvl.records.records import Records
from tests.unit.builders import host, link, network, parent, vlan_parent
from tests.unit.refusals import outcome, refusal

ETH0 = link("eth0", 2)
ETH0_20 = link("eth0.20", 3, kind="vlan", lower=2, vlan_id=20)
MADE_ETH0_20 = link("eth0.20", 3, kind="vlan", lower=2, vlan_id=20, alias=MADE_BY_IPVL)
DUMMY = link("di-aaaaaaaaaaaa", 4, kind="dummy", alias=MADE_BY_IPVL)


def plan(of, *links: Link, records=()) -> ParentPlan:
    return plan_parent(of, Records(records), host(*links))


def refused(kind, of, *links: Link, records=()) -> str:
    return refusal(kind, plan_parent, of, Records(records), host(*links))


@pytest.mark.parametrize(
    ("name", "one"),
    [
        ("eth0", ETH0),
        ("bond0", link("bond0", 5, kind="bond")),
        ("br0", link("br0", 6, kind="bridge")),
        ("foo", link("foo", 7, kind="vlan", lower=2, vlan_id=40)),
        ("veth0", link("veth0", 8, kind="veth")),
        ("dummy0", link("dummy0", 9, kind="dummy")),
    ],
)
def test_a_link_that_exists_is_used_as_it_is(name, one):
    """Any Ethernet link will do, whatever its kind and name, and ipvl did not make it."""
    assert ParentPlan(parent(name), (), ()) == plan(network(parent=name), ETH0, one)


def test_a_vlan_that_exists_is_used_and_not_ipvls():
    """A `name.vid` link that somebody made by hand is never ipvl's to remove."""
    assert ParentPlan(parent("eth0.20"), (), ()) == plan(network(parent="eth0.20"), ETH0, ETH0_20)


def test_a_marked_vlan_that_no_record_knows_is_not_ipvls():
    """The mark alone proves nothing: only a link that ipvl remembers making may it remove."""
    assert parent("eth0.20") == plan(network(parent="eth0.20"), ETH0, MADE_ETH0_20).parent


def test_a_recorded_vlan_that_lost_its_mark_is_not_ipvls():
    """A record alone proves nothing either: somebody may have made the link anew."""
    held = [vlan_parent("eth0.20", "eth0", 20)]

    assert parent("eth0.20") == plan(network(parent="eth0.20"), ETH0, ETH0_20, records=held).parent


def test_a_vlan_that_ipvl_made_stays_ipvls_for_the_next_network():
    """Record and mark together say so."""
    held = [vlan_parent("eth0.20", "eth0", 20)]

    expected = ParentPlan(vlan_parent("eth0.20", "eth0", 20), (), ())

    assert expected == plan(network(parent="eth0.20"), ETH0, MADE_ETH0_20, records=held)


@pytest.mark.parametrize("vlan_id", [1, 20, 4094])
def test_a_missing_vlan_is_made(vlan_id):
    """`name.vid` that does not exist becomes an 802.1q sub-interface of `name`."""
    name = f"eth0.{vlan_id}"

    expected = ParentPlan(vlan_parent(name, "eth0", vlan_id), (MakeVlan(name, "eth0", vlan_id),), ())

    assert expected == plan(network(parent=name), ETH0)


def test_a_vlan_on_a_vlan_is_made():
    """Only the last number is the new tag, so tags can be stacked."""
    expected = (MakeVlan("eth0.20.30", "eth0.20", 30),)

    assert expected == plan(network(parent="eth0.20.30"), ETH0, ETH0_20).steps


@pytest.mark.parametrize("vlan_id", [0, 4095, 5000, 999999999])
def test_a_vlan_id_outside_1_to_4094_is_refused(vlan_id):
    """0 tags a priority only and 4095 is reserved."""
    expected = f"VLAN id {vlan_id} of parent eth0.{vlan_id} is not in 1 to 4094"

    assert expected == refused(Kind.INVALID, network(parent=f"eth0.{vlan_id}"), ETH0)


def test_a_link_may_be_called_anything_that_looks_like_a_vlan():
    """A link that exists is a link, whatever number stands behind the dot."""
    assert parent("eth0.9999") == plan(network(parent="eth0.9999"), link("eth0.9999", 3)).parent


def test_a_vlan_that_has_another_name_already_is_refused():
    """The kernel has one link per tag, so the refusal names it."""
    twin = link("foo", 3, kind="vlan", lower=2, vlan_id=40)

    expected = "parent eth0.40 cannot be made: VLAN 40 of eth0 is already link foo; use -o parent=foo"

    assert expected == refused(Kind.CONFLICT, network(parent="eth0.40"), ETH0, twin)


def test_the_same_tag_on_another_link_is_no_twin():
    """VLAN 40 of eth1 does not stand in the way of VLAN 40 of eth0, nor does VLAN 41 of eth0."""
    others = (
        link("eth1", 3),
        link("a", 4, kind="vlan", lower=3, vlan_id=40),
        link("b", 5, kind="vlan", lower=2, vlan_id=41),
    )

    assert (MakeVlan("eth0.40", "eth0", 40),) == plan(network(parent="eth0.40"), ETH0, *others).steps


@pytest.mark.parametrize("name", ["eth7", "eth7.x", "eth7.", ".20", "eth0.-1", "eth0.1234567890", "eth0.\u0664"])
def test_a_missing_link_that_is_no_vlan_is_refused(name):
    """What does not read `name.vid` is made by others or not at all."""
    expected = (
        f"parent {name} does not exist on this host; "
        "make it first, or name it NAME.VID (such as eth0.20) to have it made"
    )

    assert expected == refused(Kind.MISSING, network(parent=name), ETH0)


def test_a_vlan_of_a_missing_link_is_refused_with_the_links_there_are():
    """Links that could be meant are offered: no loopback, no members of others, no ports, no dummies."""
    links = (
        ETH0,
        link("eth1", 3, master_kind="bond"),
        link("bond0", 4, kind="bond"),
        link("mv0", 5, kind="macvlan", lower=2),
        link("nic0", 10, kind="macvlan"),
        link("tap0", 6, kind="macvtap", lower=2),
        link("ipvl0123456789a", 7, kind="ipvlan", lower=2),
        DUMMY,
        link("wg0", 9, kind="wireguard", ethernet=False),
    )

    expected = "parent eth7.20 cannot be made: link eth7 does not exist on this host; links that do: eth0, bond0, nic0"

    assert expected == refused(Kind.MISSING, network(parent="eth7.20"), *links)


def test_a_vlan_of_a_missing_link_on_a_bare_host_is_refused():
    """Where there is no link, none is offered."""
    expected = "parent eth7.20 cannot be made: link eth7 does not exist on this host; links that do: none"

    assert expected == refused(Kind.MISSING, network(parent="eth7.20"))


@pytest.mark.parametrize("base", ["lo", "wg0"])
def test_a_vlan_of_what_is_no_ethernet_link_is_refused(base):
    """Neither the loopback nor a tunnel carries tags."""
    expected = f"parent {base}.20 cannot be made: {base} is not an Ethernet link"

    assert expected == refused(Kind.INVALID, network(parent=f"{base}.20"), link("wg0", 9, ethernet=False))


def test_a_kernel_without_vlans_is_refused_before_anything_is_made():
    """A VLAN needs its module."""
    expected = (
        "kernel 6.1.0-56-amd64 has no vlan links; load the module with `modprobe 8021q`, or use a kernel that has it"
    )
    bare = host(ETH0, kinds=frozenset({"ipvlan"}))

    assert expected == refusal(Kind.KERNEL, plan_parent, network(parent="eth0.20"), Records(), bare)


def test_an_isolated_network_gets_a_dummy():
    """Its parent is ipvl's own, with the MTU that was asked for."""
    expected = ParentPlan(
        Parent("di-aaaaaaaaaaaa", ParentKind.DUMMY, made=True, mtu=9000), (MakeDummy("di-aaaaaaaaaaaa", 9000),), ()
    )

    assert expected == plan(network(isolated=True, mtu=9000))


def test_an_isolated_network_takes_over_the_dummy_that_ipvl_left():
    """A dummy with ipvl's mark, left by an interrupted run, is used."""
    expected = ParentPlan(Parent("di-aaaaaaaaaaaa", ParentKind.DUMMY, made=True), (), ())

    assert expected == plan(network(isolated=True), DUMMY)


def test_an_isolated_network_takes_no_strangers_dummy():
    """A link of that name without the mark is somebody else's."""
    expected = (
        "link di-aaaaaaaaaaaa, the parent of isolated network web, exists and was not made by ipvl; "
        "remove it with `ip link del di-aaaaaaaaaaaa`"
    )
    strangers = link("di-aaaaaaaaaaaa", 4, kind="dummy")

    assert expected == refused(Kind.CONFLICT, network(isolated=True, name="web"), strangers)


def test_a_kernel_without_dummies_is_refused_before_anything_is_made():
    """An isolated network needs a dummy."""
    expected = (
        "kernel 6.1.0-56-amd64 has no dummy links; load the module with `modprobe dummy`, or use a kernel that has it"
    )
    bare = host(kinds=frozenset({"ipvlan"}))

    assert expected == refusal(Kind.KERNEL, plan_parent, network(isolated=True), Records(), bare)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("eth0.20", ("eth0", 20)),
        ("eth0.020", ("eth0", 20)),
        ("eth0.20.30", ("eth0.20", 30)),
        ("eth0", ("eth0", None)),
        ("eth0.", ("eth0.", None)),
        (".20", (".20", None)),
        ("eth0.x", ("eth0.x", None)),
        ("eth0.+2", ("eth0.+2", None)),
    ],
)
def test_a_vlans_name_is_split_at_its_last_dot(name, parts):
    """Base and tag, or the whole name where there is no tag."""
    assert parts == split_vlan(name)


LINK_NAMES = st.text(st.sampled_from("eth0129.-x\u00e9"), min_size=1, max_size=15)


@given(LINK_NAMES, st.lists(LINK_NAMES, max_size=3, unique=True))
def test_a_plan_makes_the_parent_that_was_asked_for_or_nothing(name, existing):
    """For any name on any host: an existing link is used, a VLAN of an existing link is made, all else is refused."""
    if isinstance(outcome(check_link_name, name), IpvlError):
        return
    links = [link(one, index) for index, one in enumerate(existing, 2)]

    found = outcome(plan, network(parent=name), *links)

    base, vlan_id = split_vlan(name)
    if name in existing:
        assert ParentPlan(parent(name), (), ()) == found
    elif base in existing and vlan_id is not None and 1 <= vlan_id <= 4094:
        assert ParentPlan(vlan_parent(name, base, vlan_id), (MakeVlan(name, base, vlan_id),), ()) == found
    else:
        assert isinstance(found, IpvlError)
