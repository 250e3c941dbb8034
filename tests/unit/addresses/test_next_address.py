"""Which address comes next, and which can be asked for."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvl.addresses.intervals import Intervals
from ipvl.addresses.next_address import (
    check_usable,
    first_usable_address,
    gateway_of,
    host_range,
    next_free_address,
    refuse_full,
)
from ipvl.errors import Kind
from ipvl.model.networks import Mode
from tests.unit.builders import network
from tests.unit.refusals import refusal


def held(*addresses: str) -> Intervals:
    intervals = Intervals()
    for address in addresses:
        intervals.add(int(ip_address(address)))
    return intervals


def every(subnet: str, within: str | None = None) -> list[str]:
    """Hand out a subnet's addresses until none is left."""
    taken, last, found = Intervals(), None, []
    while True:
        last = next_free_address(
            ip_network(subnet), taken, within=None if within is None else ip_network(within), last=last
        )
        if last is None:
            return found
        found.append(str(last))
        taken.add(int(last))


@pytest.mark.parametrize(
    ("subnet", "expected"),
    [
        ("192.168.20.0/29", [f"192.168.20.{number}" for number in range(1, 7)]),
        ("192.168.20.4/30", ["192.168.20.5", "192.168.20.6"]),
        ("192.168.20.4/31", ["192.168.20.4", "192.168.20.5"]),
        ("192.168.20.4/32", ["192.168.20.4"]),
        ("2001:db8::/126", ["2001:db8::1", "2001:db8::2", "2001:db8::3"]),
        ("2001:db8::4/127", ["2001:db8::4", "2001:db8::5"]),
        ("2001:db8::4/128", ["2001:db8::4"]),
        ("::/127", ["::", "::1"]),
    ],
)
def test_a_subnet_gives_what_hosts_may_have(subnet, expected):
    """No network or broadcast address, no any-router address; a /31, /32, /127 or /128 has none of these."""
    assert expected == every(subnet)


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        ("192.168.20.4/30", [4, 5, 6, 7]),
        ("192.168.20.0/30", [1, 2, 3]),
        ("192.168.20.12/30", [12, 13, 14]),
        ("192.168.20.0/28", list(range(1, 15))),
        ("192.168.20.9/32", [9]),
        ("192.168.20.0/32", []),
    ],
)
def test_a_range_gives_all_of_it_that_is_the_subnets(within, expected):
    """The range's own ends are ordinary addresses unless they are the subnet's."""
    assert [f"192.168.20.{number}" for number in expected] == every("192.168.20.0/28", within)


def test_what_was_given_back_comes_again_last():
    """In order, then round: the address given back waits until all others had their turn."""
    subnet, taken = ip_network("192.168.20.0/29"), held("192.168.20.1", "192.168.20.2", "192.168.20.3")
    taken.discard(int(ip_address("192.168.20.2")))

    found, last = [], ip_address("192.168.20.3")
    while (last := next_free_address(subnet, taken, last=last)) is not None:
        taken.add(int(last))
        found.append(str(last))

    assert ["192.168.20.4", "192.168.20.5", "192.168.20.6", "192.168.20.2"] == found


@pytest.mark.parametrize(
    ("last", "expected"),
    [(None, "10.0.0.1"), ("10.0.0.9", "10.0.0.10"), ("10.255.255.254", "10.0.0.1"), ("10.255.255.255", "10.0.0.1")],
)
def test_the_next_follows_the_last_and_wraps_round(last, expected):
    """In a subnet of sixteen million addresses as in any other."""
    found = next_free_address(ip_network("10.0.0.0/8"), Intervals(), last=None if last is None else ip_address(last))

    assert ip_address(expected) == found


@given(st.sets(st.integers(0, 15)), st.integers(0, 15), st.integers(28, 32), st.booleans())
def test_what_comes_next_is_free_and_usable_or_there_is_nothing(numbers, last, range_length, with_range):
    """Against looking at every address of a small subnet."""
    subnet = ip_network("10.0.0.0/28")
    within = ip_network((int(subnet.network_address), range_length)) if with_range else None
    taken = held(*(str(subnet[number]) for number in numbers))
    can_be = {one for one in subnet.hosts() if int(one) not in taken and (within is None or one in within)}

    found = next_free_address(subnet, taken, within=within, last=subnet[last])

    assert (found is None) == (not can_be)
    if found is not None:
        assert min(can_be, key=lambda one: (one <= subnet[last], one)) == found


@pytest.mark.parametrize("subnet", ["10.0.0.0/30", "10.0.0.0/31", "10.0.0.0/32", "::/64", "::/127", "::/128"])
def test_every_address_that_is_handed_out_can_be_asked_for(subnet):
    """The two never disagree."""
    for number in host_range(ip_network(subnet)):
        check_usable(ip_network(subnet), ip_address(number.to_bytes(4 if "." in subnet else 16, "big")))


@pytest.mark.parametrize(
    ("subnet", "address", "expected"),
    [
        ("10.0.0.0/24", "10.0.1.1", "address 10.0.1.1 is not in subnet 10.0.0.0/24; ask for one that is"),
        ("10.0.0.0/24", "::1", "address ::1 is not in subnet 10.0.0.0/24; ask for one that is"),
        (
            "10.0.0.0/24",
            "10.0.0.0",
            "address 10.0.0.0 is the network address of subnet 10.0.0.0/24; ask for one from 10.0.0.1 to 10.0.0.254",
        ),
        (
            "10.0.0.0/24",
            "10.0.0.255",
            "address 10.0.0.255 is the broadcast address of subnet 10.0.0.0/24; "
            "ask for one from 10.0.0.1 to 10.0.0.254",
        ),
        (
            "2001:db8::/120",
            "2001:db8::",
            "address 2001:db8:: is the subnet-router anycast address of subnet 2001:db8::/120; "
            "ask for one from 2001:db8::1 to 2001:db8::ff",
        ),
    ],
)
def test_what_no_host_may_have_is_refused(subnet, address, expected):
    """Each with the reason and with what can be asked for."""
    assert expected == refusal(Kind.INVALID, check_usable, ip_network(subnet), ip_address(address))


@pytest.mark.parametrize(
    ("subnet", "within", "expected"),
    [
        (
            "10.0.0.0/30",
            None,
            "subnet 10.0.0.0/30 is full: all 2 addresses are in use or reserved; "
            "remove a container, or make a network with a larger subnet",
        ),
        (
            "10.0.0.1/32",
            None,
            "subnet 10.0.0.1/32 is full: its one address is in use or reserved; "
            "remove a container, or make a network with a larger subnet",
        ),
        (
            "10.0.0.0/24",
            "10.0.0.16/28",
            "range 10.0.0.16/28 of subnet 10.0.0.0/24 is full: all 16 addresses are in use or reserved; "
            "remove a container, ask for an address outside of the range, or give a larger --ip-range",
        ),
    ],
)
def test_a_full_subnet_says_which_and_how_many(subnet, within, expected):
    """And what can be done."""
    assert expected == str(refuse_full(ip_network(subnet), None if within is None else ip_network(within)))


def test_a_16_is_handed_out_in_constant_memory():
    """65534 addresses one after the other are one run, and the last one is found as the first was: in one step."""
    subnet, taken, last = ip_network("10.1.0.0/16"), Intervals(), None
    while (found := next_free_address(subnet, taken, last=last)) is not None:
        taken.add(int(found))
        last = found
        assert 1 == len(taken._firsts)

    assert ip_address("10.1.255.254") == last


@pytest.mark.parametrize(
    ("fields", "given", "expected"),
    [
        ({}, "10.0.0.0/24", "10.0.0.1"),
        ({}, "2001:db8::/64", "2001:db8::1"),
        ({}, "10.0.0.4/31", "10.0.0.4"),
        ({}, "10.0.0.4/32", None),
        ({"mode": Mode.L3}, "10.0.0.0/24", None),
        ({"isolated": True}, "10.0.0.0/24", None),
    ],
)
def test_the_gateway_is_the_first_usable_address_where_one_is_used(fields, given, expected):
    """Routed modes and isolated networks use none."""
    one = network(subnets=(given,), **fields)

    assert (None if expected is None else ip_address(expected)) == gateway_of(one, one.subnets[0])


def test_the_first_usable_address_is_the_first_that_would_be_handed_out():
    """So a gateway by default and the allocation agree on where a subnet begins."""
    for subnet in ("10.0.0.0/24", "10.0.0.0/31", "2001:db8::/64", "2001:db8::/127"):
        assert str(first_usable_address(ip_network(subnet))) == str(next_free_address(ip_network(subnet), Intervals()))
