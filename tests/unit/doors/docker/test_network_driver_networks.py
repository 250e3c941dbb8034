"""Networks as Docker asks for them."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from ipvl.driver.status.collect_status import collect_status
from ipvl.model.networks import Addressing, Mode
from tests.unit.builders import ENDPOINT_ID, ID, NOW, OTHER_ENDPOINT_ID, OTHER_ID, SANDBOX, network, subnet

GENERIC = "com.docker.network.generic"
INTERNAL = "com.docker.network.internal"
V4 = "com.docker.network.enable_ipv4"
V6 = "com.docker.network.enable_ipv6"
POOL4 = {"AddressSpace": "LocalDefault", "Pool": "192.168.20.0/24", "Gateway": "192.168.20.1/24"}
POOL6 = {"AddressSpace": "LocalDefault", "Pool": "2001:db8::/64"}
NULL4 = {"AddressSpace": "null", "Pool": "0.0.0.0/0"}
NULL6 = {"AddressSpace": "null", "Pool": "::/0"}
SUBNET4 = subnet("192.168.20.0/24", "192.168.20.1")
SUBNET6 = subnet("2001:db8::/64")


def body(generic=None, v4=(POOL4,), v6=(), identity=ID, **options: object) -> dict:
    return {
        "NetworkID": identity,
        "Options": {GENERIC: {"parent": "eth0"} if generic is None else generic, **options},
        "IPv4Data": v4 if v4 is None else list(v4),
        "IPv6Data": v6 if v6 is None else list(v6),
    }


@pytest.mark.parametrize("key", ["parent", "master", "host_iface"])
def test_a_described_parent_is_the_link_that_it_describes(world, ask, key):
    """By the host's default route here; the network is then as if the link had been named."""
    world.kernel.add_route("0.0.0.0/0", "eth1")

    assert "eth1.20" == made(world, ask, body({key: "auto.20"})).parent


def test_a_described_parent_that_is_no_links_is_refused(world, ask):
    """In one sentence, and nothing is made."""
    before = world.picture()

    answer = ask("NetworkDriver.CreateNetwork", body({"parent": "subnet:10.9.0.0/16"}))

    expected = "parent subnet:10.9.0.0/16 is true of no link: none has an address in it; see `ip address`"
    assert expected == answer.body["Err"]
    assert before == world.picture()


def test_a_described_parent_of_an_isolated_network_is_not_looked_for(world, ask):
    """`--internal` isolates it, whatever its parent is."""
    isolated = made(world, ask, body({"parent": "subnet:10.9.0.0/16"}, **{INTERNAL: True}))

    assert ("di-aaaaaaaaaaaa", True) == (isolated.parent, isolated.isolated)


def test_a_parent_may_be_given_by_an_alternative_name(world, ask):
    """However long."""
    world.kernel.change("eth1", altnames=("uplink" * 20,))

    assert "eth1.20" == made(world, ask, body({"parent": "uplink" * 20 + ".20"})).parent


def test_a_long_name_of_an_isolated_network_is_not_looked_for(world, ask):
    """As with a description."""
    assert made(world, ask, body({"parent": "uplink" * 20}, **{INTERNAL: True})).isolated


@pytest.mark.parametrize("parent", ["auto", "subnet:10.9.0.0/16.20", "uplink" * 20, "enx00505639452d.20"])
def test_docker_reserves_a_gateway_for_a_described_parent(ask, parent):
    """As for a named one, before it is known which that is."""
    asked = {"Options": {GENERIC: {"parent": parent}}}

    assert {"SkipIPv4": False, "SkipIPv6": False} == ask("NetworkDriver.GwAllocCheck", asked).body


def made(world, ask, request):
    answer = ask("NetworkDriver.CreateNetwork", request)
    assert {} == answer.body
    (one,) = world.engine.records.networks()
    return one


@pytest.mark.parametrize(
    ("request_body", "subnets"),
    [
        (body(), (SUBNET4,)),
        (body(v6=None), (SUBNET4,)),
        (body(v6=[POOL6], **{V4: True, V6: True}), (SUBNET4, SUBNET6)),
        (body(v4=None, v6=[POOL6], **{V4: False, V6: True}), (SUBNET6,)),
        (body(v4=[], v6=[POOL6], **{V4: False, V6: True}), (SUBNET6,)),
        (body(v4=[POOL4], v6=[POOL6], **{V4: False, V6: True}), (SUBNET6,)),
        (body(v6=[POOL6], **{V6: False}), (SUBNET4,)),
        (body(v4=[NULL4], v6=[POOL6], **{V4: False, V6: True}), (SUBNET6,)),
        (body(v6=[NULL6], **{V4: True, V6: False}), (SUBNET4,)),
        (body(v4=[{"AddressSpace": "LocalDefault"}], v6=[POOL6]), (SUBNET6,)),
        (body(v4=None, v6=None), ()),
    ],
)
def test_a_network_has_the_pools_of_the_families_that_are_on(world, ask, request_body, subnets):
    """Docker 28 switches IPv4 off with enable_ipv4; lists may be null; a pool of a family that is off is ignored."""
    assert subnets == made(world, ask, request_body).subnets


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("parent", ["eth0", ""])
@pytest.mark.parametrize(
    "pools",
    [
        {"v4": [NULL4]},
        {"v4": [NULL4], "v6": [NULL6], V4: True, V6: True},
        {"v4": [], V4: False},
        {"v4": None, "v6": None, V4: False, V6: False},
    ],
)
def test_a_network_without_addresses(world, ask, mode, parent, pools):
    """Docker's null IPAM driver, or no family at all: containers start, with a port and nothing else on it."""
    request = body({"ipvlan_mode": mode, **({"parent": parent} if parent else {})}, **pools)
    network = made(world, ask, request)
    assert (Addressing.NONE, ()) == (network.addressing, network.subnets)
    assert {} == ask("NetworkDriver.CreateNetwork", request).body, "again"

    for number, one in enumerate((ENDPOINT_ID, OTHER_ENDPOINT_ID)):
        ids = {"NetworkID": ID, "EndpointID": one}
        assert {"Interface": None} == ask("NetworkDriver.CreateEndpoint", {**ids, "Interface": {}}).body
        world.kernel.open_sandbox(f"{SANDBOX}{number}")
        joined = ask("NetworkDriver.Join", {**ids, "SandboxKey": f"{SANDBOX}{number}"}).body
        assert ("", "", []) == (joined["Gateway"], joined["GatewayIPv6"], joined["StaticRoutes"])
        assert world.kernel.link(joined["InterfaceName"]["SrcName"]) is not None
    now = world.run(collect_status(world.engine.records, world.kernel))
    assert (("none", ()), ((), ())) == (
        (now.networks[0].addressing, now.networks[0].trouble),
        tuple(one.addresses for one in now.endpoints),
    )
    world.restart()
    for one in (ENDPOINT_ID, OTHER_ENDPOINT_ID):
        ids = {"NetworkID": ID, "EndpointID": one}
        assert {} == ask("NetworkDriver.Leave", ids).body
        assert {} == ask("NetworkDriver.DeleteEndpoint", ids).body
    assert {} == ask("NetworkDriver.DeleteNetwork", {"NetworkID": ID}).body
    assert () == tuple(world.engine.records.networks())


@pytest.mark.parametrize(
    ("request_body", "expected"),
    [
        (
            body(v4=[{**NULL4, "AddressSpace": "LocalDefault"}], **{V4: True}),
            "the IPv4 pool is empty (0.0.0.0/0); "
            "give a --subnet, or -o addressing=none for a network without addresses",
        ),
        (
            body(v6=[NULL6], **{V4: True, V6: True}),
            "the IPv6 pool is empty (::/0); give a --subnet, or -o addressing=none for a network without addresses",
        ),
        (
            body({"parent": "eth0", "addressing": "none"}),
            "subnet 192.168.20.0/24 cannot be given with addressing none: the network has no addresses to give; "
            "leave --subnet out, and with Docker add --ipam-driver=null",
        ),
        (
            body({"parent": "eth0", "host_access": "true"}, v4=[NULL4]),
            "host_access cannot be had on a network without addresses: the host's address is one of a subnet; "
            "leave host_access out, or give a --subnet",
        ),
        (
            body({"parent": "eth0", "ipvlan_mode": "l3", "route": "10.0.0.0/8"}, v4=[], **{V4: False}),
            "route 10.0.0.0/8 is IPv4, of which the network has no subnet; add one, or leave the route out",
        ),
        (
            body({"parent": "eth0", "conflict_check": "probe"}, v4=[NULL4]),
            "conflict_check cannot be had on a network without addresses: there is no address to ask for; "
            "leave conflict_check out, or give a --subnet",
        ),
        (body(v4=[], **{V4: True}), "the IPv4 pool is empty; give a --subnet or leave that family out"),
        (body(v6=[], **{V6: True}), "the IPv6 pool is empty; give a --subnet or leave that family out"),
        (
            body(generic={"parent": "lo"}),
            "parent lo is the loopback, which leads nowhere; name a physical link, or none at all",
        ),
        (
            body(generic={"parnet": "eth0"}),
            "unknown option parnet; did you mean parent? known options: parent, ipvlan_mode, ipvlan_flag, "
            "com.docker.network.driver.mtu, com.docker.network.container_iface_prefix, conflict_check, "
            "com.docker.network.advertise_addr_nmsgs, com.docker.network.advertise_addr_ms, route, "
            "no_default_route, gateway6, metric, host_access, addressing, vlan_protocol",
        ),
        (
            body(generic={"parent": "eth0", "conflict_check": "probe", "ipvlan_mode": "l3"}),
            "conflict_check=probe has nobody to ask in mode l3, where containers are not on the segment; drop it, or "
            "use ipvlan_mode=l2",
        ),
        (
            body(generic={"parent": "eth0", "addressing": "dhcp", "conflict_check": "probe"}),
            "addressing dhcp and conflict_check exclude each other: it is the server that must not offer what somebody "
            "has; leave conflict_check out",
        ),
        (
            body(generic={"parent": "eth0", "addressing": "dhcp", "host_access": "true"}),
            "addressing dhcp and host_access exclude each other: the host's address is one of a subnet, and there is "
            "none; leave host_access out",
        ),
        (
            body(generic={"parent": "eth0", "addressing": "dhcp", "route": "10.0.0.0/8,via=192.168.20.1"}),
            "addressing dhcp and route exclude each other: routes come with the lease (option 121); leave route out",
        ),
        (body(generic=["parent"]), "com.docker.network.generic is ['parent'], not a map of options"),
        (
            body(generic={"parent": "eth7"}),
            "parent eth7 does not exist on this host; "
            "make it first, or name it NAME.VID (such as eth0.20) to have it made",
        ),
        (body(identity="a/b"), "network id a/b is not made of 1 to 128 letters, digits, - and _"),
    ],
)
def test_a_network_that_cannot_be_is_refused(refused, request_body, expected):
    """With status 200, so that Docker shows the sentence as it is."""
    assert expected == refused("NetworkDriver.CreateNetwork", request_body)


@pytest.mark.parametrize(
    "request_body",
    [
        body(generic={}),
        body(generic={"parent": ""}),
        {**body(), "Options": {}},
        {**body(), "Options": None},
        {**body(), "Options": {GENERIC: None}},
        {"NetworkID": ID, "IPv4Data": [POOL4]},
        body(**{INTERNAL: True}),
        body(**{INTERNAL: "true"}),
        body(generic={}, **{INTERNAL: True}),
    ],
)
def test_every_spelling_of_isolated_makes_the_same_network(world, ask, request_body):
    """No parent, an empty one, no options at all, and --internal with or without a parent."""
    expected = network(isolated=True, subnets=(SUBNET4,), created=NOW)

    assert expected == replace(made(world, ask, request_body), unused_parent="")


@pytest.mark.parametrize("value", [False, "false", None, 0])
def test_internal_that_is_off_is_off(world, ask, value):
    """Only true is true."""
    assert not made(world, ask, body(**{INTERNAL: value})).isolated


def test_addresses_of_others_reach_the_network(world, ask):
    """--aux-address, in whatever order Docker's map has them."""
    pool = {**POOL4, "AuxAddresses": {"b": "192.168.20.9/24", "a": "192.168.20.8/24", "again": "192.168.20.9/24"}}

    expected = (subnet("192.168.20.0/24", "192.168.20.1", reserved=("192.168.20.8", "192.168.20.9")),)

    assert expected == made(world, ask, body(v4=[pool])).subnets
    assert {} == ask("NetworkDriver.CreateNetwork", body(v4=[pool])).body


OPEN = {"parent": "eth0", "host_access": "true"}
HOST4 = {**POOL4, "AuxAddresses": {"host": "192.168.20.9/24", "nas": "192.168.20.8/24"}}
OUR_POOL = {**POOL4, "AddressSpace": "ipvl-local"}


@pytest.mark.parametrize(
    ("generic", "pool", "expected"),
    [
        (OPEN, HOST4, "192.168.20.9"),
        ({**OPEN, "mode": "l3"}, POOL4, "192.168.20.1"),
        ({**OPEN, "mode": "l3"}, HOST4, "192.168.20.9"),
        ({"host_access": "true"}, POOL4, "192.168.20.1"),
        (OPEN, OUR_POOL, "192.168.20.2"),
    ],
)
def test_the_hosts_address_is_given_or_the_gateway_or_ipvls_choice(world, ask, generic, pool, expected):
    """Whose the pool is, its address space tells; the same again is done already."""
    (one,) = made(world, ask, body(generic=generic, v4=[pool])).subnets

    assert expected == str(one.host)
    assert {} == ask("NetworkDriver.CreateNetwork", body(generic=generic, v4=[pool])).body


def test_docker_has_no_address_for_the_host_in_l2(refused):
    """Its own address management chooses none, and the gateway is the router's."""
    expected = (
        "subnet 192.168.20.0/24 has no address for the host, and Docker does not choose one;"
        " give one that nobody has: --aux-address host=ADDRESS (host2= and so on for further subnets)"
    )

    assert expected == refused("NetworkDriver.CreateNetwork", body(generic=OPEN))


def test_internal_with_a_parent_is_a_warning_in_the_log(ask, caplog):
    """The parent that was given is not used, and somebody may wonder why."""
    caplog.set_level(logging.WARNING)

    ask("NetworkDriver.CreateNetwork", body(**{INTERNAL: True}))

    expected = (
        "network aaaaaaaaaaaa: parent eth0 is not used, since --internal puts the network on dummy di-aaaaaaaaaaaa; to"
        " keep a network on its parent without a way out, leave --internal out and give -o no_default_route=true"
    )
    assert [expected] == caplog.messages


def test_options_reach_the_network(world, ask):
    """What follows -o is in the generic map."""
    generic = {"master": "eth1", "mode": "L3", "mtu": "1400"}

    expected = network(parent="eth1", mode=Mode.L3, mtu=1400, subnets=(SUBNET4,))

    assert expected == made(world, ask, body(generic=generic))


def test_a_refusal_is_logged(ask, caplog):
    """The operator finds it without Docker's log."""
    caplog.set_level(logging.WARNING)

    ask("NetworkDriver.CreateNetwork", body(generic={"parent": "eth7"}))

    expected = (
        "NetworkDriver.CreateNetwork refused: parent eth7 does not exist on this host; "
        "make it first, or name it NAME.VID (such as eth0.20) to have it made"
    )
    assert [expected] == caplog.messages


def test_the_same_id_with_other_input_is_refused(ask, refused):
    """Docker's ids are its own, but a client may be anybody."""
    ask("NetworkDriver.CreateNetwork", body())
    expected = (
        "network id aaaaaaaaaaaa belongs to network aaaaaaaaaaaa, which is not what this call asks for; "
        "remove that network first"
    )

    assert expected == refused("NetworkDriver.CreateNetwork", body(generic={"parent": "eth1"}))


def test_networks_that_would_switch_one_another_are_refused(ask, refused):
    """Mode and flag are the parent's."""
    ask("NetworkDriver.CreateNetwork", body())
    expected = (
        "parent eth0 already carries network aaaaaaaaaaaa in mode l2; "
        "a parent has one mode, so use l2 here or another parent"
    )

    assert expected == refused(
        "NetworkDriver.CreateNetwork", body(generic={"parent": "eth0", "ipvlan_mode": "l3"}, identity=OTHER_ID)
    )


@pytest.mark.parametrize(
    ("options", "skip"),
    [
        ({GENERIC: {"parent": "eth0"}}, False),
        ({GENERIC: {"parent": "eth0", "ipvlan_mode": "l2"}}, False),
        ({GENERIC: {"parent": "eth0", "ipvlan_mode": "l3"}}, True),
        ({GENERIC: {"parent": "eth0", "ipvlan_mode": "L3S"}}, True),
        ({GENERIC: {"master": "eth0", "mode": "l3s"}}, True),
        ({GENERIC: {"parent": "eth0"}, INTERNAL: True}, True),
        ({GENERIC: {"parent": "eth0", "ipvlan_mode": "l3"}, INTERNAL: True}, True),
        ({GENERIC: {}}, True),
        ({GENERIC: {"parent": "eth0", "ipvlan_mode": "l3", "host_access": "true"}}, False),
        ({GENERIC: {"host_access": ""}}, False),
        ({GENERIC: {"parent": "eth0", "route": "10.0.0.0/8,via=192.168.20.1", "no_default_route": "true"}}, False),
        ({GENERIC: {"ipvlan_mode": "l2"}}, True),
        ({}, True),
        (None, True),
        ({GENERIC: {"parent": "eth9.4000"}, V4: True, V6: True}, False),
    ],
)
def test_docker_need_not_reserve_gateways_that_nobody_uses(ask, options, skip):
    """Routed modes and isolated networks have none, unless the host is to have it; in L2 it is a router."""
    assert {"SkipIPv4": skip, "SkipIPv6": skip} == ask("NetworkDriver.GwAllocCheck", {"Options": options}).body


def test_options_that_cannot_be_are_refused_before_anything_is_reserved(refused):
    """GwAllocCheck comes first, so a misspelt mode is found there."""
    options = {GENERIC: {"parent": "eth0", "ipvlan_mode": "l4"}}

    assert "ipvlan_mode l4 does not exist; use one of l2, l3, l3s" == refused(
        "NetworkDriver.GwAllocCheck", {"Options": options}
    )


def test_a_network_that_is_not_known_is_removed_already(world, ask):
    """Docker removes its own record whatever the answer."""
    assert {} == ask("NetworkDriver.DeleteNetwork", {"NetworkID": ID}).body
    assert () == world.store.load()


def test_docker_never_names_a_network(world, ask):
    """The name comes later, from Docker's own API; until then the id stands for it."""
    assert None is made(world, ask, body()).name
