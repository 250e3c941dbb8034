"""Routes, metrics and the way out that networks leave to others: what is read, and every refusal word for word."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from ipvl.errors import Kind
from ipvl.model import Mode, Route
from ipvl.options.network import SubnetText, uses_gateway
from ipvl.options.network import network as read_network
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


@pytest.mark.parametrize(("text", "expected"), [("true", False), ("True", False), ("false", True), ("", False)])
def test_the_default_route_is_left_to_others(text, expected):
    """Only when that is asked for; the option's name alone asks for it."""
    assert asked({}).default_route
    assert expected == asked({"no_default_route": text}).default_route


def test_a_switch_is_true_or_false():
    """Nothing else."""
    expected = "no_default_route maybe is neither true nor false; write it as no_default_route=true"

    assert expected == refused({"no_default_route": "maybe"})


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
