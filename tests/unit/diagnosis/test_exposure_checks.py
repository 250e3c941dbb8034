"""The doctor tells of parents by which the host is reached though they are for containers alone."""

from __future__ import annotations

import pytest

from ipvl.model.links import MADE_BY_IPVL
from ipvl.model.networks import Mode
from tests.unit.builders import link, network, parent, vlan_parent
from tests.unit.diagnosis.cases import ETH0, ETH0_FACTS, ETH1, evidence, facts, found

TAG = vlan_parent("eth0.20", "eth0", 20)
MADE = link("eth0.20", 5, kind="vlan", lower=2, vlan_id=20, alias=MADE_BY_IPVL)
SHUT = {"rp_filter": 2, "arp_ignore": 8, "ipv6_disabled": True}


def on_tag(*addresses: str, mode: Mode = Mode.L2, **settings):
    return evidence(
        TAG,
        network(parent="eth0.20", name="net20", mode=mode),
        links=(ETH0, ETH1, MADE),
        stack=(ETH0_FACTS, facts("eth0.20", *addresses, **settings)),
    )


def test_a_made_parent_that_is_open():
    """With what it is set to, and what shuts it."""
    assert found("reach", on_tag(rp_filter=1, arp_ignore=8)) == [
        "warning: this host is reached by parent eth0.20, which ipvl made for containers alone (rp_filter=1,"
        " arp_ignore=8, disable_ipv6=0); `systemctl restart ipvl` shuts it"
    ]
    assert [] == found("reach", on_tag(**SHUT))
    assert [] == found("reach", on_tag("192.168.20.250/24", mode=Mode.L3, arp_ignore=1))


def test_a_routed_parent_that_answers_for_all():
    """As one that an older ipvl made does until the next restart, or when somebody set it so."""
    assert found("reach", on_tag("192.168.20.250/24", mode=Mode.L3, arp_ignore=0)) == [
        "warning: this host answers for its addresses on other links as well on parent eth0.20, which ipvl made"
        " (arp_ignore=0); `systemctl restart ipvl` ends that"
    ]
    assert [] == found("reach", on_tag("192.168.20.250/24", mode=Mode.L3, arp_ignore=2))


def test_an_address_on_a_made_parent():
    """It is dead there, and the doctor names the ways to reach the containers."""
    assert found("reach", on_tag("192.168.20.250/24", **SHUT)) == [
        "warning: parent eth0.20 has 192.168.20.250/24, but ipvl made it for containers alone: the host answers no ARP"
        " there; remove it with `ip addr flush dev eth0.20`, and use host_access=true to reach the containers; a link"
        " that you make yourself before the network stays as it is"
    ]


@pytest.mark.parametrize(
    ("addresses", "settings", "mode", "told"),
    [
        ((), {}, Mode.L2, True),
        (("fe80::1/64",), {"arp_ignore": 3}, Mode.L2, True),
        (("192.168.7.1/24",), {}, Mode.L2, False),
        ((), {"rp_filter": 2}, Mode.L2, False),
        ((), {"arp_ignore": 1}, Mode.L2, False),
        ((), {}, Mode.L3, False),
    ],
    ids=["bare", "link-local alone", "with an address", "a reverse path check", "its own alone", "L3"],
)
def test_links_of_others(addresses, settings, mode, told):
    """One without an address that answers for the host's others is named, with the lines that close it."""
    host = evidence(
        parent("eth1"),
        network(parent="eth1", name="web", mode=mode),
        stack=(ETH0_FACTS, facts("eth1", *addresses, **settings)),
    )
    expected = (
        "warning: this host answers for its other addresses on parent eth1, which has none, so that whoever is on that"
        f" segment reaches it (rp_filter=0, arp_ignore={settings.get('arp_ignore', 0)}); if the link is for containers"
        " alone: `sysctl net.ipv4.conf.eth1.rp_filter=1 net.ipv4.conf.eth1.arp_ignore=8"
        " net.ipv6.conf.eth1.disable_ipv6=1`"
    )
    assert ([expected] if told else []) == found("reach", host)
