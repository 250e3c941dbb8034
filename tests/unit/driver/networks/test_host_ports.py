"""The host's own port on a network from its making to its end, and back after whatever happens to it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from ipvl.driver.endpoints.create_join_leave import create_endpoint
from ipvl.driver.networks import create_remove
from ipvl.driver.networks.create_remove import name_network
from ipvl.driver.repair.unlisted_networks import remove_unlisted
from ipvl.driver.status.collect_status import collect_status
from ipvl.errors import Kind
from ipvl.model.host_port_steps import AddHostRoutes
from ipvl.model.links import MADE_BY_IPVL
from ipvl.model.networks import Flag, Mode, Phase
from ipvl.records.changes import Put
from tests.contract.fake_kernel import Trouble
from tests.unit.builders import (
    ID,
    NOW,
    OTHER_ENDPOINT_ID,
    OTHER_ID,
    OTHER_SANDBOX,
    SANDBOX,
    endpoint,
    network,
    pool,
    subnet,
)

PORT = "ih-aaaaaaaaaaaa"
GIVEN = replace(subnet("192.168.20.0/24"), host=ip_address("192.168.20.250"))
LAN = network(name="web", subnets=(GIVEN,), host_access=True)
CHOSEN = network(
    name="web", door="embedded", parent="eth0.20", host_access=True, subnets=("192.168.20.0/24", "2001:db8::/64")
)
ROUTED = replace(CHOSEN, mode=Mode.L3)
ONE = endpoint()


def hosts(world, identity=ID):
    return [str(subnet.host) for subnet in world.engine.records.network(identity).subnets]


def routes(world):
    """Return what the host routes by its own ports."""
    return {
        str(route.destination)
        for route in world.run(world.kernel.host_routing()).routes
        if route.link.startswith("ih-")
    }


def joined(world, of=LAN, one=ONE):
    world.create_network(of)
    world.create_endpoint(one)
    world.attach(one)


def test_a_port_is_made_with_the_network_and_goes_with_it(world):
    """Marked, up, on the network's parent; nothing of it stays."""
    before = world.kernel.picture()
    world.create_network(CHOSEN)

    port, parent = world.kernel.link(PORT), world.kernel.link("eth0.20")
    assert (MADE_BY_IPVL, True, parent.index) == (port.alias, port.up, port.lower)
    world.delete_network(ID)
    assert ((), before) == world.picture()
    assert set() == routes(world)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (LAN, ["192.168.20.250"]),
        (CHOSEN, ["192.168.20.2", "2001:db8::2"]),
        (ROUTED, ["192.168.20.1", "2001:db8::1"]),
        (replace(CHOSEN, subnets=(subnet("192.168.20.0/24", within="192.168.20.64/26"),)), ["192.168.20.64"]),
        (replace(CHOSEN, subnets=(subnet("192.168.20.0/24", reserved=("192.168.20.2",)),)), ["192.168.20.3"]),
    ],
)
def test_an_address_that_was_not_given_is_chosen(world, of, expected):
    """Neither the gateway's nor one of others, and within the range; it is kept over a restart."""
    world.create_network(of)

    assert expected == hosts(world)
    world.restart()
    assert expected == hosts(world)


def test_docker_pools_tell_the_range(world):
    """A network of Docker's with ipvl's address management does not say it itself."""
    world.engine.commit((Put(pool(within="192.168.20.64/26", parent="eth0")),))
    world.create_network(network(host_access=True))

    assert ["192.168.20.64"] == hosts(world)


def test_nobody_else_gets_the_hosts_address(world):
    """It is refused by its use."""
    world.create_network(LAN)
    one = endpoint(addresses=("192.168.20.250/24",))
    expected = (
        "address 192.168.20.250 is the host's own in network web (host_access);"
        " choose another address or remove what holds it"
    )

    assert expected == world.refusal(Kind.CONFLICT, create_endpoint(world.engine, one))


def test_an_address_that_somebody_has_is_refused(world):
    """An endpoint of another network on the parent."""
    world.create_network(network(OTHER_ID, name="old"))
    world.create_endpoint(endpoint(network_id=OTHER_ID, addresses=("192.168.20.250/24",), name="nas"))
    expected = (
        "address 192.168.20.250 is in use on parent eth0 by endpoint nas of network old;"
        " choose another address or remove what holds it"
    )

    assert expected == world.refusal(Kind.CONFLICT, create_remove.create_network(world.engine, LAN))


def test_a_full_subnet_has_none_for_the_host(world):
    """Before anything is made."""
    full = replace(CHOSEN, subnets=(subnet("10.0.0.0/31", reserved=("10.0.0.1",)),))

    sentence = world.refusal(Kind.CONFLICT, create_remove.create_network(world.engine, full))
    assert sentence.startswith("subnet 10.0.0.0/31 is full")


def test_a_route_in_the_way_is_named(world):
    """And nothing is made."""
    world.kernel.add_route("192.168.20.0/24", "eth1")
    expected = (
        "subnet 192.168.20.0/24 of network web overlaps the host's route 192.168.20.0/24 by eth1,"
        " so the host cannot have access; give the network another subnet, remove the route, or leave host_access out"
    )
    routed = replace(LAN, mode=Mode.L3)

    assert expected == world.refusal(Kind.CONFLICT, create_remove.create_network(world.engine, routed))


def test_a_container_at_an_address_that_the_host_reaches_by_a_route_alone(world):
    """The route stays as it is, status says who is not reached, and once the route is gone the host gets its own."""
    world.kernel.add_route("192.168.20.10/32", "tun0", metric=50)
    joined(world)
    expected = (
        "this host does not reach 192.168.20.10 in network web: its route 192.168.20.10/32 by tun0 leads there already;"
        " remove that route, or give the container another address"
    )

    assert set() == routes(world)
    assert (expected,) == world.run(collect_status(world.engine.records, world.kernel)).networks[0].trouble
    world.reconcile()
    assert (expected,) == world.engine.warnings
    world.kernel.remove_route("192.168.20.10/32")
    world.reconcile()
    assert ({"192.168.20.10/32"}, ()) == (routes(world), world.engine.warnings)


@pytest.mark.parametrize("of", [LAN, CHOSEN])
def test_the_same_network_again_is_done_already(world, of):
    """Whether the address was given or chosen."""
    world.create_network(of)
    before = world.picture()
    world.create_network(replace(of, created=NOW + 5, phase=Phase.MAKING))

    assert before == world.picture()


def test_a_port_that_cannot_be_made_leaves_nothing(world):
    """Neither the VLAN that was made for it."""
    for step in (2, 3, 4):
        before = world.picture()
        world.kernel.trouble[len(world.kernel.steps) + step] = Trouble.REFUSED
        with pytest.raises(Exception, match="ENOMEM"):
            world.create_network(CHOSEN)
        assert before == world.picture()
        assert set() == routes(world)


def test_routes_come_and_go_with_endpoints(world):
    """On a segment: the host's own route to it stays as it is."""
    world.kernel.add_address("192.168.20.5/24")
    joined(world)
    assert {"192.168.20.10/32"} == routes(world)

    world.kernel.give_back(ONE.port, SANDBOX)
    world.leave(ONE)
    assert set() == routes(world)
    world.attach(ONE, OTHER_SANDBOX)
    world.delete_endpoint(ONE)
    assert set() == routes(world)
    assert ip_network("192.168.20.0/24") in world.run(world.kernel.prefixes())


def test_a_routed_network_has_a_route_a_subnet(world):
    """From the beginning, and joining adds none."""
    joined(world, ROUTED)

    assert {"192.168.20.0/24", "2001:db8::/64"} == routes(world)


def test_an_endpoint_that_the_host_cannot_reach_still_joins(world, caplog):
    """With a warning, which the next comparison mends."""
    world.create_network(LAN)
    world.create_endpoint(ONE)
    world.kernel.open_sandbox(SANDBOX)
    world.kernel.trouble[len(world.kernel.steps) + 2] = Trouble.REFUSED
    world.attach(ONE)

    step = AddHostRoutes(PORT, (GIVEN.host,), ())
    assert isinstance(world.kernel.steps[-1], type(step))
    assert "network web: the kernel refused to give host port ih-aaaaaaaaaaaa" in caplog.text
    assert set() == routes(world)
    world.reconcile()
    assert {"192.168.20.10/32"} == routes(world)


@pytest.mark.parametrize("what", ["link", "route", "down"])
def test_what_somebody_takes_away_comes_back(world, what):
    """The port with all it has, or its route alone."""
    joined(world)
    before = world.run(world.kernel.host_routing()), world.kernel.picture()
    if what == "link":
        world.kernel.remove(PORT)
    elif what == "down":
        world.kernel.change(PORT, up=False)
    else:
        world.kernel.remove_route("192.168.20.10/32")
    world.reconcile()

    assert before == (world.run(world.kernel.host_routing()), world.kernel.picture())
    steps = len(world.kernel.steps)
    world.reconcile()
    assert steps == len(world.kernel.steps), "and what is whole is left alone"


def test_a_port_is_not_made_where_it_would_switch_others(world):
    """Somebody made one in another mode meanwhile."""
    world.create_network(LAN)
    world.kernel.remove(PORT)
    world.kernel.add("iv0", "ipvlan", "eth0", mode=Mode.L3, flag=Flag.BRIDGE)
    world.reconcile()

    assert world.kernel.link(PORT) is None
    assert Mode.L3 is world.kernel.link("iv0").mode
    assert any("already carries ipvlan port iv0 in mode l3" in one for one in world.engine.warnings)


def test_after_a_reboot_it_is_there_again(world):
    """With its parent, and without the routes to who is gone."""
    joined(world, CHOSEN, endpoint(addresses=("192.168.20.10/24",)))
    world.kernel.reboot()
    world.now += 1000
    world.restart()

    assert world.kernel.link("eth0.20").index == world.kernel.link(PORT).lower
    assert set() == routes(world)
    assert ["192.168.20.2", "2001:db8::2"] == hosts(world)


def test_a_route_to_who_is_gone_goes(world):
    """Nobody said that the container left."""
    joined(world)
    world.kernel.end_sandbox(SANDBOX)
    world.now += 1000
    world.reconcile()

    assert set() == routes(world)


def test_an_address_that_changes_hands_is_routed_once(world):
    """A dead container's address goes to one in another network of the parent, which gives the host no access."""
    joined(world)
    world.create_network(network(OTHER_ID, name="other"))
    world.kernel.end_sandbox(SANDBOX)
    world.now += 1000
    world.create_endpoint(endpoint(OTHER_ENDPOINT_ID, network_id=OTHER_ID))

    assert set() == routes(world)


def test_a_port_of_a_network_that_nobody_knows_is_removed(world):
    """The state was lost, or Docker dropped the network; a link without the mark stays."""
    joined(world)
    world.kernel.add("ih-cccccccccccc", "ipvlan", "eth0", mode=Mode.L2, flag=Flag.BRIDGE, alias=MADE_BY_IPVL)
    world.kernel.add("ih-dddddddddddd", "ipvlan", "eth0", mode=Mode.L2, flag=Flag.BRIDGE)
    world.reconcile()
    assert world.kernel.link("ih-cccccccccccc") is None
    assert world.kernel.link("ih-dddddddddddd") is not None
    assert () == world.engine.warnings
    world.kernel.end_sandbox(SANDBOX)
    world.run(name_network(world.engine, ID, "web", "docker"))
    world.run(remove_unlisted(world.engine, (), (), NOW + 1, "docker"))

    assert world.kernel.link(PORT) is None
    assert set() == routes(world)


def test_status_shows_the_port_and_that_it_is_gone(world):
    """Until the next comparison."""
    world.create_network(LAN)
    (seen,) = world.run(collect_status(world.engine.records, world.kernel)).networks
    assert (PORT, ("192.168.20.250",), ()) == (seen.host_port, seen.host_addresses, seen.trouble)
    world.kernel.remove(PORT)
    (seen,) = world.run(collect_status(world.engine.records, world.kernel)).networks

    expected = f"host port {PORT} is gone, so this host does not reach its containers: systemctl restart ipvl"
    assert (expected,) == seen.trouble


def test_the_port_is_looked_after_by_its_name(world):
    """Changes of other networks' links by such a name are no news."""
    world.create_network(LAN)
    world.create_network(network(OTHER_ID))

    assert [True, False, False] == [
        world.engine.records.concerns(name) for name in (PORT, "ih-bbbbbbbbbbbb", "ih-cccccccccccc")
    ]
