"""The messages of rtnetlink that a port is looked at and made again with, beside those of an attachment."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_interface, ip_network

from ipvl.kernel.netlink.rtnetlink_messages import (
    ADDRESS,
    FAMILIES,
    IFA_ADDRESS,
    IFA_FLAGS,
    IFA_LOCAL,
    IFLA_IFALIAS,
    LINK,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NUMBER,
    ROUTE,
    RTA_DST,
    RTA_GATEWAY,
    RTA_OIF,
    RTA_PRIORITY,
    RTA_TABLE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWROUTE,
    RTN_UNICAST,
    VERSIONS,
    Request,
    attribute,
    attributes,
    new_address,
    read_number,
)
from ipvl.model.addresses import IPInterface
from ipvl.model.endpoints import PortRoute

NLM_F_APPEND = 0x800  # include/uapi/linux/netlink.h
IFA_BROADCAST, IFA_F_PERMANENT = 4, 0x80  # include/uapi/linux/if_addr.h
IFLA_TXQLEN = 13  # include/uapi/linux/if_link.h
RTA_PREFSRC, RTA_MULTIPATH, RTA_VIA = 7, 9, 18  # include/uapi/linux/rtnetlink.h
RTPROT_KERNEL, RTPROT_RA = 2, 9
RT_TABLE_LOCAL = 255
RTM_F_CLONED, RTNH_F_ONLINK = 0x200, 4


@dataclass(frozen=True, slots=True)
class Held:
    """An address of the link with this index, and whether it has a broadcast address.

    One that is not `permanent` goes by itself, such as those that follow from a router's announcement.
    """

    index: int
    interface: IPInterface
    broadcast: bool
    permanent: bool


def read_address(body: bytes) -> Held:
    """Return an address."""
    _, length, flags, _, index = ADDRESS.unpack_from(body)
    found = attributes(body[ADDRESS.size :])
    local = ip_address(found.get(IFA_LOCAL) or found[IFA_ADDRESS])
    permanent = bool((read_number(found, IFA_FLAGS) or flags) & IFA_F_PERMANENT)
    return Held(index, ip_interface((local, length)), IFA_BROADCAST in found, permanent)


def address_of_port(index: int, address: IPInterface, *, broadcast: bool) -> Request:
    """Ask for an address of a port, for one of IPv4 with its subnet's broadcast address where that is wanted."""
    request = new_address(index, address)
    if not broadcast or address.version != 4 or address.network.prefixlen > 30:
        return request
    told = attribute(IFA_BROADCAST, address.network.broadcast_address.packed)
    return Request(RTM_NEWADDR, request.body + told, request.flags)


def dressed_link(index: int, queue_length: int | None, alias: str | None) -> Request:
    """Ask for another length of a link's queue, and another alias."""
    body = LINK.pack(0, 0, index, 0, 0)
    if queue_length is not None:
        body += attribute(IFLA_TXQLEN, NUMBER.pack(queue_length))
    if alias is not None:
        body += attribute(IFLA_IFALIAS, alias.encode())
    return Request(RTM_NEWLINK, body)


def read_queue_length(body: bytes) -> int | None:
    """Return the length of a link's queue, in packets."""
    return read_number(attributes(body[LINK.size :]), IFLA_TXQLEN)


def read_port_route(body: bytes) -> tuple[int, PortRoute] | None:
    """Return the index of the link that a route leads by, and the route; None for one that is not to be made again.

    Those are the routes that the kernel makes for addresses or on a router's announcement, and those by several ways.
    """
    family, length, _, _, short_table, protocol, scope, kind, flags = ROUTE.unpack_from(body)
    found = attributes(body[ROUTE.size :])
    index, table = read_number(found, RTA_OIF), read_number(found, RTA_TABLE) or short_table
    if (
        family not in VERSIONS
        or index is None
        or kind != RTN_UNICAST
        or protocol in {RTPROT_KERNEL, RTPROT_RA}
        or table == RT_TABLE_LOCAL
        or flags & RTM_F_CLONED
        or not found.keys().isdisjoint({RTA_MULTIPATH, RTA_VIA})
    ):
        return None
    anywhere = bytes(4 if VERSIONS[family] == 4 else 16)
    route = PortRoute(
        destination=ip_network((found.get(RTA_DST, anywhere), length)),
        via=ip_address(found[RTA_GATEWAY]) if RTA_GATEWAY in found else None,
        metric=read_number(found, RTA_PRIORITY) or 0,
        table=table,
        protocol=protocol,
        scope=scope,
        source=ip_address(found[RTA_PREFSRC]) if RTA_PREFSRC in found else None,
        onlink=bool(flags & RTNH_F_ONLINK),
    )
    return index, route


def route_of_port(route: PortRoute, index: int) -> Request:
    """Ask for a route through the link with this index, exactly as it was."""
    family, length = FAMILIES[route.destination.version], route.destination.prefixlen
    flags = RTNH_F_ONLINK if route.onlink else 0
    body = ROUTE.pack(family, length, 0, 0, 0, route.protocol, route.scope, RTN_UNICAST, flags)
    if length:
        body += attribute(RTA_DST, route.destination.network_address.packed)
    body += attribute(RTA_TABLE, NUMBER.pack(route.table)) + attribute(RTA_OIF, NUMBER.pack(index))
    if route.via is not None:
        body += attribute(RTA_GATEWAY, route.via.packed)
    if route.metric:
        body += attribute(RTA_PRIORITY, NUMBER.pack(route.metric))
    if route.source is not None:
        body += attribute(RTA_PREFSRC, route.source.packed)
    # Beside a default route that a router announced, which has the same metric, there is room for one that is set.
    beside = route.destination.version == 6 and not length
    return Request(RTM_NEWROUTE, body, NLM_F_CREATE | (NLM_F_APPEND if beside else NLM_F_EXCL))
