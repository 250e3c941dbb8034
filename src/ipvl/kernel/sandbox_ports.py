"""The inside of a sandbox's network namespace: its port, addresses and routes.

A namespace belongs to a thread, and a netlink socket to the namespace it was opened in. So the thread steps into the
sandbox only to open a socket and to write sysctls, awaits nothing meanwhile, and steps back; everything else is asked
over that socket from outside.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import ip_network
from pathlib import Path

from pyroute2.netlink.exceptions import NetlinkError

from ipvl.errors import IpvlError, conflict, kernel_refused
from ipvl.kernel.namespaces import enter_namespace, namespace_inode, netlink_in_namespace
from ipvl.kernel.netlink.address_messages import add_address
from ipvl.kernel.netlink.link_messages import (
    LOOPBACK,
    delete_link,
    dump_links,
    enable_arp_notify,
    get_link_by_index,
    get_link_by_name,
    move_link_to_namespace,
    read_index_and_kind,
    read_link,
    rename_link,
    set_link_mtu,
    set_link_up,
    set_queue_and_alias,
)
from ipvl.kernel.netlink.message_format import Request
from ipvl.kernel.netlink.netlink_socket import NetlinkSocket
from ipvl.kernel.netlink.route_messages import RouteEntry, add_route, dump_routes, read_route
from ipvl.model.addresses import IPAddress, IPInterface, IPNetwork
from ipvl.model.endpoints import PortSetup
from ipvl.model.links import SandboxView
from ipvl.model.networks import Route
from ipvl.model.steps import USUAL_METRICS, PlacePort, RemoveSandboxPort, RoutePort, SetMtu

log = logging.getLogger(__name__)

DEFAULT_ROUTES: dict[int, IPNetwork] = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
KERNEL_METRIC6 = 1024  # IP6_RT_PRIO_USER, include/uapi/linux/ipv6_route.h
CHANGES_TOO_FAST = "its links or routes change faster than they can be listed"
DISMANTLING_SECONDS = 2.0
DISMANTLING_POLL_SECONDS = 0.02


def read_sandbox_view(namespace: str) -> SandboxView:
    """Return what a sandbox's network is like.

    Raises:
        IpvlError: there is no network namespace at this path, or it does not hold still.
        NetlinkError: the kernel refused.
    """
    with netlink_in_namespace(namespace) as link:
        links, routes = link.dump(dump_links()), link.dump(dump_routes())
    if links is None or routes is None:
        raise kernel_refused(f"sandbox {namespace} cannot be looked into: {CHANGES_TOO_FAST}", "try again")
    found = [read_link(body, {}) for body in links]
    ways = filter(None, map(read_route, routes))
    return SandboxView(
        frozenset(one.name for one in found),
        frozenset(one.name for one in found if one.up),
        frozenset(
            (way.destination.version, way.metric or USUAL_METRICS[way.destination.version])
            for way in ways
            if way.destination.prefixlen == 0 and not way.announced
        ),
    )


async def place_port(host: NetlinkSocket, index: int, step: PlacePort) -> None:
    """Move the port with this index, name it, give it its addresses and bring it up.

    On failure it is gone, or in there under the name it had, if the answer to the move was lost.

    Raises:
        IpvlError: there is no network namespace at this path.
        NetlinkError: the kernel refused.
    """
    # A port without addresses gets them, of either family, from whoever is in there.
    with_ipv6 = not step.addresses or any(address.version == 6 for address in step.addresses)
    with ExitStack() as opened:
        with enter_namespace(step.namespace):
            link = opened.enter_context(NetlinkSocket())
            moved = _move(host, index, link, step)
            with _gone_on_failure(link, moved):
                link.do(set_link_up(moved, up=False))
                link.do(rename_link(moved, step.interface))
                _configure(f"ipv6/conf/{step.interface}/disable_ipv6", "0" if with_ipv6 else "1")
                if not step.takes_default6:
                    _configure(f"ipv6/conf/{step.interface}/accept_ra_defrtr", "0")
                if step.setup is not None:
                    _set_up(link, moved, step.interface, step.setup)
        with _gone_on_failure(link, moved):
            broadcast = step.setup is not None and step.setup.broadcast
            for address in step.addresses:
                await _add_address(link, moved, address, broadcast=broadcast)
            for address in () if step.setup is None else step.setup.addresses:
                _add_further_address(link, moved, address, step, broadcast=broadcast)
            link.do(set_link_up(moved, up=True))
            if step.announced:
                # Only now, since coming up would be announced as well, out of turn.
                link.do(enable_arp_notify(moved))
                if with_ipv6:
                    with enter_namespace(step.namespace):
                        _configure(f"ipv6/conf/{step.interface}/ndisc_notify", "1")
            link.do(set_link_up(LOOPBACK, up=True))


def route_port(step: RoutePort) -> None:
    """Add the routes; one that is there already is done, and one that a router announced gives way.

    Raises:
        IpvlError: there is no network namespace at this path, or it has another route to one of the destinations.
        NetlinkError: the kernel refused.
    """
    with netlink_in_namespace(step.namespace) as link:
        port, _ = read_index_and_kind(link.ask(get_link_by_name(step.interface)))
        for route in (*(Route(DEFAULT_ROUTES[gateway.version], gateway) for gateway in step.gateways), *step.routes):
            _add_route(link, step, port, route)


def set_mtu(step: SetMtu, namespace: str) -> None:
    """Set the MTU of an interface in a sandbox.

    Raises:
        IpvlError: there is no network namespace at this path, or ipvl may not enter it.
        NetlinkError: the kernel refused.
    """
    # A link of another namespace can be listed from outside, but IFLA_TARGET_NETNSID of RTM_SETLINK moves it
    # (do_setlink in net/core/rtnetlink.c).
    with netlink_in_namespace(namespace) as link:
        port, _ = read_index_and_kind(link.ask(get_link_by_name(step.interface)))
        link.do(set_link_mtu(port, step.mtu))


def remove_sandbox_port(step: RemoveSandboxPort) -> None:
    """Remove the port.

    Raises:
        NetlinkError: the kernel refused.
    """
    if namespace_inode(step.namespace) is not None:
        with netlink_in_namespace(step.namespace) as link:
            remove_ipvlan_port(link, get_link_by_name(step.interface))


def remove_ipvlan_port(link: NetlinkSocket, question: Request) -> None:
    """Remove the port that a question asks for; one that is gone is done already, another link is left alone.

    Raises:
        NetlinkError: the kernel refused.
    """
    try:
        index, kind = read_index_and_kind(link.ask(question))
        if kind == "ipvlan":
            link.do(delete_link(index))
    except NetlinkError as error:
        if error.code != errno.ENODEV:
            raise


def _move(host: NetlinkSocket, index: int, link: NetlinkSocket, step: PlacePort) -> int:
    """Move the port with this index into the namespace that a netlink is about; return its index there."""
    target = os.open(step.namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        host.do(move_link_to_namespace(index, target))
    finally:
        os.close(target)
    return read_index_and_kind(link.ask(get_link_by_name(step.name)))[0]


@contextmanager
def _gone_on_failure(link: NetlinkSocket, port: int) -> Iterator[None]:
    try:
        yield
    except (NetlinkError, OSError, IpvlError):  # the last when the namespace may not be entered any more
        # Not by its name, which another port in there may have.
        remove_ipvlan_port(link, get_link_by_index(port))
        raise


async def _add_address(link: NetlinkSocket, port: int, address: IPInterface, *, broadcast: bool) -> None:
    """Give a port an address, if need be when the namespace of a port that had it has been taken apart.

    The kernel does that on its own time after the last process has ended (net/core/net_namespace.c, cleanup_net), and
    announces nothing in other namespaces; until then the port in there keeps its addresses from the parent's others.
    """
    # Docker, too, uses its addresses at once: whoever allocates them has made sure.
    deadline = time.monotonic() + DISMANTLING_SECONDS
    while True:
        try:
            link.do(add_address(port, address, broadcast=broadcast))
        except NetlinkError as error:
            if error.code != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
            await asyncio.sleep(DISMANTLING_POLL_SECONDS)
        else:
            return


def _add_further_address(
    link: NetlinkSocket, port: int, address: IPInterface, step: PlacePort, *, broadcast: bool
) -> None:
    """Give a port an address that somebody had given the one before, unless another port of the parent has it now."""
    try:
        link.do(add_address(port, address, broadcast=broadcast))
    except NetlinkError as error:
        if error.code not in {errno.EADDRINUSE, errno.EEXIST}:
            raise
        log.warning("%s of %s has not %s again: another port has it now", step.interface, step.namespace, address.ip)


def _add_route(link: NetlinkSocket, step: RoutePort, port: int, route: Route) -> None:
    metric = step.metric
    if metric is None and route.destination.prefixlen == 0:
        metric = USUAL_METRICS[route.destination.version] or None
    try:
        link.do(add_route(route.destination, port, route.via, metric))
    except NetlinkError as error:
        if error.code != errno.EEXIST:
            raise
        there = _routes_to(link, route.destination, metric)
        if any((way.index, way.via) == (port, route.via) for way in there):
            return
        other = next((way for way in there if not way.announced), None)
        if other is not None:
            raise route_taken(step, route, other.via) from error
        if not there:  # it has gone again, or the routes do not hold still
            raise
        link.do(add_route(route.destination, port, route.via, metric, replaces=True))


def _routes_to(link: NetlinkSocket, destination: IPNetwork, metric: int | None) -> list[RouteEntry]:
    """Return the routes that are in the way of one with this destination and metric."""
    wanted = metric or (KERNEL_METRIC6 if destination.version == 6 else 0)
    ways = filter(None, map(read_route, link.dump(dump_routes()) or ()))
    return [way for way in ways if (way.destination, way.metric) == (destination, wanted)]


def route_taken(step: RoutePort, route: Route, via: IPAddress | None) -> IpvlError:
    """Return the refusal of a route to a destination that another network, or somebody else, has a route to already."""
    there = "straight to an interface" if via is None else f"via {via}"
    return conflict(
        f"sandbox {step.namespace} has a route to {route.destination} already, {there}, so it cannot have {route.label}"
        f" through {step.interface}",
        "make one of the two networks with another -o metric, or without that route",
    )


def _configure(name: str, value: str) -> None:
    with suppress(FileNotFoundError):  # a kernel without IPv6 has none of its settings
        Path("/proc/sys/net", name).write_text(value)


def _set_up(link: NetlinkSocket, port: int, interface: str, setup: PortSetup) -> None:
    """Set up a port as the one before it was; this thread is in its namespace."""
    link.do(set_queue_and_alias(port, setup.queue_length, setup.alias))
    for name, value in setup.settings:
        with suppress(OSError):  # some may only be read
            Path("/proc/sys/net", name.replace("*", interface)).write_text(value)
