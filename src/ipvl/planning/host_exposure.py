"""Which parents the host itself is kept off, and what is wrong when it is not.

A link that ipvl made for networks that do not route carries containers and nothing else. In modes l3 and l3s the host
is the router between parent and containers, so it keeps its IPv4 and IPv6 there. Links of others are theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ipvl.model.links import HostExposure
from ipvl.model.networks import Network, Parent
from ipvl.model.steps import KeepHostOff, RouteByParent, Step
from ipvl.planning.host import Host
from ipvl.records.records import Records

ANSWERS_NOBODY = 8
"""The value of arp_ignore with which nobody is answered."""
ANSWERS_FOR_ALL = 0
"""The kernel's own: a link answers for every address of the host's. What an older ipvl made for l3 still does."""


def is_routed(networks: Iterable[Network]) -> bool:
    """Tell whether the host has to route for networks of one parent, all of which have its mode."""
    return any(network.mode.routes and not network.isolated for network in networks)


def host_is_kept_off(reach: HostExposure) -> bool:
    """Tell whether the host is kept off a link for good, whatever is set for all links."""
    return reach.rp_filter > 0 and reach.arp_ignore == ANSWERS_NOBODY and not reach.ipv6


def steps_to_route_by(parent: Parent, networks: Iterable[Network]) -> tuple[Step, ...]:
    """Return the step that lets the host route by a parent that was made, and so is shut, for these networks."""
    return (RouteByParent(parent.name),) if parent.made and is_routed(networks) else ()


def steps_to_keep_host_off_again(
    records: Records, gone: Collection[Network], unused: Collection[Parent]
) -> tuple[Step, ...]:
    """Return the steps that shut parents which stay when these networks, the last they carry, go.

    Such a parent is the outer tag of another; `unused` are those that go as well.
    """
    going = {network.id for network in gone}
    names = dict.fromkeys(network.parent for network in gone if is_routed((network,)))
    return tuple(
        KeepHostOff(name)
        for name in names
        if (parent := records.parent(name)) is not None
        and parent.made
        and parent not in unused
        and all(network.id in going for network in records.networks_on(name))
    )


def steps_to_repair_exposure(parent: Parent, networks: Collection[Network], host: Host) -> tuple[Step, ...]:
    """Return the step that makes a parent that ipvl made again what these networks need it to be, if it is not."""
    reach = _reach(parent, host)
    if reach is None:
        return ()
    if is_routed(networks):
        return (RouteByParent(parent.name),) if reach.arp_ignore in {ANSWERS_NOBODY, ANSWERS_FOR_ALL} else ()
    return () if host_is_kept_off(reach) else (KeepHostOff(parent.name),)


def exposure_warning(parent: Parent, networks: Collection[Network], host: Host) -> str | None:
    """Return what to say of a parent for containers alone by which the host is reached, or None."""
    reach = _reach(parent, host)
    if reach is None:
        return None
    if is_routed(networks):
        answers = reach.arp_ignore == ANSWERS_FOR_ALL
        return f"{answers_trouble(parent.name)}: `systemctl restart ipvl` ends that" if answers else None
    return (
        None
        if host_is_kept_off(reach)
        else f"{exposure_trouble(parent.name, reach)}: `systemctl restart ipvl` shuts it"
    )


def host_address_warning(parent: Parent, networks: Collection[Network], host: Host) -> str | None:
    """Return what to say of a parent for containers alone on which somebody gave the host an address, or None."""
    reach = _reach(parent, host)
    if reach is None or is_routed(networks) or not reach.addresses:
        return None
    what, way_out = address_trouble(parent.name, ", ".join(map(str, reach.addresses)))
    return f"{what}: {way_out}"


def address_trouble(name: str, addresses: str) -> tuple[str, str]:
    """Return what is wrong with addresses of the host's on a parent that ipvl made, and the way out."""
    return (
        f"parent {name} has {addresses}, but ipvl made it for containers alone: the host answers no ARP there",
        (
            f"remove it with `ip addr flush dev {name}`, and use host_access=true to reach the containers; a link that"
            " you make yourself before the network stays as it is"
        ),
    )


def answers_trouble(name: str) -> str:
    """Return what is wrong with a parent that the host routes by, and where it answers for its other addresses."""
    return (
        f"this host answers for its addresses on other links as well on parent {name}, which ipvl made (arp_ignore=0)"
    )


def exposure_trouble(name: str, reach: HostExposure) -> str:
    """Return what is wrong with settings of a parent by which the host is reached though it should not be."""
    return (
        f"this host is reached by parent {name}, which ipvl made for containers alone (rp_filter={reach.rp_filter},"
        f" arp_ignore={reach.arp_ignore}, disable_ipv6={int(not reach.ipv6)})"
    )


def _reach(parent: Parent, host: Host) -> HostExposure | None:
    link = host.link(parent.name)
    return host.exposures.get(parent.name) if parent.made and link is not None and link.made_by_ipvl else None
