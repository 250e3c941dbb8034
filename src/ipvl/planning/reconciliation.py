"""What must change so that the host is again as the records say: after a start, a reboot, or a change by others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ipvl.errors import IpvlError
from ipvl.model.endpoints import Endpoint
from ipvl.model.host_port_steps import RemoveHostPort
from ipvl.model.links import HALF_MADE_PREFIX
from ipvl.model.networks import Network, Parent, Phase
from ipvl.model.steps import RemoveHalfMade, RemovePort, Step
from ipvl.model.troubles import Trouble
from ipvl.options.endpoint import PORT_PREFIX
from ipvl.planning.host import Host
from ipvl.planning.host_access import is_host_port, is_lost_host_port, not_reached, steps_to_repair
from ipvl.planning.host_exposure import host_address_warning, steps_to_repair_exposure, steps_to_route_by
from ipvl.planning.parents.made_parents import host_after, steps_to_follow_base
from ipvl.planning.parents.parent_requirements import check_link, warnings_about
from ipvl.planning.parents.plan_parent import left_behind, steps_to_make, steps_to_remove_parents, unused_parents
from ipvl.records.changes import Change, Drop
from ipvl.records.records import Records

UNJOINED_SECONDS = 120.0
"""Seconds that an endpoint may be in no sandbox. Docker joins at once and repeats a call for half a minute at most, but
it joins before it mounts the sandbox's namespace, which it does only when the container's process is there."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What to do: first the kernel steps, then the changes to the records; and what only a human can mend."""

    steps: tuple[Step, ...]
    changes: tuple[Change, ...]
    troubles: tuple[Trouble, ...]


def plan_repair(records: Records, host: Host, now: float, inode_of: Callable[[str], int | None]) -> Repair:
    """Compare records and host.

    Networks that were being made or removed when ipvl stopped are removed: whoever asked got no answer and asks again.
    Endpoints whose sandbox is gone are dropped, since ipvlan ports die with their namespace. Missing parents that ipvl
    made are made again, those that are there follow the link below them, the host is kept off those for containers
    alone, and what is missing of the host's own ports is made again. Ports that were never handed over, half-made
    parents and host ports of networks that are gone are removed. A marked parent that no record knows is only reported,
    since containers may be running on it. Nothing else is touched.

    Args:
        records: what ipvl remembers.
        host: the host as it is now.
        now: seconds since the epoch.
        inode_of: returns the number of the network namespace at a path, None when there is none.
    """
    steps: list[Step] = []
    changes: list[Change] = []
    troubles: list[Trouble] = []
    broken = {network.id for network in records.networks() if network.phase is not Phase.READY}
    stale = [
        endpoint
        for endpoint in records.endpoints()
        if endpoint.network_id in broken or is_stale(endpoint, now, inode_of) or _is_half_placed(endpoint, host)
    ]
    changes += [Drop(endpoint) for endpoint in stale]
    changes += [Drop(network) for network in records.networks() if network.id in broken]
    changes += [Drop(quarantine) for quarantine in records.quarantines() if quarantine.until <= now]

    ports = {endpoint.port for endpoint in records.endpoints()} - {endpoint.port for endpoint in stale}
    steps += [
        RemovePort(link.name)
        for link in host.links
        if link.kind == "ipvlan" and is_port_name(link.name) and link.name not in ports
    ]
    whole = [network for network in records.networks() if network.id not in broken]
    steps += [RemoveHostPort(link.name) for link in host.links if is_lost_host_port(link, whole)]
    steps += [RemoveHalfMade(link.name) for link in host.links if link.name.startswith(HALF_MADE_PREFIX)]
    unused = unused_parents(records, broken, (parent.name for parent in records.parents()))
    changes += map(Drop, unused)
    steps += steps_to_remove_parents(unused, host)
    mending = steps_to_follow_base((parent for parent in records.parents() if parent not in unused), host)
    steps += mending
    host = host_after(host, mending)
    # What is half made has its VLAN, but goes before any other is made.
    whole_host = replace(host, links=tuple(one for one in host.links if not one.name.startswith(HALF_MADE_PREFIX)))
    for parent in records.parents():
        networks = [network for network in records.networks_on(parent.name) if network.id not in broken]
        if parent not in unused:
            steps += steps_to_repair_exposure(parent, networks, host)
            host_address = host_address_warning(parent, networks, host)
            troubles += [] if host_address is None else [Trouble(host_address, links=frozenset({parent.name}))]
        if not networks:
            continue
        present = {one.id: [end for end in records.endpoints_of(one.id) if end not in stale] for one in networks}
        repair, left = _repair_parent(records.with_bases(parent), networks, present, whole_host)
        # An outer tag that several need is made for the first.
        steps += [step for step in repair if step not in steps]
        troubles += left
    known = {parent.name for parent in records.parents()}
    troubles += [
        Trouble(left_behind(link.name), links=frozenset({link.name}))
        for link in host.links
        if link.made_by_ipvl and link.name not in known and not is_host_port(link)
    ]
    return Repair(tuple(steps), tuple(changes), tuple(troubles))


def is_stale(endpoint: Endpoint, now: float, inode_of: Callable[[str], int | None]) -> bool:
    """Tell whether nothing can be using the endpoint any more.

    An endpoint whose namespace was known when it joined needs no grace: that namespace is there or gone.
    """
    waited = endpoint.inode is not None or now - endpoint.changed > UNJOINED_SECONDS
    return waited and not is_in_sandbox(endpoint, inode_of)


def _is_half_placed(endpoint: Endpoint, host: Host) -> bool:
    """Tell whether ipvl was stopped while it placed a port itself: then the port is still here, and nobody uses it.

    One that had been placed was to get its port again (`planning/port_restoration.py`), so it stays.
    """
    placing = endpoint.inode is not None and endpoint.phase is not Phase.READY
    return placing and host.link(endpoint.port) is not None


def is_in_sandbox(endpoint: Endpoint, inode_of: Callable[[str], int | None]) -> bool:
    """Tell whether the endpoint was handed to a sandbox that is there; its path may lead to another one by now."""
    if endpoint.sandbox is None:
        return False
    found = inode_of(endpoint.sandbox)
    return found is not None and endpoint.inode in {None, found}


def is_port_name(name: str) -> bool:
    """Tell whether ipvl could have given a port this name."""
    digits = name.removeprefix(PORT_PREFIX)
    return len(digits) == 11 and name.startswith(PORT_PREFIX) and set(digits) <= set("0123456789abcdef")


def _repair_parent(
    parents: Sequence[Parent], networks: list[Network], present: Mapping[str, Iterable[Endpoint]], host: Host
) -> tuple[tuple[Step, ...], tuple[Trouble, ...]]:
    """Return what mends a parent and the host's own ports on it, and what only a human can mend.

    It is the last of `parents`; the others are those under it. On a parent that cannot carry its networks' ports
    nothing is made: a port in their mode would switch all others.
    """
    labels = ", ".join(network.label for network in networks)
    link = host.link(parents[-1].name)
    try:
        steps = (*steps_to_make(parents, host), *steps_to_route_by(parents[-1], networks)) if link is None else ()
        if link is not None:
            for network in networks:
                check_link(link, network, host)
    except IpvlError as error:
        return (), (_trouble_with_parent(f"network {labels} cannot be joined: {error}", parents[-1].name, host),)
    ports = [step for network in networks for step in steps_to_repair(network, present[network.id], host)]
    troubles = [_trouble_with_parent(text, link.name, host) for text in warnings_about(link, host)] if link else []
    troubles += [trouble for one in networks for trouble in not_reached(one, present[one.id], host.routing)]
    return (*steps, *ports), tuple(troubles)


def _trouble_with_parent(text: str, parent: str, host: Host) -> Trouble:
    """Return a trouble that may end when the parent changes, a link below it or one on it."""
    link = host.link(parent)
    around = [parent, *(one.name for one in (host.ports_of(link) if link else ()) if one.namespace is None)]
    while link is not None:
        around.append(link.name)
        link = host.below(link)
    return Trouble(text, links=frozenset(around))
