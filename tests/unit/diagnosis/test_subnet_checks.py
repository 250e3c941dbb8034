"""Checks of subnets against what parents are on."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from ipvl.model.links import HostRoute
from ipvl.model.networks import Mode
from tests.unit.builders import link, network, parent
from tests.unit.diagnosis.cases import ETH0, ETH0_FACTS, ETH1, evidence, facts, found
from tests.unit.diagnosis.segments import GATEWAY, MAC, OTHER, OTHERS_GATEWAY, OWN


def test_the_parents_own_subnet():
    """L2's usual case, even where nobody could be asked."""
    assert [] == found("subnet", evidence(parent(), OWN))
    assert [] == found("subnet", evidence(parent(), OWN, answers={GATEWAY: ()}))


def test_a_part_of_the_parents_subnet():
    """A subnet within the parent's, or around it, is not another's."""
    for pool in ("192.168.1.128/25", "192.168.0.0/16"):
        assert [] == found("subnet", evidence(parent(), network(subnets=(pool,))))


def test_another_subnet_whose_gateway_answers():
    """The router has an address in it: a second subnet on the segment, as the specification has it."""
    assert [] == found("subnet", evidence(parent(), OTHER, answers={OTHERS_GATEWAY: (MAC,)}))


def test_another_subnet_whose_gateway_is_silent():
    """One finding, not one for the subnet and one for the gateway."""
    sick = evidence(parent(), OTHER, answers={OTHERS_GATEWAY: ()})

    assert found("subnet", sick) == [
        "problem: subnet 192.168.77.0/24 of network web is not that of parent eth0 (192.168.1.0/24), and nobody answers"
        " for its gateway 192.168.77.1; in mode l2 give it the parent's subnet, or the router of eth0 an address in"
        " this one"
    ]
    assert [] == found("gateway", sick)


def test_another_subnet_where_nobody_was_asked():
    """It may be fine: a warning, without a word about the gateway."""
    (said,) = found("subnet", evidence(parent(), OTHER))

    assert said.startswith(
        "warning: subnet 192.168.77.0/24 of network web is not that of parent eth0 (192.168.1.0/24); "
    )


@pytest.mark.parametrize(
    "records",
    [
        (parent("eth1"), network(parent="eth1")),
        (parent(), network(subnets=("10.0.0.0/24", "192.168.1.0/24"), isolated=True)),
        (parent("eth7"), network(parent="eth7", subnets=("2001:db8:7::/64",))),
    ],
)
def test_subnets_that_cannot_be_compared(records):
    """A parent without addresses, or with none of the family, and a network that leads nowhere."""
    healthy = evidence(*records, links=(ETH0, ETH1, link("eth7", 7)), stack=(ETH0_FACTS, facts("eth7", "10.7.0.1/24")))

    assert [] == found("subnet", healthy)


@pytest.mark.parametrize("pool", ["192.168.1.0/24", "192.168.1.64/26", "192.168.0.0/16", "2001:db8:1::/64"])
def test_the_parents_subnet_in_l3(pool):
    """Or a part of it, in both families."""
    (said,) = found("subnet", evidence(parent(), network(mode=Mode.L3, name="web", subnets=(pool,))))

    assert said.startswith(f"problem: subnet {pool} of network web overlaps ")
    assert ("answers neighbour solicitations for" in said) is (":" in pool)


def test_subnets_of_their_own_in_l3():
    """And a part of the parent's where the host answers ARP for it."""
    part = network(mode=Mode.L3, subnets=("192.168.1.64/26",))

    assert [] == found("subnet", evidence(parent(), network(mode=Mode.L3)))
    assert [] == found("subnet", evidence(parent(), part, stack=(facts("eth0", "192.168.1.250/24", proxy_arp=True),)))


def test_an_l3_network_by_whose_parent_the_host_has_no_way():
    """In each family; link-local and multicast routes are none, and an address is a way as well as a route."""
    of = network(name="web", mode=Mode.L3, subnets=("10.9.0.0/24", "2001:db8:9::/64"), parent="eth1")
    here = [HostRoute(ip_network(text), "eth1", connected=True) for text in ("fe80::/64", "ff00::/8")]
    elsewhere = HostRoute(ip_network("0.0.0.0/0"), "eth0", connected=False)
    sentences = [
        f"warning: in mode l3 network web sends its {family} by this host's routes, and the host has neither an"
        f" {family} address nor a route on parent eth1, so its containers reach nobody outside; give eth1 an address of"
        f" its segment, such as `ip address add {example} dev eth1`, and the router a route to the network's subnets by"
        " that address"
        for family, example in (("IPv4", "192.168.1.9/24"), ("IPv6", "2001:db8:1::9/64"))
    ]

    def said(*routes, at=of, **fields):
        return found("subnet", evidence(parent("eth1"), at, routes=(*here, elsewhere, *routes), **fields))

    assert sentences == said()
    assert sentences[1:] == said(HostRoute(ip_network("10.0.0.0/8"), "eth1", connected=False))
    assert sentences[:1] == said(stack=(facts("eth1", "2001:db8:1::9/64"),))
    assert sentences == said(stack=(facts("eth1", "fe80::9/64"),))
    assert sentences[:1] == said(stack=(replace(facts("eth1"), ipv6_disabled=True),))
    assert [] == found("subnet", evidence(parent("eth1"), of)), "nobody could look"
    for sick in ({"carrier": False}, {"up": False}, {"master_kind": "bridge"}):
        assert [] == said(links=(ETH0, replace(ETH1, **sick))), "another check's finding"
    assert [] == said(at=network(name="web", subnets=of.subnets, parent="eth1"))
