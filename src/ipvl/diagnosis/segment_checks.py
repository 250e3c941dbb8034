"""Checks of who is on the segments behind the parents: VLANs, DHCP servers, and other holders of an address."""

from __future__ import annotations

from collections.abc import Iterator

from ipvl.diagnosis import wording
from ipvl.diagnosis.evidence import Evidence
from ipvl.diagnosis.findings import Finding, problem, warning
from ipvl.diagnosis.questions import endpoint_questions
from ipvl.diagnosis.segments import is_mute, segment_text, vlan_never_received
from ipvl.model.networks import Parent
from ipvl.planning.host_address_conflicts import address_conflicts

QUIET_SECONDS = 600.0
"""Seconds after which a VLAN on which nobody was asked, and that never received a frame, is worth a word."""


def dhcp(evidence: Evidence) -> Iterator[Finding]:
    """Find networks whose addresses come from a DHCP server that is not there, and addresses that one took back.

    Where a VLAN carries nothing at all, that is the finding.
    """
    for network in evidence.networks:
        parent = network.parent
        if network.asks_server and evidence.dhcp_servers.get(parent, "") is None and not is_mute(parent, evidence):
            yield problem(
                "dhcp",
                network.label,
                f"no DHCP server answers on {parent}, where network {network.label} has its addresses from",
                f"see that the server is up and {segment_text(parent, evidence)}, and that the switch lets it answer",
            )
        for endpoint in evidence.records.endpoints_of(network.id):
            lease = evidence.records.dhcp_lease_of(endpoint.id)
            if lease is not None and lease.terms is not None and lease.lost:
                yield problem(
                    "dhcp",
                    network.label,
                    f"{wording.member(network)} {endpoint.label} of network {network.label} has lost the lease of"
                    f" {lease.terms.address.ip}: {lease.lost}",
                    f"others may get that address now: {wording.another_lease(network, endpoint)}",
                )


def duplicate(evidence: Evidence) -> Iterator[Finding]:
    """Find addresses of endpoints that a machine outside has as well, or the host on whatever link."""
    for network in evidence.switched:
        for endpoint in evidence.records.endpoints_of(network.id):
            for question in endpoint_questions(network, endpoint):
                holders = evidence.answers.get(question, ())
                if holders:
                    yield problem(
                        "duplicate",
                        network.label,
                        f"address {question.address} of {wording.member(network)} {endpoint.label} in network"
                        f" {network.label} is taken by the machine with MAC address {' and '.join(holders)} on"
                        f" {network.parent} as well",
                        "give one of the two another address, and keep such addresses out with --ip-range or"
                        " --aux-address",
                    )
    in_scope = {network.id for network in evidence.networks}
    for conflict in address_conflicts(evidence.records, evidence.stack.own_addresses):
        if conflict.network.id in in_scope:
            yield problem(
                "duplicate",
                conflict.network.label,
                f"address {conflict.address} of {wording.member(conflict.network)} {conflict.endpoint.label} in network"
                f" {conflict.network.label} {conflict.consequence}",
                conflict.way_out,
            )


def vlan(evidence: Evidence) -> Iterator[Finding]:
    """Find VLANs that the switch does not bring here: nothing ever came in, while the link below receives.

    Somebody must have been asked there, or the VLAN have been quiet for long: a fresh one may just have had no traffic.
    """
    for parent in evidence.scope.parents:
        link = evidence.link_of(parent)
        base = None if link is None else evidence.host.below(link)
        if link is None or base is None or not vlan_never_received(link, base, evidence):
            continue
        what = f"no frame of VLAN {link.vlan_id} has ever come in on parent {parent.name}, while {base.name} receives"
        way_out = f"have the switch port of {base.name} carry VLAN {link.vlan_id}, tagged"
        if any(question.link == parent.name for question in evidence.answers):
            yield problem("vlan", parent.name, f"{what} others", way_out)
        elif _long_made(parent, evidence):
            yield warning("vlan", parent.name, f"{what} others", f"if there is traffic on it, {way_out}")


def _long_made(parent: Parent, evidence: Evidence) -> bool:
    networks = evidence.records.networks_on(parent.name)
    return all(evidence.now - network.created > QUIET_SECONDS for network in networks)
