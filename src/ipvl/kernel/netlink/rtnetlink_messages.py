"""The messages of rtnetlink that ipvl sends and reads, byte by byte.

pyroute2 makes and reads messages of every kind, and takes its time. These few are what attaching a container consists
of, so they are written out here (docs/performance.md has the difference); all others are left to pyroute2.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from ipvl.model.addresses import IPAddress, IPInterface, IPNetwork
from ipvl.model.links import Link
from ipvl.model.networks import Flag, Mode, VlanProtocol
from ipvl.model.steps import MakePort

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300  # include/uapi/linux/netlink.h
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18  # include/uapi/linux/rtnetlink.h
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_GETROUTE = 24, 26
RT_TABLE_MAIN, RTPROT_STATIC, RTPROT_RA, RTN_UNICAST = 254, 4, 9, 1
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK = 0, 253
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_TABLE = 1, 4, 5, 6, 15
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK = 1, 3, 4, 5  # include/uapi/linux/if_link.h
IFLA_MASTER, IFLA_LINKINFO = 10, 18
IFLA_IFALIAS, IFLA_AF_SPEC, IFLA_NET_NS_FD, IFLA_EXT_MASK = 20, 26, 28, 29
IFLA_LINK_NETNSID, IFLA_TARGET_NETNSID = 37, 46
IFLA_PROP_LIST, IFLA_ALT_IFNAME = 52, 53
IFLA_INET_CONF = 1
IPV4_DEVCONF_ARP_NOTIFY = 22  # include/uapi/linux/ip.h
LOOPBACK = 1
"""The index of every namespace's loopback (LOOPBACK_IFINDEX, include/net/flow.h)."""
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFLA_VLAN_ID = 1
IFLA_VLAN_PROTOCOL = 5
IFLA_IPVLAN_MODE, IFLA_IPVLAN_FLAGS = 1, 2
RTEXT_FILTER_SKIP_STATS = 8
"""Counters are most of what the kernel says of a link, and nobody here reads them."""
IFA_ADDRESS, IFA_LOCAL, IFA_FLAGS = 1, 2, 8  # include/uapi/linux/if_addr.h
IFA_F_NODAD = 0x02
IFF_UP, IFF_LOOPBACK, IFF_LOWER_UP = 0x1, 0x8, 0x10000  # include/uapi/linux/if.h
ARPHRD_ETHER = 1  # include/uapi/linux/if_arp.h
MODE_NUMBERS = {Mode.L2: 0, Mode.L3: 1, Mode.L3S: 2}  # enum ipvlan_mode, include/uapi/linux/if_link.h
FLAG_NUMBERS = {Flag.BRIDGE: 0, Flag.PRIVATE: 1, Flag.VEPA: 2}  # IPVLAN_F_PRIVATE, IPVLAN_F_VEPA, same file
MODES = {number: mode for mode, number in MODE_NUMBERS.items()}
FLAGS = {number: flag for flag, number in FLAG_NUMBERS.items()}
VLAN_PROTOCOLS = {b"\x81\x00": VlanProtocol.DOT1Q, b"\x88\xa8": VlanProtocol.DOT1AD}  # include/uapi/linux/if_ether.h
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
VERSIONS = {int(family): version for version, family in FAMILIES.items()}

HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
LINK = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
ADDRESS = struct.Struct("=BBBBI")  # struct ifaddrmsg: family, prefix length, flags, scope, index
ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg: family, lengths, tos, table, protocol, scope, type, flags
ATTRIBUTE = struct.Struct("=HH")  # struct nlattr: length, type
QUESTIONS = frozenset({RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE})
"""What changes nothing, so that its answer is all the acknowledgement there is."""
KIND_OF_ATTRIBUTE = 0x3FFF  # NLA_TYPE_MASK
NLA_F_NESTED = 0x8000
"""What the kernel wants in the number of some attributes that consist of others."""
NUMBER, SHORT = struct.Struct("=I"), struct.Struct("=H")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the kernel: a message without its header."""

    kind: int
    body: bytes
    flags: int = 0

    @property
    def is_list(self) -> bool:
        """Whether the answer is a list of messages."""
        return self.flags & NLM_F_DUMP == NLM_F_DUMP


@dataclass(frozen=True, slots=True)
class HostRouteMessage:
    """A route as the kernel shows it: `index` is its link's, `metric` 0 without one, `announced` by a router."""

    destination: IPNetwork
    index: int | None
    via: IPAddress | None
    metric: int
    announced: bool


@dataclass(frozen=True, slots=True)
class Message:
    """What the kernel says."""

    kind: int
    flags: int
    sequence: int
    body: bytes


def link_named(name: str) -> Request:
    """Ask for a link by its name."""
    return Request(RTM_GETLINK, LINK.pack(0, 0, 0, 0, 0) + _without_counters() + _text(IFLA_IFNAME, name))


def link_numbered(index: int) -> Request:
    """Ask for a link by its index."""
    return Request(RTM_GETLINK, LINK.pack(0, 0, index, 0, 0) + _without_counters())


def all_links() -> Request:
    """Ask for every link."""
    return Request(RTM_GETLINK, LINK.pack(0, 0, 0, 0, 0) + _without_counters(), NLM_F_DUMP)


def all_links_of(namespace: int) -> Request:
    """Ask for every link of the network namespace that has this number here; it is not entered (Linux 4.20)."""
    body = LINK.pack(0, 0, 0, 0, 0) + _without_counters() + _number(IFLA_TARGET_NETNSID, namespace)
    return Request(RTM_GETLINK, body, NLM_F_DUMP)


def new_port(port: MakePort, parent: int) -> Request:
    """Ask for an ipvlan port on the parent with this index."""
    data = attribute(IFLA_IPVLAN_MODE, SHORT.pack(MODE_NUMBERS[port.mode]))
    data += attribute(IFLA_IPVLAN_FLAGS, SHORT.pack(FLAG_NUMBERS[port.flag]))
    body = LINK.pack(0, 0, 0, 0, 0) + _text(IFLA_IFNAME, port.name) + _number(IFLA_LINK, parent)
    if port.mtu is not None:
        body += _number(IFLA_MTU, port.mtu)
    body += attribute(IFLA_LINKINFO, _text(IFLA_INFO_KIND, "ipvlan") + attribute(IFLA_INFO_DATA, data))
    return Request(RTM_NEWLINK, body, NLM_F_CREATE | NLM_F_EXCL)


def switched_link(index: int, *, up: bool) -> Request:
    """Ask for a link to be switched on or off."""
    return Request(RTM_NEWLINK, LINK.pack(0, 0, index, IFF_UP if up else 0, IFF_UP))


def renamed_link(index: int, name: str) -> Request:
    """Ask for another name of a link."""
    return Request(RTM_NEWLINK, LINK.pack(0, 0, index, 0, 0) + _text(IFLA_IFNAME, name))


def resized_link(index: int, mtu: int) -> Request:
    """Ask for another MTU of a link."""
    return Request(RTM_NEWLINK, LINK.pack(0, 0, index, 0, 0) + _number(IFLA_MTU, mtu))


def moved_link(index: int, namespace: int) -> Request:
    """Ask for a link to be moved to a network namespace, which is an open file."""
    return Request(RTM_NEWLINK, LINK.pack(0, 0, index, 0, 0) + _number(IFLA_NET_NS_FD, namespace))


def announcing_link(index: int) -> Request:
    """Ask for a link that tells its neighbours of IPv4 addresses when its MAC address changes or a move is over."""
    settings = attribute(IFLA_INET_CONF | NLA_F_NESTED, _number(IPV4_DEVCONF_ARP_NOTIFY, 1))
    of_family = attribute(socket.AF_INET | NLA_F_NESTED, settings)
    body = LINK.pack(0, 0, index, 0, 0) + attribute(IFLA_AF_SPEC | NLA_F_NESTED, of_family)
    return Request(RTM_NEWLINK, body)


def removed_link(index: int) -> Request:
    """Ask for a link to be removed."""
    return Request(RTM_DELLINK, LINK.pack(0, 0, index, 0, 0))


def new_address(index: int, address: IPInterface) -> Request:
    """Ask for an address on a link; one of IPv6 is used at once, without detection of duplicates (RFC 4862, 5.4)."""
    body = ADDRESS.pack(FAMILIES[address.version], address.network.prefixlen, 0, 0, index)
    body += attribute(IFA_LOCAL, address.ip.packed) + attribute(IFA_ADDRESS, address.ip.packed)
    if address.version == 6:
        body += _number(IFA_FLAGS, IFA_F_NODAD)
    return Request(RTM_NEWADDR, body, NLM_F_CREATE | NLM_F_EXCL)


def all_addresses() -> Request:
    """Ask for every address of both families."""
    return Request(RTM_GETADDR, ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0), NLM_F_DUMP)


def new_route(
    destination: IPNetwork, index: int, via: IPAddress | None, metric: int | None = None, *, replaces: bool = False
) -> Request:
    """Ask for a route through a link, by a gateway or (None) straight onto it; with the kernel's own metric if None.

    One of the same destination and metric is in its way, unless it `replaces` that.
    """
    scope = RT_SCOPE_LINK if via is None and destination.version == 4 else RT_SCOPE_UNIVERSE
    family, length = FAMILIES[destination.version], destination.prefixlen
    body = ROUTE.pack(family, length, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, scope, RTN_UNICAST, 0)
    if length:
        body += attribute(RTA_DST, destination.network_address.packed)
    body += _number(RTA_OIF, index)
    if via is not None:
        body += attribute(RTA_GATEWAY, via.packed)
    if metric is not None:
        body += _number(RTA_PRIORITY, metric)
    return Request(RTM_NEWROUTE, body, NLM_F_CREATE | (NLM_F_REPLACE if replaces else NLM_F_EXCL))


def all_routes() -> Request:
    """Ask for every route of both families."""
    return Request(RTM_GETROUTE, ROUTE.pack(socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0, 0, 0), NLM_F_DUMP)


def encoded(request: Request, sequence: int) -> bytes:
    """Return a request as it is sent; one that is neither a question nor a list is to be acknowledged."""
    flags = NLM_F_REQUEST | request.flags | (0 if request.kind in QUESTIONS else NLM_F_ACK)
    return HEADER.pack(HEADER.size + len(request.body), request.kind, flags, sequence, 0) + request.body


def messages(datagram: bytes) -> Iterator[Message]:
    """Yield the messages of a datagram; what is cut off is left out."""
    end = 0
    while end + HEADER.size <= len(datagram):
        start = end
        length, kind, flags, sequence, _ = HEADER.unpack_from(datagram, start)
        if not HEADER.size <= length <= len(datagram) - start:
            return
        end = _aligned(start + length)
        yield Message(kind, flags, sequence, datagram[start + HEADER.size : start + length])


def attributes(data: bytes) -> dict[int, bytes]:
    """Return the attributes that follow a message's fixed part, by their number; what is cut off is left out."""
    found = {}
    start, size, head, unpack_from = 0, len(data), ATTRIBUTE.size, ATTRIBUTE.unpack_from
    while start + head <= size:
        length, kind = unpack_from(data, start)
        end = start + length
        if length < head or end > size:
            break
        found[kind & KIND_OF_ATTRIBUTE] = data[start + head : end]
        start = (end + 3) & ~3  # _aligned, without a call for each attribute of each link
    return found


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute as it stands in a message."""
    length = ATTRIBUTE.size + len(value)
    return ATTRIBUTE.pack(length, kind) + value + b"\0" * (_aligned(length) - length)


def read_number(found: dict[int, bytes], kind: int) -> int | None:
    """Return an attribute that is a number of 32 bits; None when it is not there."""
    value = found.get(kind, b"")
    return int(NUMBER.unpack_from(value)[0]) if len(value) >= NUMBER.size else None


def read_text(found: dict[int, bytes], kind: int) -> str | None:
    """Return an attribute that is a text; None when it is not there."""
    value = found.get(kind)
    return None if value is None else value.partition(b"\0")[0].decode(errors="replace")


def read_kind(body: bytes) -> tuple[int, str | None]:
    """Return the index of a link, and its kind."""
    return LINK.unpack_from(body)[2], read_text(_info(attributes(body[LINK.size :])), IFLA_INFO_KIND)


def read_link(body: bytes, kinds: dict[int, str | None]) -> Link:
    """Return a link; `kinds` has the kinds of those that it may belong to, by their index."""
    _, hardware, index, flags, _ = LINK.unpack_from(body)
    found = attributes(body[LINK.size :])
    info = _info(found)
    kind = read_text(info, IFLA_INFO_KIND)
    data = attributes(info.get(IFLA_INFO_DATA, b""))
    lower = read_number(found, IFLA_LINK) if IFLA_LINK_NETNSID not in found else None
    master = read_number(found, IFLA_MASTER)
    mode, flag = _read_short(data, IFLA_IPVLAN_MODE), _read_short(data, IFLA_IPVLAN_FLAGS)
    return Link(
        index=index,
        name=read_text(found, IFLA_IFNAME) or "",
        kind=kind,
        lower=lower if lower != index else None,
        up=bool(flags & IFF_UP),
        carrier=bool(flags & IFF_LOWER_UP),
        mtu=read_number(found, IFLA_MTU) or 0,
        alias=read_text(found, IFLA_IFALIAS),
        loopback=bool(flags & IFF_LOOPBACK),
        ethernet=hardware == ARPHRD_ETHER,
        master_kind=None if master is None else kinds.get(master),
        vlan_id=_read_short(data, IFLA_VLAN_ID) if kind == "vlan" else None,
        vlan_protocol=VLAN_PROTOCOLS.get(data.get(IFLA_VLAN_PROTOCOL, b"")) if kind == "vlan" else None,
        mac=found[IFLA_ADDRESS].hex(":") if hardware == ARPHRD_ETHER and IFLA_ADDRESS in found else None,
        mode=None if kind != "ipvlan" or mode is None else MODES.get(mode),
        flag=None if kind != "ipvlan" or flag is None else FLAGS.get(flag),
        altnames=read_altnames(found),
    )


def read_altnames(found: dict[int, bytes]) -> tuple[str, ...]:
    """Return the alternative names among a link's attributes (Linux 5.5): one attribute each, all of one number."""
    data, names, start = found.get(IFLA_PROP_LIST, b""), [], 0
    while start + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, start)
        if length < ATTRIBUTE.size or start + length > len(data):
            break
        if kind & KIND_OF_ATTRIBUTE == IFLA_ALT_IFNAME:
            text = data[start + ATTRIBUTE.size : start + length]
            names.append(text.partition(b"\0")[0].decode(errors="replace"))
        start += _aligned(length)
    return tuple(names)


def read_lower(body: bytes) -> tuple[int | None, int | None]:
    """Return the index of the link that a link sits on, and the number of the namespace which that one is in."""
    found = attributes(body[LINK.size :])
    return read_number(found, IFLA_LINK), read_number(found, IFLA_LINK_NETNSID)


def read_address(body: bytes) -> tuple[int, IPAddress, int] | None:
    """Return the index of a link, an address that is on it and its prefix length; None for other families.

    On a point-to-point link IFA_ADDRESS is the other end's (include/uapi/linux/if_addr.h).
    """
    family, length, _, _, index = ADDRESS.unpack_from(body)
    found = attributes(body[ADDRESS.size :])
    packed = found.get(IFA_LOCAL) or found.get(IFA_ADDRESS, b"")
    if (family, len(packed)) == (socket.AF_INET, 4):
        return index, IPv4Address(packed), length
    if (family, len(packed)) == (socket.AF_INET6, 16):
        return index, IPv6Address(packed), length
    return None


def is_link_local6(body: bytes) -> bool:
    """Tell whether an address is IPv6's of its link alone: the kernel derives its scope from the address."""
    family, _, _, scope, _ = ADDRESS.unpack_from(body)
    return (family, scope) == (socket.AF_INET6, RT_SCOPE_LINK)


def read_host_route(body: bytes) -> HostRouteMessage | None:
    """Return a route of the main table, None for any other."""
    family, length, _, _, short_table, protocol, *_ = ROUTE.unpack_from(body)
    if family not in VERSIONS:
        return None
    found = attributes(body[ROUTE.size :])
    table = read_number(found, RTA_TABLE)
    if (short_table if table is None else table) != RT_TABLE_MAIN:
        return None
    packed = found.get(RTA_DST, bytes(4 if VERSIONS[family] == 4 else 16))
    return HostRouteMessage(
        ip_network((packed, length)),
        read_number(found, RTA_OIF),
        ip_address(found[RTA_GATEWAY]) if RTA_GATEWAY in found else None,
        read_number(found, RTA_PRIORITY) or 0,
        protocol == RTPROT_RA,
    )


def _info(found: dict[int, bytes]) -> dict[int, bytes]:
    return attributes(found.get(IFLA_LINKINFO, b""))


def _read_short(found: dict[int, bytes], kind: int) -> int | None:
    value = found.get(kind, b"")
    return int(SHORT.unpack_from(value)[0]) if len(value) >= SHORT.size else None


def _without_counters() -> bytes:
    return _number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)


def _text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return attribute(kind, NUMBER.pack(value))


def _aligned(length: int) -> int:
    return (length + 3) & ~3  # NLMSG_ALIGN, NLA_ALIGN
