"""Checks of what ipvl remembers against what the host has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ipvl.diagnosis import wording
from ipvl.diagnosis.evidence import Evidence
from ipvl.diagnosis.findings import Finding, problem, warning
from ipvl.diagnosis.parent_checks import port_is_in_sandbox
from ipvl.model.endpoints import Endpoint
from ipvl.model.host_port_steps import MakeHostPort
from ipvl.model.links import HALF_MADE_PREFIX, Link
from ipvl.model.networks import Network, Phase
from ipvl.model.pools import Pool
from ipvl.model.steps import MakeDummy, MakeVlan
from ipvl.planning.host import Host
from ipvl.planning.host_access import is_host_port, is_lost_host_port
from ipvl.planning.reconciliation import is_in_sandbox, is_port_name, plan_repair
from ipvl.planning.unclaimed_networks import BEING_MADE_SECONDS, list_unclaimed, way_out_of_unclaimed, what_is_unclaimed
from ipvl.records.changes import Drop

MAKING_SECONDS = 60.0
"""Seconds after which a network that is still being made was given up."""

_DOCKER_DUMMY = re.compile(r"di-([0-9a-f]{12})")


def leftovers(evidence: Evidence) -> Iterator[Finding]:
    """Find links that nobody needs any more: parents and ports of ipvl's that no record knows, and others' of the kind.

    A port of others counts only while it is down and bare: a port that somebody set up to reach containers from the
    host is meant to be there. A dummy of Docker's own driver counts only when Docker says that its network is gone.
    """
    parents = {parent.name for parent in evidence.scope.parents}
    indexes = {link.index for link in evidence.host.links if link.name in parents}
    for link in evidence.host.links:
        if evidence.was_there_before(link) and (evidence.scope.whole or link.name in parents or link.lower in indexes):
            found = _left_by_ipvl(link, evidence) or _left_by_others(link, evidence)
            if found is not None:
                yield warning("leftovers", link.name, *found)


def _left_by_ipvl(link: Link, evidence: Evidence) -> tuple[str, str] | None:
    """Return what a link of ipvl's is and the way out, or None when it is needed or not ipvl's."""
    remove = f"remove it with `ip link del {link.name}`"
    if link.name.startswith(HALF_MADE_PREFIX):
        return f"link {link.name} is a parent that ipvl never finished", remove
    if is_host_port(link):
        lost = is_lost_host_port(link, evidence.records.networks())
        return (f"host port {link.name} is of no network that ipvl knows", remove) if lost else None
    if link.made_by_ipvl and evidence.records.parent(link.name) is None:
        carried = ", ".join(port.label for port in evidence.host.ports_of(link))
        if carried:
            return (
                f"link {link.name} was made by ipvl and carries {carried}, but no network that ipvl knows uses it",
                f"containers may be running there: end them, then {remove}",
            )
        return f"link {link.name} was made by ipvl, but no network that ipvl knows uses it", remove
    ports = {endpoint.port for endpoint in evidence.records.endpoints()}
    if link.kind == "ipvlan" and is_port_name(link.name) and link.name not in ports:
        return f"port {link.name} belongs to no container that ipvl knows", remove
    return None


def _left_by_others(link: Link, evidence: Evidence) -> tuple[str, str] | None:
    remove = f"remove it with `ip link del {link.name}`"
    bare = not link.up and not evidence.stack.link(link.name).addresses
    if link.kind == "ipvlan" and bare and not is_port_name(link.name):
        return (
            f"ipvlan port {link.name}, which ipvl did not make, is in the host's namespace, down and bare",
            f"if nobody needs it, {remove}",
        )
    if is_unused_dummy(link, evidence.host) and evidence.docker_networks is not None:
        beginning = link.name.removeprefix("di-")
        if not any(identity.startswith(beginning) for identity in evidence.docker_networks):
            return f"dummy {link.name} is of Docker's own driver, but Docker has no network {beginning}", remove
    return None


def is_unused_dummy(link: Link, host: Host) -> bool:
    """Tell whether a link looks like the parent of an isolated network of Docker's own driver, without any port."""
    return (
        link.kind == "dummy"
        and not link.made_by_ipvl
        and _DOCKER_DUMMY.fullmatch(link.name) is not None
        and not host.ports_of(link)
    )


def records(evidence: Evidence) -> Iterator[Finding]:
    """Find what ipvl remembers and the host does not have: parents, sandboxes, ports; and what was left half done."""
    chosen = {network.id for network in evidence.scope.networks}
    repair = plan_repair(evidence.records, evidence.host, evidence.now, evidence.inode_of)
    for step in repair.steps:
        if isinstance(step, MakeDummy | MakeVlan) and evidence.earlier.link(step.name) is None:
            yield from _without_parent(step.name, chosen, evidence)
        elif isinstance(step, MakeHostPort) and evidence.earlier.link(step.name) is None:
            yield from _without_host_port(step.name, evidence)
    for change in repair.changes:
        match change:
            case Drop(record=Network() as network) if network.id in chosen:
                yield from _half_done(network, evidence)
            case Drop(record=Endpoint() as endpoint) if endpoint.network_id in chosen:
                yield from _gone(endpoint, evidence)
    if evidence.knows_namespaces:
        for network in evidence.networks:
            for endpoint in evidence.records.endpoints_of(network.id):
                yield from _without_port(endpoint, network, evidence)
    yield from _unclaimed(chosen, evidence)


def _unclaimed(chosen: set[str], evidence: Evidence) -> Iterator[Finding]:
    """Find what a Docker made that the one that was asked does not have."""
    if evidence.docker_networks is None or evidence.docker_pools is None:
        return
    before = evidence.now - BEING_MADE_SECONDS
    for one in list_unclaimed(evidence.records, evidence.docker_networks, evidence.docker_pools, before):
        if isinstance(one, Network) and one.id in chosen:
            yield warning("records", one.label, what_is_unclaimed(one), way_out_of_unclaimed(one))
        elif isinstance(one, Pool) and evidence.scope.whole:
            yield warning("records", one.id, what_is_unclaimed(one), way_out_of_unclaimed(one))


def _without_parent(parent: str, chosen: set[str], evidence: Evidence) -> Iterator[Finding]:
    for network in evidence.records.networks_on(parent):
        if network.id in chosen:
            yield problem(
                "records",
                network.label,
                f"parent {parent} of network {network.label}, which ipvl made, is gone",
                wording.repair(network, "makes it again"),
            )


def _without_host_port(name: str, evidence: Evidence) -> Iterator[Finding]:
    for network in evidence.networks:
        if network.host_port == name and evidence.link_of(network) is not None:
            yield problem(
                "records",
                network.label,
                f"host port {name} of network {network.label} is gone, so this host does not reach its"
                f" {wording.member(network)}s",
                wording.repair(network, "makes it again"),
            )


def _half_done(network: Network, evidence: Evidence) -> Iterator[Finding]:
    if network.phase is Phase.REMOVING or evidence.now - network.created > MAKING_SECONDS:
        what = "removed" if network.phase is Phase.REMOVING else "made"
        yield warning(
            "records",
            network.label,
            f"network {network.label} was not {what} to the end",
            wording.removal(network),
        )


def _gone(endpoint: Endpoint, evidence: Evidence) -> Iterator[Finding]:
    network = evidence.records.network(endpoint.network_id)
    if network is not None and network.phase is Phase.READY:
        still = f"holds {endpoint.address_text}" if endpoint.addresses else "is recorded"
        yield warning(
            "records",
            network.label,
            f"{wording.member(network)} {endpoint.label} of network {network.label} is gone, but still {still}",
            wording.repair(network, "frees them" if endpoint.addresses else "forgets it"),
        )


def _without_port(endpoint: Endpoint, network: Network, evidence: Evidence) -> Iterator[Finding]:
    if evidence.link_of(network) is None or not is_in_sandbox(endpoint, evidence.inode_of):
        return
    if not any(_has_port(endpoint, network, host) for host in (evidence.earlier, evidence.host)):
        yield problem(
            "records",
            network.label,
            f"{wording.member(network)} {endpoint.label} has no port on {network.parent} any more, though ipvl gave it"
            f" one in network {network.label}",
            wording.port_again(endpoint, network, evidence.records),
        )


def _has_port(endpoint: Endpoint, network: Network, host: Host) -> bool:
    link = host.link(network.parent)
    return link is None or any(
        port.name == endpoint.port or port_is_in_sandbox(port, endpoint.sandbox) for port in host.ports_of(link)
    )
