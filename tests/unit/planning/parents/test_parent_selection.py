"""Which link is meant by a description, on hosts of all kinds."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from ipvl.errors import Kind
from ipvl.model.links import HostRoute, HostRouting, Link
from ipvl.options.parent_selectors import parse_parent_selector
from ipvl.planning.host import Host
from ipvl.planning.parents.parent_selection import select_parent
from tests.contract.fake_kernel import EVERY_KIND
from tests.unit.builders import LOOPBACK, RELEASE, link
from tests.unit.refusals import refusal

MAC = "00:50:56:39:45:2e"
ENS3, ENS4 = link("ens3", 2, mac=MAC), link("ens4", 3, mac="00:50:56:39:45:2f")


def host(*links: Link, addresses: tuple[tuple[str, str], ...] = (), routes: tuple[HostRoute, ...] = ()) -> Host:
    own = frozenset((name, ip_address(address)) for name, address in addresses)
    return Host((LOOPBACK, *links), RELEASE, EVERY_KIND, routing=HostRouting(own, routes))


def default(name: str | None, metric: int = 0, everywhere: str = "0.0.0.0/0") -> HostRoute:
    return HostRoute(ip_network(everywhere), name, connected=False, metric=metric)


def selected(text: str, on: Host) -> str:
    return select_parent(parse_parent_selector(text), on)


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ((default("ens3"),), "ens3"),
        ((default("ens3", 200), default("ens4", 100)), "ens4"),
        ((default("ens3", 1024, "::/0"), default("ens4", 2000)), "ens4"),
        ((default("ens3", 1024, "::/0"),), "ens3"),
        ((default(None), default("ens4", 100)), "ens4"),
        ((HostRoute(ip_network("10.0.0.0/8"), "ens4", connected=True), default("ens3")), "ens3"),
    ],
    ids=["one", "metric", "IPv4 first", "IPv6 alone", "several links", "others"],
)
def test_auto_is_the_link_of_the_default_route(routes, expected):
    """Of several the one that the host prefers, and IPv4's before IPv6's."""
    assert f"{expected}.20" == selected("auto.20", host(ENS3, ENS4, routes=routes))


@pytest.mark.parametrize("routes", [(), (default(None),)])
def test_auto_without_a_default_route_is_refused(routes):
    """Nothing is guessed."""
    expected = (
        "parent auto is the link of the default route, and this host has none that leads by one link;"
        " name the link, or describe it as subnet:CIDR or mac:ADDRESS"
    )

    assert expected == refusal(Kind.MISSING, select_parent, parse_parent_selector("auto"), host(ENS3, routes=routes))


@pytest.mark.parametrize("text", ["subnet:192.168.1.0/24", "subnet:2001:db8:1::/64"])
def test_a_subnet_is_that_of_an_address(text):
    """Of either family; ports of ipvl's own on other links have addresses of it, too, and are not meant."""
    own_port = link("ih-aaaaaaaaaaaa", 5, kind="ipvlan", lower=3)
    addresses = (
        ("ens4", "192.168.1.7"),
        ("ens4", "2001:db8:1::7"),
        ("ens3", "10.0.0.1"),
        (own_port.name, "192.168.1.9"),
    )

    assert "ens4" == selected(text, host(ENS3, ENS4, own_port, addresses=addresses))


def test_a_subnet_of_no_address_is_refused():
    """The sentence says what was looked for."""
    expected = "parent subnet:10.1.0.0/16 is true of no link: none has an address in it; see `ip address`"
    seen = host(ENS3, addresses=(("ens3", "10.0.0.1"), ("lo", "10.1.0.1")))

    assert expected == refusal(Kind.MISSING, select_parent, parse_parent_selector("subnet:10.1.0.0/16"), seen)


def test_a_subnet_of_several_links_is_refused():
    """By their names, of which the operator takes one."""
    expected = "parent subnet:10.0.0.0/8 is true of ens3 and ens4; name the one that is meant"
    seen = host(ENS3, ENS4, addresses=(("ens3", "10.0.0.1"), ("ens4", "10.1.0.1")))

    assert expected == refusal(Kind.CONFLICT, select_parent, parse_parent_selector("subnet:10.0.0.0/8"), seen)


@pytest.mark.parametrize(
    "others",
    [
        (),
        (link("ens3.20", 5, kind="vlan", lower=2, vlan_id=20, mac=MAC),),
        (link("ens3.100", 5, kind="vlan", lower=2, mac=MAC), link("ens3.100.20", 6, kind="vlan", lower=5, mac=MAC)),
        (link("mv0", 5, kind="macvlan", lower=2, mac=MAC),),
    ],
    ids=["alone", "VLAN", "two tags", "macvlan"],
)
def test_a_mac_address_is_that_of_a_link_itself(others):
    """Sub-interfaces have the one of the link that they are on."""
    assert "ens3.20" == selected(f"mac:{MAC}.20", host(ENS3, ENS4, *others))


def test_a_bond_is_meant_before_its_links():
    """They have one MAC address, and only the bond can carry ports."""
    slaves = (link("ens3", 2, mac=MAC, master_kind="bond"), link("ens4", 3, mac=MAC, master_kind="bond"))

    assert "bond0" == selected(f"mac:{MAC}", host(*slaves, link("bond0", 4, kind="bond", mac=MAC)))


def test_a_mac_address_of_nobody_is_refused():
    """The sentence says what was looked for."""
    text = "mac:00:00:5e:00:53:01"
    expected = f"parent {text} is true of no link: none has that MAC address; see `ip address`"

    assert expected == refusal(Kind.MISSING, select_parent, parse_parent_selector(text), host(ENS3, ENS4))
