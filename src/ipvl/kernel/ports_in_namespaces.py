"""Ports that were moved to other namespaces, seen from the one that their parents are in."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from ipvl.kernel import namespaces
from ipvl.kernel.netlink import link_messages
from ipvl.kernel.netlink.netlink_socket import NetlinkSocket
from ipvl.model.links import Link
from ipvl.model.steps import RemoveLeftPort

NO_NUMBER = 0xFFFFFFFF  # NETNSA_NSID_NOT_ASSIGNED, include/uapi/linux/net_namespace.h


async def ports_in_other_namespaces(
    socket: AsyncIPRoute, netlink: NetlinkSocket, known: Iterable[str]
) -> tuple[Link, ...]:
    """Return the links in other namespaces that sit on a link of this one; `lower` is its index here.

    Args:
        socket: pyroute2's, in this namespace.
        netlink: ipvl's own, in this namespace.
        known: paths of namespaces to look into beside those that have a name.

    Raises:
        NetlinkError: this user may not look into them.
    """
    found: list[Link] = []
    for path in namespaces.other_namespaces(known):
        found += await ports_in(socket, netlink, path)
    return tuple(found)


async def ports_in(socket: AsyncIPRoute, netlink: NetlinkSocket, path: str) -> tuple[Link, ...]:
    """Return the links in the namespace at a path that sit on a link of this one; none when it went away meanwhile.

    Raises:
        NetlinkError: this user may not look into it.
    """
    try:
        number = await _number(socket, path)
        bodies = netlink.dump(link_messages.dump_links_of_namespace(number)) or ()
        own = await _number(socket, str(namespaces.OWN_NAMESPACE))
    except OSError:
        return ()
    except NetlinkError as error:
        if error.code in {errno.EPERM, errno.EACCES}:
            raise
        return ()
    found: list[Link] = []
    for body in bodies:
        lower, where = link_messages.read_link_below(body)
        if lower is not None and where == own:
            found.append(replace(link_messages.read_link(body, {}), lower=lower, namespace=path))
    return tuple(found)


async def remove_left_port(socket: AsyncIPRoute, netlink: NetlinkSocket, step: RemoveLeftPort) -> None:
    """Remove a port that was left in a namespace; one that is gone is done already, another link is left alone.

    Raises:
        NetlinkError: the kernel refused.
    """
    for port in await ports_in(socket, netlink, step.namespace):
        if (port.index, port.kind) == (step.index, "ipvlan"):
            with suppress(OSError):  # the namespace went away, and the port with it
                number = await _number(socket, step.namespace)
                netlink.do(link_messages.delete_link_of_namespace(number, step.index))


async def _number(socket: AsyncIPRoute, path: str) -> int:
    """Return the number by which this namespace knows another, giving it one if it has none (RTM_NEWNSID)."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _drop_unclaimed(socket)
        for _ in range(2):
            number = (await socket.get_netnsid(fd=fd))["nsid"]
            if number not in {None, NO_NUMBER}:
                return int(number)
            with suppress(NetlinkError):  # somebody else may have just given it one
                await socket.set_netnsid(fd=fd)
    finally:
        os.close(fd)
    raise OSError(errno.ENOENT, "the namespace has no number", path)


def _drop_unclaimed(socket: AsyncIPRoute) -> None:
    # The kernel's acknowledgement of a "get" comes after its answer, when pyroute2 waits for it no more: it would be
    # kept, with all that nobody waits for, as long as the socket.
    unclaimed = socket.msg_queue.root
    while not unclaimed.empty():
        unclaimed.get_nowait()
