"""Checks of how far the host itself is reached by parents that are there for containers."""

from __future__ import annotations

from collections.abc import Iterator

from ipvl.diagnosis import wording
from ipvl.diagnosis.evidence import Evidence
from ipvl.diagnosis.findings import Finding, warning
from ipvl.diagnosis.parent_checks import sysctl_name
from ipvl.model.host_facts import LinkFacts
from ipvl.model.links import HostExposure
from ipvl.model.networks import Parent
from ipvl.planning.host_exposure import (
    ANSWERS_FOR_ALL,
    address_trouble,
    answers_trouble,
    exposure_trouble,
    host_is_kept_off,
    is_routed,
)

NOT_FOR_OTHERS = frozenset({1, 2, 8})
"""Values of arp_ignore with which a link does not answer for addresses of others (net/ipv4/arp.c, arp_ignore)."""


def reach(evidence: Evidence) -> Iterator[Finding]:
    """Find parents for containers alone by which the host is reached, and links of others that answer for it.

    What ipvl made is shut by ipvl, so what is open there was opened, or is from before ipvl did that. A link of others
    is never touched; one with an address is meant to reach the host.
    """
    for parent in evidence.scope.parents:
        for one in evidence.with_bases(parent):
            facts = evidence.stack.links.get(one.name)
            link = evidence.link_of(one)
            networks = evidence.records.networks_on(one.name)
            if facts is None or link is None:
                continue
            if is_routed(networks):
                if one.made and link.made_by_ipvl and facts.arp_ignore == ANSWERS_FOR_ALL:
                    yield warning("reach", one.name, answers_trouble(one.name), _repair(evidence, "ends that"))
            elif one.made and link.made_by_ipvl:
                yield from _of_ipvls(one, facts, evidence)
            elif networks and _answers_for_others(facts, evidence):
                yield _of_others(one, facts)


def _of_ipvls(parent: Parent, facts: LinkFacts, evidence: Evidence) -> Iterator[Finding]:
    own = tuple(address for address in facts.addresses if address.version == 4)
    seen = HostExposure(facts.rp_filter, facts.arp_ignore, not facts.ipv6_disabled, own)
    if not host_is_kept_off(seen):
        yield warning("reach", parent.name, exposure_trouble(parent.name, seen), _repair(evidence, "shuts it"))
    if own:
        yield warning("reach", parent.name, *address_trouble(parent.name, ", ".join(map(str, own))))


def _repair(evidence: Evidence, does: str) -> str:
    carried = next(iter(evidence.scope.networks), None)
    return f"`systemctl restart ipvl` {does}" if carried is None else wording.repair(carried, does)


def _answers_for_others(facts: LinkFacts, evidence: Evidence) -> bool:
    """Tell whether a link without addresses takes packets for addresses that the host has on other links."""
    bare = all(address.ip.is_link_local for address in facts.addresses)
    elsewhere = any(
        address.version == 4 and not address.ip.is_loopback
        for other in evidence.stack.links.values()
        for address in other.addresses
    )
    return bare and elsewhere and facts.rp_filter == 0 and facts.arp_ignore not in NOT_FOR_OTHERS


def _of_others(parent: Parent, facts: LinkFacts) -> Finding:
    name = sysctl_name(parent.name)
    return warning(
        "reach",
        parent.name,
        f"this host answers for its other addresses on parent {parent.name}, which has none, so that whoever is on that"
        f" segment reaches it (rp_filter={facts.rp_filter}, arp_ignore={facts.arp_ignore})",
        f"if the link is for containers alone: `sysctl net.ipv4.conf.{name}.rp_filter=1"
        f" net.ipv4.conf.{name}.arp_ignore=8 net.ipv6.conf.{name}.disable_ipv6=1`",
    )
