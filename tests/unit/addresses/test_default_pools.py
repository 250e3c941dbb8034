"""Subnets for networks that were given none."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from ipvl.addresses.default_pools import default_subnet4, default_subnet6, is_default_pool, unique_local_prefix
from ipvl.errors import Kind
from tests.unit.refusals import refusal


def networks(*texts: str):
    return [ip_network(text) for text in texts]


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ((), "172.17.0.0/16"),
        (("172.17.0.0/16",), "172.18.0.0/16"),
        (("172.17.5.0/24", "172.18.0.1/32"), "172.19.0.0/16"),
        (("172.16.0.0/12",), "192.168.0.0/20"),
        (("172.16.0.0/12", "192.168.1.0/24"), "192.168.16.0/20"),
        (("172.17.0.0/16", "172.18.0.0/16", "172.19.0.0/16", "172.20.0.0/16"), "172.21.0.0/16"),
        (("10.0.0.0/8", "2001:db8::/32", "fe80::/64"), "172.17.0.0/16"),
        (("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"), "172.17.0.0/16"),
    ],
)
def test_the_first_default_pool_that_overlaps_nothing(taken, expected):
    """Docker's list in Docker's order; default routes, halved or not, say nothing."""
    assert ip_network(expected) == default_subnet4(networks(*taken))


def test_docker_could_ask_until_the_list_ends():
    """31 pools, no two of which overlap; then a refusal that names the way out."""
    taken = []
    for _ in range(31):
        found = default_subnet4(taken)
        assert not any(found.overlaps(other) for other in taken)
        taken.append(found)

    assert ip_network("192.168.240.0/20") == taken[-1]
    expected = (
        "every default IPv4 pool overlaps an address or route of this host, or a subnet that is in use; give a --subnet"
    )
    assert expected == refusal(Kind.CONFLICT, default_subnet4, taken)


@pytest.mark.parametrize(
    ("taken", "length", "expected"),
    [
        ((), 24, "172.17.0.0/24"),
        (("172.17.0.0/23",), 24, "172.17.2.0/24"),
        (("172.17.0.0/16",), 30, "172.18.0.0/30"),
        ((), 15, "172.20.0.0/15"),
    ],
)
def test_a_size_can_be_asked_for(taken, length, expected):
    """`--subnet 0.0.0.0/24` is Docker's way to say it."""
    assert ip_network(expected) == default_subnet4(networks(*taken), length)


def test_a_size_that_no_pool_has_is_refused():
    """The largest is a /14."""
    expected = "no default IPv4 pool is as large as a /8; give the --subnet in full"

    assert expected == refusal(Kind.INVALID, default_subnet4, [], 8)


def test_ipv6_subnets_are_this_hosts_own():
    """A /48 of fd00::/8 that is always the same here and another elsewhere, in /64s."""
    prefix = unique_local_prefix("host one")

    assert prefix == unique_local_prefix("host one") != unique_local_prefix("host two")
    assert prefix.subnet_of(ip_network("fd00::/8")) and prefix.prefixlen == 48
    first = default_subnet6([], "host one")
    second = default_subnet6([first, ip_network("::/0")], "host one")
    assert [(first, 64), (second, 64)] == list(zip((first, second), (first.prefixlen, second.prefixlen), strict=True))
    assert first.network_address == prefix.network_address
    assert int(second.network_address) == int(first.broadcast_address) + 1


def test_an_ipv6_size_can_be_asked_for():
    """`--subnet ::/80`."""
    assert 80 == default_subnet6([], "host one", 80).prefixlen


def test_ipv6_subnets_end_too():
    """A route to the whole prefix, or a size that is larger than it."""
    prefix = unique_local_prefix("host one")
    expected = f"every default IPv6 pool of {prefix} overlaps a subnet or route in use; give a --subnet"
    assert expected == refusal(Kind.CONFLICT, default_subnet6, [prefix], "host one")

    expected = f"this host's IPv6 prefix {prefix} has no room for a /32; give the --subnet in full"
    assert expected == refusal(Kind.INVALID, default_subnet6, [], "host one", 32)


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        ("172.17.0.0/16", True),
        ("172.31.0.0/16", True),
        ("192.168.16.0/20", True),
        ("172.16.0.0/16", False),
        ("172.32.0.0/16", False),
        ("172.18.0.0/24", False),
        ("192.168.20.0/24", False),
        ("10.0.0.0/16", False),
        ("ac12::/16", False),
    ],
)
def test_what_docker_would_choose(pool, expected):
    """Its default pools, and nothing else."""
    assert expected is is_default_pool(ip_network(pool))
