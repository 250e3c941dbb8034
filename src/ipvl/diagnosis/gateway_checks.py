"""Checks of gateways and of the routers of routes: whether somebody answers, and whether a container reaches them."""

from __future__ import annotations

from collections.abc import Iterator

from ipvl.addresses.default_pools import is_default_pool
from ipvl.addresses.next_address import gateway_of, used_gateway
from ipvl.diagnosis import wording
from ipvl.diagnosis.evidence import Evidence
from ipvl.diagnosis.findings import Finding, problem, warning
from ipvl.diagnosis.questions import router_question
from ipvl.diagnosis.segments import gateway_answered, is_foreign_subnet, is_mute, segment_text
from ipvl.model.addresses import IPAddress
from ipvl.model.networks import Network
from ipvl.planning.container_routers import routers_on_other_parents, routers_on_parent


def gateway(evidence: Evidence) -> Iterator[Finding]:
    """Find gateways and routers of L2 networks that nobody has, and those of the host's or ipvl's own, out of reach.

    Where a VLAN carries nothing at all, or the subnet is another's, that is the finding.
    """
    for network in evidence.switched:
        for one in network.subnets:
            address = gateway_of(network, one)
            own = evidence.stack.link(network.parent).addresses
            if used_gateway(network, one) is not None and any(address == mine.ip for mine in own):
                yield problem(
                    "gateway",
                    network.label,
                    f"gateway {address} of network {network.label} is this host's own address on {network.parent},"
                    " which ipvlan keeps out of its containers' reach",
                    "give the network the address of a router, and -o host_access=true if they are to reach this host",
                )
            elif (
                gateway_answered(one, network, evidence) is False
                and not is_foreign_subnet(one, network, evidence)
                and not is_mute(network.parent, evidence)
            ):
                protocol = "ARP" if one.pool.version == 4 else "neighbour solicitations"
                what = f"gateway {address} of network {network.label} does not answer {protocol} on {network.parent}"
                if is_default_pool(one.pool):
                    yield warning(
                        "gateway",
                        network.label,
                        what,
                        f"that is to be expected if {wording.chooser_of_subnet(network)} chose {one.pool} because no"
                        " subnet was given; else give --gateway the address of the router",
                    )
                else:
                    yield problem(
                        "gateway",
                        network.label,
                        what,
                        f"see that the router is up and {segment_text(network.parent, evidence)}, or give its address"
                        " as --gateway",
                    )
        yield from _routers(network, evidence)
    for network in evidence.networks:
        elsewhere = routers_on_other_parents(network, evidence.records, _answering_links(network, evidence))
        for router in (*routers_on_parent(network, evidence.records), *elsewhere):
            yield problem("gateway", network.label, f"network {network.label}: {router.what}", router.way_out)


def _answering_links(network: Network, evidence: Evidence) -> dict[IPAddress, tuple[str, ...]]:
    """Return from which links of this host an address was answered on a network's segment."""
    return {
        question.address: tuple(link.name for link in evidence.host.links if link.mac in macs)
        for question, macs in evidence.answers.items()
        if question.link == network.parent
    }


def _routers(network: Network, evidence: Evidence) -> Iterator[Finding]:
    own = {one.ip for one in evidence.stack.link(network.parent).addresses}
    for route in network.routes:
        if route.via in own:
            yield problem(
                "gateway",
                network.label,
                f"router {route.via} of route {route.destination} in network {network.label} is this host's own address"
                f" on {network.parent}, which ipvlan keeps out of its containers' reach",
                "make the network with the address of another router",
            )
            continue
        question = router_question(network, route.via, evidence.records, evidence.stack)
        if question is None or evidence.answers.get(question, ("nobody was asked",)):
            continue
        if is_mute(network.parent, evidence):
            continue
        protocol = "ARP" if question.address.version == 4 else "neighbour solicitations"
        yield problem(
            "gateway",
            network.label,
            f"router {route.via} of route {route.destination} in network {network.label} does not answer {protocol} on"
            f" {network.parent}",
            f"see that it is up and {segment_text(network.parent, evidence)}, or make the network with another route",
        )
