"""Links that ipvl made go with the link below them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipvl.model.links import MADE_BY_IPVL
from ipvl.model.steps import BringUp, SetMtu
from ipvl.planning.parents.made_parents import steps_to_follow_base
from tests.unit.builders import host, link, parent, vlan_parent

OUTER = link("eth0.100", 3, kind="vlan", lower=2, vlan_id=100, alias=MADE_BY_IPVL)
INNER = link("eth0.100.20", 4, kind="vlan", lower=3, vlan_id=20, alias=MADE_BY_IPVL)
RECORDS = (vlan_parent("eth0.100.20", "eth0.100", 20), vlan_parent("eth0.100", "eth0", 100))


def steps(*links, records=RECORDS):
    return steps_to_follow_base(records, host(*links))


@pytest.mark.parametrize("mtu", [1400, 9000])
def test_the_mtu_of_the_base_is_followed_through_both_tags(mtu):
    """The outer one first: none may be above what it sits on."""
    assert (SetMtu("eth0.100", mtu), SetMtu("eth0.100.20", mtu)) == steps(link(mtu=mtu), OUTER, INNER)
    assert () == steps(link(), OUTER, INNER)


def test_a_base_whose_mtu_counts_the_tag():
    """There the kernel refuses the base's own."""
    assert (SetMtu("eth0.100", 1464), SetMtu("eth0.100.20", 1464)) == steps(link(mtu=1468, kind="macsec"), OUTER, INNER)


def test_what_is_down_is_brought_up_with_all_below_it():
    """Not on a base that is down, where it cannot be up."""
    outer, inner = replace(OUTER, up=False), replace(INNER, up=False)

    assert (BringUp("eth0.100"), BringUp("eth0.100.20")) == steps(link(), outer, inner)
    assert () == steps(link(up=False), outer, inner)
    dummy = link("di-aaaaaaaaaaaa", 5, kind="dummy", up=False, alias=MADE_BY_IPVL)
    assert (BringUp("di-aaaaaaaaaaaa"),) == steps(dummy, records=(parent(dummy.name, made=True),))


@pytest.mark.parametrize(
    ("one", "record"),
    [
        (replace(OUTER, alias=None), RECORDS[1]),
        (OUTER, parent("eth0.100")),
        (link("eth0", 2, up=False), parent("eth0")),
        (link("eth7", 9), RECORDS[1]),
    ],
    ids=["not marked", "not recorded as made", "a link of the host's", "missing"],
)
def test_what_ipvl_did_not_make_is_left_alone(one, record):
    """Mark and record together say who made a link."""
    assert () == steps(link(mtu=9000), replace(one, mtu=1400, up=False), records=(record,))
