"""Endpoints as Docker asks for them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from ipvl.model.networks import Mode, Route
from tests.contract.fake_kernel import Trouble
from tests.unit.builders import (
    ENDPOINT_ID,
    ID,
    OTHER_ENDPOINT_ID,
    OTHER_ID,
    OTHER_SANDBOX,
    SANDBOX,
    endpoint,
    network,
    subnet,
)

IDS = {"NetworkID": ID, "EndpointID": ENDPOINT_ID}
IFNAME = "com.docker.network.endpoint.ifname"
SUBNETS = (subnet("192.168.20.0/24", "192.168.20.254"), "10.1.0.0/16", "2001:db8::/64")


def interface(v4="192.168.20.10/24", v6="2001:db8::a/64", mac="") -> dict:
    return {"Address": v4, "AddressIPv6": v6, "MacAddress": mac}


def create(of_interface=None, options=None) -> dict:
    return {**IDS, "Interface": of_interface or interface(), "Options": options}


@pytest.fixture
def web(world):
    """A world with network web on eth0, mode l2."""
    world.create_network(network(name="web", subnets=SUBNETS))
    return world


@pytest.mark.parametrize(
    ("v4", "v6"), [("192.168.20.10/24", "2001:db8::a/64"), ("192.168.20.10/24", ""), ("", "2001:db8::a/64")]
)
def test_an_endpoint_has_the_addresses_that_docker_chose(web, ask, v4, v6):
    """Nothing is answered back: overwriting what Docker chose would be an error there."""
    assert {"Interface": None} == ask("NetworkDriver.CreateEndpoint", create(interface(v4, v6))).body
    assert endpoint(addresses=tuple(filter(None, (v4, v6)))) == web.store.load()[-1]


def test_options_of_the_core_are_passed_over(web, ask):
    """Exposed ports, port maps, sysctls: Docker sees to them, or nobody can."""
    options = {
        "com.docker.network.endpoint.exposedports": [{"Proto": 6, "Port": 80}],
        "com.docker.network.portmap": None,
        "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.log_martians=1",
        "com.docker.network.endpoint.macaddress": "AkLAqBQK",
    }

    assert {"Interface": None} == ask("NetworkDriver.CreateEndpoint", create(options=options)).body


@pytest.mark.parametrize(
    ("request_body", "expected"),
    [
        (
            create(interface(mac="02:42:c0:a8:14:0a")),
            "MAC address 02:42:c0:a8:14:0a cannot be given to a container of network web; "
            "all ports of an ipvlan parent share the MAC address of eth0: drop --mac-address",
        ),
        (
            create(interface("172.17.0.2/16")),
            "address 172.17.0.2 is in no subnet of network web; "
            "its subnets: 192.168.20.0/24, 10.1.0.0/16, 2001:db8::/64",
        ),
        (
            create(interface("", "")),
            "endpoint eeeeeeeeeeee of network web has no address; an ipvlan port forwards by its addresses",
        ),
        (
            {**IDS, "Interface": None},
            "endpoint eeeeeeeeeeee of network web has no address; an ipvlan port forwards by its addresses",
        ),
        (
            create(options={IFNAME: "eth1"}),
            "interface name eth1 cannot be promised: Docker numbers a plugin's interfaces itself, from 0; ask for eth0",
        ),
        (
            {**create(), "NetworkID": "unknown"},
            "network unknown is not known to ipvl; remove it and create it again",
        ),
        (
            {**create(), "EndpointID": "../x"},
            "endpoint id ../x is not made of 1 to 128 letters, digits, - and _",
        ),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused(web, refused, request_body, expected):
    """With status 200, so that Docker shows the sentence as it is."""
    assert expected == refused("NetworkDriver.CreateEndpoint", request_body)


def test_an_address_in_use_is_refused_before_join(web, ask, refused):
    """The kernel would only notice inside Docker, after Join went well."""
    ask("NetworkDriver.CreateEndpoint", create())
    web.attach(endpoint())
    rival = {**create(interface(v6="")), "EndpointID": OTHER_ENDPOINT_ID}
    expected = (
        "address 192.168.20.10 is in use on parent eth0 by endpoint eeeeeeeeeeee of network web; "
        "choose another address or remove what holds it"
    )

    assert expected == refused("NetworkDriver.CreateEndpoint", rival)


def joined(ask, gateway="", gateway6="", routes=(), prefix="eth") -> None:
    """Join and compare the whole answer."""
    expected = {
        "InterfaceName": {"SrcName": endpoint().port, "DstPrefix": prefix},
        "Gateway": gateway,
        "GatewayIPv6": gateway6,
        "StaticRoutes": [{"Destination": to, "RouteType": 1, "NextHop": ""} for to in routes],
        "DisableGatewayService": True,
    }
    assert expected == ask("NetworkDriver.Join", {**IDS, "SandboxKey": SANDBOX, "Options": None}).body


def test_join_in_l2_answers_plain_gateways(web, ask):
    """Addresses without a length: Docker refuses the other kind."""
    ask("NetworkDriver.CreateEndpoint", create())

    joined(ask, "192.168.20.254", "2001:db8::1")


@pytest.mark.parametrize("mode", [Mode.L3, Mode.L3S])
def test_join_in_a_routed_mode_answers_routes_to_the_device(world, ask, mode):
    """Route type 1 is "connected"."""
    world.create_network(network(mode=mode, subnets=SUBNETS))
    ask("NetworkDriver.CreateEndpoint", create())

    joined(ask, routes=("0.0.0.0/0", "::/0"))


def test_join_of_an_isolated_network_answers_no_way_out(world, ask):
    """And never Docker's own gateway network, which would end the isolation."""
    world.create_network(network(isolated=True, subnets=SUBNETS))
    ask("NetworkDriver.CreateEndpoint", create())

    joined(ask)


def test_join_of_an_isolated_routed_network_answers_its_other_subnets(world, ask):
    """The dummy routes between them."""
    world.create_network(network(isolated=True, mode=Mode.L3, subnets=SUBNETS))
    ask("NetworkDriver.CreateEndpoint", create())

    joined(ask, routes=("10.1.0.0/16",))


def test_join_answers_the_interface_name_that_was_asked_for_before(web, ask):
    """Docker tells the endpoint's options to CreateEndpoint alone, so they are remembered."""
    ask("NetworkDriver.CreateEndpoint", create(options={IFNAME: "web0"}))

    joined(ask, "192.168.20.254", "2001:db8::1", prefix="web")


def test_join_of_what_is_not_known_is_refused(web, refused):
    """The endpoint was deleted, or Docker remembers one that ipvl does not."""
    expected = "endpoint eeeeeeeeeeee is not known to ipvl in network web"

    assert expected == refused("NetworkDriver.Join", {**IDS, "SandboxKey": SANDBOX})


def test_what_the_kernel_refuses_reaches_docker(web, ask):
    """Its own words, under both keys, with status 200."""
    ask("NetworkDriver.CreateEndpoint", create())
    web.kernel.trouble[1] = Trouble.REFUSED
    answer = ask("NetworkDriver.Join", {**IDS, "SandboxKey": SANDBOX})

    sentence = (
        f"the kernel refused to make ipvlan port {endpoint().port} on eth0 in mode l2, flag bridge: "
        "Cannot allocate memory (ENOMEM)"
    )
    assert (200, {"Err": sentence, "Error": sentence}) == (answer.status, answer.body)


@pytest.mark.parametrize("method", ["Leave", "DeleteEndpoint"])
def test_what_is_gone_is_left_and_deleted_already(web, ask, method):
    """Docker ignores most errors here, and there is none."""
    before = web.picture()

    assert {} == ask(f"NetworkDriver.{method}", IDS).body
    assert {} == ask(f"NetworkDriver.{method}", {**IDS, "NetworkID": "unknown"}).body
    assert before == web.picture()


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (IDS, "endpoint eeeeeeeeeeee is not known to ipvl in network web"),
        ({**IDS, "NetworkID": "unknown"}, "network unknown is not known to ipvl; remove it and create it again"),
    ],
)
def test_information_on_what_is_not_known_is_refused(web, refused, ids, expected):
    """There is nothing to say about it."""
    assert expected == refused("NetworkDriver.EndpointOperInfo", ids)


@pytest.mark.parametrize("method", ["ProgramExternalConnectivity", "RevokeExternalConnectivity"])
def test_becoming_the_way_out_changes_nothing(web, ask, method):
    """The container has its own address on the network: nothing is published."""
    before = web.picture()

    assert {} == ask(f"NetworkDriver.{method}", IDS).body
    assert before == web.picture()


def test_join_tells_by_which_interface_a_link_local_router_is_reached(world, ask):
    """Every interface has fe80::/64, and Docker asks the container's routes for the router's."""
    way = Route(ip_network("2001:db8:77::/64"), ip_address("fe80::9"))
    world.create_network(network(subnets=(subnet("2001:db8::/64", "fe80::1"),), routes=(way,)))
    world.create_endpoint(endpoint(addresses=("2001:db8::a/64",)))

    answer = ask("NetworkDriver.Join", {**IDS, "SandboxKey": SANDBOX}).body

    assert "fe80::1" == answer["GatewayIPv6"]
    assert [
        {"Destination": "fe80::1/128", "RouteType": 1, "NextHop": ""},
        {"Destination": "fe80::9/128", "RouteType": 1, "NextHop": ""},
        {"Destination": "2001:db8:77::/64", "RouteType": 0, "NextHop": "fe80::9"},
    ] == [{"NextHop": "", **route} for route in answer["StaticRoutes"]]


@pytest.mark.parametrize("shared", ["gateway", "route"])
def test_a_router_of_the_same_link_local_address_on_two_networks_of_a_container(world, ask, shared):
    """Docker finds a router by its address alone, so the second network is refused before there is a port."""
    way = (Route(ip_network("2001:db8:77::/64"), ip_address("fe80::1")),) if shared == "route" else ()
    gateway = "fe80::1" if shared == "gateway" else "2001:db8:1::1"
    world.create_network(network(name="first", subnets=(subnet("2001:db8::/64", "fe80::1"),)))
    second = network(OTHER_ID, name="second", parent="eth1", subnets=(subnet("2001:db8:1::/64", gateway),), routes=way)
    world.create_network(second)
    world.create_endpoint(endpoint(addresses=("2001:db8::a/64",)))
    world.create_endpoint(endpoint(OTHER_ENDPOINT_ID, network_id=OTHER_ID, addresses=("2001:db8:1::a/64",)))
    for _ in range(2):
        assert "Err" not in ask("NetworkDriver.Join", {**IDS, "SandboxKey": SANDBOX}).body
    before = world.picture()

    join = {"NetworkID": OTHER_ID, "EndpointID": OTHER_ENDPOINT_ID}
    assert ask("NetworkDriver.Join", {**join, "SandboxKey": SANDBOX}).body["Err"] == (
        "network second has a router fe80::1, and so has network first of the same container, where Docker cannot tell"
        " the two apart; make one of the two networks with -o no_default_route=ipv6 and no route via fe80::1, or with"
        " the router's address in the subnet as --gateway"
    )
    assert before == world.picture()
    assert "Err" not in ask("NetworkDriver.Join", {**join, "SandboxKey": OTHER_SANDBOX}).body
