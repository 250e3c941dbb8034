"""What is on a link in other namespaces shows in what the link receives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipvl.planning.parents.hidden_ports import has_hidden_ports
from ipvl.records.records import Records
from tests.unit.builders import OTHER_ENDPOINT_ID, SANDBOX, endpoint, host, link, network, parent

VLAN = link("eth0.20", 5, kind="vlan", lower=2, vlan_id=20)


def seen(members: int, *links, eth0=None):
    return replace(host(eth0 or link(), *links), all_hosts_members={2: members, 5: 7})


@pytest.mark.parametrize(
    ("looked_at", "expected"),
    [
        (seen(1), False),
        (seen(2), True),
        (seen(0, eth0=link(up=False)), False),
        (seen(1, eth0=link(up=False)), True),
        (seen(2, VLAN), False),
        (seen(3, VLAN), True),
        (seen(2, replace(VLAN, up=False)), True),
        (seen(2, replace(VLAN, kind="gre", vlan_id=None)), True),
        (replace(host(link()), all_hosts_members={}), False),
    ],
    ids=[
        "alone",
        "one",
        "down",
        "one of a link down",
        "shown",
        "one beside",
        "shown is down",
        "of no such kind",
        "none",
    ],
)
def test_what_is_not_shown_is_hidden(looked_at, expected):
    """Each link that is up receives for itself, and what is below it for it."""
    assert expected is has_hidden_ports("eth0", Records(), looked_at)


def test_ports_of_endpoints_are_known():
    """Those that joined are in their sandboxes, and one more is somebody else's."""
    waiting = endpoint(OTHER_ENDPOINT_ID, addresses=("192.168.20.11/24",))
    records = Records((parent(), network(), endpoint(sandbox=SANDBOX), waiting))

    assert [False, True] == [has_hidden_ports("eth0", records, seen(members)) for members in (2, 3)]


@pytest.mark.parametrize(("members", "expected"), [(2, False), (3, True)])
def test_a_vlan_counts_twice(members, expected):
    """The kernel counts what a link hands down for both."""
    looked_at = replace(host(link(), VLAN), all_hosts_members={2: 2, 5: members})

    assert expected is has_hidden_ports("eth0.20", Records(), looked_at)


def test_nothing_is_on_a_link_that_is_not_there():
    """It is about to be made."""
    assert not has_hidden_ports("eth0.30", Records(), seen(9))
