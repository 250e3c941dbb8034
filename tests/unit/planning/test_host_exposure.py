"""Which parents the host is kept off, and what is said when it is not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from ipvl.model.links import MADE_BY_IPVL, HostExposure
from ipvl.model.networks import Mode, ParentKind
from ipvl.model.steps import KeepHostOff, RouteByParent
from ipvl.planning.host_exposure import (
    exposure_warning,
    host_address_warning,
    host_is_kept_off,
    steps_to_keep_host_off_again,
    steps_to_repair_exposure,
    steps_to_route_by,
)
from ipvl.records.records import Records
from tests.unit.builders import host, link, network, parent, vlan_parent

SHUT, OPEN, ROUTED = HostExposure(1, 8, ipv6=False), HostExposure(0, 0, ipv6=True), HostExposure(0, 1, ipv6=True)
TAG = vlan_parent("eth0.20", "eth0", 20)
SWITCHED, L3 = network(parent="eth0.20"), network(parent="eth0.20", mode=Mode.L3)
DUMMY = parent("di-aaaaaaaaaaaa", kind=ParentKind.DUMMY, made=True)
MADE = link("eth0.20", 5, kind="vlan", lower=2, vlan_id=20, alias=MADE_BY_IPVL)


def seen(reach: HostExposure, made=MADE):
    return replace(host(link(), made), exposures={made.name: reach})


@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        (SHUT, True),
        (replace(SHUT, rp_filter=2), True),
        (replace(SHUT, rp_filter=0), False),
        (replace(SHUT, arp_ignore=1), False),
        (replace(SHUT, ipv6=True), False),
    ],
)
def test_what_keeps_the_host_off(reach, expected):
    """A reverse path check, strict or loose, no answer to ARP, and no IPv6: all three."""
    assert expected is host_is_kept_off(reach)


@pytest.mark.parametrize(
    ("networks", "reach", "expected"),
    [
        ((SWITCHED,), OPEN, (KeepHostOff("eth0.20"),)),
        ((SWITCHED,), replace(SHUT, rp_filter=0), (KeepHostOff("eth0.20"),)),
        ((SWITCHED,), SHUT, ()),
        ((), OPEN, (KeepHostOff("eth0.20"),)),
        ((L3,), SHUT, (RouteByParent("eth0.20"),)),
        ((L3,), ROUTED, ()),
        ((L3,), OPEN, (RouteByParent("eth0.20"),)),
        ((L3,), replace(OPEN, rp_filter=2, arp_ignore=2), ()),
    ],
    ids=[
        "of an older ipvl",
        "by half",
        "shut",
        "outer tag",
        "routed from now on",
        "routed",
        "routed by an older ipvl",
        "as the operator set it",
    ],
)
def test_a_made_parent_is_what_its_networks_need(networks, reach, expected):
    """Shut for networks in L2 and as an outer tag; the host's too in L3, where its settings are the operator's."""
    assert expected == steps_to_repair_exposure(TAG, networks, seen(reach))


def test_links_of_others_are_left_alone():
    """Whether the record says that ipvl made it, or the mark, but not both."""
    of_others = replace(MADE, alias=None)
    assert () == steps_to_repair_exposure(TAG, (SWITCHED,), seen(OPEN, of_others))
    assert () == steps_to_repair_exposure(parent("eth0.20"), (SWITCHED,), seen(OPEN))
    assert exposure_warning(TAG, (SWITCHED,), seen(OPEN, of_others)) is None
    assert () == steps_to_route_by(parent(), (network(mode=Mode.L3),))


def test_isolated_networks_route_nothing_outside():
    """The dummy of one in L3 is shut as well: its containers reach each other without the host."""
    alone = network(isolated=True, mode=Mode.L3)
    made = link(DUMMY.name, 6, kind="dummy", alias=MADE_BY_IPVL)
    assert () == steps_to_route_by(DUMMY, (alone,))
    assert (KeepHostOff(DUMMY.name),) == steps_to_repair_exposure(DUMMY, (alone,), seen(OPEN, made))


def test_an_outer_tag_is_shut_when_its_routed_network_goes():
    """It stays for the tag inside, and carries that alone; a parent that goes itself needs nothing."""
    outer, inner = vlan_parent("eth0.100", "eth0", 100), vlan_parent("eth0.100.20", "eth0.100", 20)
    routed = network(parent="eth0.100", mode=Mode.L3)
    records = Records((outer, inner, routed, network("b" * 64, parent="eth0.100.20")))
    assert (KeepHostOff("eth0.100"),) == steps_to_keep_host_off_again(records, (routed,), ())
    assert () == steps_to_keep_host_off_again(records, (routed,), (outer,))
    assert () == steps_to_keep_host_off_again(Records((outer, replace(routed, mode=Mode.L2))), (), ())


def test_what_is_said():
    """Settings that were opened, and an address that somebody gave the host there; in L3, answers for all others."""
    assert exposure_warning(TAG, (SWITCHED,), seen(OPEN)) == (
        "this host is reached by parent eth0.20, which ipvl made for containers alone (rp_filter=0, arp_ignore=0,"
        " disable_ipv6=0): `systemctl restart ipvl` shuts it"
    )
    held = replace(SHUT, addresses=(ip_interface("192.168.20.250/24"),))
    assert host_address_warning(TAG, (SWITCHED,), seen(held)) == (
        "parent eth0.20 has 192.168.20.250/24, but ipvl made it for containers alone: the host answers no ARP there:"
        " remove it with `ip addr flush dev eth0.20`, and use host_access=true to reach the containers; a link that you"
        " make yourself before the network stays as it is"
    )
    assert (None, None) == (
        exposure_warning(TAG, (SWITCHED,), seen(held)),
        host_address_warning(TAG, (L3,), seen(held)),
    )
    assert (None, None) == (
        exposure_warning(TAG, (SWITCHED,), seen(SHUT)),
        host_address_warning(TAG, (SWITCHED,), seen(SHUT)),
    )
    assert exposure_warning(TAG, (L3,), seen(OPEN)) == (
        "this host answers for its addresses on other links as well on parent eth0.20, which ipvl made (arp_ignore=0):"
        " `systemctl restart ipvl` ends that"
    )
    assert exposure_warning(TAG, (L3,), seen(ROUTED)) is None
