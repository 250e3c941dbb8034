"""Ports in a sandbox as they are, with all that it takes to make one again, and the routes of one that was made again.

Where ipvl may not enter the sandbox, its links are listed from outside, and nothing more is known.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from pathlib import Path

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from ipvl.errors import IpvlError, kernel_refused
from ipvl.kernel import ports_in_namespaces
from ipvl.kernel.namespaces import enter_namespace, netlink_in_namespace
from ipvl.kernel.netlink.address_messages import PortAddress, dump_addresses, read_port_address
from ipvl.kernel.netlink.link_messages import (
    dump_links,
    get_link_by_name,
    read_index_and_kind,
    read_link,
    read_link_below,
    read_queue_length,
)
from ipvl.kernel.netlink.netlink_socket import NetlinkSocket
from ipvl.kernel.netlink.route_messages import add_port_route, dump_routes, read_port_route, read_route
from ipvl.kernel.sandbox_ports import CHANGES_TOO_FAST
from ipvl.model.addresses import IPAddress
from ipvl.model.endpoints import PortRoute, PortSetup
from ipvl.model.links import Link, PortsView, PortView
from ipvl.model.steps import USUAL_METRICS, RestoreRoutes

SETTINGS = Path("/proc/sys/net")
FAMILIES = ("ipv4", "ipv6")
IPV6_SWITCH = "disable_ipv6"
"""What a port has of this is always told, since what a new one has depends on its addresses (`place_port`)."""
NOT_RESTORED = frozenset({"mtu", "mc_forwarding", "stable_secret"})
"""Settings that are the kernel's own, follow from others, or are a secret of the host's."""


async def read_ports_view(socket: AsyncIPRoute, host: NetlinkSocket, namespace: str, *, whole: bool) -> PortsView:
    """Return the ports in a sandbox, with everything about them where it may be entered.

    Args:
        socket: pyroute2's, in the host's namespace.
        host: ipvl's own, in the host's namespace.
        namespace: the path of the sandbox's network namespace.
        whole: whether to tell how ports are set up, too.

    Raises:
        IpvlError: there is no network namespace at this path, or it does not hold still.
        NetlinkError: the kernel refused.
    """
    try:
        return _look_inside(namespace, whole=whole)
    except IpvlError as error:
        if not isinstance(error.__cause__, PermissionError):
            raise
    found = await ports_in_namespaces.ports_in(socket, host, namespace)
    ports = [PortView(port.name, port.lower, port.up) for port in found if port.lower is not None]
    return PortsView(entered=False, ports=tuple(ports))


def restore_routes(step: RestoreRoutes) -> None:
    """Add the routes; one to the same place with the same metric is left alone, whoever's it is.

    Raises:
        IpvlError: there is no network namespace at this path.
        NetlinkError: the kernel refused.
    """
    with netlink_in_namespace(step.namespace) as link:
        port, _ = read_index_and_kind(link.ask(get_link_by_name(step.interface)))
        # A router may be reached by another of them.
        for route in sorted(step.routes, key=lambda one: (one.via is not None, -one.destination.prefixlen)):
            try:
                link.do(add_port_route(route, port))
            except NetlinkError as error:
                if error.code != errno.EEXIST:
                    raise


def _look_inside(namespace: str, *, whole: bool) -> PortsView:
    with enter_namespace(namespace):
        netlink = NetlinkSocket()
        with netlink:
            asked = [netlink.dump(request) for request in (dump_links(), dump_addresses(), dump_routes())]
        if None in asked:
            raise kernel_refused(f"sandbox {namespace} cannot be looked into: {CHANGES_TOO_FAST}", "try again")
        bodies, addresses, routes = (found or () for found in asked)
        links = [read_link(body, {}) for body in bodies]
        held = [read_port_address(body) for body in addresses]
        ports = []
        for link, body in zip(links, bodies, strict=True):
            lower, where = read_link_below(body) if link.kind == "ipvlan" else (None, None)
            if lower is None or where is None:
                continue
            own = [one for one in held if one.index == link.index]
            has = tuple(one.interface for one in own if one.permanent and not one.interface.is_link_local)
            setup = _setup(link, body, own, routes) if whole else None
            ports.append(PortView(link.name, lower, link.up, has, setup))
    names = {link.index: link.name for link in links}
    ways = [way for way in map(read_route, routes) if way is not None and way.destination.prefixlen == 0]
    return PortsView(
        entered=True,
        ports=tuple(ports),
        interfaces=frozenset(names.values()),
        addresses=frozenset(_named(held, names)),
        default_routes=frozenset(
            (way.destination.version, way.metric or USUAL_METRICS[way.destination.version])
            for way in ways
            if not way.announced
        ),
    )


def _setup(link: Link, body: bytes, held: Iterable[PortAddress], routes: Iterable[bytes]) -> PortSetup:
    """Return how a port is set up; this thread is in its namespace."""
    ways = [way for one in routes if (way := read_port_route(one)) is not None]
    return PortSetup(
        broadcast=any(address.broadcast for address in held),
        queue_length=read_queue_length(body),
        alias=link.alias,
        routes=_in_order(route for index, route in ways if index == link.index),
        settings=tuple(_settings(link.name)),
    )


def _named(held: Iterable[PortAddress], names: dict[int, str]) -> Iterator[tuple[str, IPAddress]]:
    return ((names[one.index], one.interface.ip) for one in held if one.index in names)


def _in_order(routes: Iterable[PortRoute]) -> tuple[PortRoute, ...]:
    """Return routes in an order that does not depend on when each was made, so that what is alike is equal."""
    return tuple(sorted(routes, key=lambda one: (one.table, one.destination.version, str(one.destination), one.metric)))


def _settings(interface: str) -> Iterator[tuple[str, str]]:
    """Yield the sysctls of an interface of the namespace that this thread is in that are not a new one's."""
    for family in FAMILIES:
        folder = SETTINGS / family / "conf"
        for file in sorted(folder.glob(f"{interface}/*")):
            try:
                value, usual = file.read_text().strip(), (folder / "default" / file.name).read_text().strip()
            except OSError:  # a secret that was never set (EIO)
                continue
            if file.name not in NOT_RESTORED and (value != usual or file.name == IPV6_SWITCH):
                yield f"{family}/conf/*/{file.name}", value
