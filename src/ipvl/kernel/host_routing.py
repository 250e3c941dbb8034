"""What of the address space this host uses already, and what tells it from other hosts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from pyroute2 import AsyncIPRoute

from ipvl.kernel.netlink.netlink_socket import NLM_F_DUMP_INTR
from ipvl.kernel.netlink.route_messages import RT_TABLE_MAIN
from ipvl.model.addresses import IPNetwork
from ipvl.model.links import HostRoute, HostRouting

RTPROT_KERNEL, RTPROT_RA = 2, 9  # what NetworkManager and systemd-networkd call an announced prefix
MACHINE_ID = Path("/etc/machine-id")


async def dump_prefixes(socket: AsyncIPRoute) -> tuple[IPNetwork, ...] | None:
    """Return the prefixes of every address and of every route of the main table, both families, default routes too.

    None when they changed while they were listed (NLM_F_DUMP_INTR): ask again.

    Raises:
        NetlinkError: the kernel refused.
    """
    dumped = await _dump(socket)
    if dumped is None:
        return None
    addresses, routes = dumped
    found = {*map(_of_address, addresses), *map(_of_route, routes)}
    return tuple(sorted(found, key=lambda one: (one.version, int(one.network_address), one.prefixlen)))


async def dump_host_routing(socket: AsyncIPRoute, names: Mapping[int, str]) -> HostRouting | None:
    """Return the host's own addresses and the routes of its main table, both families.

    None when they changed while they were listed (NLM_F_DUMP_INTR): ask again.

    Args:
        socket: what to ask over.
        names: the links' names by their index; what is on a link without one is left out.

    Raises:
        NetlinkError: the kernel refused.
    """
    dumped = await _dump(socket)
    if dumped is None:
        return None
    addresses, routes = dumped
    return HostRouting(
        frozenset(
            (names[message["index"]], ip_address(message.get("local") or message.get("address")))
            for message in addresses
            if message["index"] in names
        ),
        tuple(
            HostRoute(
                destination=_of_route(message),
                link=names.get(message.get("oif")),
                connected=message.get("gateway") is None and message.get("via") is None,
                by_kernel=message["proto"] in {RTPROT_KERNEL, RTPROT_RA},
                metric=message.get("priority") or 0,
                source=None if message.get("prefsrc") is None else ip_address(message.get("prefsrc")),
            )
            for message in routes
        ),
    )


def machine_identity() -> str:
    """Return what tells this host from all others and stays over reboots: machine-id(5), or the host's name."""
    try:
        return MACHINE_ID.read_text().strip() or os.uname().nodename
    except OSError:
        return os.uname().nodename


async def _dump(socket: AsyncIPRoute) -> tuple[list[Any], list[Any]] | None:
    """Return every address and every route of the main table; None when they changed meanwhile (NLM_F_DUMP_INTR)."""
    addresses = [message async for message in await socket.addr("dump")]
    routes = [message async for message in await socket.route("dump", table=RT_TABLE_MAIN)]
    interrupted = any(message["header"]["flags"] & NLM_F_DUMP_INTR for message in (*addresses, *routes))
    return None if interrupted else (addresses, routes)


def _of_address(message: Any) -> IPNetwork:
    # On a point-to-point link this is the other end's (IFA_ADDRESS): the route there is what counts.
    return ip_network((message.get("address"), message["prefixlen"]), strict=False)


def _of_route(message: Any) -> IPNetwork:
    everywhere = "0.0.0.0" if message["family"] == 2 else "::"  # noqa: S104 - a route's destination
    return ip_network((message.get("dst") or everywhere, message["dst_len"]), strict=False)
