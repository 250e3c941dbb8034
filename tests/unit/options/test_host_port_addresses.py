"""Host access as it is asked for: who says which address is the host's, and every refusal word for word."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from ipvl.errors import Kind
from ipvl.options.host_port_addresses import host_address_text
from ipvl.options.network import parse_network as read_network
from ipvl.options.network import uses_gateway
from ipvl.options.subnet_flags import subnets_from_flags
from ipvl.options.subnets import SubnetText
from tests.unit.builders import ID, NOW
from tests.unit.refusals import refusal

V4 = SubnetText("192.168.20.0/24", "192.168.20.1")
V6 = SubnetText("2001:db8::/64", "2001:db8::1")
WAY_OUT = "give one that nobody has: --aux-address host=ADDRESS (host2= and so on for further subnets)"


def arguments(options, subnets, *, internal=False):
    wish = {"parent": "eth0", "host_access": "true", **options}
    return (ID, wish, subnets), {"internal": internal, "door": "embedded", "created": NOW}


def asked(options, *subnets, **flags):
    given, named = arguments(options, subnets, **flags)
    return read_network(*given, **named)


def refused(options, *subnets, **flags):
    given, named = arguments(options, subnets, **flags)
    return refusal(Kind.INVALID, read_network, *given, **named)


def hosts(network):
    return [None if subnet.host is None else str(subnet.host) for subnet in network.subnets]


def dockers(subnet, **fields):
    return replace(subnet, dockers=True, **fields)


@pytest.mark.parametrize(
    ("options", "subnets", "internal", "expected"),
    [
        ({}, (V4, V6), False, [None, None]),
        ({}, (replace(V4, host="192.168.20.9/24"), V6), False, ["192.168.20.9", None]),
        (
            {},
            (dockers(V4, host="192.168.20.9/24"), dockers(V6, host="2001:db8::9")),
            False,
            ["192.168.20.9", "2001:db8::9"],
        ),
        ({"mode": "l3"}, (dockers(V4), dockers(V6)), False, ["192.168.20.1", "2001:db8::1"]),
        ({"mode": "l3s"}, (dockers(V4, host="192.168.20.9"),), False, ["192.168.20.9"]),
        ({}, (dockers(V4),), True, ["192.168.20.1"]),
        ({"parent": ""}, (dockers(V4),), False, ["192.168.20.1"]),
        ({"host_access": "false"}, (dockers(V4, host="192.168.20.9"),), False, [None]),
    ],
)
def test_the_hosts_address_is_given_or_the_gateway_or_to_be_chosen(options, subnets, internal, expected):
    """Where Docker chooses addresses it is one given for the host, or the gateway where that is of no other use."""
    network = asked(options, *subnets, internal=internal)

    assert expected == hosts(network)
    assert (options.get("host_access") != "false") == network.host_access


@pytest.mark.parametrize("subnet", [V4, V6])
def test_docker_chooses_no_address_for_the_host(subnet):
    """In L2 the gateway is a router's."""
    expected = f"subnet {subnet.pool} has no address for the host, and Docker does not choose one; {WAY_OUT}"

    assert expected == refused({}, dockers(subnet))
    assert expected == refused({"mode": "l3"}, dockers(replace(subnet, gateway="")))


@pytest.mark.parametrize(
    ("options", "host", "expected"),
    [
        (
            {"flag": "private"},
            "",
            "host_access cannot be had with ipvlan_flag private, which keeps a parent's ports apart; "
            "use ipvlan_flag=bridge, or leave one of them out",
        ),
        (
            {},
            "192.168.20.1",
            f"address 192.168.20.1 is to be the host's, and is the gateway of 192.168.20.0/24; {WAY_OUT}",
        ),
        (
            {},
            "192.168.20.255",
            "address 192.168.20.255 is the broadcast address of subnet 192.168.20.0/24; "
            "ask for one from 192.168.20.1 to 192.168.20.254",
        ),
        (
            {"host_access": "perhaps"},
            "",
            "host_access perhaps is neither true nor false; write it as host_access=true",
        ),
    ],
)
def test_host_access_that_cannot_be_is_refused(options, host, expected):
    """The sentence has the way out."""
    assert expected == refused(options, replace(V4, host=host))


@pytest.mark.parametrize(
    ("reserved", "expected"),
    [
        ({}, ""),
        ({"router": "192.168.20.2"}, ""),
        ({"host": "192.168.20.9"}, "192.168.20.9"),
        ({"host_access": "192.168.20.9", "other": "192.168.20.8"}, "192.168.20.9"),
        ({"host6": "2001:db8::9"}, "2001:db8::9"),
        ({"hostess": "192.168.20.9"}, ""),
    ],
)
def test_which_reserved_address_is_the_hosts(reserved, expected):
    """The one by that name, with a number for those who have several: names are unique in a command."""
    assert expected == host_address_text(reserved)


def test_the_commands_flags_say_it_as_well():
    """Each in the subnet that it is of; it is reserved like the others."""
    reserved = {"host": "192.168.20.9", "nas": "192.168.20.8", "host6": "2001:db8::9"}
    (four, six), _ = subnets_from_flags(["192.168.20.0/24", "2001:db8::/64"], [], [], reserved)

    assert ("192.168.20.9", ("192.168.20.9", "192.168.20.8"), "2001:db8::9") == (four.host, four.reserved, six.host)
    assert ip_address("192.168.20.9") in asked({}, four, six).subnets[0].reserved


@pytest.mark.parametrize("options", [{"mode": "l3"}, {"parent": ""}, {}])
def test_docker_is_asked_to_reserve_the_gateway_for_the_host(options):
    """Also where it is nobody's."""
    assert uses_gateway({"parent": "eth0", "host_access": "true", **options}, internal=False)
