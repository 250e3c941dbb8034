"""Checks of how addresses are asked for before they are used (`conflict_check`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ipvl.diagnosis.evidence import Evidence
from ipvl.diagnosis.findings import Finding, warning
from ipvl.model.networks import ConflictCheck, Network
from ipvl.model.pools import THIS_HOST, Pool

SUSPICIOUS_ADDRESSES = 8
"""Addresses that one machine may have beside containers before it looks like a router that answers for everybody."""


def conflicts(evidence: Evidence) -> Iterator[Finding]:
    """Find networks that ask when no other address can be taken any more, and machines that answer for everybody."""
    for network in evidence.switched:
        for pool in _pools_that_do_not_ask(network, evidence):
            yield warning(
                "conflicts",
                network.label,
                f"network {network.label} asks who has an address, but its pool {pool.id} does not: a container is"
                " refused an address that is in use, where it could have another",
                f"create the network with --ipam-opt parent={network.parent} --ipam-opt conflict_check=probe",
            )
    for parent in evidence.scope.parents:
        kept = Counter(
            one.holder
            for one in evidence.records.quarantines()
            if one.parent == parent.name and one.until > evidence.now
        )
        for holder, number in kept.items():
            if number >= SUSPICIOUS_ADDRESSES and holder != THIS_HOST:
                yield warning(
                    "conflicts",
                    parent.name,
                    f"the machine with MAC address {holder} answers for {number} addresses on {parent.name}",
                    "if it is a router that answers for everybody, switch proxy ARP off there, or do without"
                    " conflict_check",
                )


def _pools_that_do_not_ask(network: Network, evidence: Evidence) -> list[Pool]:
    """Return the pools that a network of Docker's that asks has its addresses from, as far as those are ipvl's."""
    if not network.is_dockers or network.conflict_check is ConflictCheck.NONE:
        return []
    subnets = {subnet.pool for subnet in network.subnets}
    pools = [one for one in evidence.records.pools() if one.subnet in subnets and one.parent in {None, network.parent}]
    asking = {one.subnet for one in pools if one.conflict_check is ConflictCheck.PROBE}
    return [one for one in pools if one.subnet not in asking]
