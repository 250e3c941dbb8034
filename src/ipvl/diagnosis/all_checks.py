"""Every check there is, and the diagnosis they make together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ipvl.diagnosis import (
    conflict_checks,
    exposure_checks,
    gateway_checks,
    parent_checks,
    record_checks,
    segment_checks,
    subnet_checks,
)
from ipvl.diagnosis.check_meanings import MEANINGS
from ipvl.diagnosis.evidence import Evidence
from ipvl.diagnosis.findings import Finding, Severity

CHECKS: dict[str, Callable[[Evidence], Iterable[Finding]]] = {
    "kernel": parent_checks.kernel,
    "module": parent_checks.module,
    "parent": parent_checks.parent,
    "carrier": parent_checks.carrier,
    "wireless": parent_checks.wireless,
    "macvlan": parent_checks.macvlan,
    "master": parent_checks.master,
    "mode": parent_checks.mode,
    "subnet": subnet_checks.subnet,
    "vlan": segment_checks.vlan,
    "gateway": gateway_checks.gateway,
    "dhcp": segment_checks.dhcp,
    "duplicate": segment_checks.duplicate,
    "conflicts": conflict_checks.conflicts,
    "mtu": parent_checks.mtu,
    "sysctls": parent_checks.sysctls,
    "reach": exposure_checks.reach,
    "leftovers": record_checks.leftovers,
    "records": record_checks.records,
}
"""The function of each check in the table."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The findings, problems first; what this user could not find out; and on what the checks were made."""

    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...]
    checks: int
    networks: int
    parents: int

    @property
    def healthy(self) -> bool:
        """Whether there is no problem; warnings are none."""
        return all(finding.severity is not Severity.PROBLEM for finding in self.findings)


def diagnose(evidence: Evidence, unchecked: Iterable[str] = ()) -> Diagnosis:
    """Return what every check finds, each sentence once.

    Args:
        evidence: what to look at.
        unchecked: what could not be found out, one sentence each.
    """
    found = dict.fromkeys(finding for check in MEANINGS for finding in CHECKS[check](evidence))
    return Diagnosis(
        findings=tuple(sorted(found, key=lambda finding: finding.severity is not Severity.PROBLEM)),
        unchecked=tuple(unchecked),
        checks=len(CHECKS),
        networks=len(evidence.scope.networks),
        parents=len(evidence.scope.parents),
    )
