"""Link-local gateways among the flags of `ipvl network create`."""

from __future__ import annotations

import pytest

from ipvl.errors import Kind
from ipvl.options.subnet_flags import subnets_from_flags
from tests.unit.refusals import refusal

FOUR, SIX, MORE = "192.168.20.0/24", "2001:db8::/64", "2001:db8:1::/64"


@pytest.mark.parametrize(
    ("subnets", "gateways", "expected"),
    [
        ([FOUR, SIX], ["fe80::1"], ["", "fe80::1"]),
        ([FOUR, SIX], ["192.168.20.9", "fe80::1"], ["192.168.20.9", "fe80::1"]),
        ([SIX, MORE], ["fe80::1"], ["fe80::1", "fe80::1"]),
        ([SIX, MORE], ["fe80::1", "2001:db8:1::9"], ["fe80::1", "2001:db8:1::9"]),
        (["fe80::/64", SIX], ["fe80::1"], ["fe80::1", ""]),
    ],
)
def test_a_link_local_gateway_is_that_of_the_ipv6_subnets(subnets, gateways, expected):
    """Of those without another."""
    found, _ = subnets_from_flags(subnets, gateways, [], {})

    assert expected == [one.gateway for one in found]


@pytest.mark.parametrize(
    ("subnets", "gateways", "expected"),
    [
        (
            [FOUR],
            ["fe80::1"],
            "gateway fe80::1 is link-local, and the network has no IPv6 subnet that it could be the router of;"
            " give an IPv6 --subnet without another --gateway",
        ),
        (
            [SIX],
            ["2001:db8::9", "fe80::1"],
            "gateway fe80::1 is link-local, and the network has no IPv6 subnet that it could be the router of;"
            " give an IPv6 --subnet without another --gateway",
        ),
        ([SIX, MORE], ["fe80::1", "fe80::2"], "gateways fe80::1 and fe80::2 are both link-local; give one"),
        ([FOUR], ["169.254.0.1"], "gateway 169.254.0.1 is in no subnet of the network; its subnets: 192.168.20.0/24"),
    ],
)
def test_a_link_local_gateway_of_nothing_is_refused(subnets, gateways, expected):
    """And two of them."""
    assert expected == refusal(Kind.INVALID, subnets_from_flags, subnets, gateways, [], {})
