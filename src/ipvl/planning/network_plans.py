"""What making and removing networks changes of records and links, decided before anything is changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from ipvl.errors import conflict
from ipvl.model.host_port_steps import MakeHostPort, RemoveHostPort
from ipvl.model.networks import Network, Parent, Phase
from ipvl.model.steps import KeepHostOff, MakeDummy, MakeVlan, RemoveParent, RemovePort, RouteByParent, Step
from ipvl.model.troubles import Trouble
from ipvl.planning.container_routers import routers_on_parent
from ipvl.planning.host import Host
from ipvl.planning.host_access import check_host_access, steps_to_give_access
from ipvl.planning.host_exposure import steps_to_keep_host_off_again, steps_to_route_by
from ipvl.planning.internal_networks import unused_parent_warning
from ipvl.planning.parents.hidden_ports import has_hidden_ports
from ipvl.planning.parents.kernel_versions import check_kernel
from ipvl.planning.parents.plan_parent import left_behind, plan_parent, steps_to_remove_parents, unused_parents
from ipvl.records.changes import Change, Drop, Put
from ipvl.records.records import Records


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """How a network is made.

    `changes` are committed before `steps` are taken. Where one of these fails, `undo_steps` remove what they may have
    made, if only the kernel's answer was lost, and then `undo_changes` make the records what they were. `warnings` are
    what the operator should know of the parent, `notices` what of the request will not be as the user may expect. A
    network that is there already takes no changes. `guesses` says that ports in other namespaces may be on the parent,
    which the network's would switch to its mode, and nobody looked for them.
    """

    network: Network
    steps: tuple[Step, ...] = ()
    changes: tuple[Change, ...] = ()
    undo_steps: tuple[Step, ...] = ()
    undo_changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    guesses: bool = False


@dataclass(frozen=True, slots=True)
class RemovalPlan:
    """How networks are removed: every step that can be taken is, and `changes` are committed when all of them were.

    `troubles` are links that ipvl made and leaves, since others have links on them. `guesses` says that ports in other
    namespaces may be on those that go, which would go with them, and nobody looked for them.
    """

    networks: tuple[Network, ...]
    steps: tuple[Step, ...]
    changes: tuple[Change, ...]
    troubles: tuple[Trouble, ...]
    guesses: bool


def plan_network(network: Network, records: Records, host: Host) -> NetworkPlan:
    """Return how a network is made whose parent has its own name and whose host port has its addresses.

    Args:
        network: the network to be made.
        records: what ipvl remembers, which is nothing of this network.
        host: the host as it is now, with ports in other namespaces where there may be any that matter, and with its
            own routes where the network has host access.

    Raises:
        IpvlError: the kernel lacks something, the parent cannot be had or shared, or the host port would take
            something from the host.
    """
    check_kernel(network, host)
    found = plan_parent(network, records, host)
    if network.host_access:
        check_host_access(network, host)
    # The networks that share a parent have its mode: where there is one already, so is what it needs.
    first = not records.networks_on(network.parent)
    opening = steps_to_route_by(found.parent, (network,)) if first else ()
    steps = (*found.steps, *opening, *steps_to_give_access(network))
    held = [(parent, records.parent(parent.name)) for parent in reversed(found.parents)]
    return NetworkPlan(
        network,
        steps,
        changes=(*map(Put, found.parents), Put(replace(network, phase=Phase.MAKING))),
        undo_steps=tuple(undo for step in reversed(steps) for undo in _undo(step)),
        undo_changes=(Drop(network), *(Drop(new) if old is None else Put(old) for new, old in held)),
        warnings=found.warnings,
        notices=(*unused_parent_warning(network), *map(str, routers_on_parent(network, records))),
        guesses=not network.isolated and has_hidden_ports(network.parent, records, host),
    )


def plan_removal(networks: Collection[Network], records: Records, host: Host) -> RemovalPlan:
    """Return how networks are removed, with their endpoints and with the parents that nobody else needs.

    Args:
        networks: what is to go.
        records: what ipvl remembers.
        host: the host as it is now, with ports in other namespaces where a parent that goes may have any.
    """
    endpoints = [endpoint for network in networks for endpoint in records.endpoints_of(network.id)]
    unused = unused_parents(records, {one.id for one in networks}, dict.fromkeys(one.parent for one in networks))
    removed = steps_to_remove_parents(unused, host)
    return RemovalPlan(
        tuple(networks),
        steps=(
            *(RemovePort(endpoint.port) for endpoint in endpoints),
            *(RemoveHostPort(network.host_port) for network in networks if network.host_access),
            *steps_to_keep_host_off_again(records, networks, unused),
            *removed,
        ),
        changes=(*map(Drop, endpoints), *map(Drop, networks), *map(Drop, unused)),
        troubles=tuple(
            Trouble(left_behind(parent.name), _last_on(parent, networks), frozenset({parent.name}))
            for parent in unused
            if parent.made and RemoveParent(parent.name) not in removed
        ),
        guesses=any(has_hidden_ports(step.name, records, host) for step in removed),
    )


def plan_repetition(held: Network, asked: Network) -> NetworkPlan:
    """Return how a network is made whose id has one already: it is done, if that is what is asked for.

    The host's addresses may have been left to ipvl.

    Raises:
        IpvlError: it is not.
    """
    if len(held.subnets) == len(asked.subnets):
        pairs = zip(asked.subnets, held.subnets, strict=True)
        asked = replace(asked, subnets=tuple(replace(one, host=one.host or other.host) for one, other in pairs))
    if replace(held, name=None, created=0.0, phase=Phase.READY, seen_by=None) != replace(
        asked, name=None, created=0.0, phase=Phase.READY
    ):
        raise conflict(
            f"network id {asked.id[:12]} belongs to network {held.label}, which is not what this call asks for",
            "remove that network first",
        )
    return NetworkPlan(held)


def _last_on(parent: Parent, networks: Iterable[Network]) -> Network | None:
    """Return the network, one of those that go, that was on a parent or on what sits on that."""
    return next(
        (one for one in networks if one.parent == parent.name or one.parent.startswith(f"{parent.name}.")), None
    )


def _undo(step: Step) -> tuple[Step, ...]:
    match step:
        case MakeDummy() | MakeVlan():
            return (RemoveParent(step.name),)
        case RouteByParent():
            return (KeepHostOff(step.name),)
        case MakeHostPort():
            return (RemoveHostPort(step.name),)
        case _:
            return ()
