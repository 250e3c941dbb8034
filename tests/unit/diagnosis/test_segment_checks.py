"""Checks of VLANs and of addresses that somebody else has: what silence means, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ipvl.model.networks import Mode
from tests.unit.builders import NOW, endpoint, parent
from tests.unit.diagnosis.cases import ETH0, evidence, facts, found, question
from tests.unit.diagnosis.segments import GATEWAY, MAC, ON_VLAN, OWN, VLAN, VLAN_GATEWAY


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
