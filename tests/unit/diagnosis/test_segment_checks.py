"""Checks of subnets, gateways, VLANs and duplicates: what silence means, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from ipvl.addresses.default_pools import is_default_pool
from ipvl.diagnosis.evidence import scope_of
from ipvl.diagnosis.questions import MOST_ADDRESSES, questions
from ipvl.model.host_facts import NetworkStack
from ipvl.model.links import HostRoute
from ipvl.model.networks import Mode, Phase, Route
from ipvl.records.changes import Record
from ipvl.records.records import Records
from tests.unit.builders import (
    ID,
    NOW,
    OTHER_ID,
    endpoint,
    host,
    link,
    network,
    parent,
    subnet,
    vlan_parent,
)
from tests.unit.diagnosis.cases import ETH0, ETH0_FACTS, ETH1, evidence, facts, found, question

MAC = "00:50:56:39:45:2f"
OWN = network(name="web", subnets=("192.168.1.0/24",))
OTHER = network(name="web", subnets=("192.168.77.0/24",))
GATEWAY = question("eth0", "192.168.1.1", "192.168.1.250")
OTHERS_GATEWAY = question("eth0", "192.168.77.1")
VLAN = link("eth0.20", 4, kind="vlan", lower=2, vlan_id=20)
VLAN_GATEWAY = question("eth0.20", "192.168.20.1")
ON_VLAN = (vlan_parent("eth0.20", "eth0", 20), network(parent="eth0.20", name="web"))


def asked(*records: Record, links=(ETH0, ETH1), stack=(ETH0_FACTS,)):
    """Return what would be asked."""
    held, seen = Records(records), host(*links)
    return questions(scope_of(held, seen, None, None), held, seen, NetworkStack({one.name: one for one in stack}))


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


def test_a_silent_gateway():
    """Where it was asked for."""
    assert found("gateway", evidence(parent(), OWN, answers={GATEWAY: ()})) == [
        "problem: gateway 192.168.1.1 of network web does not answer ARP on eth0;"
        " see that the router is up and on the segment of eth0, or give its address as --gateway"
    ]
    assert [] == found("gateway", evidence(parent(), OWN, answers={GATEWAY: (MAC,)}))
    assert [] == found("gateway", evidence(parent(), OWN)), "nobody was asked"


def test_a_silent_gateway_in_a_vlan():
    """Frames come in, so it is not the switch."""
    sick = evidence(
        *ON_VLAN, links=(ETH0, VLAN), stack=(ETH0_FACTS, facts("eth0.20", received=1)), answers={VLAN_GATEWAY: ()}
    )

    (said,) = found("gateway", sick)
    assert said.endswith("see that the router is up and in VLAN 20 of eth0, or give its address as --gateway")
    assert [] == found("vlan", sick)


def test_a_silent_gateway_of_a_subnet_that_docker_chose():
    """An IPv6 network gets an IPv4 subnet it did not ask for."""
    chosen = network(parent="eth1", name="web", subnets=("172.18.0.0/16",))

    (said,) = found("gateway", evidence(parent("eth1"), chosen, answers={question("eth1", "172.18.0.1"): ()}))

    assert said.startswith(
        "warning: gateway 172.18.0.1 of network web does not answer ARP on eth1; that is to be expected"
    )


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
    assert expected is is_default_pool(subnet(pool).pool)


def test_the_host_as_gateway():
    """Its address on the parent is out of reach; on another link it is just an address."""
    own = network(name="web", subnets=(subnet("192.168.1.0/24", "192.168.1.250"),))

    (said,) = found("gateway", evidence(parent(), own))

    assert said.startswith("problem: gateway 192.168.1.250 of network web is this host's own address on eth0, which")
    assert [] == found("gateway", evidence(parent("eth1"), network(parent="eth1", subnets=own.subnets)))


def test_a_silent_router_of_a_route():
    """Where it was asked for; the gateway that no container uses is not."""
    ways = (Route(ip_network("10.0.0.0/8"), ip_address("192.168.1.254")), Route(ip_network("172.20.0.0/16")))
    of = network(name="web", subnets=("192.168.1.0/24",), routes=ways, default_routes=frozenset({6}))
    router = question("eth0", "192.168.1.254", "192.168.1.250")

    assert (router,) == asked(parent(), of)
    assert found("gateway", evidence(parent(), of, answers={router: ()})) == [
        "problem: router 192.168.1.254 of route 10.0.0.0/8 in network web does not answer ARP on eth0;"
        " see that it is up and on the segment of eth0, or make the network with another route"
    ]
    for answers in ({router: (MAC,)}, {}):
        assert [] == found("gateway", evidence(parent(), of, answers=answers))
    own = replace(of, subnets=(subnet("192.168.1.0/24", "192.168.1.250"),))
    assert [] == found("gateway", evidence(parent(), own)), "nobody uses it"


@pytest.mark.parametrize("pool", ["10.0.0.7/32", "2001:db8::7/128"])
def test_a_subnet_without_room_for_a_gateway(pool):
    """None is asked for, none is missed."""
    one = network(parent="eth1", subnets=(pool,))

    assert () == asked(parent("eth1"), one)
    assert [] == found("gateway", evidence(parent("eth1"), one))


def test_a_duplicate_address():
    """The machine that answered is named by its MAC address."""
    ours = endpoint(addresses=("192.168.1.10/24",), name="shop")
    sick = evidence(parent(), OWN, ours, answers={GATEWAY: (MAC,), question("eth0", "192.168.1.10"): (MAC,)})

    assert found("duplicate", sick) == [
        f"problem: address 192.168.1.10 of container shop in network web is taken by the machine with MAC address {MAC}"
        " on eth0 as well; give one of the two another address, and keep such addresses out with --ip-range or"
        " --aux-address"
    ]
    assert [] == found("duplicate", evidence(parent(), OWN, ours, answers={question("eth0", "192.168.1.10"): ()}))
    assert [] == found("duplicate", evidence(parent(), OWN, ours))


@pytest.mark.parametrize("link", ["eth0", "lo"])
@pytest.mark.parametrize("fields", [{}, {"mode": Mode.L3}, {"isolated": True}])
def test_a_container_with_the_hosts_address(link, fields):
    """It need not be asked for; on whatever link, in every kind of network."""
    held = endpoint(addresses=("192.168.1.77/24",), name="db")
    of = replace(OWN, **fields)
    (said,) = found("duplicate", evidence(parent(), of, held, stack=(facts(link, "192.168.1.77/32"),)))

    assert (
        f"problem: address 192.168.1.77 of container db in network {of.label} is this host's own as well, on {link}, so"
        f" one of the two is not reached; take it off {link}, or start the container with another"
    ) == said


def vlan(received: int, base: int = 100, **fields: Any):
    return evidence(
        *ON_VLAN,
        links=(ETH0, VLAN),
        stack=(facts("eth0", received=base), facts("eth0.20", received=received)),
        **fields,
    )


def test_a_filtered_vlan():
    """Asked, never received, while the link below receives; the gateway's silence is the same fault."""
    sick = vlan(0, answers={VLAN_GATEWAY: ()})

    assert found("vlan", sick) == [
        "problem: no frame of VLAN 20 has ever come in on parent eth0.20, while eth0 receives others;"
        " have the switch port of eth0 carry VLAN 20, tagged"
    ]
    assert [] == found("gateway", sick)


@pytest.mark.parametrize(("received", "base"), [(1, 100), (0, 0)])
def test_a_vlan_that_is_not_filtered(received, base):
    """Something came, or nothing comes at all, which is another fault."""
    assert [] == found("vlan", vlan(received, base, answers={VLAN_GATEWAY: ()}))


@pytest.mark.parametrize(("age", "lines"), [(5.0, 0), (3600.0, 1)])
def test_a_quiet_vlan_where_nobody_was_asked(age, lines):
    """A fresh one may be quiet; an hour of silence is worth a warning."""
    said = found("vlan", vlan(0, now=NOW + age))

    assert lines == len(said)
    assert all(line.startswith("warning: ") for line in said)


def test_a_quiet_vlan_without_a_network():
    """Before a network is made: a warning that says what to look at."""
    sick = evidence(
        parent="eth0.20", links=(ETH0, VLAN), stack=(facts("eth0", received=9), facts("eth0.20", received=0))
    )

    (said,) = found("vlan", sick)
    assert said.endswith("; if there is traffic on it, have the switch port of eth0 carry VLAN 20, tagged")


def test_a_network_asked_for_alone():
    """The others' faults are not its own."""
    silent = {GATEWAY: (), OTHERS_GATEWAY: ()}
    other = network(OTHER_ID, name="other", subnets=("192.168.77.0/24",))

    assert 1 == len(found("gateway", evidence(parent(), OWN, other, answers=silent, network="web")))
    assert [] == found("subnet", evidence(parent(), OWN, other, answers=silent, network=ID[:12]))


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


def test_a_routes_router_that_is_the_host_itself():
    """Which no container reaches by that address."""
    of = network(
        name="web",
        subnets=("192.168.1.0/24",),
        routes=(Route(ip_network("10.0.0.0/8"), ip_address("192.168.1.250")),),
        default_routes=frozenset(),
    )

    assert [
        "problem: router 192.168.1.250 of route 10.0.0.0/8 in network web is this host's own address on eth0, which"
        " ipvlan keeps out of its containers' reach; make the network with the address of another router"
    ] == found("gateway", evidence(parent(), of))


def test_a_router_that_is_a_container():
    """In the words of `ipvl status`."""
    of = network(
        name="web",
        subnets=("192.168.1.0/24",),
        routes=(Route(ip_network("10.0.0.0/8"), ip_address("192.168.1.9")),),
        default_routes=frozenset(),
    )
    holder = endpoint(addresses=("192.168.1.9/24",), name="vpn")

    (said,) = found("gateway", evidence(parent(), of, holder))

    assert said.startswith(
        "problem: network web: router 192.168.1.9 of route 10.0.0.0/8 is container vpn of network web on the same"
        " parent eth0, and an ipvlan port receives nothing but what is for its own addresses: the host gets the rest;"
    )
