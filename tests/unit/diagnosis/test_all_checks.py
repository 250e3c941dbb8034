"""The table of checks, and the diagnosis they make together."""

from __future__ import annotations

import pytest

from ipvl.diagnosis.all_checks import CHECKS, diagnose
from ipvl.diagnosis.check_meanings import MEANINGS
from ipvl.diagnosis.evidence import scope_of
from ipvl.diagnosis.findings import Severity
from ipvl.errors import IpvlError, Kind
from ipvl.model.networks import Mode
from ipvl.records.records import Records
from tests.unit.builders import ID, OTHER_ID, SANDBOX, endpoint, host, link, network, parent
from tests.unit.diagnosis.cases import ETH0, ETH1, evidence, facts, question

WEB = network(name="web", subnets=("192.168.1.0/24",))
OTHER = network(OTHER_ID, name="other", parent="eth1", mode=Mode.L3)
HELD = Records((parent(), parent("eth1"), WEB, OTHER))


def test_every_check_has_its_line_in_the_table():
    """Help and docs read the table, the diagnosis the functions."""
    assert list(MEANINGS) == list(CHECKS)


def test_a_healthy_host_has_no_finding():
    """Networks in L2 and L3 with a container, all answers as they should be."""
    ours = endpoint(addresses=("192.168.1.10/24",), sandbox=SANDBOX)
    port = link("eth0", 30, kind="ipvlan", lower=2, mode=WEB.mode, flag=WEB.flag, namespace=SANDBOX[4:])
    healthy = evidence(
        parent(),
        parent("eth1"),
        WEB,
        OTHER,
        ours,
        moved=(port,),
        sandboxes=(SANDBOX,),
        answers={question("eth0", "192.168.1.1", "192.168.1.250"): ("m",), question("eth0", "192.168.1.10"): ()},
    )

    diagnosis = diagnose(healthy)

    assert ((), (), 19, 2, 2) == (
        diagnosis.findings,
        diagnosis.unchecked,
        diagnosis.checks,
        diagnosis.networks,
        diagnosis.parents,
    )
    assert diagnosis.healthy


def test_problems_come_first():
    """Warnings after them, and what could not be checked apart; warnings alone are healthy."""
    bare = link("veth0", 31, kind="ipvlan", lower=3, up=False, mode=OTHER.mode, flag=OTHER.flag)
    sick = diagnose(evidence(parent("eth1"), OTHER, links=(link("eth1", 3, up=False), bare)), ["ports, because"])
    warned = diagnose(evidence(parent("eth1"), OTHER, links=(ETH1, bare)))

    assert [Severity.PROBLEM, Severity.WARNING] == [finding.severity for finding in sick.findings]
    assert ("ports, because",) == sick.unchecked
    assert not sick.healthy
    assert [Severity.WARNING] == [finding.severity for finding in warned.findings]
    assert warned.healthy


def test_a_sentence_is_said_once():
    """Two networks on one parent that is in a bridge."""
    twin = network(OTHER_ID, name="other", subnets=("10.0.0.0/24",), mode=WEB.mode)

    diagnosis = diagnose(evidence(parent(), WEB, twin, links=(link("eth0", 2, master_kind="bridge"),), stack=()))

    assert ["master"] == [finding.check for finding in diagnosis.findings]


@pytest.mark.parametrize(
    ("network_name", "parent_name", "networks", "parents", "whole"),
    [
        (None, None, ["web", "other"], ["eth0", "eth1"], True),
        ("web", None, ["web"], ["eth0"], False),
        (OTHER_ID[:4], None, ["other"], ["eth1"], False),
        (None, "eth1", ["other"], ["eth1"], False),
        (None, "eth0.30", [], ["eth0.30"], False),
        (None, "nope0", [], ["nope0"], False),
    ],
)
def test_whom_a_user_means(network_name, parent_name, networks, parents, whole):
    """Everything, a network by name or id, a parent with or without networks, or one that is not there yet."""
    scope = scope_of(HELD, host(ETH0, ETH1), network_name, parent_name)

    assert networks == [one.name for one in scope.networks]
    assert parents == [one.name for one in scope.parents]
    assert whole is scope.whole


@pytest.mark.parametrize(
    ("network_name", "parent_name", "kind", "sentence"),
    [
        ("spellt", None, Kind.MISSING, "network spellt is not known to ipvl; networks that are: web, other"),
        ("", None, Kind.MISSING, "network '' is not known to ipvl; networks that are: web, other"),
        (None, "lo", Kind.INVALID, "parent lo is the loopback, which leads nowhere; name a physical link"),
        (None, "eth0.4095", Kind.INVALID, "VLAN id 4095 of parent eth0.4095 is not in 1 to 4094"),
        (
            None,
            "eth/0",
            Kind.INVALID,
            "eth/0 is not a link name; use a name that `ip link` shows, such as eth0, or NAME.VID, such as eth0.20",
        ),
    ],
)
def test_whom_nobody_can_mean(network_name, parent_name, kind, sentence):
    """A misspelt name is refused, not healthy."""
    with pytest.raises(IpvlError) as refused:
        scope_of(HELD, host(ETH0, ETH1), network_name, parent_name)

    assert (kind, sentence) == (refused.value.kind, str(refused.value))


def test_an_id_that_begins_two_networks():
    """More of it is asked for."""
    twins = Records((parent(), WEB, network(ID[:-1] + "b", name="twin", subnets=("10.0.0.0/24",))))

    with pytest.raises(IpvlError, match="network aaaa can be more than one; give more of its id"):
        scope_of(twins, host(ETH0), "aaaa", None)


def test_facts_of_a_link_that_is_gone():
    """It has none."""
    assert facts("eth9") == evidence().stack.link("eth9")
