"""The host's own port: what it gets, what it must not get in the way of, and what is mended."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from ipvl.errors import Kind
from ipvl.model.host_port_steps import AddHostRoutes, MakeHostPort, RemoveHostPort, RemoveHostRoutes
from ipvl.model.links import MADE_BY_IPVL, HostPortRoute, HostRoute, HostRouting
from ipvl.model.networks import Flag, Mode
from ipvl.model.troubles import Trouble
from ipvl.planning.host_access import (
    NO_ROUTING,
    check_host_access,
    host_port_routes,
    is_lost_host_port,
    not_reached,
    steps_to_give_access,
    steps_to_repair,
    steps_to_route_to,
    steps_to_stop_routing_to,
)
from tests.unit.builders import OTHER_ID, SANDBOX, endpoint, link, network, subnet
from tests.unit.builders import host as host_with
from tests.unit.refusals import refusal

PORT = "ih-aaaaaaaaaaaa"
OWN, OWN6 = ip_address("192.168.20.250"), ip_address("2001:db8::250")
SUBNETS = (
    replace(subnet("192.168.20.0/24"), host=OWN),
    replace(subnet("2001:db8::/64"), host=OWN6),
)
LAN = network(subnets=SUBNETS, host_access=True)
ROUTED = replace(LAN, mode=Mode.L3)
ALONE = replace(LAN, isolated=True, parent="di-aaaaaaaaaaaa")
ONE = endpoint(addresses=("192.168.20.10/24", "2001:db8::a/64"), sandbox=SANDBOX)
TO_ONE = (HostPortRoute(ip_network("192.168.20.10/32"), OWN), HostPortRoute(ip_network("2001:db8::a/128"), OWN6))
TO_ALL = (HostPortRoute(ip_network("192.168.20.0/24"), OWN), HostPortRoute(ip_network("2001:db8::/64"), OWN6))
MINE = link(PORT, 9, kind="ipvlan", lower=2, alias=MADE_BY_IPVL)
ADDRESSES = frozenset({(PORT, OWN), (PORT, OWN6)})


def by(name, *destinations, connected=True, **fields):
    return tuple(HostRoute(ip_network(one), name, connected, **fields) for one in destinations)


def mine(*ways):
    return tuple(HostRoute(way.destination, PORT, connected=True, source=way.source) for way in ways)


def host(*routes, links=(), addresses=frozenset()):
    return replace(host_with(link(), *links), routing=HostRouting(addresses, routes))


def test_on_a_segment_each_endpoint_has_a_route():
    """Of those that are in a sandbox; the host may have an address there, now or later, which keeps its own."""
    assert TO_ONE == host_port_routes(LAN, (ONE, replace(ONE, sandbox=None)))
    assert () == host_port_routes(LAN, ())


@pytest.mark.parametrize("of", [ROUTED, replace(LAN, mode=Mode.L3S), ALONE], ids=lambda of: f"{of.mode} {of.parent}")
def test_where_there_are_only_containers_each_subnet_has_a_route(of):
    """And joining changes nothing."""
    assert TO_ALL == host_port_routes(of, (ONE,))
    assert () == steps_to_route_to(of, ONE, NO_ROUTING) == steps_to_stop_routing_to(of, ONE)


def test_a_route_comes_and_goes_with_an_endpoint():
    """Only where the network gives the host access."""
    assert (AddHostRoutes(PORT, (OWN, OWN6), TO_ONE),) == steps_to_route_to(LAN, ONE, NO_ROUTING)
    assert (RemoveHostRoutes(PORT, tuple(way.destination for way in TO_ONE)),) == steps_to_stop_routing_to(LAN, ONE)
    for other in (replace(LAN, host_access=False), network()):
        assert () == steps_to_route_to(other, ONE, NO_ROUTING) == steps_to_stop_routing_to(other, ONE)
    assert () == steps_to_stop_routing_to(None, ONE)


@pytest.mark.parametrize(
    ("of", "routes"),
    [
        (LAN, by("eth0", "192.168.20.0/24", "2001:db8::/64", by_kernel=True)),
        (LAN, by("eth0", "192.168.0.0/16")),
        (LAN, by("eth1", "192.168.20.0/24", "2001:db8::/64", by_kernel=True)),
        (LAN, by("eth0", "192.168.20.64/26", connected=False)),
        (LAN, by("tun0", "192.168.20.7/32", "0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1", "2001:db8::/32")),
        (LAN, by(None, "192.168.0.0/16")),
        (LAN, by("eth1", "0.0.0.0/0", "::/0", connected=False)),
        (LAN, by("eth1", "192.168.21.0/24", "2001:db8:1::/48")),
        (LAN, by(PORT, "192.168.20.10/32")),
        (LAN, by("ih-bbbbbbbbbbbb", "192.168.20.11/32", "2001:db8::b/128")),
        (ROUTED, by(PORT, "192.168.20.0/24")),
        (ROUTED, by("eth1", "0.0.0.0/0", connected=False)),
        (ROUTED, by("tun0", "0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1")),
        (ROUTED, by("tun0", "0.0.0.0/1", "128.0.0.0/1", connected=False)),
        (ROUTED, by("tun0", "192.0.0.0/2", "192.160.0.0/11", "192.168.16.0/20", "2000::/3", "2001:db8::/32")),
        (ROUTED, by(None, "192.168.0.0/16", connected=False)),
        (ALONE, by("tun0", "128.0.0.0/1", "192.168.0.0/16")),
    ],
)
def test_what_is_in_nobodys_way_is_let_be(of, routes):
    """In L2 whatever does not lead to the port's own address alone; elsewhere what is more general and no segment."""
    assert check_host_access(of, host(*routes)) is None


@pytest.mark.parametrize(
    ("of", "routes", "route", "pool"),
    [
        (LAN, by("ih-bbbbbbbbbbbb", "192.168.20.0/24"), "192.168.20.0/24 by ih-bbbbbbbbbbbb", "192.168.20.0/24"),
        (LAN, by("ih-bbbbbbbbbbbb", "2001:db8::/32"), "2001:db8::/32 by ih-bbbbbbbbbbbb", "2001:db8::/64"),
        (ROUTED, by("ih-bbbbbbbbbbbb", "192.168.0.0/16"), "192.168.0.0/16 by ih-bbbbbbbbbbbb", "192.168.20.0/24"),
        (ROUTED, by("ih-bbbbbbbbbbbb", "192.168.20.9/32"), "192.168.20.9/32 by ih-bbbbbbbbbbbb", "192.168.20.0/24"),
        (ROUTED, by("eth0", "192.168.20.0/24"), "192.168.20.0/24 by eth0", "192.168.20.0/24"),
        (ROUTED, by("ih-bbbbbbbbbbbb", "192.168.20.0/24"), "192.168.20.0/24 by ih-bbbbbbbbbbbb", "192.168.20.0/24"),
        (ALONE, by("di-aaaaaaaaaaaa", "192.168.20.0/24"), "192.168.20.0/24 by di-aaaaaaaaaaaa", "192.168.20.0/24"),
        (ROUTED, by("tun0", "192.168.20.0/24", metric=50), "192.168.20.0/24 by tun0", "192.168.20.0/24"),
        (ROUTED, by("tun0", "192.168.20.64/26"), "192.168.20.64/26 by tun0", "192.168.20.0/24"),
        (ROUTED, by("tun0", "2001:db8::7/128", connected=False), "2001:db8::7/128 by tun0", "2001:db8::/64"),
        (ROUTED, by("eth1", "192.168.0.0/16", by_kernel=True), "192.168.0.0/16 by eth1", "192.168.20.0/24"),
        (ROUTED, by("eth1", "2001:db8::/56", by_kernel=True), "2001:db8::/56 by eth1", "2001:db8::/64"),
    ],
)
def test_a_route_of_the_hosts_own_is_never_taken_over(of, routes, route, pool):
    """Where there is one for all containers; it is named. Nor is a part of a segment that the host is on."""
    expected = (
        f"subnet {pool} of network aaaaaaaaaaaa overlaps the host's route {route}, so the host cannot have access; "
        "give the network another subnet, remove the route, or leave host_access out"
    )
    assert expected == refusal(Kind.CONFLICT, check_host_access, of, host(*routes))


@pytest.mark.parametrize("link", ["tun0", "ih-bbbbbbbbbbbb", None])
def test_an_address_that_the_host_reaches_by_a_route_alone_is_refused(link):
    """Such as the other end of a VPN: it is the one thing that the port would take away in L2."""
    where = "192.168.20.250/32" if link is None else f"192.168.20.250/32 by {link}"
    expected = (
        f"address 192.168.20.250 of the host in network aaaaaaaaaaaa is where its route {where} leads already; "
        "give another that nobody has: --aux-address host=ADDRESS"
    )

    assert expected == refusal(Kind.CONFLICT, check_host_access, LAN, host(*by(link, "192.168.20.250/32")))


def test_a_container_that_the_host_reaches_by_another_route_is_named():
    """That route is kept; in the other family, and of other containers, nothing is missing."""
    another = by("tun0", "192.168.20.10/32", metric=50)
    seen = host(*another, *mine(TO_ONE[1]), links=(MINE,), addresses=ADDRESSES)
    expected = (
        "this host does not reach 192.168.20.10 in network aaaaaaaaaaaa: its route 192.168.20.10/32 by tun0 leads there"
        " already; remove that route, or give the container another address"
    )

    assert (Trouble(expected),) == not_reached(LAN, (ONE,), seen.routing)
    assert (AddHostRoutes(PORT, (OWN, OWN6), TO_ONE[1:]),) == steps_to_route_to(LAN, ONE, seen.routing)
    assert () == steps_to_repair(LAN, (ONE,), seen)
    assert TO_ONE[1:] == steps_to_repair(LAN, (ONE,), host(*another))[-1].routes
    assert () == not_reached(replace(LAN, host_access=False), (ONE,), seen.routing)
    assert () == not_reached(ROUTED, (ONE,), host(*by("tun0", "192.168.20.10/32")).routing)


def test_an_address_that_the_host_has_elsewhere_is_refused():
    """Ipvlan would take it over."""
    seen = host(addresses=frozenset({("eth0", OWN), (PORT, OWN6)}))
    expected = (
        "address 192.168.20.250 of the host in network aaaaaaaaaaaa is its address on eth0 already; "
        "give another that nobody has: --aux-address host=ADDRESS"
    )

    assert expected == refusal(Kind.CONFLICT, check_host_access, LAN, seen)


def test_a_link_of_somebody_else_is_not_taken():
    """By its mark alone it is ipvl's."""
    expected = (
        f"link {PORT}, the host port of network aaaaaaaaaaaa, exists and was not made by ipvl; "
        f"remove it with `ip link del {PORT}`"
    )

    assert expected == refusal(Kind.CONFLICT, check_host_access, LAN, host(links=(replace(MINE, alias=None),)))
    check_host_access(LAN, host(links=(MINE,)))


def test_the_port_is_made_with_all_it_has():
    """In the network's mode, with its flag and MTU, over what may be left of one; nothing without host access."""
    of = replace(ROUTED, flag=Flag.VEPA, mtu=1400)

    assert (
        RemoveHostPort(PORT),
        MakeHostPort(PORT, "eth0", Mode.L3, Flag.VEPA, 1400, ipv6=True),
        AddHostRoutes(PORT, (OWN, OWN6), TO_ALL),
    ) == steps_to_give_access(of)
    assert not steps_to_give_access(replace(of, subnets=SUBNETS[:1]))[1].ipv6
    assert () == steps_to_give_access(network()) == steps_to_repair(network(), (), host())


@pytest.mark.parametrize("links", [(), (replace(MINE, up=False),)], ids=["gone", "down"])
def test_a_port_that_is_gone_or_down_is_made_anew(links):
    """With the routes to those who are there."""
    expected = steps_to_give_access(LAN, (ONE,))

    assert expected == steps_to_repair(LAN, (ONE,), host(links=links))
    assert AddHostRoutes(PORT, (OWN, OWN6), TO_ONE) == expected[-1]


@pytest.mark.parametrize(
    ("routes", "addresses", "expected"),
    [
        (mine(*TO_ONE), ADDRESSES, ()),
        ((*mine(*TO_ONE), *by(PORT, "fe80::/64", by_kernel=True)), ADDRESSES, ()),
        (mine(TO_ONE[0]), ADDRESSES, (AddHostRoutes(PORT, (OWN, OWN6), TO_ONE[1:]),)),
        (mine(*TO_ONE), ADDRESSES - {(PORT, OWN6)}, (AddHostRoutes(PORT, (OWN, OWN6), ()),)),
        (
            mine(*TO_ONE, HostPortRoute(ip_network("192.168.20.77/32"), OWN)),
            ADDRESSES,
            (RemoveHostRoutes(PORT, (ip_network("192.168.20.77/32"),)),),
        ),
    ],
)
def test_what_is_missing_is_added_and_what_is_left_over_removed(routes, addresses, expected):
    """And a whole port is left alone."""
    assert expected == steps_to_repair(LAN, (ONE,), host(*routes, links=(MINE,), addresses=addresses))


@pytest.mark.parametrize(
    ("one", "lost"),
    [
        (MINE, False),
        (replace(MINE, name="ih-bbbbbbbbbbbb"), True),
        (replace(MINE, name="ih-bbbbbbbbbbbb", alias=None), False),
        (replace(MINE, name="ih-bbbbbbbbbbbb", kind="dummy"), False),
        (replace(MINE, name="eth0.20"), False),
    ],
)
def test_a_port_of_no_network_is_lost(one, lost):
    """Only one with ipvl's mark."""
    assert lost == is_lost_host_port(one, (LAN, network(OTHER_ID)))
