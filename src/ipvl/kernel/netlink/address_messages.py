"""Messages about links' addresses."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface

from ipvl.kernel.netlink.message_format import (
    FAMILIES,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    RT_SCOPE_LINK,
    Request,
    encode_attribute,
    encode_number,
    parse_attributes,
    read_number,
)
from ipvl.model.addresses import IPAddress, IPInterface

RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22  # include/uapi/linux/rtnetlink.h
IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_FLAGS = 1, 2, 4, 8  # include/uapi/linux/if_addr.h
IFA_F_NODAD, IFA_F_PERMANENT = 0x02, 0x80
ADDRESS = struct.Struct("=BBBBI")  # struct ifaddrmsg: family, prefix length, flags, scope, index


def add_address(index: int, address: IPInterface, *, broadcast: bool = False) -> Request:
    """Ask for an address on a link.

    One of IPv6 is used at once, without detection of duplicates (RFC 4862, 5.4); one of IPv4 has its subnet's
    `broadcast` address where that is wanted.
    """
    body = ADDRESS.pack(FAMILIES[address.version], address.network.prefixlen, 0, 0, index)
    body += encode_attribute(IFA_LOCAL, address.ip.packed) + encode_attribute(IFA_ADDRESS, address.ip.packed)
    if address.version == 6:
        body += encode_number(IFA_FLAGS, IFA_F_NODAD)
    elif broadcast and address.network.prefixlen <= 30:
        body += encode_attribute(IFA_BROADCAST, address.network.broadcast_address.packed)
    return Request(RTM_NEWADDR, body, NLM_F_CREATE | NLM_F_EXCL)


def dump_addresses() -> Request:
    """Ask for every address of both families."""
    return Request(RTM_GETADDR, ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0), NLM_F_DUMP)


def read_address(body: bytes) -> tuple[int, IPAddress, int] | None:
    """Return the index of a link, an address that is on it and its prefix length; None for other families.

    On a point-to-point link IFA_ADDRESS is the other end's (include/uapi/linux/if_addr.h).
    """
    family, length, _, _, index = ADDRESS.unpack_from(body)
    found = parse_attributes(body[ADDRESS.size :])
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


@dataclass(frozen=True, slots=True)
class PortAddress:
    """An address of the link with this index, and whether it has a broadcast address.

    One that is not `permanent` goes by itself, such as those that follow from a router's announcement.
    """

    index: int
    interface: IPInterface
    broadcast: bool
    permanent: bool


def read_port_address(body: bytes) -> PortAddress:
    """Return an address."""
    _, length, flags, _, index = ADDRESS.unpack_from(body)
    found = parse_attributes(body[ADDRESS.size :])
    local = ip_address(found.get(IFA_LOCAL) or found[IFA_ADDRESS])
    permanent = bool((read_number(found, IFA_FLAGS) or flags) & IFA_F_PERMANENT)
    return PortAddress(index, ip_interface((local, length)), IFA_BROADCAST in found, permanent)
