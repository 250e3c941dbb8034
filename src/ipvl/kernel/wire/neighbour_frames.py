"""The frames by which neighbours tell each other who has an address: ARP for IPv4, neighbour discovery for IPv6."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from ipvl.kernel.wire.packet_sockets import BROADCAST, checksum
from ipvl.model.addresses import IPAddress

ETH_P_ARP = 0x0806  # include/uapi/linux/if_ether.h
ETH_P_IPV6 = 0x86DD
ALL_NODES = bytes.fromhex("333300000001")
ARP_REQUEST, ARP_REPLY = 1, 2  # RFC 826
ICMPV6 = 58
SOLICITATION, ADVERTISEMENT = 135, 136  # RFC 4861
OVERRIDE = 1 << 29
UNSPECIFIED4, UNSPECIFIED6 = IPv4Address(0), IPv6Address(0)

_ARP = struct.pack("!HHHBB", ETH_P_ARP, 1, 0x0800, 6, 4)
_EVERY_NODE = IPv6Address("ff02::1").packed


@dataclass(frozen=True, slots=True)
class NeighbourClaim:
    """What a frame says of an address: the machine with this MAC address has it, or is about to take it."""

    address: IPAddress
    mac: str
    has: bool = True


def arp_request(mac: bytes, target: IPv4Address, sender: IPv4Address | None) -> bytes:
    """Return the frame that asks who has `target` (RFC 826).

    Without a sender it is a probe, with the target as the sender an announcement (RFC 5227, 1.1).
    """
    origin = (sender or UNSPECIFIED4).packed
    return BROADCAST + mac + _ARP + struct.pack("!H", ARP_REQUEST) + mac + origin + bytes(6) + target.packed


def read_arp_claim(frame: bytes) -> NeighbourClaim | None:
    """Return what an ARP frame says of an address; None for one that says nothing.

    Whoever sends from an address has it, whether it asks or answers. A request without a sender is a probe: its sender
    is about to take the target (RFC 5227, 2.1.1).
    """
    if len(frame) < 42 or frame[12:20] != _ARP:
        return None
    (operation,) = struct.unpack("!H", frame[20:22])
    mac, sender, target = frame[22:28].hex(":"), IPv4Address(frame[28:32]), IPv4Address(frame[38:42])
    if operation not in {ARP_REQUEST, ARP_REPLY}:
        return None
    if sender != UNSPECIFIED4:
        return NeighbourClaim(sender, mac)
    return NeighbourClaim(target, mac, has=False) if operation == ARP_REQUEST else None


def neighbour_solicitation(mac: bytes, target: IPv6Address, sender: IPv6Address) -> bytes:
    """Return the frame that asks who has `target`, sent to its solicited-node group (RFC 4861, 4.3 and 7.2.2).

    Without a sender (`::`) it is a probe, which says nothing of who asks (RFC 4862, 5.4.2).
    """
    group = bytes.fromhex("ff0200000000000000000001ff") + target.packed[13:]
    source = b"" if sender == UNSPECIFIED6 else b"\x01\x01" + mac
    return _icmpv6(mac, sender.packed, group, struct.pack("!BBHI", SOLICITATION, 0, 0, 0) + target.packed + source)


def neighbour_advertisement(mac: bytes, address: IPv6Address) -> bytes:
    """Return the frame that tells all nodes, unasked, who has an address from now on (RFC 4861, 7.2.6)."""
    body = struct.pack("!BBHI", ADVERTISEMENT, 0, 0, OVERRIDE) + address.packed + b"\x02\x01" + mac
    return _icmpv6(mac, address.packed, _EVERY_NODE, body)


def read_neighbour_claim(frame: bytes) -> NeighbourClaim | None:
    """Return what a neighbour discovery frame says of an address; None for one that says nothing.

    The hop limit must be 255: less has come through a router (RFC 4861, 7.1). A solicitation without a sender comes
    from somebody who is about to take its target (RFC 4862, 5.4.3).
    """
    if len(frame) < 78 or frame[12:14] != struct.pack("!H", ETH_P_IPV6) or frame[14] >> 4 != 6:
        return None
    if (frame[20], frame[21], frame[55]) != (ICMPV6, 255, 0):
        return None
    sender, target = IPv6Address(frame[22:38]), IPv6Address(frame[62:78])
    if target.is_multicast:
        return None
    if frame[54] == ADVERTISEMENT:
        return NeighbourClaim(target, frame[6:12].hex(":"))
    return (
        NeighbourClaim(target, frame[6:12].hex(":"), has=False)
        if frame[54] == SOLICITATION and sender == UNSPECIFIED6
        else None
    )


def announcement_frame(mac: bytes, address: IPAddress) -> bytes:
    """Return the frame that tells everybody on the segment who has an address from now on."""
    if isinstance(address, IPv4Address):
        return arp_request(mac, address, address)
    return neighbour_advertisement(mac, address)


def link_local_address(mac: bytes) -> IPv6Address:
    """Return the link-local address that a MAC address makes (RFC 4291, appendix A)."""
    identifier = bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:6]
    return IPv6Address(bytes.fromhex("fe80000000000000") + identifier)


def _icmpv6(mac: bytes, source: bytes, group: bytes, body: bytes) -> bytes:
    pseudo = source + group + struct.pack("!II", len(body), ICMPV6)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    header = struct.pack("!IHBB", 6 << 28, len(body), ICMPV6, 255) + source + group
    return b"\x33\x33" + group[12:] + mac + struct.pack("!H", ETH_P_IPV6) + header + body
