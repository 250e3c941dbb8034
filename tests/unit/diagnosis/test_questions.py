"""What is asked on the wire, and of whom nothing is."""

from __future__ import annotations

import pytest

from ipvl.diagnosis.questions import MOST_ADDRESSES
from ipvl.model.networks import Mode, Phase
from tests.unit.builders import endpoint, link, network, parent, subnet
from tests.unit.diagnosis.cases import ETH0, asked, question
from tests.unit.diagnosis.segments import GATEWAY, OWN


def test_gateways_and_addresses_are_asked_for():
    """The gateway in the parent's own name where it has one, an endpoint's address in nobody's (RFC 5227)."""
    both = network(subnets=("192.168.1.0/24", subnet("2001:db8:1::/64", "2001:db8:1::22")))
    ours = endpoint(addresses=("192.168.1.10/24",))

    assert asked(parent(), both, ours) == (
        GATEWAY,
        question("eth0", "2001:db8:1::22"),
        question("eth0", "192.168.1.10"),
    )


@pytest.mark.parametrize("fields", [{"mode": Mode.L3}, {"mode": Mode.L3S}, {"isolated": True}, {"phase": Phase.MAKING}])
def test_nobody_is_asked_where_no_container_would(fields):
    """In routed modes, behind a dummy, and before the network is there."""
    one = network(**fields)

    assert () == asked(parent(one.parent), one, links=(ETH0, link(one.parent, 9)))


@pytest.mark.parametrize("fields", [{"up": False}, {"carrier": False}, {"ethernet": False}, {"master_kind": "bridge"}])
def test_nobody_is_asked_through_a_parent_that_cannot_hear(fields):
    """Its silence would say nothing."""
    assert () == asked(parent(), OWN, links=(link("eth0", 2, **fields),))
    assert () == asked(parent(), OWN, links=())


@pytest.mark.parametrize("gateway", ["192.168.1.250", "192.168.1.10"])
def test_a_gateway_that_the_host_or_a_container_has_is_not_asked_for(gateway):
    """Neither would answer on the wire."""
    own = network(subnets=(subnet("192.168.1.0/24", gateway),))

    assert (question("eth0", "192.168.1.10"),) == asked(parent(), own, endpoint(addresses=("192.168.1.10/24",)))


def test_a_crowd_is_not_asked_for():
    """Each address is a broadcast, so there is a bound for each network."""
    crowd = [
        endpoint(f"{number:064x}", addresses=(f"10.0.{number // 250}.{number % 250 + 2}/16",)) for number in range(300)
    ]

    assert 1 + MOST_ADDRESSES == len(asked(parent(), network(subnets=("10.0.0.0/16",)), *crowd))
