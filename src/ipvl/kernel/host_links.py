"""Links of the host's namespace: all of them, one by its name, and which kinds the kernel can make."""

from __future__ import annotations

import errno
from typing import Any

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from ipvl.errors import kernel_refused, missing
from ipvl.kernel.kernel_refusals import refuse
from ipvl.kernel.netlink import link_messages
from ipvl.kernel.netlink.netlink_socket import NetlinkSocket
from ipvl.model.links import Link

PROBES: dict[str, dict[str, Any]] = {
    # Requests that a kernel with the kind refuses before it makes anything, and one without it refuses as unknown.
    "ipvlan": {},
    "vlan": {},
    "dummy": {"address": "01:00:00:00:00:00"},  # a multicast address cannot be a link's
}


def list_links(netlink: NetlinkSocket) -> tuple[Link, ...]:
    """Return every link.

    Raises:
        IpvlError: the kernel refused, or the links changed faster than they could be read.
    """
    try:
        found = netlink.dump(link_messages.dump_links())
    except (NetlinkError, OSError) as error:
        refuse(error, "list links")
    if found is None:
        raise kernel_refused("the host's links change faster than they can be listed", "try again")
    kinds = dict(map(link_messages.read_index_and_kind, found))
    return tuple(link_messages.read_link(body, kinds) for body in found)


def find_link(netlink: NetlinkSocket, name: str) -> Link | None:
    """Return the link with this name, or None; `master_kind` is not filled in.

    Raises:
        IpvlError: the kernel refused.
    """
    try:
        return link_messages.read_link(netlink.ask(link_messages.get_link_by_name(name)), {})
    except (NetlinkError, OSError) as error:
        if isinstance(error, NetlinkError) and error.code == errno.ENODEV:
            return None
        refuse(error, f"read link {name}")


def existing_link(netlink: NetlinkSocket, name: str) -> Link:
    """Return the link with this name.

    Raises:
        IpvlError: there is none, or the kernel refused.
    """
    link = find_link(netlink, name)
    if link is None:
        raise missing(f"link {name} does not exist on this host", "it went away a moment ago: make it again")
    return link


async def link_kinds(socket: AsyncIPRoute) -> frozenset[str]:
    """Return which of `ipvlan`, `vlan` and `dummy` this kernel can make; its modules are loaded on the way.

    Raises:
        IpvlError: the kernel refused for another reason, such as missing privileges.
    """
    found = set()
    for kind, attributes in PROBES.items():
        try:
            await socket.link("add", kind=kind, **attributes)
        except NetlinkError as error:
            if error.code == errno.EPERM:
                refuse(error, "make links")
            if error.code != errno.EOPNOTSUPP:
                found.add(kind)
        except OSError as error:
            refuse(error, "make links")
    return frozenset(found)
