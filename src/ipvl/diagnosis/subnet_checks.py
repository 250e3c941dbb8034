"""Checks of networks' subnets against the parent's own, and of the host's way there in L3."""

from __future__ import annotations

from collections.abc import Iterator

from ipvl.addresses.default_pools import is_default_pool
from ipvl.addresses.next_address import gateway_of
from ipvl.diagnosis import parent_checks
from ipvl.diagnosis.evidence import Evidence
from ipvl.diagnosis.findings import Finding, Severity, problem, warning
from ipvl.diagnosis.segments import gateway_answered, is_foreign_subnet, overlapping_address, parent_addresses
from ipvl.model.networks import Network


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
            yield from _missing_host_routes(network, evidence)
        for one in network.subnets:
            own = overlapping_address(one.pool, network, evidence)
            if network.mode.routes and own is not None and not evidence.stack.link(network.parent).proxy_arp:
                asks = "ARP" if one.pool.version == 4 else "neighbour solicitations"
                yield problem(
                    "subnet",
                    network.label,
                    f"subnet {one.pool} of network {network.label} overlaps {own.network}, the subnet of parent"
                    f" {network.parent}, where in mode {network.mode} nobody answers {asks} for its containers",
                    "give the network a subnet of its own, and the router a route to it by this host's address",
                )
            elif is_foreign_subnet(one, network, evidence) and gateway_answered(one, network, evidence) is not True:
                others = ", ".join(
                    str(address.network)
                    for address in parent_addresses(network.parent, evidence)
                    if address.version == one.pool.version
                )
                silent = gateway_answered(one, network, evidence) is False
                gateway = f", and nobody answers for its gateway {gateway_of(network, one)}" if silent else ""
                make = problem if silent and not is_default_pool(one.pool) else warning
                yield make(
                    "subnet",
                    network.label,
                    f"subnet {one.pool} of network {network.label} is not that of parent {network.parent}"
                    f" ({others}){gateway}",
                    f"in mode l2 give it the parent's subnet, or the router of {network.parent} an address in this one",
                )


def _missing_host_routes(network: Network, evidence: Evidence) -> Iterator[Finding]:
    """Find an L3 network's family of which the host has neither address nor route by the parent.

    Link-local and multicast routes lead to nobody beyond the host's own neighbours. What else is wrong with the parent
    comes first.
    """
    link, facts = evidence.host.link(network.parent), evidence.stack.link(network.parent)
    if evidence.routes is None or link is None or not link.up or _has_other_problem(network, evidence):
        return
    for version in sorted({subnet.pool.version for subnet in network.subnets}):
        family = f"IPv{version}"
        reached = any(one.version == version for one in parent_addresses(network.parent, evidence)) or any(
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


def _has_other_problem(network: Network, evidence: Evidence) -> bool:
    """Tell whether the network's parent has a problem that keeps its containers from everybody, or one of its ports."""
    checks = (parent_checks.carrier, parent_checks.macvlan, parent_checks.master, parent_checks.mode, parent_checks.mtu)
    return any(
        finding.severity is Severity.PROBLEM and finding.subject in {network.label, network.parent}
        for check in checks
        for finding in check(evidence)
    )
