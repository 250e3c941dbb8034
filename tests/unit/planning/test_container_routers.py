"""Routers that are ports of ipvl's own: found whichever came first, with one sentence each."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, ip_address, ip_network

import pytest

from ipvl.model.dhcp_leases import DhcpLease, GrantedTerms
from ipvl.model.networks import Addressing, Mode, Route
from ipvl.planning.container_routers import routers_on_parent
from ipvl.records.records import Records
from tests.unit.builders import ID, NOW, OTHER_ID, endpoint, network, subnet

ROUTES = (
    Route(ip_network("10.8.0.0/24"), ip_address("192.168.20.50")),
    Route(ip_network("2001:db8:77::/64"), ip_address("2001:db8::50")),
)
SUBNETS = ("192.168.20.0/24", "2001:db8::/64")
VPN = endpoint(addresses=("192.168.20.50/24", "2001:db8::50/64"), name="vpn")
HELPS = (
    " on the same parent eth0, and an ipvlan port receives nothing but what is for its own addresses: the host gets the"
    " rest; let that router have a MAC address of its own, as a port of a bridge has which is made the parent instead"
    " of eth0"
)


def sentences(of, *records):
    return [str(router) for router in routers_on_parent(of, Records((of, *records)))]


def test_a_router_that_is_a_container():
    """Of each route, in both families."""
    of = network(name="lan", subnets=SUBNETS, routes=ROUTES)

    assert [
        f"router {route.via} of route {route.destination} is container vpn of network lan{HELPS}" for route in ROUTES
    ] == sentences(of, VPN)
    assert [] == sentences(of)


def test_a_gateway_that_is_a_member_of_another_network():
    """On the same parent, made without Docker."""
    other = network(OTHER_ID, name="vpns", door="embedded", subnets=("192.168.20.0/24",))
    holder = endpoint(network_id=OTHER_ID, addresses=("192.168.20.50/24",), name="vpn")
    of = network(name="lan", subnets=(subnet("192.168.20.0/24", "192.168.20.50"),))

    assert [f"gateway 192.168.20.50 is member vpn of network vpns{HELPS}"] == sentences(of, other, holder)


@pytest.mark.parametrize("fields", [{"mode": Mode.L3}, {"isolated": True}, {}])
def test_where_no_gateway_is_asked(fields):
    """The parent routes, or nobody does."""
    at = subnet("192.168.20.0/24", "192.168.20.50") if fields else "192.168.20.0/24"
    assert [] == sentences(network(name="lan", subnets=(at,), **fields), VPN)


def test_a_router_in_mode_l3():
    """What is sent by it is sent by the host's own routes."""
    of = network(name="lan", subnets=SUBNETS, routes=ROUTES[:1], mode=Mode.L3)

    assert [
        "router 192.168.20.50 of route 10.8.0.0/24 is container vpn of network lan on the same parent eth0, and in mode"
        " l3 the host's own routes decide, whatever via says; let that router have a MAC address of its own, as a port"
        " of a bridge has which is made the parent instead of eth0, in mode l2"
    ] == sentences(of, VPN)


def test_a_router_on_an_isolated_network():
    """A dummy is a parent as any other: what is not for its ports is the host's."""
    of = network(name="lan", subnets=SUBNETS, routes=ROUTES[:1], isolated=True)

    helps = HELPS.replace("eth0", of.parent)
    assert [f"router 192.168.20.50 of route 10.8.0.0/24 is container vpn of network lan{helps}"] == sentences(of, VPN)


def test_a_gateway_that_is_left_out():
    """It is no member's default route."""
    other = network(OTHER_ID, subnets=("192.168.20.0/24",))
    holder = endpoint(network_id=OTHER_ID, addresses=("192.168.20.50/24",))
    of = network(subnets=(subnet("192.168.20.0/24", "192.168.20.50"),), default_routes=frozenset({6}))

    assert [] == sentences(of, other, holder)


def test_routers_that_a_dhcp_server_gives():
    """Once, however many leases name them."""
    lan = network(name="lan", subnets=(), addressing=Addressing.DHCP)
    other = network(OTHER_ID, name="vpns", subnets=("192.168.20.0/24",))
    vpn = endpoint("v" * 64, network_id=OTHER_ID, addresses=("192.168.20.50/24",), name="vpn")
    web = [endpoint(f"{number}" * 64, addresses=(f"192.168.20.{number}/24",)) for number in (7, 8)]
    leases = [
        DhcpLease(
            ID,
            f"web{one.id[0]}",
            one.id,
            "",
            NOW,
            GrantedTerms(
                IPv4Interface(f"192.168.20.{one.id[0]}/24"),
                IPv4Address("192.168.20.1"),
                "02:00:00:00:00:02",
                NOW,
                gateway=IPv4Address("192.168.20.50"),
                routes=ROUTES[:1],
            ),
        )
        for one in web
    ]

    assert [f"gateway 192.168.20.50, of the DHCP server, is container vpn of network vpns{HELPS}"] == sentences(
        lan, other, vpn, *web, *leases
    )
