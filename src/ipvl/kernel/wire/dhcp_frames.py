"""DHCP messages as Ethernet frames, and frames as messages; what came from a network is hostile until read.

The encoding of the messages is pyroute2's. IP and UDP are read here: pyroute2's reader takes the IP header's length for
granted and what follows the datagram for a part of it.
"""

from __future__ import annotations

import logging
import re
import struct
from ipaddress import IPv4Address, ip_network
from typing import Any

from pyroute2.dhcp.dhcp4msg import dhcp4msg

from ipvl.dhcp.dhcp_messages import Message, MessageType, Reply, Server
from ipvl.kernel.wire.packet_sockets import BROADCAST, checksum
from ipvl.model.networks import Route

SERVER_PORT, CLIENT_PORT = 67, 68
ETH_P_IP = 0x0800  # include/uapi/linux/if_ether.h
UDP = 17
FRAGMENT_BITS = 0x3FFF  # more fragments, or an offset
ASK_FOR_BROADCAST = 0x8000  # RFC 2131, 2
SMALLEST_MESSAGE_BYTES = 300  # RFC 1542, 2.1: relays may drop less
BOOT_REPLY = 2
MAGIC_COOKIE = bytes.fromhex("63825363")  # RFC 2131, 3
NO_HARDWARE = 0
"""The type of a client identifier that is no hardware address (RFC 2132, 9.14)."""
REQUESTED_OPTIONS = (1, 3, 6, 15, 26, 51, 54, 58, 59, 121)
"""Mask, routers, resolvers, domain, MTU, lease, server, T1, T2 and classless routes: what `Reply` has room for."""
MOST_ENTRIES = 16
"""Routers, resolvers or routes that are read from one answer."""

_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*")

# It logs an error for each option of an answer that it cannot read; anybody on the segment could fill the log.
logging.getLogger("pyroute2.dhcp").setLevel(logging.CRITICAL)


def encode_frame(message: Message, mac: bytes) -> bytes:
    """Return a message as a frame from this MAC address.

    A message to one server comes from the address that is held, all others from none and to everybody. Answers to them
    have to be broadcast: the port that the address is for does not have it yet.
    """
    options: dict[str, Any] = {
        "message_type": int(message.type),
        "client_id": {"type": NO_HARDWARE, "key": message.client.identifier.encode()},
    }
    if message.requested is not None:
        options["requested_ip"] = str(message.requested)
    if message.chosen is not None:
        options["server_id"] = str(message.chosen)
    if message.type in {MessageType.DISCOVER, MessageType.REQUEST}:
        options["parameter_list"] = list(REQUESTED_OPTIONS)
        if message.client.hostname:
            options["host_name"] = message.client.hostname
    body = dhcp4msg(
        {
            "xid": message.xid,
            "secs": message.seconds,
            "flags": ASK_FOR_BROADCAST if message.held is None else 0,
            "ciaddr": str(message.held or IPv4Address(0)),
            "chaddr": mac.hex(":"),
            "options": options,
        }
    )
    payload = body.encode().buf.ljust(SMALLEST_MESSAGE_BYTES, b"\0")
    source = message.held or IPv4Address(0)
    to, target = (
        (IPv4Address("255.255.255.255"), BROADCAST)
        if message.to is None
        else (message.to.address, bytes.fromhex(message.to.mac.replace(":", "")))
    )
    return target + mac + struct.pack("!H", ETH_P_IP) + _datagram(source, to, payload)


def decode_frame(frame: bytes, mac: bytes) -> Reply | None:
    """Return the answer in a frame; None for anything that is not one to this MAC address."""
    payload = _payload(frame)
    if payload is None:
        return None
    try:
        message: Any = dhcp4msg(buf=payload).decode()
    except (ValueError, LookupError, struct.error, AssertionError, TypeError):
        return None
    if (message["op"], payload[236:240], message["chaddr"]) != (BOOT_REPLY, MAGIC_COOKIE, mac.hex(":")):
        return None
    options: dict[str, Any] = message["options"]
    type_ = options.get("message_type")
    if not isinstance(type_, int) or type_ not in list(MessageType):
        return None
    server = _address(options.get("server_id"))
    return Reply(
        type=MessageType(type_),
        xid=message["xid"],
        address=IPv4Address(message["yiaddr"]),
        server=None if server is None or server.is_unspecified else Server(server, frame[6:12].hex(":")),
        prefix_length=_prefix_length(options.get("subnet_mask")),
        lease_seconds=_seconds(options.get("lease_time")),
        renewal_seconds=_seconds(options.get("renewal_time")),
        rebinding_seconds=_seconds(options.get("rebinding_time")),
        routers=_addresses(options.get("router")),
        routes=_routes(options.get("classless_static_route")),
        resolvers=_addresses(options.get("name_server")),
        domain=_domain(options.get("domain_name")),
        mtu=options["interface_mtu"] if isinstance(options.get("interface_mtu"), int) else None,
        identifier=_identifier(options.get("client_id")),
        text=options["message"] if isinstance(options.get("message"), str) else "",
    )


def _datagram(source: IPv4Address, to: IPv4Address, payload: bytes) -> bytes:
    length = 8 + len(payload)
    udp = struct.pack("!HHHH", CLIENT_PORT, SERVER_PORT, length, 0)
    pseudo = source.packed + to.packed + struct.pack("!BBH", 0, UDP, length)
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp + payload) or 0xFFFF)
    header = struct.pack("!BBHHHBBH", 0x45, 0xC0, 20 + length, 0, 0, 64, UDP, 0) + source.packed + to.packed
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return header + udp + payload


def _payload(frame: bytes) -> bytes | None:
    """Return what a frame's UDP datagram to the client's port carries, whole; None for any other frame.

    Checksums are not looked at: a link that leaves them to the hardware shows frames of this host before they have one.
    """
    if len(frame) < 14 + 20 + 8 or frame[12:14] != struct.pack("!H", ETH_P_IP):
        return None
    packet = frame[14:]
    header = (packet[0] & 15) * 4
    length, fragment = struct.unpack("!H", packet[2:4])[0], struct.unpack("!H", packet[6:8])[0]
    packet = packet[:length]
    if packet[0] >> 4 != 4 or header < 20 or fragment & FRAGMENT_BITS or packet[9] != UDP or len(packet) < header + 8:
        return None
    _, port, size = struct.unpack("!HHH", packet[header : header + 6])
    return packet[header + 8 : header + size] if port == CLIENT_PORT and size <= len(packet) - header else None


def _address(value: object) -> IPv4Address | None:
    try:
        return IPv4Address(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _addresses(values: object) -> tuple[IPv4Address, ...]:
    found = [_address(value) for value in values[:MOST_ENTRIES]] if isinstance(values, list) else []
    return tuple(dict.fromkeys(one for one in found if one is not None and not one.is_unspecified))


def _prefix_length(value: object) -> int | None:
    """Return the number of ones that a mask begins with, None when others follow."""
    mask = _address(value)
    if mask is None:
        return None
    rest = ~int(mask) & 0xFFFFFFFF
    return None if rest & (rest + 1) else 32 - rest.bit_length()


def _seconds(value: object) -> int | None:
    # pyroute2 reads it as a signed number.
    return value & 0xFFFFFFFF if isinstance(value, int) else None


def _domain(value: object) -> str:
    """Return a domain as it may stand in resolv.conf, empty for anything else."""
    return value.rstrip(".") if isinstance(value, str) and _DOMAIN.fullmatch(value.rstrip(".")) else ""


def _identifier(value: object) -> str | None:
    """Return the client identifier that is repeated; one that cannot be this client's is told from none."""
    if not isinstance(value, dict):
        return None
    key = value.get("key")
    return key.decode(errors="replace") if isinstance(key, bytes) and value.get("type") == NO_HARDWARE else ""


def _routes(value: object) -> tuple[Route, ...]:
    """Return classless routes (RFC 3442): a prefix length, as many bytes as it has of the destination, the router."""
    if not isinstance(value, list):
        return ()
    data = bytes(value)
    routes: list[Route] = []
    while data and len(routes) < MOST_ENTRIES:
        size = (data[0] + 7) // 8
        if data[0] > 32 or len(data) < 1 + size + 4:
            return ()
        destination = data[1 : 1 + size].ljust(4, b"\0")
        via = IPv4Address(data[1 + size : 5 + size])
        net = ip_network((destination, data[0]), strict=False)
        routes.append(Route(net, None if via.is_unspecified else via))
        data = data[5 + size :]
    return tuple(routes)
