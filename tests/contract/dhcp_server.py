"""The frames of a DHCP server, read and written by other code than ipvl's."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

from ipvl.dhcp.dhcp_messages import Client, Message, MessageType, Reply, Server
from tests.faults.dhcp_segment import SERVER_MAC

MAGIC = bytes.fromhex("63825363")


def read(frame: bytes) -> Message | None:
    """Return the message of a client in a frame."""
    if len(frame) < 282 or frame[12:14] != b"\x08\x00" or frame[23] != 17 or frame[36:38] != b"\x00\x43":
        return None
    body = frame[42:]
    options = options_of(body)
    held, requested, chosen = body[12:16], options.get(50), options.get(54)
    return Message(
        type=MessageType(options[53][0]),
        xid=struct.unpack("!I", body[4:8])[0],
        client=Client(options[61][1:].decode(), options.get(12, b"").decode()),
        seconds=struct.unpack("!H", body[8:10])[0],
        held=None if held == bytes(4) else IPv4Address(held),
        requested=None if requested is None else IPv4Address(requested),
        chosen=None if chosen is None else IPv4Address(chosen),
        to=None if frame[:6] == b"\xff" * 6 else Server(IPv4Address(frame[30:34]), frame[:6].hex(":")),
    )


def options_of(body: bytes) -> dict[int, bytes]:
    """Return the options of a message, whoever's."""
    found, rest = {}, body[240:]
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        found[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return found


def written(reply: Reply, to: bytes, *, source: str = SERVER_MAC, options: dict[int, bytes] | None = None) -> bytes:
    """Return a server's answer as a frame to this MAC address; `options` are added to those of the reply, or theirs."""
    known: dict[int, bytes | None] = {
        53: bytes([reply.type]),
        54: None if reply.server is None else reply.server.address.packed,
        1: None if reply.prefix_length is None else mask(reply.prefix_length),
        51: number(reply.lease_seconds),
        58: number(reply.renewal_seconds),
        59: number(reply.rebinding_seconds),
        3: b"".join(one.packed for one in reply.routers) or None,
        6: b"".join(one.packed for one in reply.resolvers) or None,
        15: reply.domain.encode() or None,
        26: None if reply.mtu is None else struct.pack("!H", reply.mtu),
        61: None if reply.identifier is None else b"\0" + reply.identifier.encode(),
        56: reply.text.encode() or None,
        **(options or {}),
    }
    tail = b"".join(bytes([code, len(value)]) + value for code, value in known.items() if value is not None)
    body = struct.pack("!BBBBIHH", 2, 1, 6, 0, reply.xid, 0, 0x8000) + bytes(4) + reply.address.packed + bytes(8)
    body += to.ljust(16, b"\0") + bytes(192) + MAGIC + tail + b"\xff"
    return in_frame(body, to, source)


def in_frame(body: bytes, to: bytes, source: str = SERVER_MAC, *, port: int = 68) -> bytes:
    """Return a datagram from a server's port as a frame, without checksums."""
    udp = struct.pack("!HHHH", 67, port, 8 + len(body), 0) + body
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + bytes(4) + b"\xff" * 4
    return to + bytes.fromhex(source.replace(":", "")) + b"\x08\x00" + header + udp


def mask(length: int) -> bytes:
    return (0xFFFFFFFF << (32 - length) & 0xFFFFFFFF).to_bytes(4)


def number(value: int | None) -> bytes | None:
    return None if value is None else struct.pack("!I", value)
