"""Make and remove networks."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from ipvl.driver.networks import create_remove
from ipvl.driver.repair.reconcile import reconcile
from ipvl.errors import IpvlError, Kind
from ipvl.model.links import MADE_BY_IPVL
from ipvl.model.networks import Flag, Mode, Parent, ParentKind, Phase, VlanProtocol
from ipvl.model.steps import MakeDummy, MakeVlan, RemoveParent, RemovePort
from tests.contract.fake_kernel import Trouble
from tests.unit.builders import ID, NOW, OTHER_ID, SANDBOX, endpoint, network, parent, subnet, vlan_parent

VLAN = network(parent="eth0.20", name="web")
KERNELS_LOOK = "ports_in_other_namespaces"


def refused(world, kind: Kind, wish) -> str:
    return world.refusal(kind, create_remove.create_network(world.engine, wish))


def test_a_network_on_a_link_that_exists_changes_no_link(world):
    """A network on eth0 is a record and nothing else until a container joins."""
    before = world.kernel.picture()

    world.create_network(network(phase=Phase.MAKING))

    assert ((parent(), network()), before) == world.picture()


def test_a_network_on_a_missing_vlan_makes_it(world):
    """The VLAN is made, marked and up, and remembered as ipvl's."""
    world.create_network(VLAN)

    made = world.kernel.link("eth0.20")
    assert [MakeVlan("eth0.20", "eth0", 20)] == world.kernel.steps
    assert ("vlan", 20, MADE_BY_IPVL, True) == (made.kind, made.vlan_id, made.alias, made.up)
    assert (vlan_parent("eth0.20", "eth0", 20), VLAN) == world.store.load()


def test_a_network_with_two_tags_makes_and_removes_both(world):
    """The outer one, written as asked, stays as long as another network is inside it."""
    stacked = network(parent="eth0.100.20", vlan_protocol=VlanProtocol.DOT1AD)
    world.create_network(stacked)
    world.create_network(network(OTHER_ID, parent="eth0.100.30", subnets=("192.168.30.0/24",)))

    outer, inner = world.kernel.link("eth0.100"), world.kernel.link("eth0.100.20")
    assert ("vlan", 100, VlanProtocol.DOT1AD, MADE_BY_IPVL) == (
        outer.kind,
        outer.vlan_id,
        outer.vlan_protocol,
        outer.alias,
    )
    assert (20, VlanProtocol.DOT1Q, outer.index) == (inner.vlan_id, inner.vlan_protocol, inner.lower)
    assert stacked in world.store.load()

    world.delete_network(ID)
    assert [None, outer] == [world.kernel.link(name) for name in ("eth0.100.20", "eth0.100")]
    world.delete_network(OTHER_ID)
    assert [None, None] == [world.kernel.link(name) for name in ("eth0.100.30", "eth0.100")]
    assert () == world.store.load()


def test_a_network_whose_inner_tag_is_refused_leaves_no_outer_one(world):
    """Nothing was changed."""
    before = world.picture()
    world.kernel.trouble[2] = Trouble.REFUSED

    refused(world, Kind.KERNEL, network(parent="eth0.100.20"))

    assert before == world.picture()


@pytest.mark.parametrize("kind", ["vlan", "macvlan"])
def test_a_parent_that_carries_somebody_elses_link_stays(world, kind):
    """The kernel would remove that with it. The network goes, and what is left of it is reported."""
    world.create_network(VLAN)
    world.kernel.add("foo", kind, on="eth0.20", vlan_id=7 if kind == "vlan" else None)

    world.delete_network(ID)

    assert [True, True] == [world.kernel.link(name) is not None for name in ("foo", "eth0.20")]
    assert () == world.store.load()
    left = (
        "link eth0.20 was made by ipvl, but no network that ipvl knows uses it: remove it with `ip link del eth0.20`",
    )
    assert left == world.engine.warnings, "at once"
    world.run(reconcile(world.engine))
    assert left == world.engine.warnings
    assert world.engine.concerns("eth0.20"), "so that the warning goes with the link"


@pytest.mark.parametrize("kind", ["vlan", "macvlan"])
def test_a_parent_that_carries_somebody_elses_link_in_another_namespace_stays(world, kind):
    """It is in no list of this namespace, and would go with the parent all the same."""
    world.create_network(VLAN)
    world.kernel.add("foo", kind, on="eth0.20", vlan_id=7 if kind == "vlan" else None)
    world.kernel.open_sandbox(SANDBOX)
    world.kernel.take("foo", SANDBOX)

    world.delete_network(ID)

    assert None is not world.kernel.link("eth0.20")
    assert () == world.store.load()
    assert "link eth0.20 was made by ipvl, but no network" in world.engine.warnings[0]


def test_no_namespace_is_looked_into_where_nothing_is_hidden(world, monkeypatch):
    """However many there are: containers of ipvl's and of others, on this parent and beside it."""
    monkeypatch.setattr(world.kernel, KERNELS_LOOK, None)
    world.create_network(network(OTHER_ID, name="beside"))
    for wish in (VLAN, network("c" * 64, isolated=True), network("d" * 64, parent="eth0.100.20", mode=Mode.L3)):
        world.create_network(wish)
    world.create_endpoint(endpoint())
    world.attach(endpoint())
    world.create_network(network("1" * 64, parent="eth0.20", subnets=("192.168.21.0/24",)))
    world.delete_network("1" * 64)
    world.leave(endpoint())
    world.delete_endpoint(endpoint())
    for one in world.engine.records.networks():
        world.delete_network(one.id)

    assert ["lo", "eth0", "eth1"] == [link.name for link in world.run(world.kernel.links())]


@pytest.mark.parametrize("removal", [False, True], ids=["creation", "removal"])
def test_the_lock_is_free_while_namespaces_are_looked_into(world, monkeypatch, removal):
    """What is decided comes after: a network that is gone meanwhile is gone."""
    world.create_network(VLAN)
    world.kernel.add("foo", "macvlan", on="eth0.20" if removal else "eth1")
    world.kernel.open_sandbox(SANDBOX)
    world.kernel.take("foo", SANDBOX, "foo")
    look, held = getattr(world.kernel, KERNELS_LOOK), []

    async def look_and_be_overtaken():
        held.append(world.engine.lock.locked())
        world.kernel.end_sandbox(SANDBOX)
        monkeypatch.undo()
        await create_remove.delete_network(world.engine, ID)
        return await look()

    monkeypatch.setattr(world.kernel, KERNELS_LOOK, look_and_be_overtaken)
    if removal:
        world.delete_network(ID)
    else:
        world.create_network(network(OTHER_ID, parent="eth1"))

    assert [False] == held
    assert [OTHER_ID] * (not removal) == [one.id for one in world.engine.records.networks()]
    assert None is world.kernel.link("eth0.20")


def test_a_vlan_that_is_taken_in_another_namespace_is_the_kernels_to_refuse(world):
    """Then namespaces are looked into, and the sentence says where it is. Nothing was changed."""
    world.kernel.open_sandbox(SANDBOX)
    world.kernel.add("foo", "vlan", on="eth0", vlan_id=20, up=False)
    world.kernel.take("foo", SANDBOX, "foo")
    before = world.picture()
    expected = (
        f"parent eth0.20 cannot be made: VLAN 20 of eth0 is already link foo (in {SANDBOX}); "
        "remove that link, or use another VLAN"
    )

    assert expected == refused(world, Kind.CONFLICT, VLAN)
    assert before == world.picture()


def test_an_isolated_network_makes_a_dummy(world):
    """Its parent is made with the MTU that was asked for."""
    isolated = network(isolated=True, mtu=9000)

    world.create_network(isolated)

    assert [MakeDummy("di-aaaaaaaaaaaa", 9000)] == world.kernel.steps
    assert 9000 == world.kernel.link("di-aaaaaaaaaaaa").mtu
    assert (Parent("di-aaaaaaaaaaaa", ParentKind.DUMMY, made=True, mtu=9000), isolated) == world.store.load()


@pytest.mark.parametrize("one", [network(), VLAN, network(isolated=True)], ids=lambda one: one.parent)
def test_the_same_network_again_is_done_already(world, one):
    """Docker repeats a call whose answer it did not get: nothing is done twice."""
    world.create_network(one)
    before = world.picture()

    world.create_network(replace(one, created=NOW + 5, name=None, phase=Phase.MAKING))

    assert before == world.picture()


@pytest.mark.parametrize(
    "other",
    [
        {"parent": "eth1"},
        {"mode": Mode.L3},
        {"flag": Flag.VEPA},
        {"mtu": 1400},
        {"subnets": (subnet("192.168.21.0/24"),)},
        {"subnets": (subnet("192.168.20.0/24", "192.168.20.1"),)},
        {"interface_prefix": "web"},
        {"isolated": True},
        {"door": "cli"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_the_same_id_with_other_input_is_refused(world, other):
    """An id belongs to the network that was made with it, down to the last setting."""
    world.create_network(replace(VLAN, parent="eth0"))
    expected = (
        "network id aaaaaaaaaaaa belongs to network web, which is not what this call asks for; "
        "remove that network first"
    )

    assert expected == refused(world, Kind.CONFLICT, replace(VLAN, **{"parent": "eth0", **other}))


@pytest.mark.parametrize(
    ("wish", "kind", "expected"),
    [
        (
            network(OTHER_ID, mode=Mode.L3),
            Kind.CONFLICT,
            "parent eth0 already carries network web in mode l2; "
            "a parent has one mode, so use l2 here or another parent",
        ),
        (
            network(OTHER_ID, parent="eth7"),
            Kind.MISSING,
            "parent eth7 does not exist on this host; "
            "make it first, or name it NAME.VID (such as eth0.20) to have it made",
        ),
        (
            network(OTHER_ID, parent="eth0.4095"),
            Kind.INVALID,
            "VLAN id 4095 of parent eth0.4095 is not in 1 to 4094",
        ),
        (
            network(OTHER_ID, mtu=9000),
            Kind.INVALID,
            "MTU 9000 is above the 1500 of link eth0; "
            "use 1500 or less, or raise the parent's with `ip link set eth0 mtu 9000`",
        ),
    ],
)
def test_a_network_that_cannot_be_is_refused_before_anything_changes(world, wish, kind, expected):
    """What planning refuses leaves no record and no link."""
    world.create_network(network(name="web"))

    assert expected == refused(world, kind, wish)


def test_a_container_of_another_driver_keeps_its_mode(world):
    """Its port is in no list of this namespace, and it would be switched over by the first container of ours."""
    world.kernel.open_sandbox(SANDBOX)
    world.kernel.add("ipv0", "ipvlan", on="eth0", mode=Mode.L3, flag=Flag.BRIDGE)
    world.kernel.take("ipv0", SANDBOX)
    expected = (
        f"parent eth0 already carries ipvlan port eth0 (in {SANDBOX}) in mode l3; "
        "a parent has one mode, so use l3 here or another parent"
    )

    assert expected == refused(world, Kind.CONFLICT, network())


def test_a_kernel_that_is_too_old_is_refused(world):
    """The kernel is asked before anything is recorded."""
    world.kernel.kernel_release = "4.1.0"

    assert "kernel 4.1.0 is too old for ipvlan; it needs 4.2 or later" == refused(world, Kind.KERNEL, VLAN)


@pytest.mark.parametrize("wish", [VLAN, network(isolated=True)], ids=["vlan", "dummy"])
def test_a_parent_that_the_kernel_refuses_leaves_nothing(world, wish):
    """The record of the intent is taken back, and the kernel's own words reach the caller."""
    world.kernel.trouble[1] = Trouble.REFUSED
    what = {"eth0.20": "make eth0.20, VLAN 20 of eth0"}.get(wish.parent, f"make dummy {wish.parent}")

    assert f"the kernel refused to {what}: Cannot allocate memory (ENOMEM)" == refused(world, Kind.KERNEL, wish)


def test_a_refusal_takes_nothing_from_the_parents_other_networks(world):
    """The record of a shared parent stays as it was when a second network fails on it."""
    world.create_network(network(OTHER_ID, parent="eth0.20"))
    world.kernel.remove("eth0.20")
    world.kernel.trouble[2] = Trouble.REFUSED

    expected = "the kernel refused to make eth0.20, VLAN 20 of eth0: Cannot allocate memory (ENOMEM)"

    assert expected == refused(world, Kind.KERNEL, VLAN)


def test_two_networks_share_a_vlan_that_ipvl_made(world):
    """It is made once and stays until the last of them goes."""
    second = network(OTHER_ID, parent="eth0.20", subnets=("192.168.21.0/24",))
    world.create_network(VLAN)
    world.create_network(second)

    world.delete_network(ID)

    assert [MakeVlan("eth0.20", "eth0", 20)] == world.kernel.steps
    assert (vlan_parent("eth0.20", "eth0", 20), second) == world.store.load()

    world.delete_network(OTHER_ID)

    assert RemoveParent("eth0.20") == world.kernel.steps[-1]
    assert None is world.kernel.link("eth0.20")
    assert () == world.store.load()


def test_a_vlan_that_others_made_outlives_its_networks(world):
    """`ip link add ... eth0.20` by hand is undone by hand, whatever its name."""
    world.kernel.add("eth0.20", "vlan", on="eth0", vlan_id=20)
    before = world.kernel.picture()
    world.create_network(VLAN)

    world.delete_network(ID)

    assert ((), before) == world.picture()
    assert [] == world.kernel.steps


def test_a_vlan_that_somebody_made_anew_is_theirs(world):
    """The link that ipvl made was replaced by one of the same name: that one stays."""
    world.create_network(VLAN)
    world.kernel.remove("eth0.20")
    world.kernel.add("eth0.20", "vlan", on="eth0", vlan_id=20)
    before = world.kernel.picture()

    world.delete_network(ID)

    assert ((), before) == world.picture()


@pytest.mark.parametrize("one", [network(), VLAN, network(isolated=True)], ids=lambda one: one.parent)
def test_a_network_leaves_the_host_as_it_found_it(world, one):
    """Made and removed: no record and no link is left."""
    before = world.picture()
    world.create_network(one)

    world.delete_network(ID)

    assert before == world.picture()


def test_a_network_that_is_not_known_is_removed_already(world):
    """Docker's network is gone either way, so there is nothing to refuse."""
    before = world.picture()

    world.delete_network(ID)

    assert before == world.picture()


def test_a_network_takes_its_endpoints_along(world):
    """What is left of them, ports in the host's namespace included, goes with the network."""
    world.create_network(VLAN)
    world.create_endpoint(endpoint())
    world.join(endpoint(), SANDBOX)

    world.delete_network(ID)

    assert [RemovePort(endpoint().port), RemoveParent("eth0.20")] == world.kernel.steps[-2:]
    assert () == world.store.load()
    assert None is world.kernel.link("eth0.20")


def test_a_removal_goes_on_after_a_failure_and_can_be_repeated(world):
    """Everything that can be removed is; what failed is reported, and the network stays to be removed again."""
    world.create_network(VLAN)
    world.create_endpoint(endpoint())
    world.join(endpoint(), SANDBOX)
    world.kernel.trouble[len(world.kernel.steps) + 1] = Trouble.REFUSED

    with pytest.raises(IpvlError) as refused_removal:
        world.delete_network(ID)

    expected = f"the kernel refused to remove port {endpoint().port}: Cannot allocate memory (ENOMEM)"
    assert expected == str(refused_removal.value)
    assert None is world.kernel.link("eth0.20")
    assert Phase.REMOVING is world.engine.records.network(ID).phase

    world.delete_network(ID)

    assert () == world.store.load()


def test_a_network_can_be_named_later(world):
    """Docker's protocol never sends a name; when one is learnt it is kept."""
    world.create_network(replace(VLAN, name=None))

    world.run(create_remove.name_network(world.engine, ID, "db"))

    assert "db" == world.engine.records.network(ID).name
    assert "db" == world.store.load()[1].name


def test_naming_an_unknown_network_is_passed_over(world):
    """It was removed a moment ago."""
    world.run(create_remove.name_network(world.engine, ID, "db"))

    assert () == world.store.load()


def test_the_same_name_again_is_not_written(world):
    """Names are compared often and change never: no commit for nothing."""
    world.create_network(VLAN)
    commits = world.store.commits

    world.run(create_remove.name_network(world.engine, ID, "web"))

    assert commits == world.store.commits


def test_a_parent_that_is_down_is_a_warning_in_the_log(world, caplog):
    """A network on a parent that is down is made, and the log says what will not work."""
    world.kernel.change("eth0", up=False)
    caplog.set_level(logging.WARNING)

    world.create_network(network(name="web"))

    expected = (
        "network web: parent eth0 is down, so its containers reach nobody: bring it up with `ip link set eth0 up`"
    )
    assert [expected] == caplog.messages


def test_networks_survive_a_restart(world):
    """What was made is known afterwards, and nothing is made twice."""
    world.create_network(VLAN)
    world.create_network(network(OTHER_ID, isolated=True))
    before = world.picture()

    world.restart()

    assert before == world.picture()
