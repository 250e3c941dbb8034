"""Parents keep their networks when their links get other names."""

from __future__ import annotations

import pytest

from ipvl.driver.endpoints.create_join_leave import create_endpoint
from ipvl.driver.networks.parent_lookup import find_parent
from ipvl.errors import Kind
from ipvl.records.changes import Put
from tests.contract.fake_kernel import KilledError, Trouble
from tests.unit.builders import (
    ID,
    OTHER_ENDPOINT_ID,
    OTHER_ID,
    OTHER_SANDBOX,
    endpoint,
    network,
    pool,
    vlan_parent,
)

ONE = endpoint()


@pytest.fixture
def named(world):
    """A world with a container on eth0, which has an alternative name, and one on a VLAN of it."""
    world.kernel.change("eth0", altnames=("uplink0lan",))
    world.create_network(network(name="web"))
    world.create_network(network(OTHER_ID, parent="eth0.20", name="tagged"))
    world.create_endpoint(ONE)
    world.attach(ONE)
    world.engine.commit((Put(pool(parent="eth0")),))
    return world


def parents(world):
    return {parent.name: (parent.base, parent.also) for parent in world.engine.records.parents()}


def test_the_doors_name_the_link(named):
    """Whatever it was called."""
    for text, expected in (("uplink0lan", "eth0"), ("uplink0lan.20", "eth0.20"), ("eth0", "eth0")):
        assert expected == named.run(find_parent(named.engine, text))


def test_a_link_that_gets_another_name(named):
    """All records follow, addresses are held as before, and new containers join."""
    named.kernel.rename("eth0", "lan0")
    named.reconcile()

    expected = {"lan0": (None, ("eth0", "uplink0lan")), "eth0.20": ("lan0", ("eth0", "uplink0lan"))}
    assert (expected, ()) == (parents(named), named.engine.warnings)
    assert ["lan0", "eth0.20"] == [one.parent for one in named.engine.records.networks()]
    assert ["lan0"] == [one.parent for one in named.engine.records.pools()]
    assert named.engine.records.holder_of("lan0", ONE.addresses[0].ip).id == ONE.id
    again = endpoint(OTHER_ENDPOINT_ID)
    assert "is in use on parent lan0" in named.refusal(Kind.CONFLICT, create_endpoint(named.engine, again))
    other = endpoint(OTHER_ENDPOINT_ID, addresses=("192.168.20.11/24",))
    named.create_endpoint(other)
    named.attach(other, OTHER_SANDBOX)
    before = named.picture()
    named.restart()
    assert (before, expected) == (named.picture(), parents(named))
    assert "lan0" == named.run(find_parent(named.engine, "eth0")), "its former name"


def test_a_made_vlan_is_made_again_on_a_base_that_was_renamed(named):
    """Under the name that it has in the records, after a reboot too."""
    named.stop()
    named.kernel.reboot()
    named.kernel.rename("eth0", "lan0")
    named.start()
    named.reconcile()

    assert named.kernel.link("lan0").index == named.kernel.link("eth0.20").lower
    assert () == named.engine.warnings


def test_the_alternative_name_goes_while_the_link_stays(named):
    """Nothing changes, and it still means the same parent."""
    named.kernel.change("eth0", altnames=())
    named.reconcile()

    assert ["eth0", "eth0.20"] == [one.parent for one in named.engine.records.networks()]
    assert "eth0" == named.run(find_parent(named.engine, "uplink0lan"))
    assert named.engine.concerns("uplink0lan")


@pytest.mark.parametrize("trouble", [Trouble.KILLED_BEFORE, Trouble.KILLED_AFTER])
@pytest.mark.parametrize("commit", [1, 2, 3, 4])
def test_a_rename_that_is_killed_is_done_at_the_next_start(named, commit, trouble):
    """At any of its commits."""
    named.kernel.rename("eth0", "lan0")
    named.store.trouble[named.store.commits + commit] = trouble
    with pytest.raises(KilledError):
        named.reconcile()
    named.restart()

    assert {"lan0", "eth0.20"} == {parent.name for parent in named.engine.records.parents()}
    assert "lan0" == named.engine.records.network(ID).parent
    assert vlan_parent("eth0.20", "lan0", 20).base == named.engine.records.parent("eth0.20").base
    assert () == named.engine.warnings
