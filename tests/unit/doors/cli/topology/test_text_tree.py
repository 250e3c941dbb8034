"""Links, VLANs, networks and endpoints as a tree, to the letter."""

from __future__ import annotations

from textwrap import dedent

from ipvl.doors.cli.topology.text_tree import topology_text
from ipvl.driver.status.host_status import Status
from ipvl.driver.status.subnet import SubnetStatus
from tests.unit.builders import OTHER_ENDPOINT_ID, OTHER_ID
from tests.unit.doors.statuses import EMPTY, ONE_OF_EACH, endpoint_status, network_status, parent_status


def text(written: str) -> str:
    return dedent(written).strip("\n")


def test_a_vlan_hangs_on_its_base():
    """Base, VLAN, network, endpoint: one under the other."""
    expected = text(
        """
        eth0
        └── eth0.20 (VLAN 20, made by ipvl, up)
            └── network web: l2, 192.168.20.0/24 gateway 192.168.20.1
                └── shop 192.168.20.10/24
        """
    )

    assert expected == topology_text(ONE_OF_EACH)


def test_a_base_may_be_a_parent_itself():
    """Its own networks come first, then the VLANs on it; brothers are joined by a line."""
    status = Status(
        (
            network_status(),
            network_status(id=OTHER_ID, name=None, parent="eth0", mode="l3", flag="vepa", subnets=()),
            network_status(
                id="c" * 64,
                name="db",
                parent="di-cccccccccccc",
                subnets=(SubnetStatus("10.1.0.0/16", None), SubnetStatus("2001:db8::/64", None)),
            ),
        ),
        (
            parent_status(),
            parent_status(name="eth0", kind="link", made=False, base=None, vlan_id=None, state="no carrier"),
            parent_status(name="di-cccccccccccc", kind="dummy", base=None, vlan_id=None),
            parent_status(name="foo", kind="link", made=False, base=None, vlan_id=None, state="missing", networks=()),
        ),
        (
            endpoint_status(network="bbbbbbbbbbbb", parent="eth0", addresses=("10.0.0.1/8", "2001:db8::a/64")),
            endpoint_status(id=OTHER_ENDPOINT_ID, name=None, network="bbbbbbbbbbbb", parent="eth0"),
        ),
        (),
    )
    expected = text(
        """
        eth0 (link, no carrier)
        ├── network bbbbbbbbbbbb: l3 vepa, no subnet
        │   ├── shop 10.0.0.1/8 2001:db8::a/64
        │   └── ffffffffffff 192.168.20.10/24
        └── eth0.20 (VLAN 20, made by ipvl, up)
            └── network web: l2, 192.168.20.0/24 gateway 192.168.20.1
        di-cccccccccccc (dummy, leads nowhere, made by ipvl, up)
        └── network db: l2, 10.1.0.0/16, 2001:db8::/64
        foo (link, missing)
        """
    )

    assert expected == topology_text(status)


def test_an_empty_host_has_no_tree():
    """It says so instead of nothing."""
    assert "no networks yet" == topology_text(EMPTY)
