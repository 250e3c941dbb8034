"""Which link of a host is meant by a description of a parent."""

from __future__ import annotations

from dataclasses import replace

from ipvl.errors import conflict, missing
from ipvl.model.links import Link
from ipvl.model.networks import Network, VlanProtocol
from ipvl.options.link_names import check_link_name
from ipvl.options.parent_selectors import ParentSelector
from ipvl.planning.host import Host
from ipvl.planning.parents.parent_names import named_parent
from ipvl.planning.parents.plan_parent import may_be_parent
from ipvl.records.records import Records


def find_parent_name(
    text: str, selector: ParentSelector | None, records: Records, host: Host, protocol: VlanProtocol | None = None
) -> str:
    """Return what ipvl calls the parent that a text names, or describes if there is a selector.

    Raises:
        IpvlError: it describes no link or several, or names a sub-interface that would have too long a name.
    """
    if selector is None:
        return named_parent(text, records, host, protocol)
    return named_parent(select_parent(selector, host), records, host, protocol, described=True)


def with_parents_name(requested: Network, selector: ParentSelector | None, records: Records, host: Host) -> Network:
    """Return a network with its parent's own name where that was described (`selector`) or called otherwise.

    Raises:
        IpvlError: as `find_parent_name`, or it is no link's name.
    """
    if requested.isolated:
        return requested
    return replace(
        requested,
        parent=check_link_name(find_parent_name(requested.parent, selector, records, host, requested.vlan_protocol)),
    )


def select_parent(selector: ParentSelector, host: Host) -> str:
    """Return the name of the parent that is meant: a link of the host, and the tags that were asked for.

    Args:
        selector: what was said of it.
        host: the host as it is now, with its own addresses and routes.

    Raises:
        IpvlError: it is true of no link, or of several.
    """
    if selector.subnet is not None:
        name = _by_subnet(selector, host)
    elif selector.mac is not None:
        name = _by_mac(selector, host)
    else:
        name = _by_default_route(selector, host)
    return name + selector.tags


def _by_default_route(selector: ParentSelector, host: Host) -> str:
    """Return the link of the default route that the host prefers, an IPv4 one if it has any."""
    routes = [route for route in host.routing.routes if route.destination.prefixlen == 0 and route.link is not None]
    if not routes:
        raise missing(
            f"parent {selector.text} is the link of the default route, and this host has none that leads by one link",
            "name the link, or describe it as subnet:CIDR or mac:ADDRESS",
        )
    best = min(routes, key=lambda route: (route.destination.version, route.metric))
    return best.link or ""


def _by_subnet(selector: ParentSelector, host: Host) -> str:
    subnet = selector.subnet
    names = {name for name, address in host.routing.addresses if subnet is not None and address in subnet}
    return _only(
        selector, [link for link in host.links if link.name in names and may_be_parent(link)], "an address in it"
    )


def _by_mac(selector: ParentSelector, host: Host) -> str:
    """Return the link with a MAC address; sub-interfaces, bonds and bridges may have that of a link of theirs."""
    found = []
    for link in host.links:
        below = host.below(link)
        if link.mac == selector.mac and link.master_kind is None and (below is None or below.mac != link.mac):
            found.append(link)
    return _only(
        selector, [link for link in found if link.kind == "macvlan" or may_be_parent(link)], "that MAC address"
    )


def _only(selector: ParentSelector, links: list[Link], what: str) -> str:
    if len(links) > 1:
        names = " and ".join(link.name for link in links)
        raise conflict(f"parent {selector.text} is true of {names}", "name the one that is meant")
    if not links:
        raise missing(f"parent {selector.text} is true of no link: none has {what}", "see `ip address`")
    return links[0].name
