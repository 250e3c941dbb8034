"""What an answer grants: everything a server may say, and what no server should."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.dhcp.dhcp_messages import MessageType
from ipvl.dhcp.granted_terms import INFINITE_LEASE_SECONDS, SHORTEST_LEASE_SECONDS, granted_terms
from ipvl.model.networks import Route
from tests.unit.dhcp.cases import ADDRESS, NOW, SERVER, reply, terms

EVERYWHERE, ELSEWHERE = ip_network("0.0.0.0/0"), ip_network("10.0.0.0/8")
ROUTER = IPv4Address("192.168.20.254")


def test_an_acknowledgement_grants_what_it_says():
    """Address with the mask, the first router, and the times that RFC 2131 has where the server gives none."""
    assert terms() == granted_terms(reply(MessageType.ACK), NOW)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"renewal_seconds": 100, "rebinding_seconds": 200}, (100, 200, 1000)),
        ({"renewal_seconds": 100}, (100, 875, 1000)),
        ({"renewal_seconds": 0}, (500, 875, 1000)),
        ({"renewal_seconds": 1}, (5, 875, 1000)),
        ({"renewal_seconds": 900}, (500, 875, 1000)),
        ({"rebinding_seconds": 1000}, (500, 875, 1000)),
        ({"rebinding_seconds": 100}, (100, 100, 1000)),
        ({"rebinding_seconds": INFINITE_LEASE_SECONDS, "renewal_seconds": INFINITE_LEASE_SECONDS}, (500, 875, 1000)),
    ],
)
def test_times_are_the_servers_where_they_make_sense(fields, expected):
    """Renewal before rebinding before the end, and never more often than every five seconds."""
    found = granted_terms(reply(MessageType.ACK, **fields), NOW)

    assert tuple(NOW + seconds for seconds in expected) == (found.renews, found.rebinds, found.expires)


def test_a_lease_for_ever_has_no_times():
    """There is nothing to renew."""
    found = granted_terms(reply(MessageType.ACK, lease_seconds=INFINITE_LEASE_SECONDS), NOW)

    assert (None, None, None) == (found.renews, found.rebinds, found.expires)


@pytest.mark.parametrize(
    "fields",
    [
        {"server": None},
        {"lease_seconds": None},
        {"lease_seconds": SHORTEST_LEASE_SECONDS - 1},
        {"prefix_length": None},
        {"prefix_length": 0},
        {"prefix_length": 31},
        {"address": IPv4Address("0.0.0.0")},
        {"address": IPv4Address("224.0.0.1")},
        {"address": IPv4Address("127.0.0.1")},
        {"address": IPv4Address("255.255.255.255")},
        {"address": IPv4Address("192.168.20.0")},
        {"address": IPv4Address("192.168.20.255")},
    ],
    ids=str,
)
def test_what_cannot_be_used_grants_nothing(fields):
    """No server, no time, no mask, or an address that no host can have."""
    assert granted_terms(reply(MessageType.ACK, **fields), NOW) is None


@pytest.mark.parametrize(
    ("fields", "gateway", "routes"),
    [
        ({"routers": ()}, None, ()),
        ({"routers": (ROUTER, SERVER.address)}, ROUTER, ()),
        ({"routers": (IPv4Address("10.0.0.1"), ROUTER)}, ROUTER, ()),
        ({"routers": (ADDRESS, ROUTER)}, ROUTER, ()),
        ({"routes": (Route(EVERYWHERE, ROUTER), Route(ELSEWHERE, SERVER.address))}, ROUTER, ((ELSEWHERE),)),
        ({"routes": (Route(ELSEWHERE, SERVER.address),)}, None, ((ELSEWHERE),)),
    ],
)
def test_classless_routes_go_before_routers(fields, gateway, routes):
    """RFC 3442: where there are any, the default route is among them or there is none. A gateway is on the subnet."""
    found = granted_terms(reply(MessageType.ACK, **fields), NOW)

    assert (gateway, routes) == (found.gateway, tuple(route.destination for route in found.routes))


@given(st.builds(dict, mtu=st.integers(0, 65535)))
def test_an_mtu_below_the_least_is_none(fields):
    """RFC 2132: 68 is the least."""
    expected = fields["mtu"] if fields["mtu"] >= 68 else None

    assert replace(terms(), mtu=expected) == granted_terms(reply(MessageType.ACK, **fields), NOW)


@given(
    lease=st.integers(0, INFINITE_LEASE_SECONDS),
    renewal=st.none() | st.integers(0, INFINITE_LEASE_SECONDS),
    rebinding=st.none() | st.integers(0, INFINITE_LEASE_SECONDS),
    address=st.ip_addresses(v=4),
    length=st.none() | st.integers(0, 32),
)
def test_whatever_is_granted_is_in_order(lease, renewal, rebinding, address, length):
    """A hostile server can have nobody renew before the start, after the end, or without pause."""
    answer = reply(
        MessageType.ACK,
        address,
        lease_seconds=lease,
        renewal_seconds=renewal,
        rebinding_seconds=rebinding,
        prefix_length=length,
    )

    found = granted_terms(answer, NOW)

    if found is not None and found.expires is not None:
        assert NOW < found.renews <= found.rebinds < found.expires
        assert found.address.ip == address
