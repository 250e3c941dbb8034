"""Which ports went with their parents, and what makes them again: decisions alone."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from ipvl.model.endpoints import PortRoute, PortSetup, SeenPort
from ipvl.model.links import PortsView, PortView
from ipvl.model.networks import Phase
from ipvl.model.steps import MakePort, PlacePort, RemovePort, RemoveSandboxPort, RestoreRoutes, RoutePort
from ipvl.planning.host import Host
from ipvl.planning.port_restoration import LostPort, lost_ports, plan_restoration, seen_port
from ipvl.records.records import Records
from tests.unit.builders import NOW, SANDBOX, endpoint, link, network, parent

INODE = 4026532000
ETH0 = link("eth0", 7)
DEFAULT = PortRoute(ip_network("0.0.0.0/0"), ip_address("192.168.20.1"), metric=0, table=254, protocol=3, scope=0)
SETUP = PortSetup(broadcast=True, queue_length=1000, routes=(DEFAULT,), settings=(("ipv4/conf/*/rp_filter", "2"),))
SEEN = SeenPort(2, "eth1", SETUP)
JOINED = endpoint("one", sandbox=SANDBOX, seen=SEEN, changed=NOW)
EMPTY = PortsView(entered=True, ports=(), interfaces=frozenset({"lo"}))
MADE = (RemovePort(JOINED.port), MakePort(JOINED.port, "eth0", network().mode, network().flag, None))


def found(*endpoints, links=(ETH0,), now=NOW, inode=INODE):
    records = Records((parent(), network(), *endpoints))
    host = Host(links, "6.1.0", frozenset())
    return [one.endpoint for one in lost_ports(records, host, now, lambda _path: inode)]


def plan(one=JOINED, view=EMPTY, claimed=None):
    return plan_restoration(LostPort(network(), one, ETH0), view, None, None, claimed or {})


def port(name="eth1", *, up=True, addresses=JOINED.addresses, on=ETH0.index):
    return PortView(name, on, up, tuple(addresses), SETUP)


def view(*ports, addresses=(), default_routes=()):
    names = frozenset({"lo", *(one.name for one in ports), *(name for name, _ in addresses)})
    held = frozenset((name, ip_address(address)) for name, address in addresses)
    held |= {(one.name, interface.ip) for one in ports for interface in one.addresses}
    return PortsView(
        entered=True, ports=ports, interfaces=names, addresses=held, default_routes=frozenset(default_routes)
    )


def placed(interface="eth1", setup=SETUP):
    return PlacePort(JOINED.port, SANDBOX, interface, JOINED.addresses, announced=False, setup=setup)


def test_a_parent_with_another_index_was_made_anew():
    """Only then is a port looked for; one that somebody deleted in its sandbox stays deleted."""
    assert [JOINED] == found(JOINED)
    assert [] == found(replace(JOINED, seen=replace(SEEN, parent=ETH0.index)))


def test_who_cannot_have_a_port_is_no_suspect():
    """The parent is still away, the sandbox has ended, nobody joined, or somebody is at work on it."""
    assert [] == found(JOINED, links=())
    assert [] == found(JOINED, inode=None)
    assert [] == found(replace(JOINED, sandbox=None))
    assert [] == found(replace(JOINED, phase=Phase.REMOVING))


def test_a_parent_that_cannot_carry_the_network_gets_no_port():
    """A port in another mode would switch those of others."""
    assert [] == found(JOINED, links=(replace(ETH0, master_kind="bridge"),))


def test_a_port_that_was_never_seen_is_looked_for_when_its_door_has_had_time():
    """Docker may still be about to move it; where ipvl places it itself, it is there at once."""
    fresh = replace(JOINED, seen=None)
    assert [] == found(fresh, now=NOW + 60)
    assert [fresh] == found(fresh, now=NOW + 121)
    own = replace(fresh, inode=INODE, interface="eth0")
    assert [own] == found(own, now=NOW)


def test_a_port_is_made_exactly_as_the_one_before():
    """Name, addresses, sysctls and routes are those that were seen."""
    restoration = plan()

    assert (*MADE, placed(), RestoreRoutes(SANDBOX, "eth1", (DEFAULT,))) == restoration.steps
    assert () == restoration.remarks


def test_addresses_that_somebody_gave_are_given_again():
    """On a network that gives none they are all there is; on others they are beside its own."""
    mine = (ip_interface("192.168.20.77/24"),)
    for one in (replace(JOINED, addresses=()), JOINED):
        seen = seen_port(one, ETH0, port(addresses=(*one.addresses, *mine)))
        assert mine == seen.setup.addresses
        restoration = plan(replace(one, seen=replace(seen, parent=2)))

        (place,) = [step for step in restoration.steps if isinstance(step, PlacePort)]
        assert (one.addresses, mine) == (place.addresses, place.setup.addresses)
        assert str(mine[0]) in place.describe()


def test_addresses_that_somebody_gave_and_others_have_by_now_are_left_out():
    """The port is made without them, with a word in the log."""
    mine, other = ip_interface("192.168.20.77/24"), ip_interface("10.0.0.78/24")
    from_other = replace(DEFAULT, destination=ip_network("10.2.0.0/16"), source=other.ip)
    by_other = replace(DEFAULT, destination=ip_network("10.3.0.0/16"), via=ip_address("10.0.0.1"))
    seen = replace(SEEN, setup=replace(SETUP, routes=(DEFAULT, from_other, by_other), addresses=(mine, other)))
    restoration = plan(replace(JOINED, seen=seen), claimed={other.ip: "is in use on eth0 by 02:00:00:00:00:99"})

    (place,) = [step for step in restoration.steps if isinstance(step, PlacePort)]
    assert (mine,) == place.setup.addresses
    assert RestoreRoutes(SANDBOX, "eth1", (DEFAULT,)) == restoration.steps[-1]
    said = "address 10.0.0.78, which somebody gave it, is in use on eth0 by 02:00:00:00:00:99, so it is left out"
    assert (said,) == restoration.remarks


def test_an_address_of_its_own_that_another_has_by_now_keeps_the_port_away():
    """Whoever took it meanwhile has it."""
    restoration = plan(claimed={JOINED.addresses[0].ip: "is this host's own, on eth1"})

    said = f"address {JOINED.addresses[0].ip} is this host's own, on eth1: take it from there"
    assert (said, ()) == (restoration.hindrance, restoration.steps)


def test_a_port_that_was_never_seen_gets_the_lowest_free_name():
    """And the routes of its network, with a word in the log."""
    restoration = plan(replace(JOINED, seen=None), view(addresses=[("eth0", "10.0.0.1")]))

    gateway = RoutePort(SANDBOX, "eth1", (ip_address("192.168.20.1"),), ())
    assert (*MADE, placed(setup=None), gateway) == restoration.steps
    assert ("what its port was called is not known, so it is eth1",) == restoration.remarks


def test_another_link_keeps_the_name():
    """Somebody made one by that name meanwhile, or another port of the same parent has it with other addresses."""
    sentence = "another link in its sandbox is called eth1 now: remove that"
    assert sentence == plan(view=view(addresses=[("eth1", "10.0.0.1")])).hindrance
    other = port(addresses=(ip_interface("192.168.20.77/24"),))
    assert (sentence, ()) == (plan(view=view(other)).hindrance, plan(view=view(other)).steps)


def test_another_link_keeps_the_address():
    """Whoever gave it to another interface of the sandbox has helped themselves."""
    restoration = plan(view=view(addresses=[("veth3", str(JOINED.addresses[0].ip))]))

    assert f"veth3 in its sandbox has {JOINED.addresses[0].ip} now: take it off" == restoration.hindrance


@pytest.mark.parametrize(("metric", "kept"), [(0, False), (50, True)])
def test_another_default_route_is_left_alone(metric, kept):
    """The same metric is taken; beside one with another there is room."""
    restoration = plan(view=view(default_routes=[(4, metric)]))

    assert RestoreRoutes(SANDBOX, "eth1", (DEFAULT,) if kept else ()) == restoration.steps[-1]
    remark = "route 0.0.0.0/0 via 192.168.20.1 is another interface's now"
    assert (() if kept else (remark,)) == restoration.remarks


@pytest.mark.parametrize("name", [JOINED.port, "eth1"])
def test_what_is_half_made_is_made_again(name):
    """Ipvl was stopped in the middle: the port is in the sandbox, under either name, and down."""
    restoration = plan(view=view(port(name, up=False, addresses=())))

    assert (MADE[0], RemoveSandboxPort(SANDBOX, name), MADE[1], placed()) == restoration.steps[:4]


def test_what_is_there_is_completed():
    """Ipvl was stopped before it knew that it had succeeded, or somebody made the port by hand."""
    restoration = plan(view=view(port()))

    assert port() == restoration.found
    assert (RestoreRoutes(SANDBOX, "eth1", (DEFAULT,)),) == restoration.steps


@pytest.mark.parametrize("up", [True, False])
def test_what_docker_set_up_and_nobody_saw_stays_as_it_is(up):
    """After an upgrade: whether it is to be up, and whether the default route is to be by it, is Docker's to say."""
    restoration = plan(replace(JOINED, seen=None), view(port(up=up)))

    assert (port(up=up), ()) == (restoration.found, restoration.steps)


def test_a_port_that_is_not_set_up_whole_is_not_remembered():
    """Docker is still at it; from outside nothing but the name is known."""
    assert SeenPort(ETH0.index, "eth1", SETUP) == seen_port(JOINED, ETH0, port())
    assert None is seen_port(JOINED, ETH0, port(up=False))
    assert None is seen_port(JOINED, ETH0, port(addresses=()))
    outside = PortView("eth1", ETH0.index, up=True)
    assert SeenPort(ETH0.index, "eth1") == seen_port(JOINED, ETH0, outside)
