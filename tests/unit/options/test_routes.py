"""Routes, metrics and the way out that networks leave to others: what is read, and every refusal word for word."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from ipvl.errors import Kind
from ipvl.model.networks import Mode, Route
from ipvl.options.network import parse_network as read_network
from ipvl.options.network import uses_gateway
from ipvl.options.subnets import SubnetText
from tests.unit.builders import ID, NOW
from tests.unit.refusals import refusal

SUBNETS = (SubnetText("192.168.20.0/24"), SubnetText("192.168.30.0/24"), SubnetText("2001:db8::/64"))
EXAMPLE = "write it like 10.0.0.0/8,via=192.168.20.254"
L3 = {"mode": "l3"}


def asked(options, subnets=SUBNETS, door="embedded"):
    return read_network(ID, {"parent": "eth0", **options}, subnets, internal=False, door=door, created=NOW)


def refused(options, subnets=SUBNETS, door="embedded"):
    wish = {"parent": "eth0", **options}
    return refusal(Kind.INVALID, read_network, ID, wish, subnets, internal=False, door=door, created=NOW)


def route(destination, via=None):
    return Route(ip_network(destination), None if via is None else ip_address(via))


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        ("10.0.0.0/8,via=192.168.20.254", "l2", (route("10.0.0.0/8", "192.168.20.254"),)),
        (" 10.1.2.3/8 , via=192.168.20.254 ;", "l2", (route("10.0.0.0/8", "192.168.20.254"),)),
        (
            "10.0.0.0/8,via=192.168.30.1;2001:db8:1::/48,via=2001:db8::1",
            "l2",
            (route("10.0.0.0/8", "192.168.30.1"), route("2001:db8:1::/48", "2001:db8::1")),
        ),
        ("192.168.20.128/25,via=192.168.20.1", "l2", (route("192.168.20.128/25", "192.168.20.1"),)),
        ("10.0.0.0/8;2001:db8:1::/48", "l3", (route("10.0.0.0/8"), route("2001:db8:1::/48"))),
        ("10.0.0.0/8,via=192.168.20.254", "l3s", (route("10.0.0.0/8", "192.168.20.254"),)),
    ],
)
def test_routes_are_read(text, mode, expected):
    """One or several, with and without a router, host bits and white space allowed."""
    assert expected == asked({"route": text, "mode": mode}).routes
    assert asked({"mode": mode}).routes == ()


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("10.0.0.0", {}, f"route 10.0.0.0 is not in CIDR notation; {EXAMPLE}"),
        ("fe80::%1/64", {}, f"route fe80::%1/64 is not in CIDR notation; {EXAMPLE}"),
        (",via=192.168.20.1", {}, f"route '' is not in CIDR notation; {EXAMPLE}"),
        ("10.0.0.0/8,via", {}, f"router '' of route 10.0.0.0/8 is not an address; {EXAMPLE}"),
        ("10.0.0.0/8,via=fe80::1%eth0", {}, f"router fe80::1%eth0 of route 10.0.0.0/8 is not an address; {EXAMPLE}"),
        ("10.0.0.0/8,dev=eth0", {}, f"dev=eth0 of route 10.0.0.0/8 is not understood; {EXAMPLE}"),
        (
            "10.0.0.0/8,via=192.168.20.1,via=192.168.20.2",
            {},
            f"via=192.168.20.2 of route 10.0.0.0/8 is not understood; {EXAMPLE}",
        ),
        (
            "10.0.0.0/8,via=2001:db8::1",
            {},
            "router 2001:db8::1 of route 10.0.0.0/8 is not IPv4; give one of the same family",
        ),
        (
            "10.0.0.0/8,via=192.168.40.1",
            {},
            "router 192.168.40.1 of route 10.0.0.0/8 is in no subnet of the network; "
            "its subnets: 192.168.20.0/24, 192.168.30.0/24, 2001:db8::/64",
        ),
        (
            "10.0.0.0/8",
            {},
            "route 10.0.0.0/8 names no router, which mode l2 needs; "
            "add one of the network's subnets: 10.0.0.0/8,via=ADDRESS",
        ),
        (
            "0.0.0.0/0,via=192.168.20.1",
            {},
            "route 0.0.0.0/0 is the default route; that is the --gateway in mode l2, and there already in l3 and l3s, "
            "unless no_default_route takes it away",
        ),
        (
            "192.168.30.0/24,via=192.168.20.1",
            {},
            "route 192.168.30.0/24 is a subnet of the network; containers reach it without a route",
        ),
        (
            "10.0.0.0/8,via=192.168.20.1;10.0.0.0/8,via=192.168.20.2",
            {},
            "route 10.0.0.0/8 is given twice; give each destination once",
        ),
        (
            ";".join(f"10.{number // 256}.{number % 256}.0/24" for number in range(257)),
            L3,
            "257 routes are more than the 256 that a network may have",
        ),
    ],
)
def test_a_route_that_cannot_be_is_refused(text, options, expected):
    """The sentence has the route and the way out."""
    assert expected == refused({"route": text, **options})


def test_a_route_of_a_family_without_a_subnet_is_refused():
    """No container could use it."""
    expected = "route 2001:db8:1::/48 is IPv6, of which the network has no subnet; add one, or leave the route out"

    assert expected == refused({"route": "2001:db8:1::/48", **L3}, SUBNETS[:1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", set()),
        ("True", set()),
        ("false", {4, 6}),
        ("", set()),
        ("ipv4", {6}),
        ("IPv6", {4}),
        ("ipv6", {4}),
    ],
)
def test_the_default_route_is_left_to_others(text, expected):
    """Only when that is asked for, for both families or for one; the option's name alone asks for both."""
    assert {4, 6} == asked({}).default_routes
    assert expected == asked({"no_default_route": text}).default_routes


@pytest.mark.parametrize("text", ["maybe", "ipv5", "ipv4,ipv6"])
def test_a_default_route_is_left_for_families_that_there_are(text):
    """Nothing else."""
    expected = f"no_default_route {text} is neither true nor false, nor ipv4 or ipv6; write it as no_default_route=true"

    assert expected == refused({"no_default_route": text})


def test_a_switch_is_true_or_false():
    """Nothing else."""
    expected = "host_access maybe is neither true nor false; write it as host_access=true"

    assert expected == refused({"host_access": "maybe"})


BOTH = (SubnetText("192.168.20.0/24"), SubnetText("2001:db8::/64"))
BY_LINK_LOCAL = "2001:db8:77::/64,via=fe80::9"


def test_a_routes_router_may_be_link_local():
    """In IPv6: that is how routers are known on a segment (RFC 4861)."""
    (found,) = asked({"route": BY_LINK_LOCAL}, BOTH).routes

    assert Route(ip_network("2001:db8:77::/64"), ip_address("fe80::9")) == found


@pytest.mark.parametrize(
    ("options", "subnets", "expected"),
    [
        (
            {"route": BY_LINK_LOCAL, "mode": "l3"},
            BOTH,
            "router fe80::9 of route 2001:db8:77::/64 is link-local, and in mode l3 containers are not on the segment"
            " of any router; leave it out, since the parent routes, or use ipvlan_mode=l2",
        ),
        (
            {"route": BY_LINK_LOCAL},
            BOTH[:1],
            "route 2001:db8:77::/64 is IPv6, of which the network has no subnet; add one, or leave the route out",
        ),
        (
            {"route": "10.0.0.0/8,via=169.254.0.1"},
            BOTH,
            "router 169.254.0.1 of route 10.0.0.0/8 is in no subnet of the network; its subnets: 192.168.20.0/24,"
            " 2001:db8::/64",
        ),
    ],
)
def test_a_link_local_router_that_cannot_be_is_refused(options, subnets, expected):
    """Where no neighbour is resolved, where no container has an address of the family, and in IPv4."""
    assert expected == refused(options, subnets)


def test_the_ipv6_router_may_be_given_by_its_link_local_address():
    """Of every IPv6 subnet, whatever gateway Docker chose for it."""
    subnets = (*BOTH, SubnetText("2001:db8:1::/64", gateway="2001:db8:1::1"))
    router = ip_address("fe80::1")

    assert [None, router, router] == [one.gateway for one in asked({"gateway6": "fe80::1"}, subnets).subnets]


@pytest.mark.parametrize(
    ("options", "subnets", "expected"),
    [
        ({"gateway6": "fe80::1%eth0"}, BOTH, "gateway6 fe80::1%eth0 is not an address; write it as gateway6=fe80::1"),
        (
            {"gateway6": "2001:db8::1"},
            BOTH,
            "gateway6 2001:db8::1 is not a link-local IPv6 address; give any other as --gateway",
        ),
        (
            {"gateway6": "169.254.0.1"},
            BOTH,
            "gateway6 169.254.0.1 is not a link-local IPv6 address; give any other as --gateway",
        ),
        (
            {"gateway6": "fe80::1", "mode": "l3s"},
            BOTH,
            "gateway6 fe80::1 is link-local, and in mode l3s containers are not on the segment of any router;"
            " leave it out, since the parent routes, or use ipvlan_mode=l2",
        ),
        (
            {"gateway6": "fe80::1"},
            BOTH[:1],
            "gateway6 fe80::1 needs an IPv6 subnet, of which the network has none; add --ipv6 and an IPv6 --subnet,"
            " or leave it out",
        ),
        (
            {"gateway6": "fe80::1", "parent": ""},
            BOTH,
            "gateway6 fe80::1 is nobody on an isolated network, which has no segment outside;"
            " drop it, or give the network a parent",
        ),
    ],
)
def test_a_link_local_gateway_that_cannot_be_is_refused(options, subnets, expected):
    """With what to do instead."""
    assert expected == refused(options, subnets)


@pytest.mark.parametrize("text", ["1", "200", "4294967295"])
def test_a_metric_is_read(text):
    """As far as the kernel's numbers go."""
    assert int(text) == asked({"metric": text}).metric
    assert asked({}).metric is None


@pytest.mark.parametrize("text", ["0", "-1", "4294967296", "low", "1.5", "\u0661"])
def test_a_metric_that_the_kernel_does_not_have_is_refused(text):
    """Zero is what no metric means."""
    assert f"metric {text} is not a number from 1 to 4294967295" == refused({"metric": text})


def test_docker_has_no_metrics():
    """Its plugins return routes without: a metric would be passed over in silence."""
    expected = (
        "metric 200 cannot be had with Docker, whose plugin protocol has no metrics; "
        "leave the default route to one network: -o no_default_route=true on the others"
    )

    assert expected == refused({"metric": "200"}, door="docker")


def test_the_gateway_is_asked_for_before_subnets_are_known():
    """Routes then have nothing to be checked against; a gateway that no container uses is still a router's address."""
    options = {"parent": "eth0", "route": "10.0.0.0/8,via=192.168.20.1", "no_default_route": "true"}

    assert uses_gateway(options, internal=False)
    assert not uses_gateway({**options, "mode": Mode.L3}, internal=False)
