"""Messages about links: what ipvl asks for, and what the kernel says of them."""

from __future__ import annotations

import socket
import struct

from ipvl.kernel.netlink.message_format import (
    ATTRIBUTE,
    KIND_OF_ATTRIBUTE,
    NLA_F_NESTED,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    SHORT,
    Request,
    align,
    encode_attribute,
    encode_number,
    encode_text,
    parse_attributes,
    read_number,
    read_short,
    read_text,
)
from ipvl.model.links import Link
from ipvl.model.networks import Flag, Mode, VlanProtocol
from ipvl.model.steps import MakePort

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18  # include/uapi/linux/rtnetlink.h
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK = 1, 3, 4, 5  # include/uapi/linux/if_link.h
IFLA_MASTER, IFLA_TXQLEN, IFLA_LINKINFO = 10, 13, 18
IFLA_IFALIAS, IFLA_AF_SPEC, IFLA_NET_NS_FD, IFLA_EXT_MASK = 20, 26, 28, 29
IFLA_LINK_NETNSID, IFLA_TARGET_NETNSID = 37, 46
IFLA_PROP_LIST, IFLA_ALT_IFNAME = 52, 53
IFLA_INET_CONF = 1
IPV4_DEVCONF_ARP_NOTIFY = 22  # include/uapi/linux/ip.h
LOOPBACK = 1
"""The index of every namespace's loopback (LOOPBACK_IFINDEX, include/net/flow.h)."""
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFLA_VLAN_ID, IFLA_VLAN_PROTOCOL = 1, 5
IFLA_IPVLAN_MODE, IFLA_IPVLAN_FLAGS = 1, 2
RTEXT_FILTER_SKIP_STATS = 8
"""Counters are most of what the kernel says of a link, and nobody here reads them."""
IFF_UP, IFF_LOOPBACK, IFF_LOWER_UP = 0x1, 0x8, 0x10000  # include/uapi/linux/if.h
ARPHRD_ETHER = 1  # include/uapi/linux/if_arp.h
MODE_NUMBERS = {Mode.L2: 0, Mode.L3: 1, Mode.L3S: 2}  # enum ipvlan_mode, include/uapi/linux/if_link.h
FLAG_NUMBERS = {Flag.BRIDGE: 0, Flag.PRIVATE: 1, Flag.VEPA: 2}  # IPVLAN_F_PRIVATE, IPVLAN_F_VEPA, same file
MODES = {number: mode for mode, number in MODE_NUMBERS.items()}
FLAGS = {number: flag for flag, number in FLAG_NUMBERS.items()}
VLAN_PROTOCOLS = {b"\x81\x00": VlanProtocol.DOT1Q, b"\x88\xa8": VlanProtocol.DOT1AD}  # include/uapi/linux/if_ether.h
LINK = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change


def get_link_by_name(name: str) -> Request:
    """Ask for a link by its name."""
    return Request(RTM_GETLINK, LINK.pack(0, 0, 0, 0, 0) + _without_counters() + encode_text(IFLA_IFNAME, name))


def get_link_by_index(index: int) -> Request:
    """Ask for a link by its index."""
    return Request(RTM_GETLINK, LINK.pack(0, 0, index, 0, 0) + _without_counters())


def dump_links() -> Request:
    """Ask for every link."""
    return Request(RTM_GETLINK, LINK.pack(0, 0, 0, 0, 0) + _without_counters(), NLM_F_DUMP)


def dump_links_of_namespace(namespace: int) -> Request:
    """Ask for every link of the network namespace that has this number here; it is not entered (Linux 4.20)."""
    body = LINK.pack(0, 0, 0, 0, 0) + _without_counters() + encode_number(IFLA_TARGET_NETNSID, namespace)
    return Request(RTM_GETLINK, body, NLM_F_DUMP)


def add_port(port: MakePort, parent: int) -> Request:
    """Ask for an ipvlan port on the parent with this index."""
    data = encode_attribute(IFLA_IPVLAN_MODE, SHORT.pack(MODE_NUMBERS[port.mode]))
    data += encode_attribute(IFLA_IPVLAN_FLAGS, SHORT.pack(FLAG_NUMBERS[port.flag]))
    body = LINK.pack(0, 0, 0, 0, 0) + encode_text(IFLA_IFNAME, port.name) + encode_number(IFLA_LINK, parent)
    if port.mtu is not None:
        body += encode_number(IFLA_MTU, port.mtu)
    body += encode_attribute(
        IFLA_LINKINFO, encode_text(IFLA_INFO_KIND, "ipvlan") + encode_attribute(IFLA_INFO_DATA, data)
    )
    return Request(RTM_NEWLINK, body, NLM_F_CREATE | NLM_F_EXCL)


def set_link_up(index: int, *, up: bool) -> Request:
    """Ask for a link to be switched on or off."""
    return Request(RTM_NEWLINK, LINK.pack(0, 0, index, IFF_UP if up else 0, IFF_UP))


def rename_link(index: int, name: str) -> Request:
    """Ask for another name of a link."""
    return Request(RTM_NEWLINK, LINK.pack(0, 0, index, 0, 0) + encode_text(IFLA_IFNAME, name))


def set_link_mtu(index: int, mtu: int) -> Request:
    """Ask for another MTU of a link."""
    return Request(RTM_NEWLINK, LINK.pack(0, 0, index, 0, 0) + encode_number(IFLA_MTU, mtu))


def move_link_to_namespace(index: int, namespace: int) -> Request:
    """Ask for a link to be moved to a network namespace, which is an open file."""
    return Request(RTM_NEWLINK, LINK.pack(0, 0, index, 0, 0) + encode_number(IFLA_NET_NS_FD, namespace))


def enable_arp_notify(index: int) -> Request:
    """Ask for a link that tells its neighbours of IPv4 addresses when its MAC address changes or a move is over."""
    settings = encode_attribute(IFLA_INET_CONF | NLA_F_NESTED, encode_number(IPV4_DEVCONF_ARP_NOTIFY, 1))
    of_family = encode_attribute(socket.AF_INET | NLA_F_NESTED, settings)
    body = LINK.pack(0, 0, index, 0, 0) + encode_attribute(IFLA_AF_SPEC | NLA_F_NESTED, of_family)
    return Request(RTM_NEWLINK, body)


def set_queue_and_alias(index: int, queue_length: int | None, alias: str | None) -> Request:
    """Ask for another length of a link's queue, and another alias."""
    body = LINK.pack(0, 0, index, 0, 0)
    if queue_length is not None:
        body += encode_number(IFLA_TXQLEN, queue_length)
    if alias is not None:
        body += encode_attribute(IFLA_IFALIAS, alias.encode())
    return Request(RTM_NEWLINK, body)


def delete_link(index: int) -> Request:
    """Ask for a link to be removed."""
    return Request(RTM_DELLINK, LINK.pack(0, 0, index, 0, 0))


def delete_link_of_namespace(namespace: int, index: int) -> Request:
    """Ask for a link to be removed from the network namespace that has this number here; it is not entered."""
    return Request(RTM_DELLINK, LINK.pack(0, 0, index, 0, 0) + encode_number(IFLA_TARGET_NETNSID, namespace))


def read_index_and_kind(body: bytes) -> tuple[int, str | None]:
    """Return the index of a link, and its kind."""
    return LINK.unpack_from(body)[2], read_text(_info(parse_attributes(body[LINK.size :])), IFLA_INFO_KIND)


def read_link(body: bytes, kinds: dict[int, str | None]) -> Link:
    """Return a link; `kinds` has the kinds of those that it may belong to, by their index."""
    _, hardware, index, flags, _ = LINK.unpack_from(body)
    found = parse_attributes(body[LINK.size :])
    info = _info(found)
    kind = read_text(info, IFLA_INFO_KIND)
    data = parse_attributes(info.get(IFLA_INFO_DATA, b""))
    lower = read_number(found, IFLA_LINK) if IFLA_LINK_NETNSID not in found else None
    master = read_number(found, IFLA_MASTER)
    mode, flag = read_short(data, IFLA_IPVLAN_MODE), read_short(data, IFLA_IPVLAN_FLAGS)
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
        vlan_id=read_short(data, IFLA_VLAN_ID) if kind == "vlan" else None,
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
        start += align(length)
    return tuple(names)


def read_link_below(body: bytes) -> tuple[int | None, int | None]:
    """Return the index of the link that a link sits on, and the number of the namespace which that one is in."""
    found = parse_attributes(body[LINK.size :])
    return read_number(found, IFLA_LINK), read_number(found, IFLA_LINK_NETNSID)


def _info(found: dict[int, bytes]) -> dict[int, bytes]:
    return parse_attributes(found.get(IFLA_LINKINFO, b""))


def _without_counters() -> bytes:
    return encode_number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)


def read_queue_length(body: bytes) -> int | None:
    """Return the length of a link's queue, in packets."""
    return read_number(parse_attributes(body[LINK.size :]), IFLA_TXQLEN)
