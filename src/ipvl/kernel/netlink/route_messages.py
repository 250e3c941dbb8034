"""Messages about routes."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from ipvl.kernel.netlink.message_format import (
    FAMILIES,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    RT_SCOPE_LINK,
    VERSIONS,
    Request,
    encode_attribute,
    encode_number,
    parse_attributes,
    read_number,
)
from ipvl.model.addresses import IPAddress, IPNetwork
from ipvl.model.endpoints import PortRoute

NLM_F_APPEND = 0x800  # include/uapi/linux/netlink.h
RTM_NEWROUTE, RTM_GETROUTE = 24, 26  # include/uapi/linux/rtnetlink.h
RT_TABLE_MAIN, RT_TABLE_LOCAL, RT_SCOPE_UNIVERSE, RTN_UNICAST = 254, 255, 0, 1
RTPROT_KERNEL, RTPROT_STATIC, RTPROT_RA = 2, 4, 9
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_MULTIPATH, RTA_TABLE, RTA_VIA = 1, 4, 5, 6, 7, 9, 15, 18
RTM_F_CLONED, RTNH_F_ONLINK = 0x200, 4
ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg: family, lengths, tos, table, protocol, scope, type, flags


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """A route as the kernel shows it: `index` is its link's, `metric` 0 without one, `announced` by a router."""

    destination: IPNetwork
    index: int | None
    via: IPAddress | None
    metric: int
    announced: bool


def add_route(
    destination: IPNetwork, index: int, via: IPAddress | None, metric: int | None = None, *, replaces: bool = False
) -> Request:
    """Ask for a route through a link, by a gateway or (None) straight onto it; with the kernel's own metric if None.

    One of the same destination and metric is in its way, unless it `replaces` that.
    """
    scope = RT_SCOPE_LINK if via is None and destination.version == 4 else RT_SCOPE_UNIVERSE
    family, length = FAMILIES[destination.version], destination.prefixlen
    body = ROUTE.pack(family, length, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, scope, RTN_UNICAST, 0)
    if length:
        body += encode_attribute(RTA_DST, destination.network_address.packed)
    body += encode_number(RTA_OIF, index)
    if via is not None:
        body += encode_attribute(RTA_GATEWAY, via.packed)
    if metric is not None:
        body += encode_number(RTA_PRIORITY, metric)
    return Request(RTM_NEWROUTE, body, NLM_F_CREATE | (NLM_F_REPLACE if replaces else NLM_F_EXCL))


def dump_routes() -> Request:
    """Ask for every route of both families."""
    return Request(RTM_GETROUTE, ROUTE.pack(socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0, 0, 0), NLM_F_DUMP)


def read_route(body: bytes) -> RouteEntry | None:
    """Return a route of the main table, None for any other."""
    family, length, _, _, short_table, protocol, *_ = ROUTE.unpack_from(body)
    if family not in VERSIONS:
        return None
    found = parse_attributes(body[ROUTE.size :])
    table = read_number(found, RTA_TABLE)
    if (short_table if table is None else table) != RT_TABLE_MAIN:
        return None
    packed = found.get(RTA_DST, bytes(4 if VERSIONS[family] == 4 else 16))
    return RouteEntry(
        ip_network((packed, length)),
        read_number(found, RTA_OIF),
        ip_address(found[RTA_GATEWAY]) if RTA_GATEWAY in found else None,
        read_number(found, RTA_PRIORITY) or 0,
        protocol == RTPROT_RA,
    )


def read_port_route(body: bytes) -> tuple[int, PortRoute] | None:
    """Return the index of the link that a route leads by, and the route; None for one that is not to be made again.

    Those are the routes that the kernel makes for addresses or on a router's announcement, and those by several ways.
    """
    family, length, _, _, short_table, protocol, scope, kind, flags = ROUTE.unpack_from(body)
    found = parse_attributes(body[ROUTE.size :])
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


def add_port_route(route: PortRoute, index: int) -> Request:
    """Ask for a route through the link with this index, exactly as it was."""
    family, length = FAMILIES[route.destination.version], route.destination.prefixlen
    flags = RTNH_F_ONLINK if route.onlink else 0
    body = ROUTE.pack(family, length, 0, 0, 0, route.protocol, route.scope, RTN_UNICAST, flags)
    if length:
        body += encode_attribute(RTA_DST, route.destination.network_address.packed)
    body += encode_number(RTA_TABLE, route.table) + encode_number(RTA_OIF, index)
    if route.via is not None:
        body += encode_attribute(RTA_GATEWAY, route.via.packed)
    if route.metric:
        body += encode_number(RTA_PRIORITY, route.metric)
    if route.source is not None:
        body += encode_attribute(RTA_PREFSRC, route.source.packed)
    # Beside a default route that a router announced, which has the same metric, there is room for one that is set.
    beside = route.destination.version == 6 and not length
    return Request(RTM_NEWROUTE, body, NLM_F_CREATE | (NLM_F_APPEND if beside else NLM_F_EXCL))
