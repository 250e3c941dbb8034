"""Subnets and gateways as they are written."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.errors import IpvlError, Kind
from ipvl.model.networks import Subnet
from ipvl.options.network import parse_network as read_network
from ipvl.options.subnets import SubnetText
from tests.unit.builders import ID, NOW, subnet
from tests.unit.refusals import outcome, refusal


def subnets(*written: str | tuple[str, str]) -> tuple[Subnet, ...]:
    texts = [SubnetText(*one) if isinstance(one, tuple) else SubnetText(one) for one in written]
    return read_network(ID, {"parent": "eth0"}, texts, internal=False, door="docker", created=NOW).subnets


@pytest.mark.parametrize(
    ("written", "pool"),
    [
        ("172.16.50.0/22", "172.16.48.0/22"),
        ("10.1.100.0/16", "10.1.0.0/16"),
        ("192.168.1.250/24", "192.168.1.0/24"),
        ("2001:db8:abc2::22/64", "2001:db8:abc2::/64"),
        ("192.168.20.0/24", "192.168.20.0/24"),
    ],
)
def test_host_bits_are_dropped(written, pool):
    """The specification writes subnets with host bits set, such as 172.16.50.0/22: the subnet around them is meant."""
    assert (subnet(pool),) == subnets(written)


@pytest.mark.parametrize(
    ("pool", "written", "gateway"),
    [
        ("192.168.20.0/24", "192.168.20.1", "192.168.20.1"),
        ("192.168.20.0/24", "192.168.20.254/24", "192.168.20.254"),
        ("2001:db8::/64", "2001:db8::22/64", "2001:db8::22"),
        ("2001:db8::/64", "fe80::1", "fe80::1"),
        ("10.0.0.0/31", "10.0.0.0", "10.0.0.0"),
    ],
)
def test_a_gateway_is_an_address_with_or_without_a_length(pool, written, gateway):
    """Docker sends gateways with a prefix length, people write them without; link-local ones need no subnet."""
    assert (subnet(pool, gateway),) == subnets((pool, written))


def test_subnets_stay_in_the_order_they_were_given():
    """The first subnet of a family is the first asked for."""
    written = ("192.168.114.0/24", "192.168.254.0"), ("2001:db8::/64",), ("192.168.112.0/24",)

    pools = [str(one.pool) for one in subnets(*[(pool, "") for pool, *_ in written])]

    assert ["192.168.114.0/24", "2001:db8::/64", "192.168.112.0/24"] == pools


def test_no_subnet_is_for_the_door_to_judge():
    """Docker's own IPAM always sends one; a network without any is made, and its endpoints are refused."""
    assert () == subnets()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (("x",), "subnet x is not in CIDR notation; write it like 192.168.20.0/24"),
        (("192.168.20.0/33",), "subnet 192.168.20.0/33 is not in CIDR notation; write it like 192.168.20.0/24"),
        (("192.168.20.0/24/8",), "subnet 192.168.20.0/24/8 is not in CIDR notation; write it like 192.168.20.0/24"),
        ((("192.168.20.0/24", "x"),), "gateway x is not an address; use one of 192.168.20.0/24"),
        (
            (("192.168.20.0/24", "192.168.21.1"),),
            "gateway 192.168.21.1 is not in subnet 192.168.20.0/24; give the address of the router on that subnet",
        ),
        (
            (("192.168.20.0/24", "2001:db8::1"),),
            "gateway 2001:db8::1 is not in subnet 192.168.20.0/24; give the address of the router on that subnet",
        ),
        (
            ("10.0.0.0/8", "10.1.0.0/16"),
            "subnets 10.0.0.0/8 and 10.1.0.0/16 overlap; give each address to one subnet only",
        ),
        (
            ("10.1.0.0/16", "192.168.0.0/24", "10.0.0.0/8"),
            "subnets 10.1.0.0/16 and 10.0.0.0/8 overlap; give each address to one subnet only",
        ),
        (
            ("10.1.2.0/16", "10.1.3.0/16"),
            "subnets 10.1.0.0/16 and 10.1.0.0/16 overlap; give each address to one subnet only",
        ),
        (
            ("0.0.0.0/0",),
            "the IPv4 pool is empty (0.0.0.0/0); "
            "give a --subnet, or -o addressing=none for a network without addresses",
        ),
        (
            ("192.168.20.0/24", "::/0"),
            "the IPv6 pool is empty (::/0); give a --subnet, or -o addressing=none for a network without addresses",
        ),
    ],
)
def test_what_is_no_subnet_is_refused(written, expected):
    """A subnet, gateway or pair of subnets that cannot be is refused in a sentence that names it."""
    assert expected == refusal(Kind.INVALID, subnets, *written)


POOLS = st.ip_addresses().flatmap(
    lambda address: st.integers(1, address.max_prefixlen).map(lambda length: f"{address}/{length}")
)


@given(POOLS)
def test_any_subnet_but_everything_is_read_as_the_network_around_it(written):
    """Whatever address stands before the slash, the pool is the network that it is in."""
    assert (subnet(str(ip_network(written, strict=False))),) == subnets(written)


@given(st.lists(POOLS, min_size=1, max_size=5))
def test_no_address_is_in_two_subnets(written):
    """A network is accepted only if its subnets are disjoint, and then all are there."""
    found = outcome(subnets, *written)

    if isinstance(found, IpvlError):
        assert found.what.endswith(" overlap")
    else:
        pools = [one.pool for one in found]
        assert len(written) == len(pools)
        assert not any(one.overlaps(other) for position, one in enumerate(pools) for other in pools[position + 1 :])


@given(POOLS, st.ip_addresses())
def test_a_gateway_is_in_its_subnet_or_link_local(pool, gateway):
    """No other gateway gets through."""
    found = outcome(subnets, (pool, str(gateway)))

    if isinstance(found, IpvlError):
        assert f"gateway {gateway} is not in subnet {ip_network(pool, strict=False)}" == found.what
    else:
        (read,) = found
        assert gateway == read.gateway
        assert gateway in read.pool or gateway.is_link_local


@pytest.mark.parametrize(
    ("within", "expected"),
    [("192.168.20.128/25", "192.168.20.128/25"), ("192.168.20.200/25", "192.168.20.128/25"), ("192.168.20.0/24", "")],
)
def test_a_range_is_a_part_of_its_subnet(within, expected):
    """Host bits are allowed as in subnets; all of the subnet is no range."""
    assert (subnet("192.168.20.0/24", within=expected),) == written_in_full(range=within)


def test_reserved_addresses_are_kept_once_and_in_order():
    """However they were written."""
    expected = (subnet("192.168.20.0/24", reserved=("192.168.20.8", "192.168.20.9")),)

    assert expected == written_in_full(reserved=("192.168.20.9/24", "192.168.20.8", "192.168.20.9"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"range": "half"}, "range half is not in CIDR notation; write it like a part of 192.168.20.0/24"),
        (
            {"range": "192.168.0.0/16"},
            "range 192.168.0.0/16 is not within subnet 192.168.20.0/24; give a part of the subnet",
        ),
        (
            {"range": "2001:db8::/96"},
            "range 2001:db8::/96 is not within subnet 192.168.20.0/24; give a part of the subnet",
        ),
        ({"reserved": ("switch",)}, "reserved address switch is not an address; use one of 192.168.20.0/24"),
        (
            {"reserved": ("192.168.21.1",)},
            "reserved address 192.168.21.1 is not in subnet 192.168.20.0/24; give one that is",
        ),
    ],
)
def test_what_is_no_part_of_a_subnet_is_refused(fields, expected):
    """A range or reserved address elsewhere."""
    assert expected == refusal(Kind.INVALID, written_in_full, **fields)


def written_in_full(**fields: object):
    one = SubnetText("192.168.20.0/24", **fields)
    return read_network(ID, {}, [one], internal=False, door="cli", created=NOW).subnets
