"""Records and host side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipvl.driver.status.collect_status import collect_status
from ipvl.driver.status.host_status import EndpointStatus, NetworkStatus, PoolLeaseStatus, PoolStatus, Status
from ipvl.driver.status.subnet import SubnetStatus
from ipvl.model.networks import Mode
from ipvl.model.troubles import Trouble
from ipvl.records.changes import Put
from tests.unit.builders import (
    ENDPOINT_ID,
    ID,
    OTHER_ENDPOINT_ID,
    OTHER_ID,
    SANDBOX,
    endpoint,
    lease,
    network,
    pool,
    subnet,
)


def seen(world, troubles=()) -> Status:
    return world.run(collect_status(world.engine.records, world.kernel, troubles))


def test_nothing_is_seen_where_nothing_is(world):
    """A fresh host."""
    assert Status((), (), (), ()) == seen(world)


def test_a_network_is_seen_as_it_was_asked_for(world):
    """Everything that the user gave, and the gateways that containers get."""
    world.create_network(
        network(
            parent="eth0.20",
            name="web",
            mtu=1400,
            subnets=(
                subnet("192.168.20.0/24", "192.168.20.254"),
                subnet("192.168.21.0/24", within="192.168.21.128/25", reserved=("192.168.21.9",)),
                "2001:db8::/64",
                "10.0.0.7/32",
            ),
        )
    )
    world.create_endpoint(endpoint())

    expected = NetworkStatus(
        id=ID,
        name="web",
        door="docker",
        parent="eth0.20",
        mode="l2",
        flag="bridge",
        isolated=False,
        mtu=1400,
        subnets=(
            SubnetStatus("192.168.20.0/24", "192.168.20.254"),
            SubnetStatus("192.168.21.0/24", "192.168.21.1", "192.168.21.128/25", ("192.168.21.9",)),
            SubnetStatus("2001:db8::/64", "2001:db8::1"),
            SubnetStatus("10.0.0.7/32", None),
        ),
        endpoints=1,
        trouble=(),
        default_route_families=("ipv4", "ipv6"),
    )

    assert (expected,) == seen(world).networks


@pytest.mark.parametrize(
    "fields", [{"isolated": True}, {"mode": Mode.L3}, {"mode": Mode.L3S}, {"isolated": True, "mode": Mode.L3}]
)
def test_no_gateway_is_seen_where_containers_get_none(world, fields):
    """Isolated networks and routed modes ignore gateways, so the status shows none."""
    world.create_network(network(subnets=(subnet("192.168.20.0/24", "192.168.20.254"),), **fields))

    assert (SubnetStatus("192.168.20.0/24", None),) == seen(world).networks[0].subnets


def test_parents_are_seen_with_who_made_them(world):
    """Name, kind, base and tag, the link's state and MTU, and the networks on it."""
    world.create_network(network(parent="eth0.20", name="web"))
    world.create_network(network(OTHER_ID, parent="eth0.20", subnets=()))
    world.create_network(network("c" * 64, parent="eth1"))

    vlan, eth1 = seen(world).parents

    assert ("eth0.20", "vlan", True, "up", 1500) == (vlan.name, vlan.kind, vlan.made, vlan.state, vlan.mtu)
    assert ("web", "bbbbbbbbbbbb") == vlan.networks
    assert ("eth1", "link", False, ("cccccccccccc",)) == (eth1.name, eth1.kind, eth1.made, eth1.networks)


@pytest.mark.parametrize(
    ("change", "state", "trouble"),
    [
        ({}, "up", ()),
        (
            {"up": False},
            "down",
            ("parent eth0 is down, so its containers reach nobody: bring it up with `ip link set eth0 up`",),
        ),
        (
            {"carrier": False},
            "no carrier",
            ("parent eth0 has no carrier, so its containers reach nobody until the cable or switch is back",),
        ),
        (
            {"master_kind": "bridge"},
            "up",
            (
                "parent eth0 is a port of a bridge, which takes every frame it receives; "
                "use the bridge as the parent, or take eth0 out of it",
            ),
        ),
    ],
)
def test_what_is_wrong_with_a_parent_is_seen_in_its_networks(world, change, state, trouble):
    """The reason why containers cannot join or reach nobody stands with the network."""
    world.create_network(network())
    world.kernel.change("eth0", **change)

    found = seen(world)

    assert state == found.parents[0].state
    assert trouble == found.networks[0].trouble


def test_a_missing_parent_is_seen(world):
    """It has no state and no MTU."""
    world.create_network(network())
    world.kernel.remove("eth0")

    found = seen(world)

    assert ("missing", None) == (found.parents[0].state, found.parents[0].mtu)
    assert ("parent eth0 does not exist",) == found.networks[0].trouble


def test_endpoints_are_seen_with_their_sandbox(world):
    """Attached while the sandbox lives, waiting otherwise."""
    one = endpoint(addresses=("192.168.20.10/24", "2001:db8::a/64"))
    other = endpoint(OTHER_ENDPOINT_ID, addresses=("192.168.20.11/24",), name="shop")
    world.create_network(network(name="web", subnets=("192.168.20.0/24", "2001:db8::/64")))
    world.create_endpoint(one)
    world.create_endpoint(other)
    world.attach(one)

    attached = EndpointStatus(
        id=ENDPOINT_ID,
        name=None,
        network="web",
        addresses=("192.168.20.10/24", "2001:db8::a/64"),
        parent="eth0",
        sandbox=SANDBOX,
        state="attached",
    )
    waiting = EndpointStatus(
        id=OTHER_ENDPOINT_ID,
        name="shop",
        network="web",
        addresses=("192.168.20.11/24",),
        parent="eth0",
        sandbox=None,
        state="waiting",
    )
    assert (attached, waiting) == seen(world).endpoints

    world.kernel.end_sandbox(SANDBOX)

    assert (replace(attached, state="waiting"), waiting) == seen(world).endpoints


def test_pools_are_seen_with_who_has_their_addresses(world):
    """The gateway, a container by its name once it is known, and what no container has."""
    of = pool("192.168.20.0/24")
    reserved, held = lease(of, "192.168.20.9"), lease(of, "192.168.20.10")
    world.engine.commit((Put(of), Put(held), Put(reserved), Put(lease(of, "192.168.20.1", gateway=True, users=2))))
    world.create_network(network(name="web"))
    world.create_endpoint(endpoint(name="shop"))

    assert seen(world).pools == (
        PoolStatus(
            id=of.id,
            subnet="192.168.20.0/24",
            range=None,
            parent=None,
            users=1,
            leases=(
                PoolLeaseStatus("192.168.20.1", "gateway", None, 2),
                PoolLeaseStatus("192.168.20.9", "reserved", None, 1),
                PoolLeaseStatus("192.168.20.10", "endpoint", "shop", 1),
            ),
        ),
    )


def test_warnings_are_passed_on(world):
    """What the last repair could not mend."""
    assert ("parent eth0 is down",) == seen(world, (Trouble("parent eth0 is down"),)).warnings


def test_looking_changes_nothing(world):
    """Status is for reading."""
    world.create_network(network(parent="eth0.20"))
    before = world.picture()

    seen(world)

    assert before == world.picture()
