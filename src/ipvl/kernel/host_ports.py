"""The host's own port on a network, in the host's namespace: its settings, addresses and routes."""

from __future__ import annotations

import errno
from socket import AF_INET, AF_INET6

from pyroute2 import AsyncIPRoute
from pyroute2.netlink.exceptions import NetlinkError

from ipvl.kernel.host_exposure import ANSWER_FOR_OWN_ADDRESSES, IPV4_SYSCTLS, IPV6_SYSCTLS
from ipvl.kernel.netlink.message_format import RT_SCOPE_LINK
from ipvl.kernel.netlink.route_messages import RT_TABLE_MAIN
from ipvl.kernel.sysctls import write_settings
from ipvl.model.addresses import IPNetwork
from ipvl.model.host_port_steps import AddHostRoutes, RemoveHostRoutes
from ipvl.model.links import HostPortRoute

FAMILIES = {4: AF_INET, 6: AF_INET6}
IFA_F_NODAD = 0x02  # include/uapi/linux/if_addr.h
IFA_F_NOPREFIXROUTE = 0x200


def keep_port_to_itself(name: str, *, ipv6: bool) -> None:
    """Keep what routers announce off a port that is not up yet, and have it answer for its own addresses alone.

    It must give the host no default route, and the host's other addresses are nobody's business on that segment.

    Raises:
        OSError: the settings cannot be written.
    """
    write_settings(IPV6_SYSCTLS / name, accept_ra=0, autoconf=0, disable_ipv6=int(not ipv6))
    write_settings(IPV4_SYSCTLS / name, arp_ignore=ANSWER_FOR_OWN_ADDRESSES)


async def add_host_routes(link: AsyncIPRoute, index: int, step: AddHostRoutes) -> None:
    """Add addresses and routes that are not there yet.

    Raises:
        NetlinkError: the kernel refused, such as a route that leads by another link.
    """
    for address in step.addresses:
        flags = {"ifa_flags": IFA_F_NODAD | IFA_F_NOPREFIXROUTE} if address.version == 6 else {}
        try:
            await link.addr("add", index=index, address=str(address), prefixlen=address.max_prefixlen, **flags)
        except NetlinkError as error:
            if error.code != errno.EEXIST:
                raise
    for way in step.routes:
        try:
            await link.route("add", **_route(way.destination, index), prefsrc=str(way.source))
        except NetlinkError as error:
            if error.code != errno.EEXIST or not await _is_there(link, index, way):
                raise


async def remove_host_routes(link: AsyncIPRoute, index: int, step: RemoveHostRoutes) -> None:
    """Remove routes that are there.

    Raises:
        NetlinkError: the kernel refused.
    """
    for destination in step.destinations:
        try:
            await link.route("del", **_route(destination, index))
        except NetlinkError as error:
            if error.code != errno.ESRCH:
                raise


def _route(destination: IPNetwork, index: int) -> dict[str, object]:
    scope = {"scope": RT_SCOPE_LINK} if destination.version == 4 else {}
    return {"family": FAMILIES[destination.version], "dst": str(destination), "oif": index, **scope}


async def _is_there(link: AsyncIPRoute, index: int, way: HostPortRoute) -> bool:
    family = FAMILIES[way.destination.version]
    found = [
        (message.get("dst"), message["dst_len"])
        async for message in await link.route("dump", family=family, table=RT_TABLE_MAIN, oif=index)
    ]
    return (str(way.destination.network_address), way.destination.prefixlen) in found
