"""Networks whose addresses come from a DHCP server: is there one, and does it stand by what it granted?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipvl.diagnosis.evidence import scope_of
from ipvl.diagnosis.questions import dhcp_questions
from ipvl.model.dhcp_leases import DhcpLease
from ipvl.model.networks import Addressing, Phase
from ipvl.records.records import Records
from tests.unit.builders import ENDPOINT_ID, ID, NOW, SANDBOX, endpoint, host, link, network, parent
from tests.unit.dhcp.cases import terms
from tests.unit.diagnosis.cases import ETH0, evidence, facts, found

LAN = network(name="lan", subnets=(), addressing=Addressing.DHCP)
WEB = endpoint(addresses=("192.168.20.100/24",), name="web", sandbox=SANDBOX)
HELD = DhcpLease(ID, "web", ENDPOINT_ID, "", NOW, terms())
LOST = replace(HELD, lost="server 192.168.20.1 took it back")


def asked(*records, links=(ETH0,)) -> tuple[str, ...]:
    held = Records(records)
    return dhcp_questions(scope_of(held, host(*links), None, None), host(*links))


def test_only_parents_of_such_networks_are_asked():
    """Once each, and not those that cannot hear an answer."""
    assert ("eth0",) == asked(parent(), LAN)
    assert () == asked(parent(), network())
    assert () == asked(parent(), replace(LAN, phase=Phase.REMOVING))
    assert () == asked(parent(), LAN, links=())
    for fields in ({"up": False}, {"carrier": False}, {"master_kind": "bridge"}):
        assert () == asked(parent(), LAN, links=(link("eth0", 2, **fields),))


def test_a_server_that_answers_is_no_finding():
    """Nor one that nobody could ask for."""
    assert [] == found("dhcp", evidence(parent(), LAN, WEB, HELD, dhcp_servers={"eth0": "192.168.20.1"}))
    assert [] == found("dhcp", evidence(parent(), LAN, WEB, HELD))
    assert [] == found("dhcp", evidence(parent(), network(), dhcp_servers={"eth0": None}))


def test_silence_is_a_problem():
    """It names the segment."""
    assert [
        "problem: no DHCP server answers on eth0, where network lan has its addresses from;"
        " see that the server is up and on the segment of eth0, and that the switch lets it answer"
    ] == found("dhcp", evidence(parent(), LAN, dhcp_servers={"eth0": None}))


def test_silence_of_a_vlan_that_carries_nothing_is_another_finding():
    """The switch is to blame."""
    vlan = link("eth0.20", 9, kind="vlan", lower=2, vlan_id=20)
    lan = replace(LAN, parent="eth0.20")
    mute = (facts("eth0", received=100), facts("eth0.20", received=0))
    what = evidence(parent("eth0.20"), lan, links=(ETH0, vlan), stack=mute, dhcp_servers={"eth0.20": None})

    assert [] == found("dhcp", what)


@pytest.mark.parametrize(
    ("door", "expected"),
    [
        (
            "docker",
            "problem: container web of network lan has lost the lease of 192.168.20.100: server 192.168.20.1 took it"
            " back; others may get that address now: restart the container",
        ),
        (
            "embedded",
            "problem: member web of network lan has lost the lease of 192.168.20.100: server 192.168.20.1 took it back;"
            " others may get that address now: `ipvl network disconnect lan web`, and `connect` it again",
        ),
    ],
)
def test_a_lost_lease_is_a_problem(door, expected):
    """With the way to another one."""
    assert [expected] == found("dhcp", evidence(parent(), replace(LAN, door=door), WEB, LOST))
