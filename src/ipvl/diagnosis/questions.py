"""Whom to ask for on the segments of the parents, before the checks can tell what the silence means."""

from __future__ import annotations

from ipvl.addresses.next_address import used_gateway
from ipvl.diagnosis.evidence import Scope
from ipvl.model.addresses import IPAddress
from ipvl.model.endpoints import Endpoint
from ipvl.model.host_facts import NetworkStack, Question
from ipvl.model.links import Link
from ipvl.model.networks import Network, Phase, Subnet
from ipvl.planning.host import Host
from ipvl.planning.parents.parent_requirements import TAKES_EVERY_FRAME
from ipvl.records.records import Records

MOST_ADDRESSES = 256
"""How many endpoints' addresses are asked for on one parent: each is a broadcast that every machine there receives."""


def questions(scope: Scope, records: Records, host: Host, stack: NetworkStack) -> tuple[Question, ...]:
    """Return what to ask: for each gateway and each route's router, and whether others have an endpoint's address.

    Only parents of L2 networks are asked, and only those that can hear an answer: in L3 no container asks either, an
    isolated network has nobody outside, and a parent that is down or gives its frames away is another check's finding.
    """
    found: dict[Question, None] = {}
    for network in scope.networks:
        link = host.link(network.parent)
        if network.mode.routes or network.isolated or network.phase is not Phase.READY or link is None:
            continue
        if not _hears(link):
            continue
        for subnet in network.subnets:
            question = gateway_question(network, subnet, records, stack)
            if question is not None:
                found[question] = None
        for route in network.routes:
            question = router_question(network, route.via, records, stack)
            if question is not None:
                found[question] = None
        for question in address_questions(network, records)[:MOST_ADDRESSES]:
            found[question] = None
    return tuple(found)


def dhcp_questions(scope: Scope, host: Host) -> tuple[str, ...]:
    """Return the parents on which to ask for a DHCP server: those whose networks need one and that can hear."""
    found: dict[str, None] = {}
    for network in scope.networks:
        link = host.link(network.parent)
        if network.asks_server and network.phase is Phase.READY and link is not None and _hears(link):
            found[network.parent] = None
    return tuple(found)


def gateway_question(network: Network, subnet: Subnet, records: Records, stack: NetworkStack) -> Question | None:
    """Return the question for a subnet's gateway.

    None when nobody uses one, or when a container or the host itself is it.
    """
    return router_question(network, used_gateway(network, subnet), records, stack)


def router_question(
    network: Network, router: IPAddress | None, records: Records, stack: NetworkStack
) -> Question | None:
    """Return the question for a router on the parent's segment; None when a container or the host itself is it."""
    own = stack.link(network.parent).addresses
    if router is None or records.holder_of(network.parent, router) or any(router == one.ip for one in own):
        return None
    sender = next((one.ip for one in own if one.version == 4 and router in one.network), None)
    return Question(network.parent, router, sender)


def address_questions(network: Network, records: Records) -> tuple[Question, ...]:
    """Return the question for every address that an endpoint of the network holds."""
    return tuple(
        question for endpoint in records.endpoints_of(network.id) for question in endpoint_questions(network, endpoint)
    )


def endpoint_questions(network: Network, endpoint: Endpoint) -> tuple[Question, ...]:
    """Return the question for every address of an endpoint."""
    return tuple(Question(network.parent, interface.ip) for interface in endpoint.addresses)


def _hears(link: Link) -> bool:
    return link.up and link.carrier and link.ethernet and link.master_kind not in TAKES_EVERY_FRAME
