"""Messages about routes as pyroute2 understands them, and the other way round."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from ipvl.kernel.netlink.route_messages import RouteEntry, add_route, read_route
from tests.unit.kernel.netlink.by_pyroute2 import body, decoded


@pytest.mark.parametrize(
    ("destination", "via", "expected"),
    [
        ("0.0.0.0/0", "192.168.1.1", (2, 0, 0, None, "192.168.1.1")),
        ("0.0.0.0/0", None, (2, 0, 253, None, None)),
        ("10.0.0.0/8", None, (2, 8, 253, "10.0.0.0", None)),
        ("::/0", "fe80::1", (10, 0, 0, None, "fe80::1")),
        ("2001:db8::/32", None, (10, 32, 0, "2001:db8::", None)),
    ],
)
def test_a_route(destination, via, expected):
    """Into the main table, by a gateway or onto the link."""
    message = decoded(rtmsg, add_route(ip_network(destination), 6, via and ip_address(via)))

    found = (message["family"], message["dst_len"], message["scope"], message.get("dst"), message.get("gateway"))
    assert expected == found
    assert (254, 4, 1, 6) == (message["table"], message["proto"], message["type"], message.get("oif"))


@pytest.mark.parametrize(
    ("family", "length", "table", "attribute", "expected"),
    [
        (2, 0, 254, None, "0.0.0.0/0"),
        (10, 0, 254, 254, "::/0"),
        (2, 0, 0, 1000, None),
        (2, 8, 254, None, "0.0.0.0/8"),
        (28, 0, 254, None, None),
    ],
)
def test_routes_are_those_of_the_main_table(family, length, table, attribute, expected):
    """Of both families, and of no other protocol such as MPLS."""
    message = rtmsg()
    message["family"], message["dst_len"], message["table"] = family, length, table
    message["attrs"] = [] if attribute is None else [("RTA_TABLE", attribute)]

    way = read_route(body(message))

    assert expected == (None if way is None else str(way.destination))


def test_a_metric_is_asked_for_and_read():
    """0 where the kernel's own is meant."""
    request = add_route(ip_network("0.0.0.0/0"), 6, ip_address("192.168.1.1"), 50)

    assert 50 == decoded(rtmsg, request).get("priority")
    assert RouteEntry(ip_network("0.0.0.0/0"), 6, ip_address("192.168.1.1"), 50, announced=False) == read_route(
        request.body
    )


@pytest.mark.parametrize(("protocol", "announced"), [(9, True), (4, False), (2, False)])
def test_an_announced_route_is_told_from_others(protocol, announced):
    """RTPROT_RA, include/uapi/linux/rtnetlink.h."""
    message = rtmsg()
    message["family"], message["table"], message["proto"] = 10, 254, protocol
    message["attrs"] = [("RTA_GATEWAY", "fe80::1"), ("RTA_OIF", 3), ("RTA_PRIORITY", 1024)]

    assert RouteEntry(ip_network("::/0"), 3, ip_address("fe80::1"), 1024, announced) == read_route(body(message))


def test_a_route_replaces_another_only_when_it_is_to():
    """NLM_F_REPLACE without NLM_F_EXCL, include/uapi/linux/netlink.h."""
    plain, replacing = (add_route(ip_network("::/0"), 6, None, replaces=replaces) for replaces in (False, True))

    assert (0x600, 0x500) == (plain.flags, replacing.flags)
