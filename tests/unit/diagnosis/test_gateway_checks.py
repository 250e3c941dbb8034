"""Checks of gateways and of routes' routers: what silence means, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from ipvl.model.networks import Route
from tests.unit.builders import ID, OTHER_ID, endpoint, network, parent, subnet, vlan_parent
from tests.unit.diagnosis.cases import ETH0, ETH0_FACTS, ETH1, asked, evidence, facts, found, question
from tests.unit.diagnosis.segments import GATEWAY, MAC, ON_VLAN, OTHERS_GATEWAY, OWN, VLAN, VLAN_GATEWAY


def test_a_silent_gateway():
    """Where it was asked for."""
    assert found("gateway", evidence(parent(), OWN, answers={GATEWAY: ()})) == [
        "problem: gateway 192.168.1.1 of network web does not answer ARP on eth0;"
        " see that the router is up and on the segment of eth0, or give its address as --gateway"
    ]
    assert [] == found("gateway", evidence(parent(), OWN, answers={GATEWAY: (MAC,)}))
    assert [] == found("gateway", evidence(parent(), OWN)), "nobody was asked"


def test_a_silent_gateway_in_a_vlan():
    """Frames come in, so it is not the switch."""
    sick = evidence(
        *ON_VLAN, links=(ETH0, VLAN), stack=(ETH0_FACTS, facts("eth0.20", received=1)), answers={VLAN_GATEWAY: ()}
    )

    (said,) = found("gateway", sick)
    assert said.endswith("see that the router is up and in VLAN 20 of eth0, or give its address as --gateway")
    assert [] == found("vlan", sick)


def test_a_silent_gateway_of_a_subnet_that_docker_chose():
    """An IPv6 network gets an IPv4 subnet it did not ask for."""
    chosen = network(parent="eth1", name="web", subnets=("172.18.0.0/16",))

    (said,) = found("gateway", evidence(parent("eth1"), chosen, answers={question("eth1", "172.18.0.1"): ()}))

    assert said.startswith(
        "warning: gateway 172.18.0.1 of network web does not answer ARP on eth1; that is to be expected"
    )


def test_the_host_as_gateway():
    """Its address on the parent is out of reach; on another link it is just an address."""
    own = network(name="web", subnets=(subnet("192.168.1.0/24", "192.168.1.250"),))

    (said,) = found("gateway", evidence(parent(), own))

    assert said.startswith("problem: gateway 192.168.1.250 of network web is this host's own address on eth0, which")
    assert [] == found("gateway", evidence(parent("eth1"), network(parent="eth1", subnets=own.subnets)))


def test_a_silent_router_of_a_route():
    """Where it was asked for; the gateway that no container uses is not."""
    ways = (Route(ip_network("10.0.0.0/8"), ip_address("192.168.1.254")), Route(ip_network("172.20.0.0/16")))
    of = network(name="web", subnets=("192.168.1.0/24",), routes=ways, default_routes=frozenset({6}))
    router = question("eth0", "192.168.1.254", "192.168.1.250")

    assert (router,) == asked(parent(), of)
    assert found("gateway", evidence(parent(), of, answers={router: ()})) == [
        "problem: router 192.168.1.254 of route 10.0.0.0/8 in network web does not answer ARP on eth0;"
        " see that it is up and on the segment of eth0, or make the network with another route"
    ]
    for answers in ({router: (MAC,)}, {}):
        assert [] == found("gateway", evidence(parent(), of, answers=answers))
    own = replace(of, subnets=(subnet("192.168.1.0/24", "192.168.1.250"),))
    assert [] == found("gateway", evidence(parent(), own)), "nobody uses it"


@pytest.mark.parametrize("pool", ["10.0.0.7/32", "2001:db8::7/128"])
def test_a_subnet_without_room_for_a_gateway(pool):
    """None is asked for, none is missed."""
    one = network(parent="eth1", subnets=(pool,))

    assert () == asked(parent("eth1"), one)
    assert [] == found("gateway", evidence(parent("eth1"), one))


def test_a_network_asked_for_alone():
    """The others' faults are not its own."""
    silent = {GATEWAY: (), OTHERS_GATEWAY: ()}
    other = network(OTHER_ID, name="other", subnets=("192.168.77.0/24",))

    assert 1 == len(found("gateway", evidence(parent(), OWN, other, answers=silent, network="web")))
    assert [] == found("subnet", evidence(parent(), OWN, other, answers=silent, network=ID[:12]))


def test_a_routes_router_that_is_the_host_itself():
    """Which no container reaches by that address."""
    of = network(
        name="web",
        subnets=("192.168.1.0/24",),
        routes=(Route(ip_network("10.0.0.0/8"), ip_address("192.168.1.250")),),
        default_routes=frozenset(),
    )

    assert [
        "problem: router 192.168.1.250 of route 10.0.0.0/8 in network web is this host's own address on eth0, which"
        " ipvlan keeps out of its containers' reach; make the network with the address of another router"
    ] == found("gateway", evidence(parent(), of))


def test_a_router_that_is_a_container():
    """In the words of `ipvl status`."""
    of = network(
        name="web",
        subnets=("192.168.1.0/24",),
        routes=(Route(ip_network("10.0.0.0/8"), ip_address("192.168.1.9")),),
        default_routes=frozenset(),
    )
    holder = endpoint(addresses=("192.168.1.9/24",), name="vpn")

    (said,) = found("gateway", evidence(parent(), of, holder))

    assert said.startswith(
        "problem: network web: router 192.168.1.9 of route 10.0.0.0/8 is container vpn of network web on the same"
        " parent eth0, and an ipvlan port receives nothing but what is for its own addresses: the host gets the rest;"
    )


@pytest.mark.parametrize(("parents", "told"), [(("eth0", "eth1"), True), (("eth0", "eth0.20"), False)])
def test_a_router_that_is_a_container_on_another_parent_of_the_segment(parents, told):
    """Known by the MAC address that answers, which is a link's of this host; equal addresses elsewhere say nothing."""
    mac = "00:50:56:39:45:2d"
    links = (ETH0, replace(ETH1, mac=mac), replace(VLAN, mac="00:50:56:39:45:2e"))
    user = network(
        name="user", subnets=("192.168.1.0/24",), routes=(Route(ip_network("10.8.0.0/24"), ip_address("192.168.1.60")),)
    )
    gateways = network(OTHER_ID, name="gw", parent=parents[1], subnets=("192.168.1.0/24",))
    vpn = endpoint(network_id=OTHER_ID, addresses=("192.168.1.60/24",), name="vpn")
    answers = {GATEWAY: (MAC,), question("eth0", "192.168.1.60", "192.168.1.250"): (mac,)}
    seen = evidence(
        parent(),
        parent("eth1"),
        vlan_parent("eth0.20", "eth0", 20),
        user,
        gateways,
        vpn,
        links=links,
        answers=answers,
        stack=(ETH0_FACTS,),
    )

    expected = (
        "problem: network user: router 192.168.1.60 of route 10.8.0.0/24 is container vpn of network gw on parent eth1,"
        " on the same segment, and an ipvlan port receives nothing but what is for its own addresses: the host gets the"
        " rest; let that router have a MAC address of its own, as a port of a bridge has which is made the parent"
        " instead of eth1"
    )
    assert told is (expected in found("gateway", seen))
