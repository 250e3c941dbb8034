"""Networks whose addresses come from a DHCP server, as Docker asks for them: with its null IPAM driver."""

from __future__ import annotations

import pytest

from ipvl.model.networks import Addressing
from tests.faults.dhcp_segment import FakeServer
from tests.unit.builders import ENDPOINT_ID, ID, SANDBOX

IDS = {"NetworkID": ID, "EndpointID": ENDPOINT_ID}
NULL4, NULL6 = {"Pool": "0.0.0.0/0"}, {"Pool": "::/0"}
EMPTY = {"Address": "", "AddressIPv6": "", "MacAddress": ""}


def create(generic=None, pools=(NULL4,), **options) -> dict:
    generic = {"parent": "eth0", "addressing": "dhcp"} if generic is None else generic
    return {
        "NetworkID": ID,
        "Options": {"com.docker.network.generic": generic, **options},
        "IPv4Data": list(pools),
        "IPv6Data": [],
    }


@pytest.fixture
def server(world):
    """A server on eth0."""
    server = FakeServer()
    world.wire.servers["eth0"] = [server]
    return server


@pytest.fixture
def lan(world, ask, server):
    """A world with network lan, made by Docker."""
    assert {} == ask("NetworkDriver.CreateNetwork", create()).body
    return world


def test_the_null_pool_is_the_servers(lan):
    """The network has no subnet; Docker need not look for a gateway either."""
    (network,) = lan.engine.records.networks()

    assert ((), Addressing.DHCP) == (network.subnets, network.addressing)


def test_docker_need_not_reserve_a_gateway(ask):
    """Its null driver has none to give."""
    body = {"Options": {"com.docker.network.generic": {"parent": "eth0", "addressing": "dhcp"}}}

    assert {"SkipIPv4": True, "SkipIPv6": True} == ask("NetworkDriver.GwAllocCheck", body).body


def test_docker_is_told_the_address_and_the_gateway(lan, ask):
    """So that `docker inspect` shows them, and the container has them."""
    made = ask("NetworkDriver.CreateEndpoint", {**IDS, "Interface": EMPTY, "Options": {}})
    assert {"Interface": {**EMPTY, "Address": "192.168.20.100/24"}} == made.body

    lan.kernel.open_sandbox(SANDBOX)
    joined = ask("NetworkDriver.Join", {**IDS, "SandboxKey": SANDBOX, "Options": {}})

    assert ("192.168.20.1", []) == (joined.body["Gateway"], joined.body["StaticRoutes"])


def test_a_repeated_call_has_the_same_answer(lan, ask, server):
    """And asks nobody."""
    body = {**IDS, "Interface": EMPTY, "Options": {}}
    first, heard = ask("NetworkDriver.CreateEndpoint", body).body, len(server.heard)

    assert (first, heard) == (ask("NetworkDriver.CreateEndpoint", body).body, len(server.heard))


def test_the_identifier_is_a_driver_option(lan, ask, server):
    """`--network name=lan,driver-opt=client_id=web`."""
    ask("NetworkDriver.CreateEndpoint", {**IDS, "Interface": EMPTY, "Options": {"client_id": "web"}})

    assert {"web"} == {message.client.identifier for message in server.heard}


def test_containers_are_told_apart_by_their_options(lan, ask, server):
    """What Docker says of a container that it starts again is what it said before; of another one it may be not."""
    web = {"com.docker.network.endpoint.exposedports": [{"Proto": 6, "Port": 80}], "com.docker.network.portmap": []}
    shapes = []
    for options in (web, dict(reversed(web.items())), {**web, "com.docker.network.endpoint.exposedports": []}):
        ask("NetworkDriver.CreateEndpoint", {**IDS, "Interface": EMPTY, "Options": options})
        shapes.append(lan.engine.records.dhcp_lease_of(ENDPOINT_ID).client_id)
        ask("NetworkDriver.DeleteEndpoint", IDS)

    assert shapes[0] == shapes[1] != shapes[2]


@pytest.mark.parametrize(
    ("interface", "options", "expected"),
    [
        (
            {**EMPTY, "Address": "192.168.20.9/24"},
            {},
            "address 192.168.20.9 cannot be chosen on network aaaaaaaaaaaa: its DHCP server chooses; "
            "have the server give it to the client_id of this container",
        ),
        (
            EMPTY,
            {"client_id": "a b"},
            "client_id 'a b' is not made of 1 to 128 letters, digits and any of ._/@-; write it like client_id=web",
        ),
        (
            EMPTY,
            {"client_id": 7},
            "client_id 7 is not made of 1 to 128 letters, digits and any of ._/@-; write it like client_id=web",
        ),
        (
            {**EMPTY, "MacAddress": "02:42:c0:a8:14:0a"},
            {},
            "MAC address 02:42:c0:a8:14:0a cannot be given to a container of network aaaaaaaaaaaa; "
            "all ports of an ipvlan parent share the MAC address of eth0: drop --mac-address",
        ),
    ],
)
@pytest.mark.usefixtures("lan")
def test_an_endpoint_that_cannot_be_is_refused(refused, server, interface, options, expected):
    """Before anybody is asked."""
    assert expected == refused("NetworkDriver.CreateEndpoint", {**IDS, "Interface": interface, "Options": options})
    assert [] == server.heard


def test_an_identifier_means_nothing_elsewhere(world, ask, refused):
    """A network with subnets asks no server."""
    pool = {"Pool": "192.168.20.0/24", "Gateway": "192.168.20.1/24"}
    ask("NetworkDriver.CreateNetwork", create({"parent": "eth0"}, [pool]))
    interface = {**EMPTY, "Address": "192.168.20.10/24"}

    assert (
        "client_id means nothing on network aaaaaaaaaaaa, which asks no DHCP server; "
        "drop it, or create the network with -o addressing=dhcp"
        == refused("NetworkDriver.CreateEndpoint", {**IDS, "Interface": interface, "Options": {"client_id": "web"}})
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            create({"parent": "eth0", "addressing": "dhcp", "ipvlan_mode": "l3"}),
            "addressing dhcp cannot be had in mode l3: it carries no broadcasts, so no DHCP server can be asked; "
            "use ipvlan_mode=l2, or leave addressing=dhcp out and give a --subnet",
        ),
        (
            create({"parent": "eth0", "addressing": "dhcp", "ipvlan_mode": "l3s"}),
            "addressing dhcp cannot be had in mode l3s: it carries no broadcasts, so no DHCP server can be asked; "
            "use ipvlan_mode=l2, or leave addressing=dhcp out and give a --subnet",
        ),
        (
            create({"addressing": "dhcp"}),
            "addressing dhcp needs a parent: an isolated network has nobody outside, so no DHCP server; "
            "give -o parent= and leave --internal out, or leave addressing=dhcp out",
        ),
        (
            create(**{"com.docker.network.internal": True}),
            "addressing dhcp needs a parent: an isolated network has nobody outside, so no DHCP server; "
            "give -o parent= and leave --internal out, or leave addressing=dhcp out",
        ),
        (
            create(pools=[{"Pool": "172.18.0.0/16", "Gateway": "172.18.0.1/16"}]),
            "subnet 172.18.0.0/16 cannot be given with addressing dhcp: the DHCP server chooses; "
            "leave --subnet out, and with Docker add --ipam-driver=null",
        ),
        (
            create({"parent": "eth0", "addressing": "static"}),
            "addressing static does not exist; use one of pool, dhcp, none",
        ),
        (
            create({"parent": "eth0", "addressing": "pool"}),
            "addressing pool needs a subnet, and the network has none; give a --subnet, or leave addressing=pool out",
        ),
    ],
)
def test_a_network_that_cannot_be_is_refused(refused, body, expected):
    """With the reason and the way out."""
    assert expected == refused("NetworkDriver.CreateNetwork", body)
