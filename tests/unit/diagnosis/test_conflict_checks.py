"""Checks of networks that ask who has an address."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from ipvl.model.networks import ConflictCheck
from ipvl.model.pools import THIS_HOST, Quarantine
from tests.unit.builders import NOW, network, parent, pool
from tests.unit.diagnosis.cases import evidence, found

PROBE = ConflictCheck.PROBE
CAREFUL = (parent(), network(name="web", conflict_check=PROBE))
MAC = "52:54:00:12:34:56"


@pytest.mark.parametrize("of", [None, "eth0"])
def test_a_pool_that_does_not_ask_for_a_network_that_does(of):
    """The network's own question comes too late to take another address."""
    held = pool(parent=of)

    assert found("conflicts", evidence(*CAREFUL, held)) == [
        f"warning: network web asks who has an address, but its pool {held.id} does not: a container is refused an"
        " address that is in use, where it could have another; create the network with --ipam-opt parent=eth0"
        " --ipam-opt conflict_check=probe"
    ]


@pytest.mark.parametrize(
    "records",
    [
        CAREFUL,
        (*CAREFUL, pool(parent="eth0", conflict_check=PROBE)),
        (*CAREFUL, pool(parent="eth0"), pool(parent="eth0", conflict_check=PROBE)),
        (*CAREFUL, pool(parent="eth1")),
        (*CAREFUL, pool("10.0.0.0/24")),
        (parent(), network(name="web"), pool()),
        (parent(), network(name="web", door="embedded", conflict_check=PROBE), pool()),
    ],
    ids=["Docker's own pool", "one that asks", "both", "elsewhere", "another subnet", "nobody asks", "embedded"],
)
def test_networks_that_are_fine(records):
    """Nothing is said of them."""
    assert [] == found("conflicts", evidence(*records))


def kept(number: int, holder: str = MAC, until: float = NOW + 1) -> list[Quarantine]:
    return [Quarantine("eth0", ip_address(f"192.168.20.{10 + one}"), holder, until) for one in range(number)]


def test_a_machine_that_answers_for_everybody():
    """A router with proxy ARP; a few addresses are a machine's own."""
    assert found("conflicts", evidence(*CAREFUL, *kept(8))) == [
        f"warning: the machine with MAC address {MAC} answers for 8 addresses on eth0; if it is a router that answers"
        " for everybody, switch proxy ARP off there, or do without conflict_check"
    ]
    for few in (kept(7), kept(8, THIS_HOST), kept(8, until=NOW)):
        assert [] == found("conflicts", evidence(*CAREFUL, *few))
