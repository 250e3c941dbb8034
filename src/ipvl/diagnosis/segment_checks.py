"""Checks of what the segments behind the parents are: subnets, gateways, VLANs, and whoever else is there."""

from __future__ import annotations

from collections.abc import Iterator

from ipvl.addresses.default_pools import is_default_pool
from ipvl.addresses.next_address import gateway_of, used_gateway
from ipvl.diagnosis import parent_checks, wording
from ipvl.diagnosis.evidence import Evidence
from ipvl.diagnosis.findings import Finding, Severity, problem, warning
from ipvl.diagnosis.questions import endpoint_questions, gateway_question, router_question
from ipvl.model.addresses import IPInterface, IPNetwork
from ipvl.model.links import Link
from ipvl.model.networks import Network, Parent, Subnet
from ipvl.planning.container_routers import own_routers
from ipvl.planning.host_address_conflicts import address_conflicts

QUIET_FOR = 600.0
"""Seconds after which a VLAN on which nobody was asked, and that never received a frame, is worth a word."""


def subnet(evidence: Evidence) -> Iterator[Finding]:
    """Find subnets that are not the parent's own in L2, or that are in L3.

    In L2 a second subnet on a segment is usual where the router has an address in it, so a gateway that answers settles
    it. In L3 a host that answers ARP for its containers (proxy_arp) may give them a part of the parent's subnet, and
    what containers send goes by the host's own routes, so that the host must have a way there.
    """
    for network in evidence.networks:
        if network.isolated:
            continue
        if network.mode.routes:
            yield from _no_way(network, evidence)
        for one in network.subnets:
            own = _parents_own(one.pool, network, evidence)
            if network.mode.routes and own is not None and not evidence.stack.link(network.parent).proxy_arp:
                asks = "ARP" if one.pool.version == 4 else "neighbour solicitations"
                yield problem(
                    "subnet",
                    network.label,
                    f"subnet {one.pool} of network {network.label} overlaps {own.network}, the subnet of parent"
                    f" {network.parent}, where in mode {network.mode} nobody answers {asks} for its containers",
                    "give the network a subnet of its own, and the router a route to it by this host's address",
                )
            elif _is_foreign(one, network, evidence) and _answered(one, network, evidence) is not True:
                others = ", ".join(
                    str(address.network)
                    for address in _addresses(network.parent, evidence)
                    if address.version == one.pool.version
                )
                silent = _answered(one, network, evidence) is False
                gateway = f", and nobody answers for its gateway {gateway_of(network, one)}" if silent else ""
                make = problem if silent and not is_default_pool(one.pool) else warning
                yield make(
                    "subnet",
                    network.label,
                    f"subnet {one.pool} of network {network.label} is not that of parent {network.parent}"
                    f" ({others}){gateway}",
                    f"in mode l2 give it the parent's subnet, or the router of {network.parent} an address in this one",
                )


def _no_way(network: Network, evidence: Evidence) -> Iterator[Finding]:
    """Find an L3 network's family of which the host has neither address nor route by the parent.

    Link-local and multicast routes lead to nobody beyond the host's own neighbours. What else is wrong with the parent
    comes first.
    """
    link, facts = evidence.host.link(network.parent), evidence.stack.link(network.parent)
    if evidence.routes is None or link is None or not link.up or _is_sick(network, evidence):
        return
    for version in sorted({subnet.pool.version for subnet in network.subnets}):
        family = f"IPv{version}"
        reached = any(one.version == version for one in _addresses(network.parent, evidence)) or any(
            route.link == network.parent
            and route.destination.version == version
            and not (route.destination.is_link_local or route.destination.is_multicast)
            for route in evidence.routes
        )
        if not reached and not (version == 6 and facts.ipv6_disabled):
            example = "192.168.1.9/24" if version == 4 else "2001:db8:1::9/64"
            yield warning(
                "subnet",
                network.label,
                f"in mode {network.mode} network {network.label} sends its {family} by this host's routes, and the host"
                f" has neither an {family} address nor a route on parent {network.parent}, so its containers reach"
                " nobody outside",
                f"give {network.parent} an address of its segment, such as `ip address add {example} dev"
                f" {network.parent}`, and the router a route to the network's subnets by that address",
            )


def _is_sick(network: Network, evidence: Evidence) -> bool:
    """Tell whether the network's parent has a problem that keeps its containers from everybody, or one of its ports."""
    checks = (parent_checks.carrier, parent_checks.macvlan, parent_checks.master, parent_checks.mode, parent_checks.mtu)
    return any(
        finding.severity is Severity.PROBLEM and finding.subject in {network.label, network.parent}
        for check in checks
        for finding in check(evidence)
    )


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
                _answered(one, network, evidence) is False
                and not _is_foreign(one, network, evidence)
                and not _is_mute(network.parent, evidence)
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
                        f"see that the router is up and {_where(network.parent, evidence)}, or give its address as"
                        " --gateway",
                    )
        yield from _routers(network, evidence)
        for router in own_routers(network, evidence.records):
            yield problem("gateway", network.label, f"network {network.label}: {router.what}", router.way_out)


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
        if _is_mute(network.parent, evidence):
            continue
        protocol = "ARP" if question.address.version == 4 else "neighbour solicitations"
        yield problem(
            "gateway",
            network.label,
            f"router {route.via} of route {route.destination} in network {network.label} does not answer {protocol} on"
            f" {network.parent}",
            f"see that it is up and {_where(network.parent, evidence)}, or make the network with another route",
        )


def dhcp(evidence: Evidence) -> Iterator[Finding]:
    """Find networks whose addresses come from a DHCP server that is not there, and addresses that one took back.

    Where a VLAN carries nothing at all, that is the finding.
    """
    for network in evidence.networks:
        parent = network.parent
        if network.asks_server and evidence.dhcp_servers.get(parent, "") is None and not _is_mute(parent, evidence):
            yield problem(
                "dhcp",
                network.label,
                f"no DHCP server answers on {parent}, where network {network.label} has its addresses from",
                f"see that the server is up and {_where(parent, evidence)}, and that the switch lets it answer",
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
    for clash in address_conflicts(evidence.records, evidence.stack.own_addresses):
        if clash.network.id in in_scope:
            yield problem(
                "duplicate",
                clash.network.label,
                f"address {clash.address} of {wording.member(clash.network)} {clash.endpoint.label} in network"
                f" {clash.network.label} {clash.consequence}",
                clash.way_out,
            )


def vlan(evidence: Evidence) -> Iterator[Finding]:
    """Find VLANs that the switch does not bring here: nothing ever came in, while the link below receives.

    Somebody must have been asked there, or the VLAN have been quiet for long: a fresh one may just have had no traffic.
    """
    for parent in evidence.scope.parents:
        link = evidence.link_of(parent)
        base = None if link is None else evidence.host.below(link)
        if link is None or base is None or not _never_received(link, base, evidence):
            continue
        what = f"no frame of VLAN {link.vlan_id} has ever come in on parent {parent.name}, while {base.name} receives"
        way_out = f"have the switch port of {base.name} carry VLAN {link.vlan_id}, tagged"
        if any(question.link == parent.name for question in evidence.answers):
            yield problem("vlan", parent.name, f"{what} others", way_out)
        elif _long_made(parent, evidence):
            yield warning("vlan", parent.name, f"{what} others", f"if there is traffic on it, {way_out}")


def _addresses(parent: str, evidence: Evidence) -> tuple[IPInterface, ...]:
    return tuple(one for one in evidence.stack.link(parent).addresses if not one.ip.is_link_local)


def _parents_own(pool: IPNetwork, network: Network, evidence: Evidence) -> IPInterface | None:
    return next(
        (
            address
            for address in _addresses(network.parent, evidence)
            if address.version == pool.version and address.network.overlaps(pool)
        ),
        None,
    )


def _is_foreign(one: Subnet, network: Network, evidence: Evidence) -> bool:
    """Tell whether the parent of an L2 network has addresses of a subnet's family and none of them is in it."""
    families = {address.version for address in _addresses(network.parent, evidence)}
    return (
        not network.mode.routes
        and one.pool.version in families
        and _parents_own(one.pool, network, evidence) is None
        and gateway_question(network, one, evidence.records, evidence.stack) is not None
    )


def _answered(one: Subnet, network: Network, evidence: Evidence) -> bool | None:
    """Tell whether somebody answered for a subnet's gateway; None when nobody was asked."""
    question = gateway_question(network, one, evidence.records, evidence.stack)
    if question is None or question not in evidence.answers:
        return None
    return bool(evidence.answers[question])


def _never_received(link: Link, base: Link, evidence: Evidence) -> bool:
    return (
        link.kind == "vlan"
        and link.up
        and link.carrier
        and evidence.stack.link(link.name).received == 0
        and evidence.stack.link(base.name).received > 0
    )


def _is_mute(parent: str, evidence: Evidence) -> bool:
    link = evidence.host.link(parent)
    base = None if link is None else evidence.host.below(link)
    return link is not None and base is not None and _never_received(link, base, evidence)


def _long_made(parent: Parent, evidence: Evidence) -> bool:
    networks = evidence.records.networks_on(parent.name)
    return all(evidence.now - network.created > QUIET_FOR for network in networks)


def _where(parent: str, evidence: Evidence) -> str:
    link = evidence.host.link(parent)
    base = None if link is None else evidence.host.below(link)
    if link is None or base is None or link.kind != "vlan":
        return f"on the segment of {parent}"
    return f"in VLAN {link.vlan_id} of {base.name}"
