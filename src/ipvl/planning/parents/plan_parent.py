"""Which link becomes a network's parent, and whether ipvl must make it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ipvl.errors import conflict, invalid, missing
from ipvl.model.links import HALF_MADE_PREFIX, Link
from ipvl.model.networks import Network, Parent, ParentKind
from ipvl.model.steps import MakeDummy, MakeVlan, RemoveParent, Step
from ipvl.planning.host import Host
from ipvl.planning.parents.kernel_versions import check_kind
from ipvl.planning.parents.parent_requirements import (
    HAS_NO_FRAMES_TO_GIVE,
    IPVLAN_KINDS,
    check_link,
    check_mtu,
    warning_about_base,
    warnings_about,
)
from ipvl.planning.parents.parent_sharing import check_sharing
from ipvl.planning.parents.vlan_tags import check_protocol, wanted_parents
from ipvl.records.records import Records

NEVER_OFFERED = IPVLAN_KINDS | HAS_NO_FRAMES_TO_GIVE.keys() | {"dummy"}


@dataclass(frozen=True, slots=True)
class ParentPlan:
    """The parent of a network, the steps that make it, and what the operator should know about it.

    `under` are the parents of ipvl's own that it sits on: of `eth0.100.20` that is `eth0.100`, if ipvl makes it.
    """

    parent: Parent
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]
    under: tuple[Parent, ...] = ()

    @property
    def parents(self) -> tuple[Parent, ...]:
        """All of them, each after what it sits on."""
        return (*self.under, self.parent)


def plan_parent(network: Network, records: Records, host: Host) -> ParentPlan:
    """Decide on the parent of a new network.

    Args:
        network: the network to be made.
        records: what ipvl remembers.
        host: the host as it is now.

    Raises:
        IpvlError: the parent cannot be had or cannot be shared; the sentence says why and what to do instead.
    """
    check_sharing(network, records)
    link = host.link(network.parent)
    parents: tuple[Parent, ...]
    if network.isolated:
        parents = (Parent(network.parent, ParentKind.DUMMY, made=True, mtu=network.mtu),)
        if link is not None and not link.made_by_ipvl:
            raise conflict(
                f"link {link.name}, the parent of isolated network {network.label}, exists and was not made by ipvl",
                f"remove it with `ip link del {link.name}`",
            )
    else:
        parents = wanted_parents(network.parent, records, host, network.vlan_protocol)
        check_protocol(network, parents, host)
    *under, requested = parents
    if link is not None:
        check_link(link, network, host)
        return ParentPlan(requested, (), warnings_about(link, host), tuple(under))
    steps = steps_to_make(parents, host)
    base = base_of_missing(parents, host)
    if base is not None:
        check_mtu(network, base, host)
    warnings = () if base is None else warning_about_base(network.parent, base, host)
    return ParentPlan(requested, steps, warnings, tuple(under))


def steps_to_make(parents: Sequence[Parent], host: Host) -> tuple[Step, ...]:
    """Return the steps that make those of some parents that are missing, each after what it sits on.

    Raises:
        IpvlError: one is not one that ipvl makes, its base link is missing, its VLAN is taken under another name, or
            the kernel lacks the link kind.
    """
    steps: list[Step] = []
    coming: set[str] = set()
    for parent in parents:
        if host.link(parent.name) is None:
            steps.append(_step_to_make(parent, host, coming))
            coming.add(parent.name)
    return tuple(steps)


def base_of_missing(parents: Sequence[Parent], host: Host) -> Link | None:
    """Return the link that the first missing one of some parents is made on; None when that is missing or none is."""
    first = next((parent for parent in parents if host.link(parent.name) is None), None)
    return None if first is None or first.base is None else host.link(first.base)


def unused_parents(records: Records, gone: Collection[str], names: Iterable[str]) -> tuple[Parent, ...]:
    """Return the parents that nobody needs any more, each before what it sits on.

    Args:
        records: what ipvl remembers.
        gone: the ids of networks that are about to go.
        names: the parents to look at; what those sit on is looked at with them.
    """
    found: dict[str, Parent] = {}
    # What a link sits on has a shorter name.
    waiting = sorted(names, key=len, reverse=True)
    for name in waiting:
        parent = records.parent(name)
        if parent is None or name in found or any(one.id not in gone for one in records.networks_on(name)):
            continue
        if parent.made and any(upper.name not in found for upper in records.parents_on(name)):
            continue
        found[name] = parent
        if parent.base is not None:
            waiting.append(parent.base)
    return tuple(found.values())


def steps_to_remove_parents(parents: Iterable[Parent], host: Host) -> tuple[RemoveParent, ...]:
    """Return the steps that remove those of some parents that ipvl made and nobody else has put a link on.

    The kernel removes with a link all that is on it. What stays keeps its mark, so that its being there is reported.
    """
    return tuple(RemoveParent(one.name) for one in parents if one.made and _link_of_others(one, host) is None)


def left_behind(name: str) -> str:
    """Return what to say of a link that ipvl made, that no network needs and that ipvl does not remove."""
    return f"link {name} was made by ipvl, but no network that ipvl knows uses it: remove it with `ip link del {name}`"


def _link_of_others(parent: Parent, host: Host) -> Link | None:
    link = host.link(parent.name)
    ports = () if link is None else host.ports_of(link)
    of_others = (port for port in ports if not (port.made_by_ipvl or port.name.startswith(HALF_MADE_PREFIX)))
    return next((port for port in of_others if port.kind != "ipvlan"), None)


def _step_to_make(parent: Parent, host: Host, coming: Collection[str]) -> Step:
    if parent.kind is ParentKind.DUMMY:
        check_kind("dummy", host)
        return MakeDummy(parent.name, parent.mtu)
    if parent.kind is ParentKind.LINK or parent.base is None or parent.vlan_id is None:
        raise missing(
            f"parent {parent.name} does not exist on this host",
            "make it first, or name it NAME.VID (such as eth0.20) to have it made",
        )
    if parent.base not in coming:
        _check_base(parent, parent.base, host)
    check_kind("vlan", host)
    return MakeVlan(parent.name, parent.base, parent.vlan_id, parent.protocol)


def _check_base(parent: Parent, base_name: str, host: Host) -> None:
    base = host.link(base_name)
    if base is None:
        raise missing(
            f"parent {parent.name} cannot be made: link {base_name} does not exist on this host",
            f"links that do: {', '.join(_parents_to_offer(host)) or 'none'}",
        )
    if base.loopback or not base.ethernet:
        raise invalid(f"parent {parent.name} cannot be made: {base.name} is not an Ethernet link")
    tag = (parent.vlan_id, parent.protocol)
    twin = next((link for link in host.ports_of(base) if (link.vlan_id, link.vlan_protocol) == tag), None)
    if twin is not None:
        raise conflict(
            f"parent {parent.name} cannot be made: VLAN {parent.vlan_id} of {base.name} is already link {twin.label}",
            f"use -o parent={twin.name}" if twin.namespace is None else "remove that link, or use another VLAN",
        )


def may_be_parent(link: Link) -> bool:
    """Tell whether a link is one that a user who does not name it may mean as a parent.

    A macvlan port is one where it is the host's NIC, as in an instance of LXD: the link below it is elsewhere.
    """
    beside = link.kind == "macvlan" and link.lower is not None
    return link.ethernet and not link.loopback and link.kind not in NEVER_OFFERED and not beside


def _parents_to_offer(host: Host) -> list[str]:
    return [link.name for link in host.links if may_be_parent(link) and link.master_kind is None]
