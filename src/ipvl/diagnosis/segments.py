"""What the evidence says of the segment behind a parent: its addresses, and who answers there."""

from __future__ import annotations

from ipvl.diagnosis.evidence import Evidence
from ipvl.diagnosis.questions import gateway_question
from ipvl.model.addresses import IPInterface, IPNetwork
from ipvl.model.links import Link
from ipvl.model.networks import Network, Subnet


def parent_addresses(parent: str, evidence: Evidence) -> tuple[IPInterface, ...]:
    """Return the addresses of a parent but link-local ones."""
    return tuple(one for one in evidence.stack.link(parent).addresses if not one.ip.is_link_local)


def overlapping_address(pool: IPNetwork, network: Network, evidence: Evidence) -> IPInterface | None:
    """Return the address of a network's parent in whose subnet a pool lies or the other way round, or None."""
    return next(
        (
            address
            for address in parent_addresses(network.parent, evidence)
            if address.version == pool.version and address.network.overlaps(pool)
        ),
        None,
    )


def is_foreign_subnet(one: Subnet, network: Network, evidence: Evidence) -> bool:
    """Tell whether the parent of an L2 network has addresses of a subnet's family and none of them is in it."""
    families = {address.version for address in parent_addresses(network.parent, evidence)}
    return (
        not network.mode.routes
        and one.pool.version in families
        and overlapping_address(one.pool, network, evidence) is None
        and gateway_question(network, one, evidence.records, evidence.stack) is not None
    )


def gateway_answered(one: Subnet, network: Network, evidence: Evidence) -> bool | None:
    """Tell whether somebody answered for a subnet's gateway; None when nobody was asked."""
    question = gateway_question(network, one, evidence.records, evidence.stack)
    if question is None or question not in evidence.answers:
        return None
    return bool(evidence.answers[question])


def vlan_never_received(link: Link, base: Link, evidence: Evidence) -> bool:
    """Tell whether a VLAN that is up never received a frame, while the link below it does."""
    return (
        link.kind == "vlan"
        and link.up
        and link.carrier
        and evidence.stack.link(link.name).received == 0
        and evidence.stack.link(base.name).received > 0
    )


def is_mute(parent: str, evidence: Evidence) -> bool:
    """Tell whether a parent is a VLAN that carries nothing at all."""
    link = evidence.host.link(parent)
    base = None if link is None else evidence.host.below(link)
    return link is not None and base is not None and vlan_never_received(link, base, evidence)


def segment_text(parent: str, evidence: Evidence) -> str:
    """Return where a machine has to be to be reached by a parent, in words that follow "see that it is up and"."""
    link = evidence.host.link(parent)
    base = None if link is None else evidence.host.below(link)
    if link is None or base is None or link.kind != "vlan":
        return f"on the segment of {parent}"
    return f"in VLAN {link.vlan_id} of {base.name}"
